"""An outbreak for the MSP's own channel: what, where, how it goes. Never shown to a company."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.actions.storms import DismissOutbreak, ShowOutbreak
from bot.cards.card import (
    Actions,
    Body,
    Button,
    Card,
    Code,
    Element,
    Facts,
    Line,
    Moment,
    Strong,
    Table,
    Title,
    Tone,
    When,
)
from bot.cards.incident import cut, span_text
from engine.alert import Severity
from engine.company import Company, User
from engine.incident import Incident
from engine.outbreak import OUTBREAK_CARD, OutbreakRecord
from storage.transaction import Transaction

MOST_COMPANIES, MOST_LISTED = 12, 40


@dataclass(frozen=True, slots=True, kw_only=True)
class OutbreakView:
    """`incidents` are the first of them, `counts` of all: incidents, companies, open."""

    record: OutbreakRecord
    incidents: Sequence[Incident]
    counts: Mapping[str, int]
    companies: Mapping[int, Company]
    people: Mapping[int, User]
    now: datetime


async def outbreak_view(tx: Transaction, number: int, *, now: datetime) -> OutbreakView | None:
    record = await tx.outbreaks.get(number)
    if record is None:
        return None
    return OutbreakView(
        record=record,
        incidents=await tx.outbreaks.members(number),
        counts=await tx.outbreaks.counts(number),
        companies={one.id: one for one in await tx.companies.all()},
        people={one.id: one for one in await tx.users.all()},
        now=now,
    )


def outbreak_card(view: OutbreakView) -> Card:
    record, counts = view.record, view.counts
    where = f"{counts['companies']} companies"
    state = "Outbreak over" if record.over_at is not None else "Outbreak"
    said = f"{state}: {cut(record.title, 120)} at {where}"
    elements: list[Element] = [
        Title(_tone(view), (Strong(said),)),
        Facts(
            (
                (Code(record.label),),
                (f"{counts['incidents']:,} incidents, {counts['open']:,} open",),
                ("since ", Moment(record.began_at, When.DATE_TIME)),
                *_ending(view),
            )
        ),
        _companies(view),
        Body((_usual(record),), quoted=True),
    ]
    buttons = [Button("All of them", ShowOutbreak(record.id))]
    if record.over_at is None:
        sure = "It ends here, and this signature is left alone for a day. The incidents stay as they are."
        buttons.append(Button("Not one thing", DismissOutbreak(record.id), confirm=sure))
    elements.append(Actions(tuple(buttons)))
    return Card(summary=said, elements=tuple(elements), kind=OUTBREAK_CARD)


def outbreak_list(view: OutbreakView) -> Card:
    """Every incident of it, for the asker."""
    rows: list[tuple[Line, ...]] = [
        (
            (one.label,),
            (cut(_company(view, one.company_id), 40),),
            (cut(one.asset_name, 40),),
            (one.severity.value,),
            (_hands(view, one),),
        )
        for one in view.incidents[:MOST_LISTED]
    ]
    left = view.counts["incidents"] - len(rows)
    said = f"{view.record.label}: {cut(view.record.title, 120)}"
    elements: list[Element] = [
        Title(_tone(view), (Strong(said),)),
        Table(("incident", "company", "where", "severity", "state"), tuple(rows)),
    ]
    if left > 0:
        elements.append(Body((f"… and {left:,} more.",)))
    return Card(summary=said, elements=tuple(elements))


def outbreaks_card(views: Sequence[OutbreakView]) -> Card:
    """The latest, newest first."""
    rows: list[tuple[Line, ...]] = [
        (
            (Strong(one.record.label),),
            (cut(one.record.title, 60),),
            (f"{one.counts['companies']} companies",),
            (f"{one.counts['open']} open",),
            (Moment(one.record.began_at, When.DATE_TIME),),
            ("over" if one.record.over_at else "going on",),
        )
        for one in views
    ]
    said = "The latest outbreaks" if rows else "No outbreak so far."
    table = [Table(("", "what", "where", "", "since", ""), tuple(rows))] if rows else []
    more = tuple(Button(one.record.label, ShowOutbreak(one.record.id)) for one in views[:5])
    return Card(
        summary=said,
        elements=(Title(Tone.INFO, (Strong(said),)), *table, *((Actions(more),) if more else ())),
    )


def _tone(view: OutbreakView) -> Tone:
    still = {one.severity for one in view.incidents if one.open}
    worst = next((one for one in Severity if one in still), None)
    return Tone(worst.value) if worst is not None and view.record.over_at is None else Tone.GOOD


def _ending(view: OutbreakView) -> tuple[Line, ...]:
    record = view.record
    if record.over_at is None:
        return (("the last began ", Moment(record.last_at)),)
    by = f", said {record.over_by}" if record.over_by else ""
    return ((f"over after {span_text(record.over_at - record.began_at)}{by}",),)


def _companies(view: OutbreakView) -> Table:
    """A row a company: its incidents and whose they are."""
    found: dict[int, list[Incident]] = {}
    for one in view.incidents:
        found.setdefault(one.company_id, []).append(one)
    rows: list[tuple[Line, ...]] = []
    for company_id, ours in list(found.items())[:MOST_COMPANIES]:
        labels = ", ".join(one.label for one in ours[:4]) + (
            f" … {len(ours)} in all" if len(ours) > 4 else ""
        )
        rows.append(
            ((Strong(cut(_company(view, company_id), 40)),), (labels,), (_hands(view, _first_open(ours)),))
        )
    left = view.counts["companies"] - len(rows)
    if left > 0:
        rows.append(((f"… and {left} more companies",), ("",), ("",)))
    return Table((), tuple(rows))


def _first_open(incidents: Sequence[Incident]) -> Incident:
    return next((one for one in incidents if one.open), incidents[0])


def _company(view: OutbreakView, company_id: int) -> str:
    company = view.companies.get(company_id)
    return company.name if company else "a company that is gone"


def _hands(view: OutbreakView, incident: Incident) -> str:
    if not incident.open:
        return "resolved"
    owner = view.people.get(incident.assignee_id) if incident.assignee_id is not None else None
    if owner is None:
        return "nobody has it"
    return f"{owner.name} has it" if incident.touched else f"offered to {owner.name}"


def _usual(record: OutbreakRecord) -> str:
    if record.expected < 0.01:
        return f"`{record.signature}` hardly ever begins at several companies at once."
    return f"`{record.signature}` begins at {record.expected:.2g} companies in ten minutes as a rule."
