"""`aw company`: the MSP's clients, their keys and their settings."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.company_keys import secret_document, secret_facts
from bot.cli.opened import operator, with_core
from bot.cli.words import Json, Slug, Switch, family, minutes_of, slug_of
from engine.cloud import Cloud, Provider
from engine.company import Autonomy, Company, as_kept, configured, own_settings
from engine.errors import Refused
from engine.hours import named_zone
from engine.setting import SETTINGS

if TYPE_CHECKING:
    from bot.core import Core
    from storage.transaction import Transaction

app = family("Companies: the clients of the MSP.")

Name = Annotated[str | None, typer.Option(help="The company's name as people read it.")]
SlackChannel = Annotated[
    str | None, typer.Option(metavar="ID", help="Its Slack channel, such as C0ACME; '' takes it away.")
]
TeamsConversation = Annotated[str | None, typer.Option(metavar="ID", help="Its Teams conversation.")]
CloudName = Annotated[str | None, typer.Option(metavar="NAME", help="Where its machines are: aws.")]
RoleArn = Annotated[str | None, typer.Option(metavar="ARN", help="The role to assume in its account.")]
ExternalId = Annotated[
    str | None, typer.Option(metavar="ID", help="The external id of that role; made when left out.")
]
Region = Annotated[str | None, typer.Option(help="Its AWS region, such as eu-central-1.")]
AutonomyOption = Annotated[
    Autonomy | None,
    typer.Option(case_sensitive=False, help="How far runbooks may go by themselves (act: low risk runs)."),
]
Timezone = Annotated[str | None, typer.Option(metavar="ZONE", help="Its time zone, such as Europe/Vienna.")]
Window = Annotated[
    int | None,
    typer.Option(min=1, max=1440, metavar="MINUTES", help="How long the same problem stays together."),
]
ReopenWindow = Annotated[
    int | None,
    typer.Option(min=0, max=10080, metavar="MINUTES", help="How long a resolved number may come back."),
]
RateLimit = Annotated[int | None, typer.Option(min=1, max=1000, help="Alert requests a minute.")]
QueryKey = Annotated[
    Switch | None, typer.Option(help="May the key stand in the query string of a webhook's address?")
]
SnsTopic = Annotated[
    list[str] | None,
    typer.Option(metavar="ARN", help="Take SNS messages of these topics only; '' forgets all of them."),
]
ContactEmail = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Who is mailed when something is resolved; '' for nobody."),
]
Burst = Annotated[
    int | None,
    typer.Option(min=0, max=100_000, help="How many more in a storm; 0 when only the limit is given."),
]


@app.command("add")
def add(
    slug: Slug,
    name: Name = None,
    slack_channel: SlackChannel = None,
    teams_conversation: TeamsConversation = None,
    hmac: Annotated[bool, typer.Option("--hmac", help="Also want signed requests: makes a secret.")] = False,
    cloud: CloudName = None,
    aws_role_arn: RoleArn = None,
    aws_external_id: ExternalId = None,
    aws_region: Region = None,
    autonomy: AutonomyOption = None,
    timezone: Timezone = None,
    window: Window = None,
    reopen_window: ReopenWindow = None,
    rate_limit: RateLimit = None,
    burst: Burst = None,
    as_json: Json = False,
) -> None:
    """Add a company; prints its API key (and secret), once."""
    blank = Company(id=0, slug=slug_of(slug), name=slug_of(slug))
    values = {
        "name": name,
        "slack_channel": slack_channel,
        "teams_conversation": teams_conversation,
        "autonomy": autonomy,
        "timezone": timezone,
        "window": window,
        "reopen_window": reopen_window,
        "rate_limit": rate_limit,
        "burst": burst,
    }
    where = _clouds(blank, cloud, aws_role_arn, aws_external_id, aws_region)
    wanted = _set_here(_changed(blank, **values, clouds=where), values)

    async def act(core: Core) -> dict[str, Any]:
        from engine.operations import directory
        from engine.signing import SigningSecret

        async def write(tx: Transaction) -> directory.Issued:
            return await directory.add_company(
                tx, wanted, with_hmac=hmac, actor=operator(), now=core.clock.now()
            )

        issued = await core.write(write)
        made = _aws(issued.company)
        return {
            "slug": issued.company.slug,
            "name": issued.company.name,
            "api_key": issued.api_key,
            **secret_document(SigningSecret(issued.hmac_secret) if issued.hmac_secret else None),
            "webhook_url": f"{core.settings.public_url}/api/webhooks/alerts",
            "aws_external_id": made.external_id if made else None,
        }

    _say_added(with_core(act), as_json)


def _say_added(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        return terminal.say_json(answer)
    terminal.say(f"{answer['name']} is added. What follows is shown this once:")
    facts = [("API key", answer["api_key"]), *secret_facts(answer), ("Send alerts to", answer["webhook_url"])]
    if answer["aws_external_id"]:
        facts.append(("AWS external id", answer["aws_external_id"]))
    terminal.say_facts(facts)


@app.command("list")
def list_all(
    archived: Annotated[bool, typer.Option("--archived", help="Archived ones as well.")] = False,
    as_json: Json = False,
) -> None:
    """List the companies."""

    async def act(core: Core) -> list[dict[str, Any]]:
        async def look(tx: Transaction) -> list[dict[str, Any]]:
            return [
                document(one) | {"open_incidents": sum((await tx.incidents.counts(one.id)).values())}
                for one in await tx.companies.all(archived=archived)
            ]

        return await core.read(look)

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    names = ("slug", "name", "slack_channel", "autonomy", "timezone", "open_incidents", "archived_at")
    headings = ("COMPANY", "NAME", "SLACK", "AUTONOMY", "TIME ZONE", "OPEN", "ARCHIVED")
    rows = [[one[name] for name in names] for one in found]
    terminal.say_table(headings, rows, nothing="No company yet: `aw company add acme --name 'Acme Corp'`.")


@app.command("show")
def show(slug: Slug, as_json: Json = False) -> None:
    """Show one company: settings, people and assets."""

    async def act(core: Core) -> dict[str, Any]:
        from engine.operations import directory

        async def look(tx: Transaction) -> dict[str, Any]:
            company = await directory.company_called(tx, slug)
            context = await tx.companies.context(company.id)
            refused = await tx.allowances.refused(company.id)
            return document(company) | {
                "hmac": "on" if await tx.companies.signing(company.id) else "off",
                "refused_requests": refused.total_requests if refused else 0,
                "refused_alerts": refused.total_alerts if refused else 0,
                "open_incidents": sum((await tx.incidents.counts(company.id)).values()),
                "people": [
                    {"name": one.name, "email": one.email, "role": one.role} for one in context.people
                ],
                "assets": [one.name for one in context.assets],
            }

        return await core.read(look)

    answer = with_core(act)
    if as_json:
        return terminal.say_json(answer)
    people = [f"{one['name']} ({one['role'].replace('_', ' ')})" for one in answer.pop("people")]
    facts = [(name.replace("_", " "), value) for name, value in answer.items()]
    terminal.say_facts([*facts, ("people", people)])


@app.command("set")
def change(
    slug: Slug,
    name: Name = None,
    slack_channel: SlackChannel = None,
    teams_conversation: TeamsConversation = None,
    cloud: CloudName = None,
    aws_role_arn: RoleArn = None,
    aws_external_id: ExternalId = None,
    aws_region: Region = None,
    autonomy: AutonomyOption = None,
    timezone: Timezone = None,
    window: Window = None,
    reopen_window: ReopenWindow = None,
    rate_limit: RateLimit = None,
    burst: Burst = None,
    contact_email: ContactEmail = None,
    query_key: QueryKey = None,
    hmac: Annotated[Switch | None, typer.Option(help="Must its webhooks be signed?")] = None,
    sns_topic: SnsTopic = None,
    as_json: Json = False,
) -> None:
    """Change a company's settings; what is left out stays."""
    values = {
        "name": name,
        "slack_channel": slack_channel,
        "teams_conversation": teams_conversation,
        "autonomy": autonomy,
        "timezone": timezone,
        "window": window,
        "reopen_window": reopen_window,
        "rate_limit": rate_limit,
        "burst": burst,
        "contact_email": contact_email,
        "query_key": query_key,
        "sns_topics": sns_topic,
    }

    async def act(core: Core) -> dict[str, Any]:
        from engine.operations import directory

        async def write(tx: Transaction) -> dict[str, Any]:
            now = core.clock.now()
            before = await directory.company_called(tx, slug)
            where = _clouds(before, cloud, aws_role_arn, aws_external_id, aws_region)
            after = _set_here(_changed(before, **values, clouds=where), values)
            what = _new(document(before), document(after))
            if await _configured(tx, before, after) or what:
                after = await directory.change_company(tx, after, actor=operator(), now=now, **what)
            if hmac is None:
                return document(after)
            made = await directory.set_signing(tx, after, on=hmac is Switch.ON, actor=operator(), now=now)
            return document(after) | {"hmac": hmac.value} | secret_document(made)

        return await core.write(write)

    changed = with_core(act)
    if as_json:
        return terminal.say_json(changed)
    facts = [(key.replace("_", " "), value) for key, value in changed.items() if key not in _SECRETS]
    terminal.say_facts([*facts, *secret_facts(changed)])


@app.command("archive")
def archive(
    slug: Slug,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Archive a company: its keys end at once, its history stays."""
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Archive {slug_of(slug)}? Its keys end at once.", abort=True)

    async def act(core: Core) -> Company:
        from engine.operations import directory

        async def write(tx: Transaction) -> Company:
            return await directory.archive_company(tx, slug_of(slug), actor=operator(), now=core.clock.now())

        return await core.write(write)

    company = with_core(act)
    if as_json:
        return terminal.say_json(document(company))
    terminal.say(f"{company.name} is archived; its keys have ended.")


def document(company: Company) -> dict[str, Any]:
    """A company as JSON; no secret is in it, the external id is none (it is shown to the client anyway)."""
    cloud = _aws(company)
    return {
        "slug": company.slug,
        "name": company.name,
        "slack_channel": company.slack_channel,
        "teams_conversation": company.teams_conversation,
        "autonomy": company.autonomy.value,
        "timezone": company.timezone,
        "window_minutes": int(company.window.total_seconds() // 60),
        "reopen_window_minutes": int(company.reopen_window.total_seconds() // 60),
        "query_key": "on" if company.query_key else "off",
        "sns_topics": list(company.sns_topics),
        "rate_limit": company.rate_limit,
        "burst": company.burst,
        "contact_email": company.value("contact_email") or None,
        "cloud": company.clouds[0].provider if company.clouds else None,
        "clouds": [f"{one.provider} {one.account}" for one in company.clouds],
        "aws_role_arn": cloud.role_arn if cloud else None,
        "aws_external_id": cloud.external_id if cloud else None,
        "aws_region": cloud.region if cloud else None,
        "archived_at": company.archived_at.isoformat() if company.archived_at else None,
    }


def _new(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in after.items() if before[key] != value}


_SECRETS = {"hmac_secret", "standard_webhooks_secret"}
_CONTACT = "contact_email"


def _changed(company: Company, **values: Any) -> Company:
    """The company with the given settings; None leaves one as it is."""
    given = {name: value for name, value in values.items() if value is not None and name != _CONTACT}
    for name in ("slack_channel", "teams_conversation"):
        if name in given:
            given[name] = given[name].strip() or None
    for name in ("window", "reopen_window"):
        if name in given:
            given[name] = minutes_of(given[name])
    if "query_key" in given:
        given["query_key"] = given["query_key"] is Switch.ON
    if "sns_topics" in given:
        given["sns_topics"] = tuple(dict.fromkeys(one.strip() for one in given["sns_topics"] if one.strip()))
    if "rate_limit" in given:  # who says a number means that number
        given.setdefault("burst", 0)
    if "timezone" in given:
        given["timezone"] = named_zone(given["timezone"])
    if "name" in given and not given["name"].strip():
        raise Refused("A company needs a name.")
    return replace(company, **given)


async def _configured(tx: Transaction, before: Company, after: Company) -> bool:
    """Keep what is set at the company itself; was there anything new?"""
    changed = own_settings(before) != own_settings(after)
    if changed:
        await tx.companies.configure(after)
    return changed


def _set_here(company: Company, given: Mapping[str, Any]) -> Company:
    """What was given holds here from now on, even where it is what the company would inherit."""
    named = [name for name in SETTINGS if given.get(name) is not None and name != _CONTACT]
    if "rate_limit" in named:
        named.append("burst")
    own = {name: as_kept(company)[name] for name in named}
    if given.get(_CONTACT) is not None:
        own[_CONTACT] = SETTINGS[_CONTACT].read(given[_CONTACT].strip() or "none")
    return configured(company, **own)


def _aws(company: Company) -> Cloud | None:
    """The company's first account of AWS."""
    return next((one for one in company.clouds if one.provider == Provider.AWS), None)


def _clouds(
    company: Company, name: str | None, role_arn: str | None, external_id: str | None, region: str | None
) -> tuple[Cloud, ...]:
    """The company's clouds, its account of AWS with what was given; any of it is enough to say that there is one."""
    given = {"role_arn": role_arn, "external_id": external_id, "region": region}
    values = {key: value.strip() for key, value in given.items() if value is not None}
    if name is None and not values:
        return company.clouds
    if name is not None and name.strip().lower() != Provider.AWS:
        raise Refused(f"Cloud “{name}” is not given here.", hint="Use `aw company cloud add`.")
    in_aws = [one for one in company.clouds if one.provider == Provider.AWS]
    if len(in_aws) > 1:
        raise Refused(f"{company.name} has several AWS accounts.", hint="Use `aw company cloud add`.")
    others = [one for one in company.clouds if one.provider != Provider.AWS]
    return (replace(in_aws[0] if in_aws else Cloud(), **values), *others)
