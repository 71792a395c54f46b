"""What a company is told about its intake: one message in its channel, and a line below it per happening."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.company import Company
from engine.intake import IntakeLine, line_name
from engine.jobs import SyncCard
from engine.ports import CardWanted, IntakeTransaction

INTAKE_CARD = "intake"
INTAKE_LINE = "intake_line"
SOON = timedelta(seconds=30)
"""How long an edit of what stands there already waits for more. The first word of a thing never waits."""


async def tell_company(
    tx: IntakeTransaction, company_id: int, text: str, *, now: datetime, body: str = "", topic: str = ""
) -> None:
    """Write one line below the company's intake message, in this transaction, and have both shown.

    Under the same `topic` the same day it is the same line: it counts once more and says the newest words.
    """
    company = (await tx.companies.context(company_id)).company
    name = line_name(company_id, topic, now)
    known = bool(topic) and await tx.intake_lines.get(name) is not None
    tx.intake_lines.tell(
        IntakeLine(id=name, company_id=company_id, text=text, body=body, first_at=now, last_at=now)
    )
    _want(tx, company, name, now + SOON if known else now)


async def show_intake(tx: IntakeTransaction, company_id: int, *, now: datetime) -> None:
    """Bring the intake message up to date where there is one; it does not begin by this."""
    company = (await tx.companies.context(company_id)).company
    for card in _cards(company):
        tx.jobs.put(SyncCard(company_id=company_id, card_id=card.id), due_at=now)


def _want(tx: IntakeTransaction, company: Company, name: str, line_at: datetime) -> None:
    for card in _cards(company):
        tx.cards.want(card)
        line = CardWanted(
            company_id=company.id,
            incident_id=None,
            kind=INTAKE_LINE,
            subject=name,
            platform=card.platform,
            channel=card.channel,
            in_thread=True,
        )
        tx.cards.want(line)
        tx.jobs.put(SyncCard(company_id=company.id, card_id=card.id), due_at=line_at)
        tx.jobs.put(SyncCard(company_id=company.id, card_id=line.id), due_at=line_at)


def _cards(company: Company) -> list[CardWanted]:
    channels = (("slack", company.slack_channel), ("teams", company.teams_conversation))
    return [intake_card(company.id, platform, channel) for platform, channel in channels if channel]


def intake_card(company_id: int, platform: str, channel: str) -> CardWanted:
    """A company's intake message in one channel; another channel gets another message."""
    return CardWanted(
        company_id=company_id,
        incident_id=None,
        kind=INTAKE_CARD,
        subject=f"{company_id}@{channel}",
        platform=platform,
        channel=channel,
    )
