"""What may be looked at for a question: one company's own data, read only, as lines that begin with what they are of.

A tool takes a reading transaction and a company that was checked before; whatever number it is asked for, it finds
nothing of another company. There is no tool that changes anything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from engine.alert import StoredAlert
from engine.analyst import span
from engine.article import SHARED
from engine.audit import AuditKind, TimelineKind
from engine.company import CompanyContext
from engine.identifiers import incident_number
from engine.incident import Incident, duration
from integrations.ai.prompt import Tool
from storage.transaction import Transaction

MOST_ROWS = 14
LONGEST_ROW = 240
USUAL_MINUTES, MOST_MINUTES = 60, 1440
_ACTS = {
    AuditKind.RUN_STARTED: "run started",
    AuditKind.RUN_FINISHED: "run ended",
    AuditKind.SETTING_CHANGED: "setting changed",
    AuditKind.COMPANY_CHANGED: "company changed",
    AuditKind.ASSET_ADDED: "asset added",
    AuditKind.MAINTENANCE_ADDED: "maintenance planned",
    AuditKind.MAINTENANCE_ENDED: "maintenance ended",
    AuditKind.MAINTENANCE_CLOSED: "maintenance ended",
    AuditKind.SILENCE_ADDED: "silence set",
    AuditKind.KEY_ROTATED: "webhook key rotated",
    AuditKind.GLASS_BROKEN: "run started without an approval",
}
_TOLD = (
    TimelineKind.NOTE,
    TimelineKind.RUN,
    TimelineKind.RESOLVED,
    TimelineKind.CLAIMED,
    TimelineKind.ASSIGNED,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line; `ids` are what may be cited for it."""

    text: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """What a question is about, and whose data may be looked at. `incident` was found to be this company's."""

    incident: Incident
    context: CompanyContext

    @property
    def company_id(self) -> int:
        return self.context.company.id


class Look(Protocol):
    def __call__(
        self, tx: Transaction, scope: Scope, given: Mapping[str, Any]
    ) -> Awaitable[Sequence[Row]]: ...


async def one(tx: Transaction, scope: Scope, given: Mapping[str, Any]) -> Sequence[Row]:
    """An incident and its story; the one that is asked about when no number is given."""
    incident = await _named(tx, scope, given)
    if incident is None:
        return [Row("there is no such incident")]
    rows = [_incident(incident, scope.incident.opened_at)]
    if incident.cause:
        rows.append(
            Row(f"{incident.label}: the rules believe that it began with {incident.cause}", (incident.label,))
        )
    owner = "somebody has it in hand" if incident.touched else "nobody has taken it yet"
    rows.append(Row(f"{incident.label}: {owner}", (incident.label,)))
    for entry in await tx.timeline.of_incident(incident.id):
        if entry.kind in _TOLD:
            when = _when(entry.at, incident.opened_at)
            rows.append(Row(f"{incident.label}: {when}: {entry.text}", (incident.label,)))
    for alert in (await tx.alerts.of_incident(incident.id))[:4]:
        rows.append(_alert(alert, incident.opened_at))
    return rows


async def _named(tx: Transaction, scope: Scope, given: Mapping[str, Any]) -> Incident | None:
    """The incident that is meant; None for one of another company, as for one that there is not."""
    number = incident_number(str(given.get("incident") or "")) or scope.incident.id
    if number == scope.incident.id:
        return scope.incident
    found = await tx.incidents.get(number)
    return found if found is not None and found.company_id == scope.company_id else None


async def before(tx: Transaction, scope: Scope, given: Mapping[str, Any]) -> Sequence[Row]:
    """What happened in the company in the time before it: incidents, alerts, runs, changes; the latest first."""
    opened = scope.incident.opened_at
    since = opened - timedelta(minutes=_minutes(given))
    dated: list[tuple[datetime, Row]] = []
    for incident in await tx.around.incidents(scope.company_id, since=since, until=opened, most=MOST_ROWS):
        if incident.id != scope.incident.id:
            dated.append((min(incident.opened_at, opened), _incident(incident, opened)))
    kinds = set(_ACTS)
    for act in await tx.around.acts(scope.company_id, kinds, since=since, until=opened, most=MOST_ROWS):
        number = incident_number(act.subject) if act.subject.startswith("INC-") else None
        about = str(act.detail.get("what") or act.detail.get("title") or act.detail.get("name") or "")
        text = f"{_when(act.at, opened)}: {_ACTS[act.kind]} ({act.subject}{f': {about}' if about else ''})"
        dated.append((act.at, Row(text, (act.subject,) if number is not None else ())))
    seen = {scope.incident.id, *(incident_number(row.ids[0]) for _, row in dated if row.ids)}
    for alert in await tx.alerts.history(scope.company_id, since=since, until=opened, most=MOST_ROWS):
        if alert.incident_id not in seen:
            dated.append((alert.first_at, _alert(alert, opened)))
    dated.sort(key=lambda pair: pair[0], reverse=True)
    return [row for _, row in dated] or [Row("nothing is on record for that time")]


async def same(tx: Transaction, scope: Scope, given: Mapping[str, Any]) -> Sequence[Row]:
    """The same problem before, and what the knowledge base has about it."""
    incident = await _named(tx, scope, given)
    if incident is None:
        return [Row("there is no such incident")]
    rows = []
    for past in await tx.incidents.times_before(scope.company_id, incident.correlation_key, incident.id):
        took = duration(past)
        ended = f", over in {span(took)}" if took is not None else ""
        fixed = f": {past.resolution}" if past.resolution else ""
        when = _when(past.opened_at, incident.opened_at)
        rows.append(Row(f"{past.label}: the same, {when}{ended}{fixed}", (past.label,)))
    for article in await tx.articles.like(scope.company_id, incident.signature, incident.title, most=4):
        rows.append(Row(f"{article.label}: {article.title}; what fixed it: {article.fix}", (article.label,)))
    return rows or [Row("it is not on record that this was seen before")]


async def around(tx: Transaction, scope: Scope, given: Mapping[str, Any]) -> Sequence[Row]:
    """Other incidents of the company that were opened near it in time, or are open now."""
    near = timedelta(minutes=_minutes(given))
    opened = scope.incident.opened_at
    found = list(
        await tx.around.incidents(scope.company_id, since=opened - near, until=opened + near, most=MOST_ROWS)
    )
    known = {incident.id for incident in found} | {scope.incident.id}
    still = await tx.incidents.listed(company_ids=[scope.company_id], most=MOST_ROWS)
    rows = [_incident(incident, opened) for incident in found if incident.id != scope.incident.id]
    rows += [_incident(incident, opened) for incident in still if incident.id not in known]
    return rows or [Row("nothing else is on record near it, and nothing else is open")]


async def neighbours(tx: Transaction, scope: Scope, given: Mapping[str, Any]) -> Sequence[Row]:
    """What a machine depends on, what depends on it, and what is open there."""
    name = str(given.get("asset") or scope.incident.asset_name)[:200]
    asset = scope.context.asset_called(name)
    if asset is None:
        return [Row(f"{name}: it is not in the asset list")]
    below = [one.name for one in scope.context.assets if asset.name in one.depends_on]
    rows = [
        Row(f"{asset.name}: depends on {', '.join(asset.depends_on) or 'nothing that is on record'}"),
        Row(f"{asset.name}: {', '.join(below[:20]) or 'nothing that is on record'} depends on it"),
    ]
    wanted = {asset.name, *asset.depends_on, *below}
    for incident in await tx.incidents.listed(company_ids=[scope.company_id], most=100):
        if incident.asset_name in wanted and incident.id != scope.incident.id:
            rows.append(_incident(incident, scope.incident.opened_at))
    return rows


async def known(tx: Transaction, scope: Scope, given: Mapping[str, Any]) -> Sequence[Row]:
    """The knowledge base of the company and what is shared, searched for words."""
    words = str(given.get("words") or scope.incident.title)[:200]
    found = await tx.articles.search([scope.company_id, SHARED], words, most=5)
    rows = [Row(f"{one.label}: {one.title}; what fixed it: {one.fix}", (one.label,)) for one in found]
    return rows or [Row("nothing in the knowledge base fits these words")]


def _given(**fields: tuple[str, str]) -> dict[str, Any]:
    told = {name: {"type": kind, "description": text} for name, (kind, text) in fields.items()}
    return {"type": "object", "properties": told}


_SPAN = ("integer", f"how far to look, in minutes; {USUAL_MINUTES} when left out, at most {MOST_MINUTES}")
_ONE = _given(incident=("string", "such as INC-12; the one that is asked about when left out"))
_ASSET = _given(asset=("string", "a machine's name; the incident's own when left out"))
_LOOKS: Mapping[str, tuple[Look, dict[str, Any]]] = {
    "before": (before, _given(minutes=_SPAN)),
    "incident": (one, _ONE),
    "same_before": (same, _ONE),
    "around": (around, _given(minutes=_SPAN)),
    "neighbours": (neighbours, _ASSET),
    "knowledge": (known, _given(words=("string", "what to search for"))),
}
LOOKS: Mapping[str, tuple[Look, Tool]] = {
    name: (look, Tool(name=name, description=str(look.__doc__), schema=schema))
    for name, (look, schema) in _LOOKS.items()
}
"""By name: what looks, and how a model is told of it."""


def _minutes(given: Mapping[str, Any]) -> int:
    try:
        return min(MOST_MINUTES, max(1, int(given.get("minutes") or USUAL_MINUTES)))
    except (TypeError, ValueError):
        return USUAL_MINUTES


def _when(at: datetime, opened: datetime) -> str:
    gap = opened - at
    return f"{span(gap)} before it" if gap >= timedelta(0) else f"{span(-gap)} after it began"


def _incident(incident: Incident, opened: datetime) -> Row:
    state = "open" if incident.open else "resolved"
    ended = f": {incident.resolution}" if incident.resolution else ""
    text = (
        f"{incident.label}: {_when(incident.opened_at, opened)}: {incident.severity} {incident.title} on "
        f"{incident.asset_name}, reported {incident.count} times, {state}{ended}"
    )
    return Row(text, (incident.label,))


def alert_label(alert_id: str) -> str:
    return f"ALERT-{alert_id[-8:]}"


def _alert(alert: StoredAlert, opened: datetime) -> Row:
    part = (f"INC-{alert.incident_id}",) if alert.incident_id is not None else ()
    label = alert_label(alert.id)
    of = f" (part of {part[0]})" if part else ""
    text = (
        f"{label}: {_when(alert.first_at, opened)}: {alert.title} on {alert.asset_name}{of}: {alert.message}"
    )
    return Row(text, (label, *part))
