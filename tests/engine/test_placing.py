"""Which evidence joins, which only links, what stays apart, and that merge and split undo each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.activity import CAP, CHATTER_AFTER, Activity, Episode
from engine.alert import Severity
from engine.company import Asset
from engine.correlation import Advice
from engine.placing import Look, Merged, Moved, Placing, Related
from engine.topology import Topology

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
NEEDS = {"web": ("db",), "app": ("db",), "shop": ("web",), "db": ("host",)}


class Desk:
    """A company whose alerts are placed one after the other; numbers are given in order."""

    def __init__(self, needs: Mapping[str, tuple[str, ...]] = NEEDS) -> None:
        assets = [Asset(id=0, company_id=1, name=name, depends_on=to) for name, to in needs.items()]
        self.placing = Placing(Activity(Topology(assets)))
        self.number = 0
        self.brought: list[Any] = []

    @property
    def activity(self) -> Activity:
        return self.placing.activity

    def look(self, asset: str, signature: str, at: float, **more: Any) -> tuple[Look, Advice]:
        now = START + timedelta(seconds=at)
        look = self.placing.look(
            f"{asset}|{signature}", asset, signature, more.get("severity", Severity.HIGH), more.get("tool", "t"),
            more.get("message", ""), more.get("labels", {}), now, now,
        )  # fmt: skip
        return look, self.placing.advise(look)

    def fire(self, asset: str, signature: str, at: float, **more: Any) -> int:
        look, advice = self.look(asset, signature, at, **more)
        current = self.activity.episode(look.row.incident, look.sighting.now)
        if current is not None and advice.leave is None:
            number = current.id
        elif advice.join is not None and advice.leave is None:
            number = advice.join
        else:
            self.number += 1
            number = self.number
        self.brought += self.placing.placed(look, number)
        return look.row.incident

    def members(self) -> dict[int, set[str]]:
        return {number: set(one.keys) for number, one in self.activity.episodes.items()}


def test_what_depends_on_an_alerting_asset_joins_its_incident_and_says_why() -> None:
    desk = Desk()
    first = desk.fire("db", "query queue long", 0)
    look, advice = desk.look("web", "slow pages", 10)
    assert advice.join == first and advice.firm
    assert "web depends on db" in advice.evidence()
    assert desk.placing.placed(look, first) == []
    assert look.row.firm


def test_unrelated_assets_at_the_same_moment_stay_apart() -> None:
    desk = Desk()
    assert desk.fire("db", "query queue long", 0) != desk.fire("printer", "tray empty", 0)


def test_evidence_fades_with_time() -> None:
    desk = Desk()
    first = desk.fire("db", "query queue long", 0)
    assert desk.fire("web", "slow pages", 200) != first


def test_an_asset_that_the_alert_names_binds_and_is_remembered() -> None:
    desk = Desk({})
    first = desk.fire("cache", "evictions high", 0)
    assert desk.fire("api", "calls fail", 5, message="cache refused the connection") == first
    assert desk.activity.near["api"]["cache"][0] > 0
    desk.activity.end(first)
    again = desk.fire("cache", "evictions high", 4000)
    desk.fire("api", "calls fail", 4003, message="cache refused the connection")
    look, advice = desk.look("api", "restarts often", 4004)
    assert advice.join == again and look.cases[0].firm >= 0.9


def test_a_shared_trace_joins() -> None:
    desk = Desk({})
    first = desk.fire("api", "calls fail", 0, labels={"trace_id": "4bf9"})
    assert desk.fire("billing", "rejects orders", 3, labels={"trace_id": "4bf9"}) == first


def test_the_same_trouble_in_other_words_on_one_asset_is_one_incident() -> None:
    desk = Desk({})
    first = desk.fire("srv", "drive c almost full", 0, tool="zabbix")
    assert desk.fire("srv", "low free space on drive c", 300, tool="datadog") == first
    assert desk.fire("srv", "low free space on drive d", 310, tool="datadog") != first


def test_an_unreachable_host_explains_what_else_it_says() -> None:
    desk = Desk({})
    first = desk.fire("srv", "host unreachable", 0)
    assert desk.fire("srv", "service nginx down", 5) == first


def test_different_troubles_on_one_asset_are_different_incidents() -> None:
    desk = Desk({})
    assert desk.fire("srv", "disk full", 0) != desk.fire("srv", "cpu load high", 0)
    assert desk.fire("srv", "port 443 down", 1) != desk.fire("srv", "port 80 down", 1)


def test_weak_evidence_links_without_merging() -> None:
    desk = Desk({})
    one, other = desk.fire("srv", "queue a long", 0), desk.fire("srv", "exports stuck", 1)
    assert one != other
    assert [type(found) for found in desk.brought] == [Related]
    assert "may belong together" in desk.brought[0].reason.text


def test_links_that_gather_make_one_incident_of_two() -> None:
    desk = Desk({})
    first, second = desk.fire("app", "slow", 0), desk.fire("db", "queue long", 1)
    for at in range(2, 8):
        desk.fire("edge", f"trouble of kind {chr(97 + at)}", at, message="neither app nor db answers")
    merged = [one for one in desk.brought if isinstance(one, Merged)]
    assert [{one.into, one.absorbed} for one in merged] == [{first, second}]
    assert "links sum up to" in merged[0].reason.text
    assert len(desk.members()) == 1


def test_chatter_that_lay_beside_something_is_set_apart() -> None:
    desk = Desk({})
    desk.fire("gw", "probe failed", 0)
    desk.fire("gw", "probe answer odd", 1)
    desk.activity.merge(1, 2)
    at = 0.0
    while at <= CHATTER_AFTER + 120:
        at += 20
        desk.fire("gw", "probe answer odd", at)
    assert desk.activity.keys["gw|probe answer odd"].incident not in (0, 1)
    assert desk.activity.episodes[desk.activity.keys["gw|probe answer odd"].incident].chatter


def test_a_signature_that_fires_on_two_assets_in_step_is_one_incident() -> None:
    desk = Desk({})
    numbers = [
        tuple(
            desk.fire(asset, "odd dns query", at, severity=Severity.MEDIUM)
            for asset in ("sensor-x", "router")
        )
        for at in range(0, 200, 10)
    ]
    assert numbers[0][0] != numbers[0][1]
    assert numbers[-1][0] == numbers[-1][1]
    assert any(isinstance(one, Merged | Moved) and one.reason.rule == "in-step" for one in desk.brought)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (("web", "disk full on /"), ("app", "log file growing fast")),
        (("app", "http 500"), ("web", "disk full on /")),
        (("web", "certificate expires soon"), ("app", "queue stuck")),
        (("web", "memory usage high"), ("app", "service down")),
    ],
)
def test_a_trouble_of_its_own_does_not_come_from_what_the_asset_depends_on(
    first: tuple[str, str], then: tuple[str, str]
) -> None:
    desk = Desk({"web": ("app",)})
    assert desk.fire(*first, 0) != desk.fire(*then, 5)


OWN = [
    "disk full on /",
    "certificate expired",
    "backup failed",
    "log file full",
    "raid battery failed",
]


@pytest.mark.parametrize("own", OWN)
@pytest.mark.parametrize("severity", [Severity.CRITICAL, Severity.HIGH])
def test_an_urgent_trouble_of_its_own_is_not_put_under_a_host_that_is_down(
    own: str, severity: Severity
) -> None:
    desk = Desk({})
    down = desk.fire("srv", "host unreachable", 0, severity=Severity.CRITICAL)
    alone = desk.fire("srv", own, 5, severity=severity)
    assert alone != down and desk.fire("srv", own, 60, severity=severity) == alone
    assert [type(one) for one in desk.brought] == [Related], "people are told that they may belong together"
    assert desk.fire("srv", "service nginx down", 6, severity=severity) == down


@pytest.mark.parametrize("own", OWN)
@pytest.mark.parametrize("siblings", [3, 8])
def test_an_urgent_trouble_of_its_own_is_not_put_under_what_goes_on_below_the_same_switch(
    own: str, siblings: int
) -> None:
    desk = Desk({f"till-{chr(97 + number)}": ("sw",) for number in range(siblings + 1)})
    down = desk.fire("sw", "host unreachable", 0)
    for number in range(siblings):
        assert desk.fire(f"till-{chr(97 + number)}", "host unreachable", 1 + number / 10) == down
    last = f"till-{chr(97 + siblings)}"
    assert desk.fire(last, own, 5, severity=Severity.CRITICAL) != down
    assert not [one for one in desk.brought if isinstance(one, Merged)]
    assert desk.fire(last, "queue stuck", 6) == down, "what may come from it still joins"


def test_an_urgent_trouble_of_its_own_still_joins_what_suffers_from_it_and_what_says_the_same() -> None:
    desk = Desk({"web": ("db",), "app": ("db",)})
    first = desk.fire("web", "http 500", 0)
    assert desk.fire("db", "disk full on /", 3, severity=Severity.CRITICAL) == first
    assert desk.fire("db", "low free space on /", 5, tool="other", severity=Severity.CRITICAL) == first


@pytest.mark.parametrize("cause", ["disk full on /", "service down", "memory usage high"])
def test_what_depends_may_suffer_from_any_trouble_of_what_it_needs(cause: str) -> None:
    desk = Desk({"web": ("app",)})
    assert desk.fire("app", cause, 0) == desk.fire("web", "http 500", 5)


def test_what_is_urgent_is_never_an_echo_however_often_it_is_polled_together() -> None:
    desk = Desk({})
    for at in range(0, 3000, 60):
        numbers = {desk.fire("web-x", "disk full", at), desk.fire("mail", "disk full", at)}
    assert len(numbers) == 2


def test_one_incident_swallows_only_so_much() -> None:
    desk = Desk({f"vm-{number}x": ("host",) for number in range(20)})
    for number in range(CAP + 30):
        desk.fire(
            "host",
            f"sensor {chr(97 + number % 26)}{chr(97 + number // 26)} strange",
            number / 10,
            message="vm-1x",
        )
        desk.fire(
            "vm-1x",
            f"guest {chr(97 + number % 26)}{chr(97 + number // 26)} strange",
            number / 10,
            message="host",
        )
    assert max(len(keys) for keys in desk.members().values()) <= CAP


def test_what_was_split_does_not_come_back_by_itself() -> None:
    desk = Desk()
    first = desk.fire("db", "query queue long", 0)
    assert desk.fire("web", "slow pages", 5) == first
    desk.activity.split(["web|slow pages"], first, 90, START.timestamp() + 6)
    desk.activity.end(90)
    desk.fire("db", "query queue long", 200)
    assert desk.fire("web", "slow pages", 205) != first
    assert desk.fire("app", "slow answers", 206) == first


@pytest.mark.parametrize("worse", [False, True])
def test_a_series_is_recognised_and_its_worse_night_is_not_part_of_it(worse: bool) -> None:
    desk = Desk({})
    for night in range(4):
        number = desk.fire(
            "nas", "backup ended with warnings", night * 86400 + night * 300, severity=Severity.LOW
        )
        desk.activity.end(number)
    severity = Severity.CRITICAL if worse else Severity.LOW
    _, advice = desk.look("nas", "backup ended with warnings", 4 * 86400 + 1000, severity=severity)
    assert bool(advice.rhythm) is not worse


def test_a_series_never_takes_in_what_is_critical() -> None:
    desk = Desk({})
    for night in range(4):
        desk.activity.end(desk.fire("nas", "backup failed", night * 86400, severity=Severity.CRITICAL))
    _, advice = desk.look("nas", "backup failed", 4 * 86400, severity=Severity.CRITICAL)
    assert not advice.rhythm


ASSETS = st.sampled_from(["web", "db", "app", "shop", "host", "lone"])
SIGNATURES = st.sampled_from(["slow", "odd", "disk full"])
FIRED = st.lists(st.tuples(ASSETS, SIGNATURES, st.integers(0, 30)), min_size=2, max_size=40)


def _activity(fired: list[tuple[str, str, int]]) -> Desk:
    desk, at = Desk(), 0.0
    for asset, signature, wait in fired:
        at += wait
        desk.fire(asset, signature, at)
    return desk


@settings(max_examples=60, deadline=None)
@given(FIRED)
def test_merge_and_split_undo_each_other(fired: list[tuple[str, str, int]]) -> None:
    desk = _activity(fired)
    before = desk.members()
    if len(before) < 2:
        return
    into, absorbed = sorted(before)[:2]
    moved = desk.activity.merge(into, absorbed)
    assert desk.members()[into] == before[into] | before[absorbed] and absorbed not in desk.members()
    desk.activity.split(moved, into, absorbed, START.timestamp())
    assert desk.members() == before
    assert desk.activity.merge(into, absorbed) == moved
    assert not desk.activity.episodes[into].barred & desk.activity.episodes[into].keys.keys()


@settings(max_examples=60, deadline=None)
@given(FIRED)
def test_the_picture_is_consistent_and_the_same_each_time(fired: list[tuple[str, str, int]]) -> None:
    desk, twin = _activity(fired), _activity(fired)
    assert desk.members() == twin.members()
    for number, episode in desk.activity.episodes.items():
        assert isinstance(episode, Episode) and episode.id == number
        for row in episode.keys.values():
            assert row.incident == number and row in episode.on_asset[row.asset]
    for held, _ in desk.activity.active.values():
        assert held.id in desk.activity.episodes


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(ASSETS, SIGNATURES, st.integers(3, 30)), min_size=2, max_size=40), ASSETS, SIGNATURES
)
@example(
    [
        ("app", "slow", 3),
        ("web", "slow", 3),
        ("db", "slow", 3),
        ("shop", "slow", 17),
        ("web", "disk full", 30),
    ],
    "app",
    "slow",
)
@example(
    [
        ("host", "slow", 3),
        ("web", "slow", 3),
        ("db", "slow", 3),
        ("shop", "slow", 3),
        ("web", "disk full", 14),
        ("web", "disk full", 30),
        ("db", "disk full", 3),
    ],
    "web",
    "odd",
)
def test_a_picture_made_from_its_rows_decides_alike(
    fired: list[tuple[str, str, int]], asset: str, signature: str
) -> None:
    desk, other = _activity(fired), Desk()
    old = desk.activity
    other.activity.restore(
        [replace(row) for row in old.keys.values()],
        links=[
            (one.id, number, score) for one in old.episodes.values() for number, score in one.links.items()
        ],
        barred=[(one.id, key) for one in old.episodes.values() for key in one.barred],
    )
    assert other.members() == desk.members()
    at = sum(wait for _, _, wait in fired) + 1.0
    advices = [one.look(asset, signature, at)[1] for one in (desk, other)]
    assert advices[0].join == advices[1].join
    assert advices[0].score == pytest.approx(
        advices[1].score, abs=0.6
    )  # neither the same moment nor a rush is kept
