"""The stage before correlation: what a silence or a window covers is kept and counted, and nobody is told.

A company without either pays nothing; with one, a batch reads once what is held under the names it brings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from engine.alert import Alert, AlertStatus, Identity, StoredAlert, fingerprint, merge
from engine.company import CompanyContext
from engine.ports import Transaction
from engine.suppression import Held, QuietRule, quiet

UNNAMED_TOOL = "generic"
_Place = tuple[int, str]


class Holding:
    """What is held of the companies of one batch: as it was read, and as it will be written."""

    def __init__(
        self,
        known: Iterable[StoredAlert] = (),
        rules: Mapping[int, Sequence[QuietRule]] | None = None,
    ) -> None:
        self._rules = rules or {}
        self._held: dict[_Place, StoredAlert] = {}
        self._changed: dict[str, StoredAlert] = {}
        self._counted: dict[int, int] = {}
        for one in known:
            assert one.held_by is not None
            earlier = self._held.get((one.held_by, one.fingerprint))
            if earlier is None or earlier.id < one.id:
                self._held[(one.held_by, one.fingerprint)] = one

    def hold(
        self, alert: Alert, identity: Identity, stored: StoredAlert, context: CompanyContext, now: datetime
    ) -> tuple[StoredAlert, Held] | None:
        """The alert as kept, if it is to be kept back now. Only what fires is: a recovery always goes through."""
        if not context.quiet or stored.status is not AlertStatus.FIRING:
            return None
        rules = self._rules.get(context.company.id)
        held = quiet(alert, identity, stored.severity, context, now, rules)
        if held is None or held.rule is None or held.stretch is None:
            return None
        old = self._held.get((held.rule.id, stored.fingerprint))
        fresh = replace(stored, held_by=held.rule.id)
        kept = fresh
        if old is not None and (old.status is AlertStatus.FIRING or old.first_at >= held.stretch.starts_at):
            kept = merge(old, fresh)
        self._put(kept)
        self._counted[held.rule.id] = self._counted.get(held.rule.id, 0) + 1
        return kept, held

    def recover(self, recovery: StoredAlert, context: CompanyContext) -> tuple[StoredAlert, QuietRule] | None:
        """Held alerts that this recovery ends: they will not be opened when the quiet is over. The last of them."""
        ended = None
        for rule in context.quiet:
            for place, one in list(self._held.items()):
                if place[0] == rule.id and one.status is AlertStatus.FIRING and _ends(recovery, one):
                    said = replace(
                        recovery,
                        severity=one.severity,
                        dedup_key=one.dedup_key or recovery.dedup_key,
                        count=0,
                    )
                    ended = (merge(one, said), rule)
                    self._put(ended[0])
        return ended

    def forget(self, alert: StoredAlert) -> None:
        """Heard as another one, which an incident has already: this row is over."""
        self._changed[alert.id] = replace(alert, status=AlertStatus.RESOLVED)

    def _put(self, alert: StoredAlert) -> None:
        assert alert.held_by is not None
        self._held[(alert.held_by, alert.fingerprint)] = alert
        self._changed[alert.id] = alert

    def settle(self, tx: Transaction, now: datetime) -> None:
        """Write it. The count raises Conflict in the end when what holds these is over meanwhile."""
        for alert in self._changed.values():
            tx.alerts.put(alert)
        for rule_id, times in self._counted.items():
            tx.quiet.count(rule_id, times, now=now)


def _ends(recovery: StoredAlert, firing: StoredAlert) -> bool:
    """The same alert by the tool's own key, or what the same tool said about the same problem without one."""
    if recovery.fingerprint == firing.fingerprint:
        return True
    if recovery.correlation_key != firing.correlation_key or recovery.tool not in (firing.tool, UNNAMED_TOOL):
        return False
    return None in (recovery.dedup_key, firing.dedup_key) or recovery.dedup_key == firing.dedup_key


async def load(
    tx: Transaction,
    company_ids: Sequence[int],
    identified: Sequence[Sequence[tuple[Alert, Identity]]],
    contexts: Mapping[int, CompanyContext],
    now: datetime,
) -> Holding:
    """What is held under the names that these alerts bring, of companies where something may be held now."""
    rules: set[int] = set()
    keyed: dict[int, Sequence[QuietRule]] = {}
    prints: set[str] = set()
    keys: set[str] = set()
    for company_id, pairs in zip(company_ids, identified, strict=True):
        holding = {rule.id for rule in contexts[company_id].quiet if rule.may_hold(now)}
        if holding:
            if company_id not in keyed:
                keyed[company_id] = await with_keys(tx, contexts[company_id].quiet)
            rules |= holding
            prints |= {fingerprint(identity, alert.tool, alert.dedup_key) for alert, identity in pairs}
            keys |= {
                identity.correlation_key for alert, identity in pairs if alert.status is AlertStatus.RESOLVED
            }
    held = await tx.quiet.held_like(rules, prints=prints, keys=keys) if rules else ()
    return Holding(held, keyed)


async def with_keys(tx: Transaction, rules: Sequence[QuietRule]) -> Sequence[QuietRule]:
    """Those of incidents know now which keys these hold: one statement if there is any, none otherwise."""
    numbers = {rule.scope.incident for rule in rules if rule.scope.incident is not None}
    if not numbers:
        return rules
    keys = await tx.quiet.keys_of(rules[0].company_id, numbers)
    return tuple(
        rule
        if (number := rule.scope.incident) is None
        else replace(rule, scope=replace(rule.scope, keys=keys[number]))
        for rule in rules
    )
