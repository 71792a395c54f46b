"""Alerts in, decisions out: the batch of deliveries that shares one transaction.

Read once for the whole batch, decide in memory alert by alert in order of arrival, write once. Nothing here grows
with the number of open incidents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engine.alert import (
    Alert,
    AlertStatus,
    Identity,
    Severity,
    StoredAlert,
    fingerprint,
    merge,
)
from engine.classification import Classification, classify, judge
from engine.company import CompanyContext
from engine.correlation import Attach, Join, Open, Quiet, Reopen, Rules, correlate, identify
from engine.identifiers import new_id
from engine.incident import Incident, IncidentStatus, acted, attach, recover, reopen
from engine.operations import hold, patterns
from engine.operations.grouping import Groups
from engine.operations.limits import TurnedAway, admit, refuse
from engine.operations.open_incidents import OpenSet, Work, load
from engine.operations.settle import settle
from engine.ports import IntakeTransaction, Transaction
from engine.reason import Reason
from engine.suppression import QuietRule

UNNAMED_TOOL = "generic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One accepted request: its alerts and the names under which a repeat of it would come."""

    company_id: int
    alerts: tuple[Alert, ...]
    ids: tuple[str, ...] = ()
    released: tuple[StoredAlert, ...] = ()
    """What was held and is heard now, one for each of `alerts`; `because` says why. Otherwise empty."""
    because: str = ""
    limited: bool = False
    """Does it count as one of the requests that its company may send?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the sender is told, as JSON: `{"accepted": n, "results": [...]}`. `replayed` repeats an earlier answer;
    `turned_away` means that nothing was accepted."""

    body: Mapping[str, object]
    replayed: bool = False
    turned_away: TurnedAway | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    alert_id: str
    work: Work | None
    is_new: bool
    deduplicated: bool
    reason: Reason
    suppressed_by: str | None = None


async def ingest(tx: IntakeTransaction, deliveries: Sequence[Delivery], now: datetime) -> list[Answer]:
    """Take the deliveries in, in order, and say what became of each alert.

    Raises Conflict when another replica opened one of the same incidents meanwhile: run the batch again.
    """
    names = {key for one in deliveries for key in _keys(one)}
    earlier = dict(await tx.deliveries.answers(names)) if names else {}
    contexts = await tx.companies.contexts({one.company_id for one in deliveries}, alone=True)
    fresh: list[Delivery] = []
    seen: set[tuple[int, str]] = set()
    for one in deliveries:
        keys = set(_keys(one))
        if not keys & (earlier.keys() | seen):
            fresh.append(one)
            seen |= keys
    counted = [one for one in fresh if one.limited]
    turned_away = {
        id(counted[place]): why for place, why in (await admit(tx, counted, contexts, now)).items()
    }
    fresh = [one for one in fresh if id(one) not in turned_away]
    said, words = await _decide(tx, fresh, contexts, now)
    body_of = {id(one): _body(results, words) for one, results in zip(fresh, said, strict=True)}
    answers: list[Answer] = []
    again: dict[tuple[int, str], TurnedAway] = {}
    for one in deliveries:
        body = body_of.get(id(one))
        if body is not None:
            for name in one.ids:
                tx.deliveries.put(one.company_id, name, body, now=now)
                earlier[(one.company_id, name)] = body
            answers.append(Answer(body=body))
            continue
        first = next((earlier[key] for key in _keys(one) if key in earlier), None)
        if first is not None:
            answers.append(Answer(body=first, replayed=True))
        else:  # over the limit, or the repeat of one that was
            why = turned_away.get(id(one)) or next(again[key] for key in _keys(one) if key in again)
            again |= dict.fromkeys(_keys(one), why)
            answers.append(Answer(body={}, turned_away=why))
    if turned_away:
        over = [one for one, answer in zip(deliveries, answers, strict=True) if answer.turned_away]
        await refuse(tx, over, now)
    return answers


def _keys(delivery: Delivery) -> list[tuple[int, str]]:
    return [(delivery.company_id, name) for name in delivery.ids]


async def _decide(
    tx: Transaction, fresh: Sequence[Delivery], contexts: Mapping[int, CompanyContext], now: datetime
) -> tuple[list[list[_Said]], Callable[[str], str]]:
    """What became of each alert, and how to say it now that new incidents have numbers."""
    identified = [
        [(alert, identify(alert, contexts[one.company_id])) for alert in one.alerts] for one in fresh
    ]
    holding = await hold.load(tx, [one.company_id for one in fresh], identified, contexts, now)
    open_set = await load(
        tx, fresh, identified, contexts, now
    )  # after it: what was held may be heard meanwhile
    groups = Groups(tx, open_set, now)
    by_company: dict[int, list[tuple[Alert, Identity]]] = {}
    for one, pairs in zip(fresh, identified, strict=True):
        by_company.setdefault(one.company_id, []).extend(pairs)
    await groups.load({number: contexts[number] for number in by_company}, open_set.searching, by_company)
    batch = _Batch(tx, open_set, holding, groups, now)
    said: list[list[_Said]] = []
    for one, pairs in zip(fresh, identified, strict=True):
        context = contexts[one.company_id]
        again = one.released or (None,) * len(pairs)
        said.append(
            [
                await _judge(batch, context, alert, identity, was, one.because)
                for (alert, identity), was in zip(pairs, again, strict=True)
            ]
        )
    await settle(tx, open_set, groups, contexts, now)
    holding.settle(tx, now)
    return said, groups.words


@dataclass(frozen=True, slots=True)
class _Batch:
    """What all alerts of one transaction share."""

    tx: Transaction
    open_set: OpenSet
    holding: hold.Holding
    groups: Groups
    now: datetime


async def _judge(
    batch: _Batch,
    context: CompanyContext,
    alert: Alert,
    identity: Identity,
    was: StoredAlert | None,
    because: str,
) -> _Said:
    """Held, or on to correlation. What was held and is heard now keeps its id, its count and when it began."""
    holding, now = batch.holding, batch.now
    judged = judge(severity_word=alert.severity_word, signature=alert.signature, message=alert.message)
    stored = _stored(context, alert, identity, judged, now)
    if was is not None:
        stored = replace(
            stored,
            id=was.id,
            first_at=was.first_at,
            last_at=was.last_at,
            count=was.count,
            held_by=was.held_by,
        )
        said = await _one(batch, context, alert, identity, stored, because=because)
        if said.alert_id != was.id:
            holding.forget(was)
        return said
    if (kept := holding.hold(alert, identity, stored, context, now)) is not None:
        return _Said(kept[0].id, None, False, False, kept[1].reason, kept[1].by)
    ended = holding.recover(stored, context) if alert.status is AlertStatus.RESOLVED else None
    return await _one(batch, context, alert, identity, stored, ended=ended)


async def _one(
    batch: _Batch,
    context: CompanyContext,
    alert: Alert,
    identity: Identity,
    stored: StoredAlert,
    *,
    because: str = "",
    ended: tuple[StoredAlert, QuietRule] | None = None,
) -> _Said:
    company, open_set, now = context.company, batch.open_set, batch.now
    rules = Rules(window=company.window, reopen_window=company.reopen_window)
    look, advice = await batch.groups.advise(context, alert, identity, stored)
    decision = correlate(alert, identity, open_set.of(company.id), rules, now, advice)
    reason = Reason("held", f"{because}; {decision.reason.text}") if because else decision.reason
    if isinstance(decision, Open):
        judged = classify(severity_word=alert.severity_word, signature=alert.signature, message=alert.message)
        draft = _draft(context, stored, judged, reason, now, about=alert.asset_note)
        if (track := open_set.track((company.id, stored.correlation_key))) is not None:
            draft = patterns.begin(draft, track, context, now)
        work = open_set.begin(draft)
        open_set.put_alert(work, stored)
        work = await batch.groups.placed(context, look, work, stored)
        return _Said(stored.id, work, work.before is None, False, reason)
    if isinstance(decision, Quiet) and ended is not None:
        kept, rule = ended
        said = Reason("recovery-of-held", f"recovery of what {rule.label} held: it will not be opened")
        return _Said(kept.id, None, False, False, said, rule.label)
    if isinstance(decision, Quiet):
        open_set.loose.append(stored)
        return _Said(stored.id, None, False, False, reason)
    work = open_set.work(decision.incident.id)
    if isinstance(decision, Join):
        batch.groups.join(decision, stored)
    if isinstance(decision, Reopen):
        work.after = reopen(work.after, now=now)
        work.reopened = reason
    elif decision.reason.rule == "same-key-again":
        work.again = decision.reason
    if alert.status is AlertStatus.NO_DATA:
        kept = _unseen(open_set, work, stored, decision.reason, now)
    elif alert.status is AlertStatus.RESOLVED:
        kept = await _end(batch.tx, open_set, work, stored, now)
        batch.groups.close(company.id, work, kept)
    else:
        kept = _again(open_set, work, stored, context, now)
        work = await batch.groups.placed(context, look, work, stored)
    deduplicated = isinstance(decision, Attach) and alert.status is AlertStatus.FIRING
    return _Said(kept.id, work, False, deduplicated, reason)


def _unseen(open_set: OpenSet, work: Work, stored: StoredAlert, reason: Reason, now: datetime) -> StoredAlert:
    """No data on something that is open: kept beside its alerts and told once; nothing else changes."""
    old = open_set.alert(work, stored.fingerprint)
    if old is None:
        work.no_data = reason
        work.after = acted(work.after, what=f"{stored.tool} reports no data", now=now)
    kept = merge(old, stored) if old else stored
    open_set.put_alert(work, kept)
    return kept


def _again(
    open_set: OpenSet, work: Work, stored: StoredAlert, context: CompanyContext, now: datetime
) -> StoredAlert:
    """A firing alert of a known incident: merged into the alert it repeats, or a new member."""
    old = open_set.alert(work, stored.fingerprint)
    kept = merge(old, stored) if old else stored
    newly = old is None or old.status is AlertStatus.RESOLVED
    if newly and not work.after.firing:
        patterns.fires(work, stored.severity, context, now)
    work.after = attach(
        work.after,
        severity=stored.severity,
        tool=stored.tool,
        times=stored.count,
        newly_firing=newly,
        now=now,
    )
    open_set.put_alert(work, kept)
    return kept


async def _end(
    tx: Transaction, open_set: OpenSet, work: Work, stored: StoredAlert, now: datetime
) -> StoredAlert:
    """A recovery: ends the alert it names; without a match, what the same tool said about the same problem, but
    never an alert that goes by another key of that tool: that one has not recovered."""
    old = open_set.alert(work, stored.fingerprint)
    if old is not None:
        ending = [old]
    else:
        firing = await open_set.firing(tx, work)
        ending = [one for one in firing if _may_mean(stored, one)]
    ended = sum(one.status is AlertStatus.FIRING for one in ending)
    for one in ending:
        open_set.put_alert(work, merge(one, _recovery_of(one, stored)))
    if ended:
        flapping = patterns.stops(work, whole=ended >= work.after.firing, now=now)
        work.after = recover(work.after, ended=ended, now=now, flapping=flapping)
        work.recovered = work.after.firing == 0
    if ending:
        return ending[0]
    open_set.put_alert(work, stored)
    return stored


def _may_mean(recovery: StoredAlert, firing: StoredAlert) -> bool:
    if recovery.tool not in (firing.tool, UNNAMED_TOOL):
        return False
    return None in (recovery.dedup_key, firing.dedup_key) or recovery.dedup_key == firing.dedup_key


def _recovery_of(firing: StoredAlert, said: StoredAlert) -> StoredAlert:
    return replace(said, severity=firing.severity, dedup_key=firing.dedup_key or said.dedup_key, count=0)


def _stored(
    context: CompanyContext, alert: Alert, identity: Identity, judged: Classification, now: datetime
) -> StoredAlert:
    return StoredAlert(
        id=new_id(now),
        company_id=context.company.id,
        incident_id=None,
        fingerprint=fingerprint(identity, alert.tool, alert.dedup_key, alert.status),
        asset_name=alert.asset_name,
        asset=identity.asset,
        signature=identity.signature,
        title=alert.signature,
        severity=Severity.INFO if alert.status is AlertStatus.NOTICE else judged.severity,
        status=alert.status,
        message=alert.message,
        tool=alert.tool,
        dedup_key=alert.dedup_key,
        correlation_key=identity.correlation_key,
        labels=alert.labels,
        link=alert.link,
        count=1,
        first_at=now,
        last_at=now,
        occurred_at=alert.occurred_at,
    )


def _draft(
    context: CompanyContext,
    stored: StoredAlert,
    judged: Classification,
    reason: Reason,
    now: datetime,
    *,
    about: str | None,
) -> Incident:
    """`about` says which stand-in names the asset, when the tool names none."""
    asset = context.asset_called(stored.asset_name)
    return Incident(
        id=0,
        company_id=context.company.id,
        correlation_key=stored.correlation_key,
        title=stored.title,
        asset=stored.asset,
        asset_name=asset.name if asset else stored.asset_name,
        signature=stored.signature,
        category=judged.category,
        severity=judged.severity,
        status=IncidentStatus.NEW,
        opened_at=now,
        last_alert_at=now,
        opened_reason=f"{reason.text}; {judged.severity} because {judged.why}"
        + (f"; {about}" if about else ""),
        count=stored.count,
        tools=(stored.tool,),
        critical_asset=bool(asset and asset.critical),
    )


def _body(results: Sequence[_Said], words: Callable[[str], str]) -> dict[str, object]:
    return {
        "accepted": len(results),
        "results": [
            {
                "alert_id": one.alert_id,
                "incident_id": one.work.after.label if one.work else None,
                "is_new": one.is_new,
                "deduplicated": one.deduplicated,
                "reason": words(one.reason.text),
                "suppressed_by": one.suppressed_by,
                "sla_due": one.work.sla_due.isoformat() if one.work and one.work.sla_due else None,
            }
            for one in results
        ],
    }
