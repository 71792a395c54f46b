"""Reports against a recount that goes one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import mean, median

from hypothesis import given
from hypothesis import strategies as st

from engine.alert import Severity
from engine.noise import Noise, TimeFact
from engine.report import (
    IncidentFact,
    Kept,
    Material,
    Report,
    RunFact,
    Times,
    report,
    share,
)
from engine.sla import ClockKind, SlaClock
from engine.timesheet import Rate
from tests.clock import START

MINUTE = timedelta(minutes=1)
SINCE, UNTIL = START, START + timedelta(days=7)
NOW = UNTIL


def fact(number: int = 1, **changes: object) -> IncidentFact:
    values: dict[str, object] = {
        "id": number,
        "severity": Severity.HIGH,
        "asset_name": "web-01",
        "title": "Disk full",
        "correlation_key": "web-01|disk full",
        "alerts": 1,
        "opened_at": START,
        "claimed_at": None,
        "resolved_at": None,
        "resolved_by": "",
        "assignee_id": None,
        "open": True,
        "reopened": 0,
    }
    return IncidentFact(**values | changes)  # type: ignore[arg-type]


def made(
    *incidents: IncidentFact,
    clocks: tuple[SlaClock, ...] = (),
    runs: tuple[RunFact, ...] = (),
    zone: str = "UTC",
    time: tuple[TimeFact, ...] = (),
) -> Report:
    material = Material(
        incidents=incidents,
        clocks=clocks,
        runs=runs,
        held={"silence": 3},
        silent_sources=["veeam"],
        names={7: "Kim"},
        time=time,
    )
    return report(material, company="Acme", since=SINCE, until=UNTIL, timezone=zone, now=NOW)


def clock(number: int, kind: ClockKind, minutes: int, **changes: object) -> SlaClock:
    values: dict[str, object] = {
        "incident_id": number, "company_id": 1, "kind": kind, "started_at": START, "target": minutes * MINUTE,
        "warn_before": MINUTE,
    }  # fmt: skip
    return SlaClock(**values | changes)  # type: ignore[arg-type]


def test_nothing_is_nothing_and_not_a_hundred_percent() -> None:
    empty = made()
    assert (empty.alerts, empty.incidents, empty.noise_reduction, empty.self_healed_percent) == (
        0,
        0,
        None,
        None,
    )
    assert empty.response.percent is None and empty.acknowledge == Times()
    assert len(empty.days) == 8, "from a morning to a morning, a week later"
    assert empty.held == {"silence": 3} and empty.silent_sources == ("veeam",)
    assert share(0, 0) is None and share(1, 3) == 33.3


def test_healed_is_what_no_person_had_in_hand() -> None:
    over = {"open": False, "resolved_at": START + MINUTE}
    found = made(
        fact(1, **over, resolved_by="monitoring"),
        fact(2, **over, resolved_by="monitoring", claimed_at=START),
        fact(3, **over, resolved_by="Kim"),
        fact(4, **over, resolved_by="monitoring"),
        fact(5),
        runs=(
            RunFact(incident_id=4, runbook_id="disk-clean-up", verified=True, by_itself=True),
            RunFact(incident_id=1, runbook_id="disk-clean-up", verified=False, by_itself=True),
            RunFact(incident_id=None, runbook_id="reboot", verified=None, by_itself=False),
        ),
    )
    assert (found.self_healed, found.healed_by_runbook, found.open) == (2, 1, 1)
    assert found.self_healed_percent == 40.0
    first, second = found.runbooks
    assert (first.runbook_id, first.runs, first.verified, first.refuted, first.by_itself) == (
        "disk-clean-up",
        2,
        1,
        1,
        2,
    )
    assert first.percent == 50.0 and second.percent is None


def test_noise_is_what_was_taken_and_ended_without_a_fix() -> None:
    over = {"open": False, "resolved_at": START + MINUTE, "claimed_at": START, "resolved_by": "Kim"}
    euro, dollar = Rate(Decimal(60), "EUR"), Rate(Decimal("90.50"), "USD")
    found = made(
        fact(1, **over),
        fact(2, **over, resolution="rotated the logs"),
        fact(3, **over, resolution="False alarm, the probe was slow"),
        fact(4, **over | {"resolved_by": "monitoring"}, resolution="Monitoring reports recovery."),
        fact(5, **over),
        fact(6, **over | {"claimed_at": None}),
        fact(7, **over | {"open": True}),
        fact(8, **over, resolution="noise", correlation_key="other"),
        fact(9, **over, resolution="noisy fan replaced"),
        runs=(RunFact(incident_id=5, runbook_id="disk-clean-up", verified=True, by_itself=False),),
        time=tuple(
            TimeFact(incident_id=number, minutes=10, booked=number % 2 == 1, rate=rate)
            for number, rate in enumerate((euro, euro, dollar, None, euro, euro, euro, euro, euro), start=1)
        ),
    )
    cost = {"EUR": Decimal("20.00"), "USD": Decimal("15.08")}
    assert found.noise == Noise(4, 40, cost, 10), "1, 3, 4 and 8"
    assert (found.booked_minutes, found.drafted_minutes) == (50, 40)
    assert sorted(one.noise.minutes for one in found.checks) == [10, 30]


def test_promises_count_when_they_are_decided() -> None:
    found = made(
        *(fact(number) for number in range(1, 6)),
        clocks=(
            clock(1, ClockKind.RESPONSE, 30, met_at=START + 30 * MINUTE),  # in the last second
            clock(2, ClockKind.RESPONSE, 30, met_at=START + 31 * MINUTE),
            clock(3, ClockKind.RESPONSE, 30),  # long over
            clock(4, ClockKind.RESPONSE, 30, paused_at=START + MINUTE),  # the client is waited for
            clock(5, ClockKind.RESPONSE, 8 * 24 * 60),  # still time
            clock(1, ClockKind.RESOLUTION, 60, met_at=START + 5 * MINUTE),
        ),
    )
    assert found.response == Kept(1, 2) and found.response.percent == 33.3
    assert found.resolution == Kept(1, 0)


def test_days_are_the_companys_own() -> None:
    late = datetime(2026, 3, 5, 23, 30, tzinfo=UTC)
    found = made(
        fact(1, opened_at=late, alerts=5),
        fact(2, opened_at=late, severity=Severity.LOW),
        zone="Europe/Vienna",
    )
    day = next(one for one in found.days if one.alerts)
    assert (f"{day.day}", day.alerts) == ("2026-03-06", 6)
    assert day.incidents == {Severity.HIGH: 1, Severity.LOW: 1}


SPANS = st.integers(0, 10_000).map(lambda minutes: minutes * MINUTE)
FACTS = st.lists(
    st.builds(
        lambda number, severity, alerts, at, claimed, resolved, check, person, back: fact(
            number,
            severity=severity,
            alerts=alerts,
            opened_at=START + at,
            claimed_at=START + at + claimed if claimed is not None else None,
            resolved_at=START + at + resolved if resolved is not None else None,
            resolved_by="monitoring" if resolved is not None and person is None else "Kim",
            open=resolved is None,
            assignee_id=person,
            correlation_key=f"k{check}",
            title=f"T{check}",
            reopened=back,
        ),
        st.integers(1, 10**6), st.sampled_from(Severity), st.integers(1, 500), SPANS, st.none() | SPANS,
        st.none() | SPANS, st.integers(0, 15), st.none() | st.sampled_from([7, 8]), st.integers(0, 2),
    ),
    unique_by=lambda one: one.id,
    max_size=40,
)  # fmt: skip


@given(FACTS)
def test_figures_agree_with_a_recount(facts: list[IncidentFact]) -> None:
    found = made(*facts)
    assert found.alerts == sum(one.alerts for one in facts)
    assert found.incidents == len(facts) == sum(one.incidents for one in found.severities)
    assert found.alerts == sum(day.alerts for day in found.days)
    assert found.incidents == sum(sum(day.incidents.values()) for day in found.days)
    taken = [(one.claimed_at - one.opened_at).total_seconds() for one in facts if one.claimed_at]
    assert found.acknowledge.count == len(taken)
    if taken:
        assert found.acknowledge.mean == timedelta(seconds=mean(taken))
        assert found.acknowledge.median == timedelta(seconds=median(taken))
    assert found.resolve.count == sum(one.resolved_at is not None for one in facts)
    assert found.open == sum(one.open for one in facts)
    assert found.reopened == sum(bool(one.reopened) for one in facts)
    owned = [one for one in facts if one.assignee_id and one.claimed_at]
    assert sum(one.claimed for one in found.people) == len(owned)
    assert sum(one.resolved for one in found.people) == sum(not one.open for one in owned)
    assert [one.name for one in found.people if one.user_id == 7] in ([], ["Kim"])
    by_check: dict[str, int] = {}
    for one in facts:
        by_check[one.correlation_key] = by_check.get(one.correlation_key, 0) + one.alerts
    assert [one.alerts for one in found.checks] == sorted(by_check.values(), reverse=True)[:10]
