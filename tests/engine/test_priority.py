"""How urgent an incident is, term by term."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.alert import Severity
from engine.incident import IncidentStatus
from engine.priority import priority
from tests.clock import START
from tests.engine.test_incident import an_incident


def _score(*, hours: float = 0, **changes: object) -> int:
    incident = an_incident(IncidentStatus.NEW, **changes)
    return priority(incident, START + timedelta(hours=hours)).score


def test_the_terms_add_up_and_are_explained() -> None:
    incident = an_incident(IncidentStatus.NEW, severity=Severity.HIGH, critical_asset=True, count=8)
    found = priority(incident, START + timedelta(hours=3))
    assert dict(found.terms) == {"high severity": 70, "critical asset": 10, "duplicates": 6, "age": -3}
    assert found.score == 83
    assert found.explain() == "83 = 70 high severity +10 critical asset +6 duplicates -3 age"


def test_terms_that_do_not_matter_are_not_said() -> None:
    found = priority(an_incident(IncidentStatus.NEW, severity=Severity.LOW), START)
    assert found.explain() == "30 = 30 low severity"


@pytest.mark.parametrize(("count", "points"), [(0, 0), (1, 0), (2, 2), (3, 3), (4, 4), (32, 10), (10**9, 10)])
def test_duplicates_weigh_by_their_logarithm_up_to_a_cap(count: int, points: int) -> None:
    assert _score(count=count) - _score(count=1) == points


@pytest.mark.parametrize(
    ("hours", "points"), [(-5, 0), (0, 0), (0.99, 0), (1, 1), (9.5, 9), (10, 10), (999, 10)]
)
def test_each_quiet_hour_costs_a_point_up_to_ten(hours: float, points: int) -> None:
    assert _score(hours=0) - _score(hours=hours) == points


@given(
    st.sampled_from(list(Severity)), st.booleans(), st.integers(0, 10**6), st.floats(0, 1000), st.booleans()
)
def test_no_mix_of_terms_lets_a_severity_overtake_the_next_but_one(
    severity: Severity, critical: bool, count: int, hours: float, other: bool
) -> None:
    here = _score(hours=hours, severity=severity, critical_asset=critical, count=count)
    worst = _score(hours=1000, severity=severity, critical_asset=False, count=1)
    best = _score(severity=severity, critical_asset=True, count=10**6)
    assert worst <= here <= best
    if severity.rank >= 2:
        two_worse = list(Severity)[severity.rank - 2]
        assert best <= _score(hours=1000, severity=two_worse, critical_asset=other)
