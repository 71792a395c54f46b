"""The commands, put together."""

from __future__ import annotations

import typer

from bot.cli import asset, company, serve, token, user

app = typer.Typer(
    name="aw",
    help="Alert Whisperer: alerts in, one card per incident, approved runbooks out.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("serve")(serve.serve)
app.command("demo")(serve.demo)
app.command("migrate")(serve.migrate)
app.add_typer(company.app, name="company")
app.add_typer(user.app, name="user")
app.add_typer(asset.app, name="asset")
app.add_typer(token.app, name="token")
