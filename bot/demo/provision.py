"""Fills a new demo: the database through the product's own operations, and the file that describes the pretend world.

A process of its own, `python -m bot.demo.provision`, told by a Plan on standard input; so its parent stays light.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot import app
from bot.clock import Pace
from bot.core import Core
from bot.demo import soon
from bot.demo.cast import (
    BOT,
    CLIENTS,
    EMAIL_FROM,
    HOME_ACCOUNT,
    MSP_CHANNEL,
    PEOPLE,
    PHONES,
    REGION,
    TEAM,
    TEAMS_APP,
    TEAMS_TEAM,
    TENANT,
    TWILIO,
    Client,
)
from bot.demo.past import DAYS_AGO, live_through, repaired
from bot.demo.presets import EVENING, PAST, presets
from bot.settings import read
from engine.access import Actor, Via
from engine.cloud import Cloud
from engine.company import Asset, Company, Role, User
from engine.incident import Incident
from engine.operations import directory, outbreaks
from engine.operations.directory import Issued
from engine.outbreak import MspRecord
from storage.teams import TeamsReference
from storage.transaction import Transaction

ACTOR = Actor(user=None, via=Via.CLI, label="aw demo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Where everything is, and the made-up secrets that both sides know. Without `teams_secret` there is no Teams."""

    folder: str
    bot_url: str
    sandbox_url: str
    bot_token: str
    signing_secret: str
    access_key_id: str
    secret_access_key: str
    model_key: str = ""
    teams_secret: str = ""
    pace: str = ""

    def text(self) -> str:
        return json.dumps(asdict(self))


async def provision(core: Core, *, teams_url: str = "") -> dict[str, Issued]:
    """Companies, people and machines, each in a transaction; the issued keys by short name. With `teams_url`, where
    Teams is reached, all of them are there, too."""
    issued: dict[str, Issued] = {}
    for client in CLIENTS:
        issued[client.slug] = await _company(core, client, teams=bool(teams_url))
    ids = {slug: one.company.id for slug, one in issued.items()}

    async def people(tx: Transaction) -> None:
        for place, person in enumerate(PEOPLE, 1):
            user = User(
                id=0,
                name=person.first_name,
                email=person.email,
                role=person.role,
                companies=frozenset(ids[slug] for slug in person.companies),
                skills=frozenset(person.skills),
                slack_user=person.slack,
                teams_user=person.teams if teams_url else None,
                timezone=person.timezone,
                phone=f"{PHONES}{place}" if person.role is Role.TECHNICIAN else None,
            )
            await directory.add_user(tx, user, actor=ACTOR, now=core.clock.now())

    await core.write(people)
    await _repaired(core, issued["globex"].company)
    if teams_url:
        await core.write(lambda tx: _installed(tx, teams_url, now=core.clock.now()))
    msp = MspRecord(name=TEAM["name"], slack_channel=MSP_CHANNEL)
    await core.write(lambda tx: outbreaks.set_msp(tx, msp, actor=ACTOR, now=core.clock.now()))
    speed, companies = core.settings.pace.speed, [one.company for one in issued.values()]
    if speed > 1:
        await core.write(
            lambda tx: soon.reports(tx, companies, speed=speed, actor=ACTOR, now=core.clock.now())
        )
    return issued


async def _repaired(core: Core, company: Company) -> None:
    """What was approved last week, which the next request is compared with."""

    async def look(tx: Transaction) -> tuple[Incident, dict[Role, User]]:
        before = await tx.incidents.listed(company_ids=[company.id], open_only=None)
        context = await tx.companies.context(company.id)
        return before[0], {user.role: user for user in context.people}

    incident, people = await core.read(look)
    asker, approver = people[Role.TECHNICIAN], people[Role.MSP_ADMIN]
    await repaired(core, company, incident, asker=asker, approver=approver)


async def _installed(tx: Transaction, teams_url: str, *, now: datetime) -> None:
    """The app was added to the team and by each person: where both are reached is known."""
    places = {client.teams_channel: "" for client in CLIENTS}
    places |= {f"person:{one.teams}": f"29:{one.teams}" for one in PEOPLE}
    for name, account in places.items():
        reference = TeamsReference(id=name, tenant_id=TENANT, service_url=teams_url, account=account)
        await tx.teams.put(reference, now=now)


async def _past(core: Core, made: Company, client: Client, *, teams: bool) -> None:
    """The days before, while the company has no channel yet: nothing of them is posted."""
    await live_through(core, made, core.clock.now())
    there = client.teams_channel if teams else None
    shown = replace(made, slack_channel=client.channel, teams_conversation=there)
    now = core.clock.now()
    await core.write(
        lambda tx: directory.change_company(tx, shown, actor=ACTOR, now=now, slack_channel=client.channel)
    )


async def _company(core: Core, client: Client, *, teams: bool) -> Issued:
    company = Company(
        id=0,
        slug=client.slug,
        name=client.name,
        slack_channel=None if client.slug in PAST else client.channel,
        teams_conversation=client.teams_channel if teams and client.slug not in PAST else None,
        autonomy=client.autonomy,
        timezone=client.timezone,
        clouds=(Cloud(role_arn=client.role_arn, region=REGION),),
    )

    async def write(tx: Transaction) -> Issued:
        now = core.clock.now() - timedelta(days=DAYS_AGO[0] + 1 if client.slug in PAST else 0)
        made = await directory.add_company(tx, company, with_hmac=False, actor=ACTOR, now=now)
        for machine in client.machines:
            asset = Asset(
                id=0,
                company_id=made.company.id,
                name=machine.name,
                aliases=machine.aliases,
                platform=machine.platform,
                cloud_ref=machine.instance,
                region=REGION if machine.instance else "",
                critical=machine.critical,
                depends_on=machine.depends_on,
                labels=dict(machine.labels),
            )
            await directory.add_asset(tx, asset, actor=ACTOR, now=now)
        return made

    issued = await core.write(write)
    if client.slug in PAST:
        await _past(core, issued.company, client, teams=teams)
    return issued


def world(plan: Plan, issued: dict[str, Issued]) -> dict[str, Any]:
    """The pretend outside world as the sandbox reads it."""
    return {
        "bot": {"url": plan.bot_url},
        "clock": _clock(plan.pace),
        "teams": _teams(plan.teams_secret, limits=not plan.pace) if plan.teams_secret else None,
        "slack": {
            "team": TEAM,
            "bot": BOT | {"token": plan.bot_token},
            "app_token": None,
            "rate_limits": not plan.pace,  # by a clock that runs faster they would be kept, and be broken here
            "signing_secret": plan.signing_secret,
            "events": ["app_home_opened", "app_mention", "message.channels", "message.groups", "message.im"],
            "users": [
                {
                    "id": one.slack,
                    "name": one.first_name.lower(),
                    "real_name": one.name,
                    "email": one.email,
                    "tz": one.timezone,
                    "label": one.label,
                    "is_restricted": one.restricted,
                }
                for one in PEOPLE
            ],
            "channels": [*(_channel(client) for client in CLIENTS), _msp_channel()],
        },
        "aws": {
            "home": {
                "account": HOME_ACCOUNT,
                "access_key_id": plan.access_key_id,
                "secret_access_key": plan.secret_access_key,
            },
            "accounts": [_account(client, issued[client.slug]) for client in CLIENTS],
            "ses": {"verified": [EMAIL_FROM], "sandboxed": False},
        },
        "twilio": TWILIO,
        "model_key": plan.model_key,
        "senders": [
            {
                "company": client.slug,
                "name": client.name,
                "url": f"{plan.bot_url}/api/webhooks/alerts",
                "api_key": issued[client.slug].api_key,
                "presets": presets(client.slug),
            }
            for client in CLIENTS
        ],
        "evening": EVENING,
        "root": str(Path(plan.folder) / "machines"),
    }


def _clock(text: str) -> dict[str, int] | None:
    """How fast time runs for the bot, for whoever shows both its times and the world's own."""
    pace = Pace.read(text)
    return {"speed": pace.speed, "since": int(pace.since.timestamp())} if pace.speed > 1 else None


def _teams(secret: str, *, limits: bool) -> dict[str, Any]:
    return {
        "app_id": TEAMS_APP,
        "app_secret": secret,
        "rate_limits": limits,
        "tenant_id": TENANT,
        "bot_name": BOT["name"],
        "people": [
            {"id": one.teams, "name": one.name, "email": one.email, "guest": one.restricted} for one in PEOPLE
        ],
        "channels": [
            {
                "id": client.teams_channel,
                "name": f"aw-{client.slug}",
                "team": TEAMS_TEAM,
                "members": [one.teams for one in PEOPLE if client.slug in one.companies or not one.companies],
            }
            for client in CLIENTS
        ],
    }


def _channel(client: Client) -> dict[str, Any]:
    members = [one.slack for one in PEOPLE if client.slug in one.companies or not one.companies]
    return {
        "id": client.channel,
        "name": f"aw-{client.slug}",
        "topic": client.name,
        "is_private": False,
        "members": [*members, BOT["user_id"]],
    }


def _msp_channel() -> dict[str, Any]:
    """For those of the MSP who see all its clients."""
    members = [one.slack for one in PEOPLE if one.role is Role.MSP_ADMIN]
    return {
        "id": MSP_CHANNEL,
        "name": "msp-ops",
        "topic": f"{TEAM['name']}: across all clients",
        "is_private": True,
        "members": [*members, BOT["user_id"]],
    }


def _account(client: Client, issued: Issued) -> dict[str, Any]:
    (cloud,) = issued.company.clouds
    return {
        "id": client.account,
        "name": client.name,
        "region": REGION,
        "role_arn": client.role_arn,
        "external_id": cloud.external_id,
        "instances": [
            {
                "id": one.instance,
                "name": one.name,
                "platform": one.platform.capitalize(),
                "ping": "Online",
                "template": one.template,
            }
            for one in client.machines
            if one.instance
        ],
    }


async def main(plan: Plan) -> None:
    core = await app.open_core(read())
    try:
        issued = await provision(
            core, teams_url=f"{plan.sandbox_url}/teams/amer/" if plan.teams_secret else ""
        )
    finally:
        await core.database.close()
    path = Path(plan.folder) / "world.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(world(plan, issued), indent=2), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main(Plan(**json.load(sys.stdin))))
