"""Read-only views: what a card or an answer shows, read in one go, with no way to change anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.ai.brief import Case, own_words
from engine.alert import StoredAlert
from engine.article import Article
from engine.audit import TimelineEntry
from engine.cloud import Provider, clouds_for, place_of
from engine.company import Asset, Company, CompanyContext, User
from engine.escalation import Hop
from engine.grouping import JoinedKey
from engine.heartbeat import Heartbeat
from engine.incident import Incident
from engine.intake import Source
from engine.operations import escalate
from engine.opinion import Opinion, Use
from engine.priority import Priority, priority
from engine.sla import SlaClock
from engine.suppression import QuietRule
from runbooks.catalogue import Catalogue
from runbooks.holding import Rate, ranked
from runbooks.review import Review
from runbooks.run import Run
from runbooks.runbook import Runbook, platform_of
from storage.transaction import Transaction

MOST_LIKE = 2
"""Articles that are named on a card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentView:
    """One incident as a card shows it. `runs` are newest first; `before` are earlier incidents of the same kind."""

    incident: Incident
    context: CompanyContext
    asset: Asset | None
    assignee: User | None
    clocks: Sequence[SlaClock]
    alerts: Sequence[StoredAlert]
    runs: Sequence[Run]
    before: Sequence[Incident]
    fits: Sequence[Runbook]
    now: datetime
    joined: Sequence[JoinedKey] = ()
    next_call: Hop | None = None
    rates: Mapping[str, Rate] = field(default_factory=dict)
    """How often each runbook held against this problem here."""
    opinions: Sequence[Opinion] = ()
    """What models said of it; checked, and still nobody's word."""
    article: Article | None = None
    """What was kept of how it was resolved."""
    like_it: Sequence[Article] = ()
    """What is known of such problems."""

    @property
    def company(self) -> Company:
        return self.context.company

    @property
    def priority(self) -> Priority:
        return priority(self.incident, self.now)

    @property
    def best(self) -> Runbook | None:
        return self.fits[0] if self.fits else None

    @property
    def run(self) -> Run | None:
        """The newest run."""
        return self.runs[0] if self.runs else None


def _reachable(asset: Asset, context: CompanyContext) -> bool:
    """Whether a run could go to this machine as far as its reference tells."""
    place = place_of(asset.cloud_ref)
    if place is None or place.provider is Provider.GCP:
        return False
    return bool(clouds_for(context.company.clouds, place))


async def incident_view(
    tx: Transaction, incident_id: int, *, catalogue: Catalogue, now: datetime
) -> IncidentView | None:
    incident = await tx.incidents.get(incident_id)
    if incident is None:
        return None
    context = await tx.companies.context(incident.company_id)
    asset = context.asset_called(incident.asset_name)
    known = {user.id: user for user in context.people}
    fits: list[Runbook] = []
    if asset is not None and _reachable(asset, context):
        matches = catalogue.matching(incident.category, incident.signature, platform_of(asset.platform))
        fits = [match.runbook for match in matches]
    rates: Mapping[str, Rate] = {}
    if fits:
        rates = await tx.runs.rates(incident.company_id, incident.signature)
        fits = ranked(fits, rates, await tx.runs.rates_elsewhere(incident.company_id, incident.signature))
    clocks = await tx.clocks.of(incident.id)
    view = IncidentView(
        incident=incident,
        context=context,
        asset=asset,
        assignee=known.get(incident.assignee_id) if incident.assignee_id is not None else None,
        clocks=clocks,
        next_call=await escalate.upcoming(tx, incident, context, clocks) if clocks else None,
        alerts=await tx.alerts.of_incident(incident.id),
        runs=await tx.runs.of_incident(incident.id),
        before=await tx.incidents.times_before(incident.company_id, incident.correlation_key, incident.id),
        fits=fits,
        rates=rates,
        now=now,
        joined=await tx.grouping.joined(incident.id) if incident.held else (),
        opinions=await tx.opinions.of(incident.company_id, incident.id) if incident.open else (),
        article=None if incident.open else await tx.articles.of_incident(incident.company_id, incident.id),
        like_it=await _like(tx, incident) if incident.open else (),
    )
    return _with_own_words(view) if incident.open else view


async def _like(tx: Transaction, incident: Incident) -> Sequence[Article]:
    found = await tx.articles.like(
        incident.company_id, incident.signature, incident.title, most=MOST_LIKE + 1
    )
    return [one for one in found if one.incident_id != incident.id][:MOST_LIKE]


def _with_own_words(view: IncidentView) -> IncidentView:
    """While no model has said anything of it, the rules do."""
    if any(one.use is Use.ANALYSE for one in view.opinions):
        return view
    said = own_words(
        Case(
            incident=view.incident,
            company=view.company,
            asset=view.asset,
            alerts=view.alerts,
            before=view.before,
        )
    )
    return replace(view, opinions=(*view.opinions, said)) if said is not None else view


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyView:
    """A company's state in one look."""

    company: Company
    open: Sequence[Incident]
    counts: Mapping[str, int]
    due: Mapping[int, datetime]
    waiting: Sequence[Run]
    quiet: Sequence[QuietRule] = ()


async def company_view(tx: Transaction, company: Company, *, offered_to: int | None) -> CompanyView:
    """`offered_to` narrows the list to what that technician may see."""
    found = await tx.incidents.listed(company_ids=[company.id], offered_to=offered_to, most=15)
    return CompanyView(
        company=company,
        open=found,
        counts=await tx.incidents.counts(company.id),
        due=await due_times(tx, found),
        waiting=[
            run for run in await tx.runs.active_of(company.id) if run.status.value == "pending_approval"
        ],
        quiet=await tx.quiet.unfinished([company.id]),
    )


async def due_times(tx: Transaction, incidents: Sequence[Incident]) -> dict[int, datetime]:
    """When each of these is next due, where a clock still runs."""
    clocks = await tx.clocks.of_many([incident.id for incident in incidents])
    due = {
        incident_id: min((clock.due_at for clock in some if clock.running), default=None)
        for incident_id, some in clocks.items()
    }
    return {incident_id: at for incident_id, at in due.items() if at is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalView:
    run: Run
    incident: Incident | None
    context: CompanyContext
    runbook: Runbook | None
    deciders: Sequence[User]
    earlier: Sequence[Run]
    """The newest ended runs of this runbook at this company."""
    now: datetime
    glass: bool = False
    """It may be started without an approval now."""
    review: Review | None = None
    newer: Run | None = None
    """The request that took the place of this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeView:
    """How a company's alerts arrive."""

    company: Company
    dead_letters: int
    heartbeats: Sequence[Heartbeat]
    sources: Sequence[tuple[Source, datetime]]
    """Each with when it spoke last; of single assets only those that are silent."""
    limited_at: datetime | None


async def intake_view(tx: Transaction, company_id: int) -> IntakeView:
    company = (await tx.companies.context(company_id)).company
    return IntakeView(
        company=company,
        dead_letters=await tx.dead_letters.waiting(company_id),
        heartbeats=await tx.heartbeats.of_company(company_id),
        sources=await _sources(tx, company_id),
        limited_at=refused.limited_at if (refused := await tx.allowances.refused(company_id)) else None,
    )


async def _sources(tx: Transaction, company_id: int) -> list[tuple[Source, datetime]]:
    known = await tx.sources.of_company(company_id)
    last = await tx.sources.last_heard(company_id)
    found = [(known.get(tool) or Source(company_id=company_id, tool=tool), at) for tool, at in last.items()]
    return [(source, at) for source, at in found if source.whole or source.silent_since is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryView:
    entry: TimelineEntry
    incident: Incident
