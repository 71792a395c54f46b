"""Starting a run without an approval in an emergency, and the review that stays open until somebody else signs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from engine.access import SYSTEM, Actor, Denied, Verb, may, who_could
from engine.audit import AuditKind, TimelineKind, entry
from engine.company import User
from engine.errors import NotFound, Refused
from engine.incident import Incident
from engine.jobs import StartRun
from engine.notice import NoticeKind, Transport
from engine.operations.notify import notify
from engine.people_jobs import RemindReview
from engine.people_ports import PeopleTransaction
from runbooks import break_glass as rules
from runbooks import run as state
from runbooks.approvals import ASKS, check_digest, check_time
from runbooks.catalogue import Catalogue
from runbooks.operations.decide import NOTE_LIMIT, find, make_void, why_changed, why_stale
from runbooks.operations.record import Said, publish, save
from runbooks.operations.request import check_rate
from runbooks.ports import RunsTransaction
from runbooks.review import Review
from runbooks.run import Run, RunStatus


class Reviews(Protocol):
    async def get(self, run_id: str) -> Review | None:
        """Locked until the transaction ends, where the database can."""
        ...

    async def add(self, review: Review) -> None: ...

    async def save(self, review: Review) -> bool:
        """False when it was signed meanwhile: nothing is changed then."""
        ...


class GlassTransaction(RunsTransaction, PeopleTransaction, Protocol):
    @property
    def reviews(self) -> Reviews: ...


def called(people: Sequence[User], company_id: int) -> tuple[User, ...]:
    """Who hears of it at once: the company's admins and the MSP's."""
    return who_could(people, Verb.COMPANY_SETTINGS, company_id)


async def break_glass(
    tx: GlassTransaction,
    run_id: str,
    shown_digest: str,
    *,
    reason: str,
    actor: Actor,
    catalogue: Catalogue,
    now: datetime,
) -> Run:
    """Start exactly what the card showed though nobody agreed. Everything is decided anew; twice is once.

    Look at the status, as with `decide.approve`: it comes back void when it is not what was asked for any more.
    """
    before = await find(tx, run_id, actor)
    if before.broken_by is not None and before.broken_by == actor.id:
        return before
    incident = await tx.incidents.get(before.incident_id) if before.incident_id is not None else None
    context = await tx.companies.context(before.company_id)
    answer = may(actor, ASKS[before.risk], before.company_id, incident)
    if isinstance(answer, Denied):
        raise Refused(answer.reason, code="denied")
    if actor.id is None:
        raise Refused("Only a person can break the glass.", code="denied")
    if before.status is not RunStatus.PENDING_APPROVAL:
        raise state.refusal(before)
    check_time(before, now)
    why = why_changed(before, catalogue) or why_stale(before, context)
    if why:
        return await make_void(tx, before, why, actor=actor, now=now)
    check_digest(before, shown_digest)
    earlier = await tx.runs.of_incident(incident.id) if incident is not None else ()
    why = rules.why_not(before, context=context, incident=incident, earlier=earlier, now=now)
    if why:
        raise Refused(f"The glass cannot be broken for {before.label}: {why}.", code="glass")
    said_reason = rules.check_reason(reason)[:NOTE_LIMIT]
    await check_rate(tx, before, context, now=now)
    after = state.break_glass(before, by=actor.id, name=actor.name, reason=said_reason, now=now)
    saved = await _broken(tx, before, after, actor=actor, now=now)
    text = f"{actor.name} broke the glass: {saved.label} starts without an approval. “{said_reason}”"
    people = called(context.people, saved.company_id)
    _tell(
        tx, people, NoticeKind.GLASS, text, key=f"glass:{saved.id}", incident=incident, urgent=True, now=now
    )
    return saved


def _tell(
    tx: GlassTransaction,
    people: Sequence[User],
    kind: NoticeKind,
    text: str,
    *,
    key: str,
    incident: Incident | None,
    urgent: bool,
    now: datetime,
) -> None:
    """By every way that each of them wants, and in chat whatever they want."""
    for ways in ((), (Transport.CHAT,)):
        notify(tx, people, kind, text, key=key, now=now, incident=incident, urgent=urgent, only=ways)


async def _broken(tx: GlassTransaction, before: Run, after: Run, *, actor: Actor, now: datetime) -> Run:
    said = Said(
        audit=AuditKind.GLASS_BROKEN,
        text=(
            f"🔨 {actor.name} broke the glass: {before.label} starts without an approval, asked for by"
            f" {before.requested_by_name}. Why: {after.decision_note}. An MSP admin other than {actor.name} has to"
            " sign the review."
        ),
        act=f"{before.title} started by break-glass by {actor.name}",
        timeline=TimelineKind.GLASS,
        detail={"reason": after.decision_note, "requested_by": before.requested_by},
    )
    review = Review(
        run_id=before.id,
        company_id=before.company_id,
        incident_id=before.incident_id,
        label=before.label,
        reason=after.decision_note,
        broken_by=after.broken_by or 0,
        broken_by_name=actor.name,
        broken_at=now,
        remind_at=now + rules.AGAIN,
    )
    saved = await save(tx, before, after, said, actor=actor, now=now)
    await tx.reviews.add(review)
    tx.jobs.put(StartRun(company_id=saved.company_id, run_id=saved.id), due_at=now)
    tx.jobs.put(RemindReview(company_id=saved.company_id, run_id=saved.id), due_at=review.remind_at)
    return saved


async def sign(tx: GlassTransaction, run_id: str, *, note: str, actor: Actor, now: datetime) -> Review:
    """An MSP admin who did not break the glass looked at it and says what came of that. Twice is once."""
    run = await find(tx, run_id, actor)
    review = await tx.reviews.get(run_id)
    if review is None:
        raise NotFound("There is nothing to sign for that run.")
    people = (await tx.companies.context(run.company_id)).people
    others = tuple(
        user.id
        for user in who_could(people, Verb.APPROVE_HIGH, run.company_id)
        if user.id != review.broken_by
    )
    answer = may(actor, Verb.APPROVE_HIGH, run.company_id)
    if isinstance(answer, Denied) or actor.id is None:
        raise Refused("Only an MSP admin can sign a review.", who=others, code="denied")
    if actor.id == review.broken_by:
        text = "You broke the glass yourself, so another MSP admin has to sign it."
        raise Refused(text, who=others, code="own_request")
    if not review.open:
        if review.signed_by == actor.id:
            return review
        raise Refused(f"{review.signed_by_name} has signed it already.", code="stale")
    said_note = " ".join(note.split())[:NOTE_LIMIT]
    if not said_note:
        raise Refused("A review needs a note: what did you find?", code="invalid")
    signed = replace(review, signed_by=actor.id, signed_by_name=actor.name, signed_at=now, note=said_note)
    if not await tx.reviews.save(signed):
        raise Refused("Somebody has signed it already.", code="stale")
    said = Said(
        audit=AuditKind.REVIEW_SIGNED,
        text=f"{actor.name} signed the review of {review.label}: {said_note}",
        timeline=TimelineKind.APPROVAL,
        detail={"broken_by": review.broken_by, "note": said_note},
    )
    await publish(tx, run, said, actor=actor, now=now)
    return signed


async def remind(tx: GlassTransaction, run_id: str, *, now: datetime) -> Review | None:
    """Tell those who have to sign, once a day for as long as it is open; None when there is nothing to say (yet)."""
    review = await tx.reviews.get(run_id)
    if review is None or not review.open:
        return None
    job = RemindReview(company_id=review.company_id, run_id=review.run_id)
    if now < review.remind_at:
        tx.jobs.put(job, due_at=review.remind_at)
        return None
    later = replace(review, remind_at=now + rules.AGAIN)
    if not await tx.reviews.save(later):
        return None
    people = (await tx.companies.context(review.company_id)).people
    signers = [
        user
        for user in who_could(people, Verb.APPROVE_HIGH, review.company_id)
        if user.id != review.broken_by
    ]
    days = (now - review.broken_at).days
    text = (
        f"{review.label} was started by break-glass by {review.broken_by_name} {days} day"
        f"{'' if days == 1 else 's'} ago and waits for your signature: `/aw mine`."
    )
    incident = await tx.incidents.get(review.incident_id) if review.incident_id is not None else None
    key = f"review:{run_id}:{days}"
    _tell(tx, signers, NoticeKind.REVIEW, text, key=key, incident=incident, urgent=False, now=now)
    tx.audit.add(
        entry(
            AuditKind.REVIEW_REMINDED,
            company_id=review.company_id,
            actor=SYSTEM,
            subject=f"run {review.run_id}",
            now=now,
            told=[user.id for user in signers],
        )
    )
    tx.jobs.put(job, due_at=later.remind_at)
    return later
