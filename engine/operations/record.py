"""What every change of an incident writes besides itself: its proof, its story, and the jobs that show it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.access import Actor
from engine.audit import AuditKind, TimelineEntry, TimelineKind, entry
from engine.identifiers import new_id
from engine.incident import Incident
from engine.jobs import SyncCard, SyncThread
from engine.ports import CardWanted, Transaction

INCIDENT_CARD = "incident"


def incident_card(incident: Incident, platform: str, channel: str) -> CardWanted:
    """The incident's one live message on that platform."""
    return CardWanted(
        company_id=incident.company_id,
        incident_id=incident.id,
        kind=INCIDENT_CARD,
        subject=str(incident.id),
        platform=platform,
        channel=channel,
    )


async def show(tx: Transaction, incident: Incident, *, at: datetime, pressed: bool = False) -> None:
    """Put the jobs that bring the incident's cards up to date, not before `at`. What a person pressed waits for
    nothing."""
    cards = await tx.cards.of_incidents([incident.id], INCIDENT_CARD)
    for card in cards:
        show_card(tx, card, at=at)
    if pressed and cards:
        await tx.cards.pressed([_shown_by(card) for card in cards], now=at)


def show_card(tx: Transaction, card: CardWanted, *, at: datetime) -> None:
    """Have a card brought up to date, and the storm's board that counts it."""
    for name in dict.fromkeys((_shown_by(card), card.board)):
        if name is not None:
            tx.jobs.put(SyncCard(company_id=card.company_id, card_id=name), due_at=at)


def _shown_by(card: CardWanted) -> str:
    """The card that people see it on: its own, or in a storm the board."""
    return card.board if card.deferred and card.board is not None else card.id


def prove(
    tx: Transaction, incident: Incident, kind: AuditKind, *, actor: Actor, now: datetime, **detail: Any
) -> None:
    """One audit line about this incident, in this transaction."""
    tx.audit.add(
        entry(kind, company_id=incident.company_id, actor=actor, subject=incident.label, now=now, **detail)
    )


def tell(
    tx: Transaction,
    incident: Incident,
    kind: TimelineKind,
    text: str,
    *,
    actor: Actor,
    now: datetime,
    body: str = "",
    told: bool = True,
) -> None:
    """One line of the incident's story; a told one is also written into the card's thread, with `body` as output."""
    tx.timeline.add(
        TimelineEntry(
            id=new_id(now),
            company_id=incident.company_id,
            incident_id=incident.id,
            at=now,
            kind=kind,
            text=text,
            actor=actor.name,
            body=body,
            told=told,
        )
    )
    if told:
        tx.jobs.put(SyncThread(company_id=incident.company_id, incident_id=incident.id), due_at=now)
