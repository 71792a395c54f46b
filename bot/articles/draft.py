"""The first version of what a person is about to write: a model's draft where there is one, else the rules' own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from bot.ai.brief import Brief, Case, questions
from bot.core import Core
from engine.analyst import MARK, NAME
from engine.article import Words
from engine.ask import ASK_CARD
from engine.audit import TimelineEntry
from engine.incident import Incident
from engine.incident_jobs import DraftText
from engine.jobs import SyncCard
from engine.opinion import Opinion, Question, Use
from storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Draft:
    """`by` marks who wrote it, for the reader who has to confirm it."""

    lines: Sequence[str]
    by: str


async def question_of(tx: Transaction, core: Core, incident: Incident, use: Use) -> Question:
    """What whoever drafts is shown: the incident, its story, and how the same ended before."""
    context = await tx.companies.context(incident.company_id)
    story: Sequence[TimelineEntry] = await tx.timeline.of_incident(incident.id)
    case = Case(
        incident=incident,
        company=context.company,
        asset=context.asset_called(incident.asset_name),
        alerts=await tx.alerts.of_incident(incident.id),
        before=await tx.incidents.times_before(incident.company_id, incident.correlation_key, incident.id),
        story=story,
        people=[word for user in context.people for word in (user.name, *user.name.split())],
    )
    made = questions(case, core.catalogue, await tx.companies.all(archived=True), [use])
    return made.questions[0]


async def ask_for_draft(core: Core, job: DraftText) -> None:
    """A model's draft is kept beside the incident; where none can be believed the rules' own is made when needed."""
    if not core.desk.free:
        return
    use, today = Use(job.use), core.clock.now().astimezone(UTC).date()

    async def look(tx: Transaction) -> Question | None:
        incident = await tx.incidents.get(job.incident_id)
        if incident is None or incident.company_id != job.company_id or incident.test:
            return None
        company = (await tx.companies.context(job.company_id)).company
        known = await tx.opinions.of(job.company_id, incident.id)
        used = await tx.opinions.tokens(job.company_id, today)
        stands = any(one.use is use for one in known) and use is not Use.HANDOFF  # that changes by the hour
        if company.value("ai") != "on" or stands:
            return None
        brief = Brief([await question_of(tx, core, incident, use)])
        return brief.questions[0] if used + brief.tokens <= company.value("ai_tokens") else None

    question = await core.read(look)
    if question is None:
        return
    (outcome,) = await core.desk.ask_all([question])

    async def keep(tx: Transaction) -> None:
        await tx.opinions.spend(job.company_id, today, outcome.spent)
        if outcome.opinion is not None and not outcome.by_rules:
            await tx.opinions.put(job.company_id, job.incident_id, outcome.opinion, now=core.clock.now())
            for card in await tx.cards.about(ASK_CARD, job.ask) if job.ask else ():
                tx.jobs.put(SyncCard(company_id=card.company_id, card_id=card.id), due_at=core.clock.now())

    await core.write(keep)


async def draft(core: Core, incident: Incident, use: Use) -> Draft | None:
    """Within milliseconds: nothing waits here for a model; it has written before, or not."""

    async def look(tx: Transaction) -> tuple[Opinion | None, Question]:
        known = await tx.opinions.of(incident.company_id, incident.id)
        found = next((one for one in known if one.use is use), None)
        return found, await question_of(tx, core, incident, use)

    found, question = await core.read(look)
    if found is None and use is Use.DRAFT and question.facts is not None and not question.facts.story:
        return None  # nobody has written down anything, so there is nothing to make a note of
    opinion = found or await core.desk.by_rules(question)
    if opinion is None:
        return None
    sign = MARK if opinion.model == NAME else "🤖"
    return Draft(opinion.lines, f"{sign} draft by {opinion.by}: read it before you keep it")


def article_of(found: Draft | None, incident: Incident) -> Words:
    if found is None or len(found.lines) != 3:
        return Words(incident.title, "", incident.resolution)
    return Words(*found.lines)
