"""A database's configuration in the shape of the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.configuration.shape import (
    FORMAT,
    Client,
    CloudAccess,
    Configuration,
    Expected,
    Group,
    Machine,
    Msp,
    Person,
    Plan,
    Turns,
)
from engine.company import Asset, Company, User
from engine.heartbeat import Heartbeat
from engine.oncall import Layer, Rotation
from engine.setting import SETTINGS
from engine.setting_kinds import Span

if TYPE_CHECKING:
    from storage.transaction import Transaction

SPAN = Span(timedelta(seconds=1), timedelta(days=400))


async def configuration(tx: Transaction) -> Configuration:
    """All of it; archived companies are left out."""
    companies = await tx.companies.all()
    slugs = {one.id: one.slug for one in companies}
    people = await tx.users.all()
    groups = await tx.company_groups.all()
    emails = {one.id: one.email for one in people}
    record = await tx.outbreaks.msp()
    return Configuration(
        alert_whisperer=FORMAT,
        msp=Msp(**asdict(record), settings=settings(await tx.company_groups.msp())),
        groups=tuple(Group(name=one.name, settings=settings(one.settings)) for one in groups),
        companies=tuple([await _client(tx, one, {it.id: it.name for it in groups}) for one in companies]),
        people=tuple(person(one, slugs) for one in people),
        rotations=tuple(plan(one, slugs, emails) for one in await tx.rotations.all()),
    )


def settings(kept: Mapping[str, Any]) -> dict[str, str]:
    """As people type them; one that this version does not know any more is left out."""
    return {name: SETTINGS[name].words(value) for name, value in sorted(kept.items()) if name in SETTINGS}


async def _client(tx: Transaction, company: Company, groups: Mapping[int, str]) -> Client:
    return Client(
        slug=company.slug,
        name=company.name,
        group=groups.get(company.group_id or 0),
        slack_channel=company.slack_channel,
        teams_conversation=company.teams_conversation,
        query_key=company.query_key,
        signed=bool(await tx.companies.signing(company.id)),
        sns_topics=company.sns_topics,
        clouds=tuple(CloudAccess(**asdict(one)) for one in company.clouds),
        settings=settings(company.layers.company),
        assets=tuple(machine(one) for one in await tx.companies.assets(company.id)),
        heartbeats=tuple(expected(one) for one in await tx.heartbeats.of_company(company.id)),
    )


def machine(asset: Asset) -> Machine:
    return Machine(
        name=asset.name,
        aliases=asset.aliases,
        platform=asset.platform,
        cloud_ref=asset.cloud_ref,
        region=asset.region,
        critical=asset.critical,
        depends_on=asset.depends_on,
        labels=dict(asset.labels),
    )


def expected(heartbeat: Heartbeat) -> Expected:
    spans = (int(one.total_seconds()) for one in (heartbeat.every, heartbeat.grace))
    every, grace = (SPAN.words(one) for one in spans)
    return Expected(name=heartbeat.name, every=every, grace=grace)


def person(user: User, slugs: Mapping[int, str]) -> Person:
    return Person(
        email=user.email,
        name=user.name,
        role=user.role,
        companies=_named(user.companies, slugs),
        skills=tuple(sorted(user.skills)),
        slack_user=user.slack_user,
        teams_user=user.teams_user,
        workload_limit=user.workload_limit,
        available=user.available,
        timezone=user.timezone,
        prefers=_named(user.prefers, slugs),
        phone=user.phone,
        quiet_hours=user.quiet_hours,
        tell=dict(sorted(user.reach.items())),  # type: ignore[arg-type]  # its keys are transports
    )


def plan(rotation: Rotation, slugs: Mapping[int, str], emails: Mapping[int, str]) -> Plan:
    return Plan(
        name=rotation.name,
        timezone=rotation.timezone,
        companies=_named(rotation.companies, slugs),
        hours=rotation.hours,
        layers=tuple(_turns(one, emails) for one in rotation.layers),
    )


def _turns(layer: Layer, emails: Mapping[int, str]) -> Turns:
    people = tuple(emails[one] for one in layer.people if one in emails)
    return Turns(people=people, days=layer.days, start=layer.start, at=layer.at, hours=layer.hours)


def _named(ids: Sequence[int] | frozenset[int], slugs: Mapping[int, str]) -> tuple[str, ...]:
    return tuple(sorted(slugs[one] for one in ids if one in slugs))
