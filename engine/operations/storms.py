"""A storm as it goes on: watched until it is over, claimed as a whole, and single incidents taken off its board."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from engine.access import Actor, Denied, Verb, may
from engine.audit import AuditKind, entry
from engine.errors import Conflict, NotFound, Refused
from engine.incident import Incident
from engine.jobs import ClaimStorm, SyncCard, WatchStorm
from engine.operations import respond
from engine.operations.placing import LOOK_EVERY
from engine.operations.record import INCIDENT_CARD
from engine.ports import Transaction
from engine.storm import BETWEEN_CARDS, CARDS, CARDS_AFTERWARDS, Storm, sampled

AT_ONCE = 25
"""How many incidents one transaction claims; the rest follows as a job, so that nobody waits for a long lock."""


async def find(tx: Transaction, storm_id: str, verb: Verb, actor: Actor) -> Storm:
    """The storm, if this actor may do this to its incidents; a foreign one is as unknown as a missing one."""
    storm = await tx.storms.get(storm_id)
    decision = may(actor, verb, storm.company_id) if storm is not None else None
    if storm is None or (isinstance(decision, Denied) and decision.foreign):
        raise NotFound("There is no such storm.", hint="`/aw list` shows what is open.")
    if isinstance(decision, Denied):
        raise Refused(decision.reason, code="denied")
    return storm


async def watch(tx: Transaction, storm_id: str, *, quiet: timedelta, now: datetime) -> None:
    """Note how far it is; end it once hardly anything has been alerted for `quiet`, or look again later."""
    storm = await tx.storms.get(storm_id)
    if storm is None or storm.over_at is not None:
        return
    last = await tx.storms.last_alerts(storm, most=CARDS + 1)
    restless_until = last[CARDS] + quiet if len(last) > CARDS else storm.began_at + quiet
    if restless_until > now:
        tally = await tx.storms.tally(storm)
        await tx.storms.save(sampled(storm, tally.alerts, now))
        tx.jobs.put(
            WatchStorm(company_id=storm.company_id, storm_id=storm.id),
            due_at=max(now + timedelta(seconds=1), min(now + LOOK_EVERY, restless_until)),
        )
        return
    await _end(tx, storm, now)


async def _end(tx: Transaction, storm: Storm, now: datetime) -> None:
    """The board becomes a recap; the worst of what is still open and unclaimed gets cards of its own. Those that
    recovered meanwhile, or that somebody has, and all others stay on the recap."""
    await tx.channels.calm(storm)
    tally = await tx.storms.tally(storm)
    over = replace(sampled(storm, tally.alerts, tally.last_alert_at), over_at=now, tally=tally)
    await tx.storms.save(over)
    board = SyncCard(company_id=storm.company_id, card_id=storm.card_id)
    tx.jobs.put(board, due_at=now)
    await tx.cards.pressed([storm.card_id], now=now)
    left = await tx.storms.untouched(storm, deferred=True, most=CARDS_AFTERWARDS)
    names = [_card_of(incident, storm) for incident in left]
    await tx.cards.give_own(names, urgent=False)
    for place, name in enumerate(names, 1):
        tx.jobs.put(SyncCard(company_id=storm.company_id, card_id=name), due_at=now + BETWEEN_CARDS * place)


def _card_of(incident: Incident, storm: Storm) -> str:
    return f"{INCIDENT_CARD}:{incident.id}:{storm.platform}"


async def claim_all(tx: Transaction, storm_id: str, *, actor: Actor, now: datetime) -> tuple[int, bool]:
    """Claim what nobody has yet, worst first: (how many now, whether the rest follows). What arrives after the press
    is not claimed."""
    storm = await find(tx, storm_id, Verb.CLAIM, actor)
    assert actor.id is not None
    left = await tx.storms.untouched(storm, most=100_000)
    if not left:
        raise Refused("Nothing is left to claim here.", code="stale")
    until = max(incident.id for incident in left)
    return await claim_some(tx, storm, until=until, actor=actor, now=now)


async def claim_some(
    tx: Transaction, storm: Storm, *, until: int, actor: Actor, now: datetime
) -> tuple[int, bool]:
    """Claim the next few, and put the job that claims the rest."""
    assert actor.id is not None
    left = await tx.storms.untouched(storm, until=until, most=AT_ONCE + 1)
    claimed = 0
    for incident in left[:AT_ONCE]:
        try:
            await respond.claim(tx, incident.id, actor=actor, now=now)
        except Conflict:
            raise
        except Refused:  # somebody else's by now, or resolved
            continue
        claimed += 1
    more = len(left) > AT_ONCE and claimed > 0
    if more:
        job = ClaimStorm(
            company_id=storm.company_id,
            storm_id=storm.id,
            user_id=actor.id,
            via=actor.via.value,
            until=until,
        )
        tx.jobs.put(job, due_at=now)
    return claimed, more


async def split_out(tx: Transaction, storm_id: str, number: int, *, actor: Actor, now: datetime) -> Incident:
    """Give one incident of the board a card of its own, at once."""
    storm = await find(tx, storm_id, Verb.NOTE, actor)
    incident = await respond.find(tx, number, Verb.NOTE, actor)
    name = _card_of(incident, storm)
    cards = [card for card in await tx.cards.of_incidents([incident.id], INCIDENT_CARD) if card.id == name]
    if incident.company_id != storm.company_id or not cards or cards[0].board != storm.card_id:
        raise NotFound(f"INC-{number} is not on this board.", hint="`/aw list` shows what is open.")
    if not cards[0].deferred:
        return incident
    await tx.cards.give_own([name], urgent=True)
    tx.jobs.put(SyncCard(company_id=storm.company_id, card_id=name), due_at=now)
    await tx.cards.pressed([storm.card_id], now=now)
    tx.jobs.put(SyncCard(company_id=storm.company_id, card_id=storm.card_id), due_at=now)
    tx.audit.add(
        entry(
            AuditKind.INCIDENT_SPLIT_OUT,
            company_id=storm.company_id,
            actor=actor,
            subject=incident.label,
            now=now,
            storm=storm.id,
        )
    )
    return incident
