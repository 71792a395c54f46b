"""The commands, put together."""

from __future__ import annotations

import typer

from bot.cli import (
    asset,
    asset_alias,
    asset_discover,
    asset_patches,
    audit,
    check,
    company,
    company_access,
    company_cloud,
    company_keys,
    config,
    configuration,
    deadletter,
    email,
    guide,
    heartbeat,
    incident,
    kb,
    msp,
    oncall,
    quiet,
    replay,
    report,
    runbook,
    runbook_policy,
    serve,
    teams,
    time,
    token,
    trial,
    user,
)

app = typer.Typer(
    name="aw",
    help="Alert Whisperer: alerts in, one card per incident, approved runbooks out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("serve")(serve.serve)
app.command("demo")(serve.demo)
app.command("migrate")(serve.migrate)
app.command("check")(check.check)
app.command("replay")(replay.replay)
app.command("report")(report.report)
app.command("send-test-alert")(trial.send_test_alert)
app.command("test")(trial.send_test_alert)
app.command("guide")(guide.guide)
app.command("export")(configuration.export)
app.command("import")(configuration.bring)
app.command("openapi")(serve.openapi)
company.app.add_typer(heartbeat.app, name="heartbeat")
company.app.add_typer(company_keys.app)
company.app.add_typer(company_cloud.app, name="cloud")
company.app.add_typer(company_access.app)
app.add_typer(msp.app, name="msp")
app.add_typer(company.app, name="company")
app.add_typer(config.app, name="config")
app.add_typer(config.groups, name="group")
app.add_typer(user.app, name="user")
app.add_typer(oncall.app, name="oncall")
asset.app.add_typer(asset_patches.app)
asset.app.add_typer(asset_discover.app)
asset.app.add_typer(asset_alias.app, name="alias")
app.add_typer(asset.app, name="asset")
app.add_typer(incident.app, name="incident")
app.add_typer(kb.app, name="kb")
app.add_typer(quiet.silences, name="silence")
app.add_typer(quiet.windows, name="maintenance")
runbook.app.command("policy")(runbook_policy.policy)
app.add_typer(runbook.app, name="runbook")
app.add_typer(token.app, name="token")
app.add_typer(audit.app, name="audit")
app.add_typer(deadletter.app, name="deadletter")
app.add_typer(email.app, name="email")
app.add_typer(time.app, name="time")
app.add_typer(teams.app, name="teams")
