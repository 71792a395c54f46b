"""Which incident an alert belongs to: every decision with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from engine.alert import Identity, Severity
from engine.correlation import Attach, Open, Quiet, Reopen, Rules, correlate
from engine.incident import Incident, IncidentStatus
from tests import given
from tests.clock import START

DISK = Identity(asset="web-01", signature="disk full")
RULES = Rules(reopen_window=timedelta(minutes=60))


def _incident(number: int = 7, status: IncidentStatus = IncidentStatus.NEW, **changes: object) -> Incident:
    values: dict[str, object] = {
        "id": number,
        "company_id": 1,
        "correlation_key": DISK.correlation_key,
        "title": "Disk full",
        "asset": "web-01",
        "asset_name": "web-01",
        "signature": "disk full",
        "category": "disk",
        "severity": Severity.HIGH,
        "status": status,
        "opened_at": START,
        "last_alert_at": START,
        "opened_reason": "new",
        "tools": ("prometheus",),
    }
    return Incident(**values | changes)  # type: ignore[arg-type]


@dataclass
class Known:
    """What correlation may look at, by hand."""

    open: Mapping[str, Incident] = field(default_factory=dict)
    resolved: Mapping[str, Incident] = field(default_factory=dict)
    firing: Mapping[tuple[str, str], Incident] = field(default_factory=dict)

    def with_key(self, correlation_key: str) -> Incident | None:
        return self.open.get(correlation_key)

    def last_resolved(self, correlation_key: str) -> Incident | None:
        return self.resolved.get(correlation_key)

    def numbered(self, incident_id: int) -> Incident | None:
        return next((one for one in self.open.values() if one.id == incident_id), None)

    def firing_as(self, tool: str, dedup_key: str) -> Incident | None:
        return self.firing.get((tool, dedup_key))


def test_something_new_opens_an_incident() -> None:
    decision = correlate(given.alert(), DISK, Known(), RULES, START)
    assert isinstance(decision, Open)
    assert decision.reason.rule == "new" and "web-01|disk full" in str(decision.reason)


def test_the_same_asset_and_signature_attach_and_say_when_it_was_last_seen() -> None:
    known = Known(open={DISK.correlation_key: _incident()})
    decision = correlate(given.alert(), DISK, known, RULES, START + timedelta(minutes=5))
    assert isinstance(decision, Attach) and decision.incident.id == 7
    assert "INC-7" in decision.reason.text and "5 min ago" in decision.reason.text


def test_a_second_tool_on_the_same_problem_is_the_same_incident_and_named() -> None:
    known = Known(open={DISK.correlation_key: _incident()})
    decision = correlate(given.alert(tool="zabbix"), DISK, known, RULES, START)
    assert isinstance(decision, Attach) and "also reported by zabbix" in decision.reason.text


def test_an_open_incident_goes_before_a_resolved_one() -> None:
    past = _incident(3, IncidentStatus.RESOLVED, resolved_at=START)
    known = Known(open={DISK.correlation_key: _incident()}, resolved={DISK.correlation_key: past})
    decision = correlate(given.alert(), DISK, known, RULES, START)
    assert isinstance(decision, Attach) and decision.incident.id == 7


def test_what_comes_back_inside_the_window_reopens_the_same_number() -> None:
    past = _incident(3, IncidentStatus.RESOLVED, resolved_at=START)
    known = Known(resolved={DISK.correlation_key: past})
    at_the_edge = correlate(given.alert(), DISK, known, RULES, START + timedelta(minutes=60))
    assert isinstance(at_the_edge, Reopen) and at_the_edge.incident.id == 3
    later = correlate(given.alert(), DISK, known, RULES, START + timedelta(minutes=60, seconds=1))
    assert isinstance(later, Open)


def test_a_recovery_finds_its_incident_by_the_tools_own_key_first() -> None:
    other = _incident(9, correlation_key="web-01|other")
    known = Known(open={DISK.correlation_key: _incident()}, firing={("prometheus", "k"): other})
    decision = correlate(given.recovery(dedup_key="k"), DISK, known, RULES, START)
    assert isinstance(decision, Attach) and decision.incident.id == 9


def test_without_that_key_a_recovery_goes_by_asset_and_signature() -> None:
    known = Known(open={DISK.correlation_key: _incident()}, firing={("zabbix", "k"): _incident(9)})
    decision = correlate(given.recovery(dedup_key="k"), DISK, known, RULES, START)
    assert isinstance(decision, Attach) and decision.incident.id == 7


def test_a_recovery_of_nothing_is_quiet_and_never_opens_or_reopens() -> None:
    past = _incident(3, IncidentStatus.RESOLVED, resolved_at=START)
    decision = correlate(given.recovery(), DISK, Known(resolved={DISK.correlation_key: past}), RULES, START)
    assert isinstance(decision, Quiet) and decision.reason.rule == "recovery-of-nothing"
