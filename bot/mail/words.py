"""What a mail template sees: plain words, nothing that has to be worked out, and nothing of another company."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.cards.incident import span_text
from bot.mail.said import Said, quoted, said
from bot.views import IncidentView
from engine.incident import duration
from engine.sla import ClockKind, ClockState, SlaClock

TITLE, NAME, MESSAGE, NOTE = 160, 80, 600, 600
_VERBS = {ClockKind.RESPONSE: "respond", ClockKind.RESOLUTION: "resolve"}
_DONE = {ClockKind.RESPONSE: "taken in hand", ClockKind.RESOLUTION: "resolved"}
_TONES = {
    ClockState.RUNNING: "calm",
    ClockState.WARNED: "soon",
    ClockState.BREACHED: "over",
    ClockState.MET: "met",
    ClockState.MISSED: "over",
    ClockState.PAUSED: "calm",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One clock of the SLA: `tone` is calm, soon, over or met."""

    to: str
    tone: str
    says: str
    due: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One notice. `text` is its sentence; the rest is about its incident and empty for a notice without one."""

    kind: str
    text: Said
    number: str = ""
    severity: str = ""
    title: Said = field(default_factory=lambda: Said(""))
    asset: Said = field(default_factory=lambda: Said(""))
    company: Said = field(default_factory=lambda: Said(""))
    opened: str = ""
    count: int = 1
    owner: str = ""
    message: Said = field(default_factory=lambda: Said(""))
    promises: Sequence[Promise] = ()
    level: int = 0
    link: str = ""
    resolved: str = ""
    took: str = ""
    by: str = ""
    note: Said = field(default_factory=lambda: Said(""))
    lines: Sequence[Said] = ()
    figures: Sequence[tuple[str, Said]] = ()
    picture: str = ""
    """Of a report: what stands out, its figures, and the name of its picture, which `message` says in words."""

    @property
    def pressing(self) -> Promise | None:
        """The promise that is nearest to be missed, or is."""
        order = {"over": 0, "soon": 1, "calm": 2}
        running = [one for one in self.promises if one.tone in order]
        return min(running, key=lambda one: order[one.tone], default=None)


def item(view: IncidentView, *, kind: str, text: str, zone: str, link: str = "", level: int = 0) -> Item:
    """`zone` is the reader's; `link` opens the incident's message in chat."""
    incident = view.incident
    own = [one for one in view.alerts if one.correlation_key == incident.correlation_key]
    newest = max(own or view.alerts, key=lambda alert: (alert.last_at, alert.id), default=None)
    took = duration(incident)
    return Item(
        kind=kind,
        text=said(text, NOTE),
        number=incident.label,
        severity=incident.severity.value,
        title=said(incident.title, TITLE),
        asset=said(incident.asset_name, NAME),
        company=said(view.company.name, NAME),
        opened=at(incident.opened_at, zone),
        count=incident.count,
        owner=said(view.assignee.name, NAME) if view.assignee else "nobody yet",
        message=quoted(newest.message, MESSAGE) if newest else Said(""),
        promises=[_promise(clock, view.now, zone) for clock in view.clocks],
        level=level,
        link=link,
        resolved=at(incident.resolved_at, zone) if incident.resolved_at else "",
        took=span_text(took) if took else "",
        by=said(incident.resolved_by, NAME),
        note=quoted(incident.resolution, NOTE),
    )


def _promise(clock: SlaClock, now: datetime, zone: str) -> Promise:
    state, left = clock.state(now), clock.left(now)
    verb = _VERBS[clock.kind]
    says = {
        ClockState.MET: f"{_DONE[clock.kind]} in time",
        ClockState.MISSED: f"{_DONE[clock.kind]} too late",
        ClockState.BREACHED: f"{span_text(-left)} too late to {verb}",
        ClockState.PAUSED: f"stands still with {span_text(left)} left to {verb}",
    }.get(state, f"{span_text(left)} left to {verb}")
    return Promise(to=verb, tone=_TONES[state], says=says, due=at(clock.due_at, zone, year=False))


def at(moment: datetime, zone: str, *, year: bool = True) -> str:
    """`Tue 24 Nov 2026, 22:05 CET`."""
    local = moment.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b}{f' {local.year}' if year else ''}, {local:%H:%M %Z}"
