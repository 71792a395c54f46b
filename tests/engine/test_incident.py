"""The incident's state machine: every transition from every state, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import incident as state
from engine.alert import Severity
from engine.errors import Refused
from engine.incident import Incident, IncidentStatus
from tests.clock import START

NEW, ASSIGNED, WORKING = IncidentStatus.NEW, IncidentStatus.ASSIGNED, IncidentStatus.IN_PROGRESS
RESOLVED, CLOSED = IncidentStatus.RESOLVED, IncidentStatus.CLOSED
LATER = START + timedelta(minutes=10)
KIM, BOB = 1, 2


def an_incident(status: IncidentStatus, **changes: object) -> Incident:
    values: dict[str, object] = {
        "id": 7,
        "company_id": 1,
        "correlation_key": "web-01|disk full",
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
        "assignee_id": None if status is NEW else KIM,
        "claimed_at": START if status in (WORKING, RESOLVED, CLOSED) else None,
        "resolved_at": START if status in (RESOLVED, CLOSED) else None,
        "resolved_by": "Kim" if status in (RESOLVED, CLOSED) else "",
        "firing": 0 if status in (RESOLVED, CLOSED) else 1,
    }
    return Incident(**values | changes)  # type: ignore[arg-type]


TRANSITIONS: dict[str, Callable[[Incident], Incident]] = {
    "assign": lambda one: state.assign(one, user_id=BOB, reason="r"),
    "reassign": lambda one: state.reassign(one, user_id=BOB, reason="r"),
    "claim": lambda one: state.claim(one, user_id=BOB, now=LATER),
    "unclaim": state.unclaim,
    "resolve": lambda one: state.resolve(one, by="Bob", note="fixed", now=LATER),
    "reopen": lambda one: state.reopen(one, now=LATER),
    "recover": lambda one: state.recover(one, ended=1, now=LATER),
    "attach": lambda one: state.attach(
        one, severity=Severity.LOW, tool="zabbix", times=1, newly_firing=True, now=LATER
    ),
}
REFUSED = None
TABLE: dict[str, dict[IncidentStatus, IncidentStatus | None]] = {
    "assign": {NEW: ASSIGNED, ASSIGNED: ASSIGNED, WORKING: WORKING, RESOLVED: REFUSED, CLOSED: REFUSED},
    "reassign": {NEW: ASSIGNED, ASSIGNED: ASSIGNED, WORKING: ASSIGNED, RESOLVED: REFUSED, CLOSED: REFUSED},
    "claim": {NEW: WORKING, ASSIGNED: WORKING, WORKING: WORKING, RESOLVED: REFUSED, CLOSED: REFUSED},
    "unclaim": {NEW: NEW, ASSIGNED: NEW, WORKING: NEW, RESOLVED: REFUSED, CLOSED: REFUSED},
    "resolve": {NEW: RESOLVED, ASSIGNED: RESOLVED, WORKING: RESOLVED, RESOLVED: REFUSED, CLOSED: REFUSED},
    "reopen": {NEW: REFUSED, ASSIGNED: REFUSED, WORKING: REFUSED, RESOLVED: WORKING, CLOSED: WORKING},
    "recover": {NEW: RESOLVED, ASSIGNED: RESOLVED, WORKING: WORKING, RESOLVED: RESOLVED, CLOSED: CLOSED},
    "attach": {NEW: NEW, ASSIGNED: ASSIGNED, WORKING: WORKING, RESOLVED: RESOLVED, CLOSED: CLOSED},
}


@pytest.mark.parametrize(
    ("verb", "before", "after"),
    [(verb, before, after) for verb, row in TABLE.items() for before, after in row.items()],
)
def test_every_transition_from_every_state(
    verb: str, before: IncidentStatus, after: IncidentStatus | None
) -> None:
    incident = an_incident(before)
    if after is REFUSED:
        with pytest.raises(Refused) as refused:
            TRANSITIONS[verb](incident)
        assert "INC-7" in refused.value.reason and refused.value.code == "stale"
    else:
        assert TRANSITIONS[verb](incident).status is after


def test_the_table_knows_every_state() -> None:
    assert all(set(row) == set(IncidentStatus) for row in TABLE.values())


@given(st.lists(st.sampled_from(sorted(TRANSITIONS)), max_size=25))
def test_no_sequence_of_acts_breaks_what_always_holds(verbs: list[str]) -> None:
    incident = an_incident(NEW)
    for verb in verbs:
        try:
            incident = TRANSITIONS[verb](incident)
        except Refused:
            continue
        assert incident.firing >= 0
        assert incident.open == (incident.resolved_at is None)
        assert incident.status is not ASSIGNED or incident.assignee_id is not None
        assert incident.status is not WORKING or incident.touched
        assert incident.touched is (incident.claimed_at is not None)
        assert incident.recovered_at is None or incident.firing == 0


def test_a_claim_is_dated_when_it_was_made() -> None:
    again = state.claim(state.reassign(an_incident(WORKING), user_id=BOB, reason="r"), user_id=BOB, now=LATER)
    assert again.claimed_at == LATER and again.assignee_id == BOB


@pytest.mark.parametrize("give_away", [TRANSITIONS["reassign"], TRANSITIONS["unclaim"]])
def test_what_was_given_back_is_in_nobodys_hands(give_away: Callable[[Incident], Incident]) -> None:
    given_away = give_away(an_incident(WORKING))
    assert not given_away.touched
    assert state.recover(given_away, ended=1, now=LATER).status is RESOLVED


def test_an_alert_counts_and_the_worst_severity_stays() -> None:
    raised = state.attach(
        an_incident(NEW), severity=Severity.CRITICAL, tool="zabbix", times=3, newly_firing=True, now=LATER
    )
    assert (raised.count, raised.firing, raised.severity) == (4, 2, Severity.CRITICAL)
    assert raised.tools == ("prometheus", "zabbix") and raised.last_alert_at == LATER
    calmer = state.attach(
        raised, severity=Severity.INFO, tool="zabbix", times=1, newly_firing=False, now=START
    )
    assert (calmer.severity, calmer.firing, calmer.last_alert_at) == (Severity.CRITICAL, 2, LATER)


def test_recovery_waits_for_the_last_alert() -> None:
    two = an_incident(ASSIGNED, firing=2)
    one_left = state.recover(two, ended=1, now=LATER)
    assert one_left.open and one_left.firing == 1 and one_left.recovered_at is None
    none_left = state.recover(one_left, ended=1, now=LATER)
    assert none_left.status is RESOLVED and none_left.resolved_by == "monitoring"


def test_recovery_asks_the_owner_of_what_was_claimed() -> None:
    recovered = state.recover(an_incident(WORKING), ended=1, now=LATER)
    assert recovered.open and recovered.recovered_at == LATER
    again = state.attach(recovered, severity=Severity.LOW, tool="x", times=1, newly_firing=True, now=LATER)
    assert again.recovered_at is None


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"assignee_id": None, "claimed_at": None}, NEW),
        ({"assignee_id": KIM, "claimed_at": None}, ASSIGNED),
        ({"assignee_id": KIM, "claimed_at": START}, WORKING),
    ],
)
def test_reopening_keeps_the_owner_and_forgets_the_resolution(
    changes: dict[str, object], status: IncidentStatus
) -> None:
    back = state.reopen(an_incident(RESOLVED, **changes), now=LATER)
    assert back.status is status and back.reopened == 1
    assert (back.resolved_at, back.resolved_by, back.resolution, back.closed_at) == (None, "", "", None)
    assert back.last_alert_at == LATER


def test_duration_is_from_opening_to_resolution() -> None:
    assert state.duration(an_incident(NEW)) is None
    assert state.duration(an_incident(RESOLVED, resolved_at=LATER)) == timedelta(minutes=10)
