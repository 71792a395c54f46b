"""What a silence or a window covers, and for how long."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.alert import Alert, Severity
from engine.company import Asset, Company, CompanyContext
from engine.correlation import identify
from engine.incident import IncidentStatus
from engine.receipt import Receipt, preview, span_words
from engine.schedule import Schedule, between, checked_rule
from engine.suppression import (
    Held,
    MaintenanceWindow,
    PastAlert,
    QuietRule,
    Scope,
    Silence,
    Tally,
    hush,
    quiet,
    resting_until,
)
from tests.engine.test_incident import an_incident

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
ASSETS = (
    Asset(
        id=1,
        company_id=1,
        name="web-01",
        aliases=("10.0.0.5", "www.acme.example"),
        labels={"site": "Vienna", "group": "shop"},
        depends_on=("sw-core",),
    ),
    Asset(id=2, company_id=1, name="sw-core", depends_on=("fw-01",)),
    Asset(id=3, company_id=1, name="fw-01", depends_on=("web-01",)),  # a ring must not hang
    Asset(id=4, company_id=1, name="db-01", labels={"site": "Graz"}),
)


def a_rule(kind: type[QuietRule] = Silence, **changes) -> QuietRule:
    values: dict[str, Any] = {
        "id": 7,
        "company_id": 1,
        "scope": Scope(asset="web-01"),
        "schedule": between(NOW - HOUR, NOW + HOUR),
        "reason": "new disk",
        "by": "Kim",
        "by_id": 1,
        "created_at": NOW - HOUR,
        "confirmed_at": NOW - HOUR,
    }
    return kind(**values | changes)


def a_context(*rules: QuietRule) -> CompanyContext:
    company = Company(id=1, slug="acme", name="Acme", timezone="Europe/Vienna")
    return CompanyContext(company=company, assets=ASSETS, people=(), quiet=rules)


def an_alert(asset: str = "web-01", signature: str = "Disk / 93% full", **changes) -> Alert:
    return Alert(asset_name=asset, signature=signature, tool="zabbix", **changes)


def held(context: CompanyContext, alert: Alert, severity: Severity = Severity.HIGH, *, now=NOW):
    return quiet(alert, identify(alert, context), severity, context, now)


@pytest.mark.parametrize(
    ("scope", "alert", "fits"),
    [
        (Scope(), an_alert("anything"), True),
        (Scope(asset="web-01"), an_alert(), True),
        (Scope(asset="WEB-01.acme.example"), an_alert(), True),
        (Scope(asset="web-01"), an_alert("10.0.0.5"), True),
        (Scope(asset="10.0.0.5"), an_alert("web-01:9100"), True),
        (Scope(asset="web-0"), an_alert(), False),
        (Scope(asset="web-*"), an_alert("Web-77.acme.example"), True),
        (Scope(asset="web-*"), an_alert("db-01"), False),
        (Scope(asset="*.acme.example"), an_alert("db-9.acme.example"), True),
        (Scope(labels=(("site", "vienna"),)), an_alert(), True),
        (Scope(labels=(("site", "vienna"),)), an_alert("db-01"), False),
        (Scope(labels=(("Site", "V*"),)), an_alert(), True),
        (
            Scope(labels=(("site", "graz"),)),
            an_alert(labels={"site": "graz"}),
            False,
        ),  # ours is the better word
        (Scope(labels=(("rack", "r7"),)), an_alert("unknown", labels={"rack": "R7"}), True),
        (Scope(labels=(("rack", "*"),)), an_alert(), False),
        (Scope(labels=(("site", "vienna"), ("group", "shop"))), an_alert(), True),
        (Scope(labels=(("site", "vienna"), ("group", "mail"))), an_alert(), False),
        (Scope(signature="Disk / 99% full"), an_alert(), True),
        (Scope(signature="disk*"), an_alert(), True),
        (Scope(signature="cpu*"), an_alert(), False),
        (Scope(asset="web-01", signature="cpu high"), an_alert(), False),
    ],
)
def test_a_scope_covers_what_it_names(scope, alert, fits):
    assert (held(a_context(a_rule(scope=scope)), alert) is not None) is fits


@pytest.mark.parametrize("ceiling", list(Severity))
@pytest.mark.parametrize("severity", list(Severity))
def test_what_is_worse_than_the_ceiling_still_comes(ceiling, severity):
    rule = a_rule(scope=Scope(ceiling=ceiling))
    assert (held(a_context(rule), an_alert(), severity) is None) is severity.worse_than(ceiling)


def test_the_reason_says_who_why_and_until_when_on_the_companys_clock():
    found = held(a_context(a_rule()), an_alert())
    assert found and found.by == "silence 7" and found.reason.rule == "silence"
    assert found.reason.text == "held by silence 7 until 11:00 CET (new disk, by Kim)"
    found = held(a_context(a_rule(MaintenanceWindow, id=3)), an_alert())
    assert found and found.by == "maintenance 3: new disk" and found.reason.rule == "maintenance"


def test_of_several_the_one_that_lasts_longest_is_named():
    longer = a_rule(id=8, schedule=between(NOW - HOUR, NOW + 2 * HOUR))
    found = held(a_context(longer, a_rule()), an_alert())
    assert found and found.by == "silence 8"


@pytest.mark.parametrize(
    ("minutes", "inside"), [(-61, False), (-60, True), (0, True), (59, True), (60, False)]
)
def test_it_holds_from_its_first_instant_to_its_last(minutes, inside):
    context = a_context(a_rule())
    assert (held(context, an_alert(), now=NOW + timedelta(minutes=minutes)) is not None) is inside


def test_ended_early_it_holds_no_more():
    rule = a_rule(ended_at=NOW, ended_by="Bob")
    assert held(a_context(rule), an_alert(), now=NOW - timedelta(seconds=1)) is not None
    assert held(a_context(rule), an_alert()) is None
    assert (left := rule.pending()) and left.ends_at == NOW
    assert replace(rule, closed_until=NOW).pending() is None
    assert replace(rule, ended_at=NOW - 2 * HOUR).pending() is None, "it never began"


def test_a_company_without_any_is_asked_nothing():
    assert held(a_context(), an_alert()) is None


def test_an_open_incident_in_scope_rests_and_maintenance_counts_first():
    incident = an_incident(IncidentStatus.NEW, asset_name="web-01", asset="web-01", severity=Severity.HIGH)
    silence, window = a_rule(schedule=between(NOW, NOW + 5 * HOUR)), a_rule(MaintenanceWindow, id=8)
    assert by(hush(incident, a_context(silence), NOW)) == "silence 7"
    assert by(hush(incident, a_context(silence, window), NOW)) == "maintenance 8: new disk"
    assert resting_until(incident, a_context(window), NOW) == NOW + HOUR
    assert resting_until(incident, a_context(), NOW) is None
    snoozed = replace(incident, snoozed_until=NOW + 3 * HOUR)
    assert resting_until(snoozed, a_context(window), NOW) == NOW + 3 * HOUR
    assert resting_until(snoozed, a_context(), NOW + 3 * HOUR) is None


def by(found: Held | None) -> str:
    return found.by if found else ""


def past(**changes) -> PastAlert:
    values: dict[str, Any] = {
        "asset_name": "web-01",
        "asset": "web-01",
        "signature": "disk",
        "title": "Disk",
        "severity": Severity.HIGH,
        "labels": {},
        "count": 1,
        "first_at": NOW - DAY,
        "last_at": NOW - DAY,
    }
    return PastAlert(**values | changes)


def test_a_preview_counts_what_would_have_been_hidden_and_names_the_critical():
    history = [
        past(count=200, last_at=NOW),
        past(severity=Severity.CRITICAL, title="Site down", count=2),
        past(asset_name="db-01", asset="db-01", count=50),
    ]
    seen = preview(history, Scope(asset="web-01", ceiling=Severity.HIGH), a_rule().schedule, a_context(), NOW)
    assert (seen.alerts, seen.critical, seen.passed) == (200, 0, 2)
    assert seen.named == ("Site down on web-01",)
    seen = preview(history, Scope(asset="web-01"), a_rule().schedule, a_context(), NOW)
    assert (seen.alerts, seen.critical, seen.passed) == (202, 2, 0)
    assert [one.times for one in seen.lines] == [200, 2]


def test_a_series_counts_only_its_hours():
    first = datetime.fromisoformat("2026-03-07 22:00")
    nights = Schedule(
        first=first,
        length=4 * HOUR,
        timezone="Europe/Vienna",
        rule=checked_rule("FREQ=WEEKLY", first),
        until=NOW + 300 * DAY,
        on_the_wall=True,
    )
    inside = datetime(2026, 2, 28, 23, 0, tzinfo=UTC)
    hourly = past(count=49, first_at=inside - 24 * HOUR, last_at=inside + 24 * HOUR)
    history = [
        past(first_at=inside, last_at=inside),
        past(first_at=inside - DAY, last_at=inside - DAY),
        hourly,
    ]
    seen = preview(history, Scope(), nights, a_context(), NOW)
    assert seen.alerts == 1 + 4 and seen.patterned


@settings(deadline=None)
@given(
    count=st.integers(1, 400),
    begin=st.integers(-5000, 5000),
    lasts=st.integers(0, 20_000),
    hour=st.integers(0, 23),
    length=st.integers(1, 1200),
)
def test_a_preview_counts_like_somebody_with_a_list_of_all_alerts(count, begin, lasts, hour, length):
    minute = timedelta(minutes=1)
    first = datetime.combine(NOW.date(), datetime.min.time()).replace(hour=hour)
    days = Schedule(
        first=first, length=length * minute, rule=checked_rule("FREQ=DAILY", first), until=NOW + 99 * DAY
    )
    begun = NOW - 20 * DAY + begin * minute
    alert = past(count=count, first_at=begun, last_at=begun + lasts * minute if count > 1 else begun)
    step = lasts * minute / (count - 1) if count > 1 else timedelta(0)
    listed = [begun + place * step for place in range(count)]
    shift = first.replace(tzinfo=UTC)
    inside = [one for one in listed if (one - shift) % DAY < length * minute and one < NOW]
    assert preview([alert], Scope(), days, a_context(), NOW).alerts in (
        len(inside),
        len(inside) + sum(one >= NOW for one in listed),
    )


def test_a_receipt_says_who_why_how_long_and_what():
    rule = a_rule(MaintenanceWindow, id=3)
    (stretch,) = rule.schedule.stretches
    lines = [Tally(f"web-{n:02}", "Disk", Severity.LOW, n) for n in range(1, 13)]
    receipt = Receipt(rule=rule, stretch=stretch, tallies=lines, opened=("INC-5",))
    assert receipt.text("Europe/Vienna", NOW + HOUR) == (
        "🔕 maintenance 3 is over: web-01, 2 h until 11:00 CET (new disk, by Kim). "
        "Held 78 alerts, the worst low. Still firing and heard now: INC-5."
    )
    body = receipt.body.splitlines()
    assert len(body) == 11 and body[0].split() == ["12", "×", "low", "web-12:", "Disk"]
    assert body[-1].split() == ["3", "×", "2", "other", "kinds"]
    nothing = Receipt(rule=rule, stretch=stretch, tallies=(), opened=(), ended_by="Bob")
    assert nothing.text("UTC", NOW).endswith("It held nothing.") and "ended by Bob" in nothing.text(
        "UTC", NOW
    )


@pytest.mark.parametrize(
    ("span", "words"),
    [(30, "30 min"), (60, "1 h"), (90, "1 h 30 min"), (1440, "24 h"), (2880, "2 days"), (3000, "50 h")],
)
def test_a_span_in_words(span, words):
    assert span_words(timedelta(minutes=span)) == words


def test_in_a_month_of_windows_what_is_inside_is_held_and_nothing_else():
    """Weekly and nightly windows, three zones, 40,000 alerts: the goals are 95 % held inside and 0.5 % outside."""
    chance = random.Random(7)
    windows = []
    for number, (zone, rule, hour, asset) in enumerate(
        [
            ("Europe/Vienna", "FREQ=WEEKLY;BYDAY=SA,SU", 22, "web-*"),
            ("America/New_York", "FREQ=DAILY", 1, "db-01"),
            ("Asia/Kolkata", "FREQ=MONTHLY;BYDAY=2TU", 3, ""),
        ]
    ):
        first = datetime.combine(NOW.date(), datetime.min.time()).replace(hour=hour)
        made = Schedule(
            first=first,
            length=4 * HOUR,
            timezone=zone,
            rule=checked_rule(rule, first),
            until=NOW + 60 * DAY,
            on_the_wall=True,
        )
        windows.append(a_rule(MaintenanceWindow, id=number + 1, scope=Scope(asset=asset), schedule=made))
    context = a_context(*windows)
    inside = caught = outside = wrongly = 0
    for _ in range(40_000):
        moment = NOW + timedelta(seconds=chance.randrange(31 * 86_400))
        name = chance.choice(["web-01", "web-02.acme.example", "db-01", "nas"])
        meant = any(
            (not one.scope.asset or name.startswith(one.scope.asset.rstrip("*")))
            and any(it.starts_at <= moment < it.ends_at for it in one.schedule.stretches)
            for one in windows
        )
        found = held(context, an_alert(name), chance.choice(list(Severity)), now=moment) is not None
        inside, caught = inside + meant, caught + (meant and found)
        outside, wrongly = outside + (not meant), wrongly + (found and not meant)
    assert inside > 2000 and caught >= 0.95 * inside and wrongly < 0.005 * outside
