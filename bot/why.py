"""Why an incident is as it is, as far as it has to be worked out: what it nearly joined, and what other settings would
have made of its alerts. The alerts around it go through the same engine again, a bounded number of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.cards.card import Code, Element, Facts, Line, Moment, Strong, Table, When
from bot.cards.incident import cut, span_text
from bot.core import Core
from bot.replay import what_if
from bot.replay.run import Recorded
from bot.replay.what_if import Past
from bot.views import IncidentView
from engine.correlation import Decision, Open, Rules
from engine.evidence import JOIN
from engine.placing import Look
from storage.transaction import Transaction

WINDOWS = tuple(timedelta(minutes=count) for count in (5, 10, 15, 30, 60))
BEFORE, AFTER = timedelta(hours=6), timedelta(hours=2)
"""How much around the incident is played again."""
MOST_ALERTS = 1000
PATIENCE = 2.0
"""Seconds; an answer comes without this rather than late."""
_NEVER, _LONGER = timedelta(0), timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Nearest:
    """The open incident with most evidence when this one was opened, and what spoke for it."""

    label: str
    score: float
    words: str


@dataclass(frozen=True, slots=True)
class Otherwise:
    """What one other setting makes of the incident's alerts: the incidents they would be (begin, heard of last), and
    the numbers that would be one with it and are not, or are and would not be."""

    setting: str
    value: str
    spans: Sequence[tuple[datetime, datetime]]
    gained: Sequence[str]
    lost: Sequence[str]

    @property
    def same(self) -> bool:
        return len(self.spans) == 1 and not self.gained and not self.lost


@dataclass(frozen=True, slots=True)
class Around:
    """`alone`: nothing open had to do with it when it was opened. `note` says why there is nothing to say, where that
    is so."""

    nearest: Nearest | None = None
    alone: bool = False
    others: Sequence[Otherwise] = ()
    note: str = ""


async def around(core: Core, view: IncidentView) -> Around:
    """Within `PATIENCE`, and with a word when that was not enough."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await _around(core, view)
    except TimeoutError:
        return Around(note="Other settings could not be tried in time; ask again.")


async def _around(core: Core, view: IncidentView) -> Around:
    incident, company = view.incident, view.company

    async def look(tx: Transaction) -> Past:
        since, until = incident.opened_at - BEFORE, incident.last_alert_at + AFTER
        return await what_if.past(tx, company.id, since=since, until=until, most=MOST_ALERTS)

    seen = await core.read(look)
    if not any(row.incident_id == incident.id for row in seen.rows):
        return Around(note="Too much came after it to try other settings on it.")
    rules = Rules(window=company.window, reopen_window=company.reopen_window)
    assets = view.context.assets
    async with core.looking_back:
        watch = _Watch(seen, incident.id)
        now = await what_if.replayed(seen, rules, assets, watch=watch)
        others = [
            _otherwise(seen, incident.id, name, value, now, await what_if.replayed(seen, other, assets))
            for name, value, other in _settings(view, rules)
        ]
    return Around(nearest=watch.nearest(now), alone=watch.alone, others=others)


class _Watch:
    """Looks over the engine's shoulder when the incident's first alert is decided."""

    def __init__(self, seen: Past, incident_id: int) -> None:
        self._seen, self._incident_id = seen, incident_id
        self._done = self.alone = False
        self._best: tuple[int, float, str] | None = None

    def __call__(self, recorded: Recorded, look: Look, decision: Decision) -> None:
        if self._done or self._seen.rows[recorded.line].incident_id != self._incident_id:
            return
        self._done = True
        self.alone = isinstance(decision, Open) and not look.cases
        if isinstance(decision, Open) and look.cases:
            best = look.cases[0]
            self._best = (best.episode.id, best.score, best.words())

    def nearest(self, found: Sequence[int]) -> Nearest | None:
        """With the number that people know: of the stored incident whose alerts the replay's one holds."""
        if self._best is None:
            return None
        number, score, words = self._best
        for event, incident in zip(self._seen.events, found, strict=True):
            stored = self._seen.rows[event.row].incident_id
            if incident == number and stored != self._incident_id:
                return Nearest(f"INC-{stored}", score, words)
        return None


def _settings(view: IncidentView, rules: Rules) -> list[tuple[str, str, Rules]]:
    """A shorter and a longer window; other reopening windows where a number came back, or might have."""
    shorter = max((one for one in WINDOWS if one < rules.window), default=None)
    longer = min((one for one in WINDOWS if one > rules.window), default=None)
    found = [
        ("window", span_text(one), replace(rules, window=one)) for one in (shorter, longer) if one is not None
    ]
    if view.incident.reopened and rules.reopen_window:
        found.append(("reopen_window", "never", replace(rules, reopen_window=_NEVER)))
    if view.before and rules.reopen_window < _LONGER:
        found.append(("reopen_window", span_text(_LONGER), replace(rules, reopen_window=_LONGER)))
    return found


def _otherwise(
    seen: Past, incident_id: int, name: str, value: str, now: Sequence[int], then: Sequence[int]
) -> Otherwise:
    spans = what_if.of_incident(seen, incident_id, then)
    mine, theirs = _with(seen, incident_id, now), _with(seen, incident_id, then)
    return Otherwise(
        setting=name,
        value=value,
        spans=sorted(spans.values()),
        gained=[f"INC-{one}" for one in sorted(theirs - mine)],
        lost=[f"INC-{one}" for one in sorted(mine - theirs)],
    )


def _with(seen: Past, incident_id: int, found: Sequence[int]) -> set[int]:
    """The stored incidents with an alert in one of the incidents that this one's alerts are in."""
    whose = set(what_if.of_incident(seen, incident_id, found))
    rows = {event.row for event, number in zip(seen.events, found, strict=True) if number in whose}
    return {one for row in rows if (one := seen.rows[row].incident_id) is not None and one != incident_id}


def elements(found: Around) -> list[Element]:
    """As lines of the Why card."""
    said: list[Element] = []
    if found.nearest is not None:
        one = found.nearest
        text = f": {one.score:.2f} of the {JOIN:.2f} that join: {cut(one.words, 300)}"
        said.append(Facts((((Strong(f"Not joined to {one.label}")), text),)))
    elif found.alone:
        said.append(Facts((("nothing that was open had anything to do with it",),)))
    if found.others:
        rows = tuple(((Code(f"{one.setting} {one.value}"),), _line(one)) for one in found.others)
        said.append(Table(("another setting", "would have made of it"), rows))
    if found.note:
        said.append(Facts(((found.note,),)))
    return said


def _line(one: Otherwise) -> Line:
    if one.same:
        return ("the same",)
    parts: list[Line] = []
    if len(one.spans) > 1:
        parts.append(
            (
                f"{len(one.spans)} incidents: heard of last ",
                Moment(one.spans[0][1], When.DATE_TIME),
                ", a second opened ",
                Moment(one.spans[1][0], When.DATE_TIME),
            )
        )
    if one.gained:
        parts.append((f"one with {cut(', '.join(one.gained), 80)}",))
    if one.lost:
        parts.append((f"without {cut(', '.join(one.lost), 80)}",))
    if not parts:
        return ("it could not be told",)
    line: Line = parts[0]
    for part in parts[1:]:
        line = (*line, "; ", *part)
    return line
