"""What a model is shown of an incident: its own alerts and its own past, with secrets and other names taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from engine.alert import StoredAlert
from engine.classification import unsure
from engine.company import Asset, Company
from engine.incident import Incident, duration
from engine.opinion import Question, Use
from engine.redaction import redacted
from runbooks.catalogue import Catalogue

LARGEST = 6000
MOST_ALERTS, MOST_BEFORE = 8, 5
MESSAGE = 500


@dataclass(frozen=True, slots=True)
class Brief:
    """The questions about one incident, all on the same data."""

    questions: Sequence[Question]

    @property
    def tokens(self) -> int:
        """About what asking them will cost."""
        return sum(len(one.seen) // 3 + 1200 for one in self.questions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An incident as it is told to a model: `offered` says whether the rules offer a runbook for it."""

    incident: Incident
    company: Company
    asset: Asset | None
    alerts: Sequence[StoredAlert]
    before: Sequence[Incident]
    offered: bool


def brief(case: Case, catalogue: Catalogue, companies: Sequence[Company]) -> Brief:
    """Classify only what the rules were unsure of; suggest a runbook only where the rules offer none."""
    own = case.company
    others = other_names(own, companies)
    seen = "\n".join(redacted(row, others) for row in _rows(case))[:LARGEST]
    uses = [Use.ANALYSE]
    if unsure(case.incident.opened_reason):
        uses.append(Use.CLASSIFY)
    if not case.offered and case.asset is not None:
        uses.append(Use.SUGGEST)
    runbooks = {one.id: one.title for one in catalogue.all()}
    return Brief(
        [
            Question(use=use, seen=seen, runbooks=runbooks if use is Use.SUGGEST else {}, others=others)
            for use in uses
        ]
    )


def other_names(own: Company, companies: Sequence[Company]) -> tuple[str, ...]:
    """Names and short names of all other companies; what is part of the company's own name too is not foreign."""
    mine = f"{own.name} {own.slug}".lower()
    found = {name for one in companies if one.id != own.id for name in (one.name, one.slug)}
    return tuple(sorted(name for name in found if name.lower() not in mine))


def _rows(case: Case) -> list[str]:
    incident = case.incident
    rows = [
        f"problem: {incident.title}",
        f"machine: {incident.asset_name}"
        + (f" ({case.asset.platform or 'unknown platform'})" if case.asset is not None else ""),
        f"severity: {incident.severity}; category: {incident.category}; reported {incident.count} times by "
        f"{', '.join(incident.tools)}",
    ]
    if incident.cause:
        rows.append(f"the rules believe that it began with: {incident.cause}")
    newest = sorted(case.alerts, key=lambda one: (one.last_at, one.id), reverse=True)[:MOST_ALERTS]
    for one in reversed(newest):
        after = _span(one.first_at - incident.opened_at)
        rows.append(
            f"alert {after} after the first, on {one.asset_name}: {one.title} · {one.message[:MESSAGE]}"
        )
    for past in case.before[:MOST_BEFORE]:
        took = duration(past)
        rows.append(f"the same before, over in {_span(took) if took else '?'}: {past.resolution[:200]}")
    return rows


def _span(span: timedelta) -> str:
    return f"{max(0, int(span.total_seconds()))} s"
