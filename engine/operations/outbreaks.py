"""Outbreaks as they go on: found across companies, kept up with, ended; told to the MSP alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from engine.access import SYSTEM, Actor
from engine.audit import AuditKind, entry
from engine.company import Role
from engine.errors import NotFound, Refused
from engine.jobs import SyncCard
from engine.outbreak import (
    NOBODY,
    OUTBREAK_CARD,
    SNUBBED,
    Begun,
    MspRecord,
    Opened,
    OutbreakRecord,
    ended,
    over,
)
from engine.patterns import OUTBREAK_COMPANIES, OUTBREAK_PAST, OUTBREAK_SPAN, outbreak
from engine.ports import CardWanted, MspTransaction

_SPAN, _PAST = timedelta(seconds=OUTBREAK_SPAN), timedelta(seconds=OUTBREAK_PAST)


async def look(tx: MspTransaction, *, now: datetime) -> None:
    """Find new ones, gather what belongs to those that go on, end those that are over. Costs the same however many
    incidents are open."""
    going_on = {one.signature: one for one in await tx.outbreaks.going_on()}
    alike: dict[str, list[Opened]] = defaultdict(list)
    for one in await tx.outbreaks.begun_since(now - _SPAN, companies=OUTBREAK_COMPANIES):
        alike[one.signature].append(one)
    fresh = [signature for signature in alike if signature not in going_on]
    snubbed = await tx.outbreaks.ended_by_people(fresh, since=now - SNUBBED) if fresh else set()
    for signature in fresh:
        if signature not in snubbed:
            await _judge(tx, signature, alike[signature], now)
    for record in going_on.values():
        await _keep_up(tx, record, now)


async def _judge(tx: MspTransaction, signature: str, opened: Sequence[Opened], now: datetime) -> None:
    began = now - _SPAN
    since = await tx.outbreaks.remembers_since() or now
    past = await tx.outbreaks.of_signature(signature, since=max(since, now - _PAST), until=began)
    recent = [Begun(str(one.company_id), one.at.timestamp()) for one in opened]
    known_for = min(OUTBREAK_PAST, (now - since).total_seconds())
    found = outbreak(signature, recent, past, now.timestamp(), known_for=known_for)
    if found is None:
        return
    record = await tx.outbreaks.add(
        signature=signature,
        title=opened[0].title,
        began_at=min(one.at for one in opened),
        last_at=max(one.at for one in opened),
        expected=found.expected,
    )
    if record is None:
        return
    await tx.outbreaks.gather(record, opened)
    channels = await _channels(tx)
    for platform, channel in channels:
        card = CardWanted(
            company_id=NOBODY,
            incident_id=None,
            kind=OUTBREAK_CARD,
            subject=str(record.id),
            platform=platform,
            channel=channel,
            in_thread=False,
        )
        tx.cards.want(card)
    _prove(tx, AuditKind.OUTBREAK_FOUND, record, SYSTEM, now, why=found.text)
    _show(tx, record, channels, now)


async def _keep_up(tx: MspTransaction, record: OutbreakRecord, now: datetime) -> None:
    since = max(record.began_at, record.last_at - _SPAN)  # what another replica wrote late counts as well
    opened = await tx.outbreaks.begun_like(record.signature, since=since)
    await tx.outbreaks.gather(record, opened)
    after = replace(record, last_at=max([record.last_at, *(one.at for one in opened)]))
    counts = await tx.outbreaks.counts(record.id)
    if over(after, now, still_open=counts["open"]):
        after = ended(after, now)
        _prove(tx, AuditKind.OUTBREAK_OVER, after, SYSTEM, now, **counts)
    if after != record:
        await tx.outbreaks.save(after)
    _show(tx, after, await _channels(tx), now)


async def _channels(tx: MspTransaction) -> list[tuple[str, str]]:
    """The MSP's own channels, as long as no company has come to own them."""
    msp = await tx.outbreaks.msp()
    return [one for one in msp.channels if await tx.companies.by_channel(*one) is None]


def _show(
    tx: MspTransaction, record: OutbreakRecord, channels: Sequence[tuple[str, str]], now: datetime
) -> None:
    for platform, _ in channels:
        tx.jobs.put(SyncCard(company_id=NOBODY, card_id=f"{record.card_id}:{platform}"), due_at=now)


def _prove(
    tx: MspTransaction, kind: AuditKind, record: OutbreakRecord, actor: Actor, now: datetime, **facts: object
) -> None:
    tx.audit.add(
        entry(
            kind,
            company_id=NOBODY,
            actor=actor,
            subject=record.label,
            now=now,
            signature=record.signature,
            **facts,
        )
    )


async def find(tx: MspTransaction, number: int, actor: Actor) -> OutbreakRecord:
    """For MSP admins and the system; to everybody else there is no such thing."""
    allowed = actor.system or (actor.user is not None and actor.user.role is Role.MSP_ADMIN)
    record = await tx.outbreaks.get(number) if allowed else None
    if record is None:
        raise NotFound(f"There is no OUT-{number}.")
    return record


async def dismiss(tx: MspTransaction, number: int, *, actor: Actor, now: datetime) -> OutbreakRecord:
    """A person says that it is none: over, and its signature is left alone for a day."""
    record = await find(tx, number, actor)
    if record.over_at is not None:
        raise Refused(f"{record.label} is over already.", code="stale")
    after = ended(record, now, by=actor.name)
    await tx.outbreaks.save(after)
    _prove(tx, AuditKind.OUTBREAK_OVER, after, actor, now, dismissed=True)
    _show(tx, after, await _channels(tx), now)
    return after


async def set_msp(tx: MspTransaction, record: MspRecord, *, actor: Actor, now: datetime) -> MspRecord:
    """How the MSP is called and where its own people talk. Raises Refused for a channel that is a company's."""
    if not actor.system and (actor.user is None or actor.user.role is not Role.MSP_ADMIN):
        raise Refused("Only MSP admins can change the MSP's settings.", code="denied")
    for platform, channel in record.channels:
        owner = await tx.companies.by_channel(platform, channel)
        if owner is not None:
            raise Refused(
                f"That channel is {owner.name}'s.", hint="The MSP's own channel is for its own people alone.",
                code="invalid",
            )  # fmt: skip
    await tx.outbreaks.save_msp(record)
    facts = {"name": record.name, "slack_channel": record.slack_channel, "teams": record.teams_conversation}
    tx.audit.add(
        entry(AuditKind.MSP_CHANGED, company_id=NOBODY, actor=actor, subject="msp", now=now, **facts)
    )
    return record
