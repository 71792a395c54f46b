"""A company's intake message: how its alerts arrive. And the lines below it, one per happening."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.cards.card import (
    Body,
    Card,
    Code,
    Element,
    Facts,
    Line,
    Log,
    Moment,
    Strong,
    Table,
    Title,
    Tone,
    When,
)
from bot.cards.incident import cut
from bot.views import IntakeView
from engine.heartbeat import Heartbeat
from engine.intake import IntakeLine, Source

LINE_LENGTH = 1500
MOST_SOURCES = 25


def intake_card(view: IntakeView) -> Card:
    name = view.company.name
    elements: list[Element] = [Title(Tone.WORKING, (Strong(f"{cut(name, 100)}: alert intake"),))]
    if view.sources:
        elements.append(Table((), tuple(_source(source, at) for source, at in view.sources[:MOST_SOURCES])))
    if len(view.sources) > MOST_SOURCES:
        elements.append(Facts(((f"and {len(view.sources) - MOST_SOURCES} more sources",),)))
    facts = [_waiting(view)]
    if view.limited_at is not None:
        facts.insert(0, (Strong("limited"), " since ", Moment(view.limited_at)))
    if view.heartbeats:
        facts.append(_heartbeats(view.heartbeats))
    elements.append(Facts(tuple(facts)))
    return Card(summary=f"{name}: alert intake", elements=tuple(elements), kind="intake")


def _source(source: Source, at: datetime) -> tuple[Line, ...]:
    """When it spoke last, and what it usually does."""
    silent = " is silent" if source.silent_since is not None else ""
    name: Line = (Strong(cut(source.tool, 60)), silent)
    heard: Line = ("last heard ", Moment(at, When.DATE_TIME))
    return (name, heard, (cut(source.words or "no rhythm yet", 120),))


def _waiting(view: IntakeView) -> Line:
    count = view.dead_letters
    if not count:
        return ("everything that was sent could be read",)
    letters = "1 dead letter waits" if count == 1 else f"{count} dead letters wait"
    return (Strong(letters), ": ", Code("/aw deadletter"))


def _heartbeats(heartbeats: Sequence[Heartbeat]) -> Line:
    count = "1 heartbeat" if len(heartbeats) == 1 else f"{len(heartbeats)} heartbeats"
    ill = [f"{one.name} {one.state.value}" for one in heartbeats if not one.state.well]
    if not ill:
        return (f"{count}, all in time",)
    return (f"{count}, ", Strong(cut(", ".join(ill), 300)))


def intake_line_card(line: IntakeLine) -> Card:
    """The newest words, and how often and since when they are true."""
    elements: list[Element] = [Body((cut(line.text, LINE_LENGTH),))]
    if line.body:
        elements.append(Log(line.body))
    if line.count > 1:
        since = ("since ", Moment(line.first_at, When.DATE_TIME))
        elements.append(Facts(((Strong(f"×{line.count}"),), since, ("last ", Moment(line.last_at)))))
    return Card(summary=cut(line.text, 300), elements=tuple(elements), kind="intake_line")
