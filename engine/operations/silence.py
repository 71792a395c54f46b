"""Silences and maintenance windows as people want them: looked at beforehand, confirmed, ended, listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engine.access import Actor, Denied, Verb, may, who_could
from engine.alert import Severity
from engine.audit import AuditKind, entry
from engine.company import CompanyContext, Role
from engine.errors import NotFound, Refused
from engine.jobs import TurnQuiet
from engine.operations.hold import with_keys
from engine.operations.intake_story import tell_company
from engine.ports import IntakeTransaction, Transaction
from engine.receipt import LOOK_BACK, MOST_LOOKED_AT, Preview, announcement, preview, span_words
from engine.schedule import LONGEST_SERIES, Schedule, between
from engine.suppression import KINDS, LONGEST_SILENCE, QuietKind, QuietRule, Scope

TECHNICIANS_LONGEST = timedelta(hours=24)
LONGEST_REASON = 300
MOST_RULES = 200
GOOD_FOR = timedelta(hours=1)
"""How long a preview may be confirmed."""
_NOW = timedelta(seconds=1)
VERBS: Mapping[QuietKind, Verb] = {QuietKind.SILENCE: Verb.SILENCE, QuietKind.MAINTENANCE: Verb.MAINTAIN}
_ADDED = {
    QuietKind.SILENCE: AuditKind.SILENCE_ADDED,
    QuietKind.MAINTENANCE: AuditKind.MAINTENANCE_ADDED,
}
_ENDED = {
    QuietKind.SILENCE: AuditKind.SILENCE_ENDED,
    QuietKind.MAINTENANCE: AuditKind.MAINTENANCE_ENDED,
}
_LIST = {QuietKind.SILENCE: "`/aw silence list`", QuietKind.MAINTENANCE: "`/aw maint list`"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants held in one company, when, and why."""

    kind: QuietKind
    company_id: int
    scope: Scope
    schedule: Schedule
    reason: str


async def look(
    tx: Transaction, wish: Wish, *, longest: timedelta = LONGEST_SILENCE, actor: Actor, now: datetime
) -> tuple[QuietRule, Preview]:
    """The rule as it would be, not stored, and what it would have hidden: long to read, so in no writing transaction.
    Raises Refused when it cannot be."""
    rule, context = await _made(tx, wish, longest, actor, now)
    history = await tx.quiet.history(wish.company_id, since=now - LOOK_BACK, most=MOST_LOOKED_AT)
    (keyed,) = await with_keys(tx, [rule])
    return rule, preview(history, keyed.scope, rule.schedule, context, now)


async def draft(
    tx: Transaction, wish: Wish, *, longest: timedelta = LONGEST_SILENCE, actor: Actor, now: datetime
) -> QuietRule:
    """Kept for an hour so that a press can confirm it; it holds nothing yet."""
    rule, _ = await _made(tx, wish, longest, actor, now)
    return await tx.quiet.add(rule)


async def add(
    tx: IntakeTransaction, wish: Wish, *, longest: timedelta = LONGEST_SILENCE, actor: Actor, now: datetime
) -> QuietRule:
    """At once, for somebody who has seen the preview or wants none."""
    rule = await draft(tx, wish, longest=longest, actor=actor, now=now)
    return await confirm(tx, rule.id, actor=actor, now=now)


async def _made(
    tx: Transaction, wish: Wish, longest: timedelta, actor: Actor, now: datetime
) -> tuple[QuietRule, CompanyContext]:
    context = await tx.companies.context(wish.company_id)
    _must_be_allowed(context, wish.kind, actor)
    wish = replace(wish, scope=_known(wish.scope, context), reason=" ".join(wish.reason.split()))
    if wish.scope.incident is not None:
        await _theirs(tx, wish.scope.incident, wish.company_id)
    _must_make_sense(wish, longest, now)
    _must_fit_the_role(context, wish, actor)
    if len(context.quiet) >= MOST_RULES:
        raise Refused(
            f"{context.company.name} has {MOST_RULES} silences and windows already.",
            hint=f"End some first: {_LIST[wish.kind]}.",
        )
    rule = KINDS[wish.kind](
        id=0,
        company_id=wish.company_id,
        scope=wish.scope,
        schedule=wish.schedule,
        reason=wish.reason,
        by=actor.name,
        by_id=actor.id,
        created_at=now,
    )
    return rule, context


async def confirm(
    tx: IntakeTransaction, rule_id: int, *, criticals: bool = False, actor: Actor, now: datetime
) -> QuietRule:
    """From a preview to the real thing, counted from now. A second press is a silent success."""
    rule = await _found(tx, rule_id, actor)
    if rule.confirmed_at is not None:
        return rule
    if now - rule.created_at > GOOD_FOR:
        raise Refused("This preview is more than an hour old.", hint="Ask for it again.", code="stale")
    _must_fit_the_role(await tx.companies.context(rule.company_id), rule, actor)
    schedule = _from_now(rule, now)
    scope = replace(rule.scope, ceiling=Severity.CRITICAL) if criticals else rule.scope
    real = replace(rule, schedule=schedule, scope=scope, confirmed_at=now, by=actor.name, by_id=actor.id)
    if real.schedule.over_at <= now:
        raise Refused("That time is over meanwhile.", hint="Ask for it again.", code="stale")
    await tx.quiet.change(real, turn_at=now)
    await tx.companies.touch(rule.company_id)
    _prove(tx, real, _ADDED[rule.kind], actor, now, **_told(real))
    zone = (await tx.companies.context(rule.company_id)).company.timezone
    await tell_company(tx, rule.company_id, announcement(real, zone, now), now=now)
    tx.jobs.put(TurnQuiet(company_id=rule.company_id, rule_id=rule.id), due_at=now)
    return real


async def end(
    tx: Transaction, rule_id: int, *, kind: QuietKind | None = None, actor: Actor, now: datetime
) -> QuietRule:
    """Before its time. What is still broken is heard at once. A second time is a silent success."""
    rule = await _found(tx, rule_id, actor)
    if kind not in (None, rule.kind) or rule.confirmed_at is None:
        raise unknown(rule_id, kind or rule.kind)
    if rule.finished_at is not None or rule.ended_at is not None:
        return rule
    over = replace(rule, ended_at=now, ended_by=actor.name)
    await tx.quiet.change(over, turn_at=now)
    await tx.companies.touch(rule.company_id)
    _prove(tx, over, _ENDED[rule.kind], actor, now, held=rule.held, reason=rule.reason)
    tx.jobs.put(TurnQuiet(company_id=rule.company_id, rule_id=rule.id), due_at=now)
    return over


async def listed(
    tx: Transaction, company_ids: Sequence[int], kind: QuietKind | None = None
) -> list[QuietRule]:
    """Those that are not over, with how much they have held by now."""
    found = await tx.quiet.unfinished(company_ids)
    return [one for one in found if kind in (None, one.kind) and one.ended_at is None]


def _must_be_allowed(context: CompanyContext, kind: QuietKind, actor: Actor) -> None:
    decision = may(actor, VERBS[kind], context.company.id)
    if not isinstance(decision, Denied):
        return
    if decision.foreign:
        raise NotFound("There is no such company.")
    could = who_could(context.people, VERBS[kind], context.company.id)
    raise Refused(decision.reason, who=tuple(user.id for user in could)[:4], code="denied")


def _must_make_sense(wish: Wish, longest: timedelta, now: datetime) -> None:
    schedule, what = wish.schedule, "silence" if wish.kind is QuietKind.SILENCE else "window"
    if not wish.reason:
        hint = f"Say why at the end: `{what} … replacing the disk`. Whoever is on call reads it."
        raise Refused(f"A {what} needs a reason.", hint=hint, code="invalid")
    if len(wish.reason) > LONGEST_REASON:
        raise Refused(f"The reason is too long; {LONGEST_REASON} characters are enough.", code="invalid")
    if schedule.rule and (schedule.until is None or schedule.until > now + LONGEST_SERIES):
        raise Refused(
            "A series needs an end, within a year.", hint="Write `until 2027-01-31`.", code="invalid"
        )
    if not schedule.stretches or schedule.over_at <= now:
        raise Refused("That time is over already.", hint="Name one to come.", code="invalid")
    if schedule.length <= timedelta(0) or schedule.length > longest:
        raise Refused(
            f"A {what} lasts {span_words(longest)} at most.",
            hint="For longer than that, mend or mute the check at its source.",
            code="invalid",
        )
    if schedule.unbroken:
        raise Refused(
            "These windows would run into one another.", hint="Leave a gap between them.", code="invalid"
        )


def _must_fit_the_role(context: CompanyContext, wish: Wish | QuietRule, actor: Actor) -> None:
    if actor.user is None or actor.user.role is not Role.TECHNICIAN:
        return
    if wish.schedule.length > TECHNICIANS_LONGEST:
        could = who_could(context.people, Verb.MAINTAIN, context.company.id)
        raise Refused(
            f"A technician's silence lasts {span_words(TECHNICIANS_LONGEST)} at most.",
            hint="Make it shorter, or have it done.",
            who=tuple(user.id for user in could)[:4],
            code="denied",
        )


def _known(scope: Scope, context: CompanyContext) -> Scope:
    """With the asset's own name where it was called by another."""
    asset = context.asset_called(scope.asset) if scope.asset else None
    return replace(scope, asset=asset.name) if asset is not None else scope


async def _theirs(tx: Transaction, incident_id: int, company_id: int) -> None:
    """Another company's number is no number."""
    found = await tx.incidents.get(incident_id)
    if found is None or found.company_id != company_id:
        raise NotFound(f"There is no INC-{incident_id}.", hint="`/aw list` shows what is open.")


def _from_now(rule: QuietRule, now: datetime) -> Schedule:
    """What began when it was asked for begins when it is confirmed; a named end stays, a length does too."""
    schedule = rule.schedule
    if schedule.rule or (first := schedule.stretches[0]).starts_at > rule.created_at + _NOW:
        return schedule
    if schedule.on_the_wall:
        return replace(between(now, first.ends_at), on_the_wall=True)
    return between(now, now + schedule.length)


async def _found(tx: Transaction, rule_id: int, actor: Actor) -> QuietRule:
    rule = await tx.quiet.get(rule_id)
    if rule is None:
        raise unknown(rule_id, QuietKind.SILENCE)
    context = await tx.companies.context(rule.company_id)
    decision = may(actor, VERBS[rule.kind], rule.company_id)
    if isinstance(decision, Denied) and decision.foreign:
        raise unknown(rule_id, rule.kind)
    _must_be_allowed(context, rule.kind, actor)
    return rule


def unknown(rule_id: int, kind: QuietKind) -> NotFound:
    return NotFound(f"There is no {kind} {rule_id}.", hint=f"{_LIST[kind]} shows what there is.")


def _told(rule: QuietRule) -> dict[str, object]:
    schedule = rule.schedule
    return {
        "scope": rule.scope.words,
        "ceiling": rule.scope.ceiling.value,
        "reason": rule.reason,
        "first": schedule.stretches[0].starts_at.isoformat(),
        "ends": schedule.over_at.isoformat(),
        "series": schedule.rule,
    }


def _prove(
    tx: Transaction, rule: QuietRule, kind: AuditKind, actor: Actor, now: datetime, **detail: object
) -> None:
    tx.audit.add(entry(kind, company_id=rule.company_id, actor=actor, subject=rule.label, now=now, **detail))
