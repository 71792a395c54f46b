"""What a model is shown of an incident: its own alerts and its own past, with secrets and other names taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.alert import StoredAlert
from engine.analyst import NAME, judged
from engine.audit import TimelineEntry, TimelineKind
from engine.classification import unsure
from engine.company import Asset, Company
from engine.facts import AlertFact, Facts, PastFact, rows
from engine.incident import Incident, duration
from engine.opinion import Opinion, Question, Unusable, Use, read
from engine.redaction import redacted
from integrations.ai.offline import answer_of
from runbooks.catalogue import Catalogue
from runbooks.runbook import BY_SIGNATURE, platform_of

LARGEST = 6000
MOST_ALERTS, MOST_BEFORE = 8, 5
MESSAGE = 500
MOST_DONE = 12
_DONE = (TimelineKind.NOTE, TimelineKind.RUN, TimelineKind.RESOLVED)
"""What of a story says what was done."""


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
    """An incident as it is told: `fits` are the runbooks that the rules offer for it, best first; `story` what people
    and runs did."""

    incident: Incident
    company: Company
    asset: Asset | None
    alerts: Sequence[StoredAlert]
    before: Sequence[Incident]
    fits: Sequence[str] = ()
    story: Sequence[TimelineEntry] = ()
    people: Sequence[str] = ()
    """Names of people: taken out of what people wrote."""


def brief(case: Case, catalogue: Catalogue, companies: Sequence[Company]) -> Brief:
    """Classify only what the rules were unsure of; suggest a runbook only where the rules offer none."""
    uses = [Use.ANALYSE]
    if unsure(case.incident.opened_reason):
        uses.append(Use.CLASSIFY)
    if not case.fits and case.asset is not None:
        uses.append(Use.SUGGEST)
    return questions(case, catalogue, companies, uses)


def questions(case: Case, catalogue: Catalogue, companies: Sequence[Company], uses: Sequence[Use]) -> Brief:
    """These questions about the case, with other companies' names taken out."""
    others = other_names(case.company, companies)
    facts = facts_of(case, others)
    facts = replace(facts, fitting=tuple(case.fits) or _may_fit(facts, case, catalogue))
    seen = "\n".join(redacted(row, others) for row in rows(facts))[:LARGEST]
    runbooks = {
        one.id: redacted(one.title, others)
        for one in catalogue.all()
        if redacted(one.id, others) == one.id  # one of our own may be called after a client
    }
    return Brief(
        [
            Question(
                use=use,
                seen=seen,
                runbooks=runbooks if use is Use.SUGGEST else {},
                others=others,
                facts=facts,
            )
            for use in uses
        ]
    )


def _may_fit(facts: Facts, case: Case, catalogue: Catalogue) -> tuple[str, ...]:
    """Where the rules offer nothing: what fits all that is said, not only the title."""
    category, _ = judged(facts)
    platform = platform_of(case.asset.platform) if case.asset is not None else None
    said = " ".join([facts.title, *(one.message for one in facts.alerts)]).lower()
    found = catalogue.matching(category, said, platform)
    return tuple(one.runbook.id for one in found if one.score >= BY_SIGNATURE)


def own_words(case: Case, use: Use = Use.ANALYSE) -> Opinion | None:
    """What the rules say of it by themselves, at once: the card's analysis while no model has given one."""
    facts = facts_of(case, None)
    question = Question(use=use, seen="\n".join(rows(facts)), runbooks={}, facts=facts)
    answer = answer_of(question)
    if answer is None:
        return None
    try:
        return read(question, answer, model=NAME)
    except Unusable:
        return None


def other_names(own: Company, companies: Sequence[Company]) -> tuple[str, ...]:
    """Names and short names of all other companies; what is part of the company's own name too is not foreign."""
    mine = f"{own.name} {own.slug}".lower()
    found = {name for one in companies if one.id != own.id for name in (one.name, one.slug)}
    return tuple(sorted(name for name in found if name.lower() not in mine))


def facts_of(case: Case, others: tuple[str, ...] | None) -> Facts:
    """Without secrets and these names, and in people's own words without people's; None: as it stands here."""
    incident = case.incident

    def told(text: str) -> str:
        return text if others is None else redacted(text, others)

    def typed(text: str) -> str:
        return text if others is None else redacted(text, (*others, *case.people))

    newest = sorted(case.alerts, key=lambda one: (one.last_at, one.id), reverse=True)[:MOST_ALERTS]
    return Facts(
        title=told(incident.title),
        machine=told(incident.asset_name),
        platform=(case.asset.platform or "unknown platform") if case.asset is not None else "",
        severity=incident.severity,
        category=incident.category,
        sure=not unsure(incident.opened_reason),
        count=incident.count,
        tools=tuple(incident.tools),
        cause=told(incident.cause),
        alerts=tuple(
            AlertFact(
                after=one.first_at - incident.opened_at,
                asset=told(one.asset_name),
                title=told(one.title),
                message=told(one.message[:MESSAGE]),
            )
            for one in reversed(newest)
        ),
        before=tuple(
            PastFact(took=duration(past), resolution=typed(past.resolution[:200]))
            for past in case.before[:MOST_BEFORE]
        ),
        fitting=tuple(case.fits),
        story=tuple(typed(one.text[:200]) for one in case.story if one.kind in _DONE)[-MOST_DONE:],
        resolution=typed(incident.resolution[:MESSAGE]),
        ended_by="monitoring" if incident.resolved_by == "monitoring" else "",
    )
