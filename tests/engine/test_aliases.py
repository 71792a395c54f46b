"""Whose address is whose: taken only when it is said again and again, and nothing else goes by it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import aliases
from engine.aliases import Alias, Sightings, Verdict, pairs_of, settled

HOUR = 3600.0
DAY = 24 * HOUR


def taught(*said: tuple[str, dict[str, str]], times: int = 6, start: float = 0.0) -> Sightings:
    seen = Sightings()
    for number in range(times):
        for name, labels in said:
            seen.see(name, labels, "zabbix", start + number * HOUR)
    return seen


@pytest.mark.parametrize(
    ("name", "labels", "pairs"),
    [
        ("fs-01", {"ip": "10.0.3.7"}, [("10.0.3.7", "fs-01")]),
        ("10.0.3.7", {"hostname": "FS-01.acme.example"}, [("10.0.3.7", "fs-01")]),
        ("i-0abc123456789def0", {"host.name": "fs-01"}, [("i-0abc123456789def0", "fs-01")]),
        ("fs-01", {"ip": "127.0.0.1"}, []),
        ("fs-01", {"ip": "169.254.1.1"}, []),
        ("fs-01", {"source_ip": "10.0.3.7"}, []),
        ("fs-01", {"client": "10.0.3.7"}, []),
        ("File server", {"ip": "10.0.3.7"}, []),
        ("fs-01", {"ip": "10.0.3.7", "hostname": "db-01"}, []),
        ("10.0.3.7", {"hostname": "localhost"}, []),
        ("fs-01", {"hostname": "fs-01.acme.example"}, []),
        ("fs-01", {}, []),
    ],
)
def test_what_one_alert_says(name: str, labels: dict[str, str], pairs: list[tuple[str, str]]) -> None:
    assert pairs_of(name, labels) == pairs


def test_again_and_again_over_an_hour() -> None:
    said = ("fs-01", {"ip": "10.0.3.7"})
    assert taught(said, times=4).taken_for("10.0.3.7", DAY) is None
    found = taught(said, times=5).taken_for("10.0.3.7", DAY)
    assert found is not None and found[0] == "fs-01" and found[1].times == 5
    burst = Sightings()
    for second in range(100):
        burst.see("fs-01", {"ip": "10.0.3.7"}, "zabbix", second)
    assert burst.taken_for("10.0.3.7", DAY) is None


def test_handed_on_addresses_are_left_alone_until_the_old_use_has_faded() -> None:
    seen = taught(("pc-01", {"ip": "10.0.9.9"}), times=10)
    for number in range(10):
        seen.see("pc-02", {"ip": "10.0.9.9"}, "zabbix", DAY + number * HOUR)
    assert seen.taken_for("10.0.9.9", 2 * DAY) is None
    for number in range(10):
        seen.see("pc-02", {"ip": "10.0.9.9"}, "zabbix", 150 * DAY + number * HOUR)
    found = seen.taken_for("10.0.9.9", 151 * DAY)
    assert found is not None and found[0] == "pc-02"


def test_a_gateway_has_too_many_addresses() -> None:
    many = [("fw-01", {"ip": f"10.0.{number}.1"}) for number in range(aliases.MOST_ADDRESSES + 1)]
    assert list(taught(*many).found((), DAY)) == []
    assert len(list(taught(*many[:2]).found((), DAY))) == 2


def test_an_address_that_everything_shares() -> None:
    seen = taught(*[(f"web-{number}", {"ip": "198.51.100.1"}) for number in range(3)], times=20)
    assert seen.taken_for("198.51.100.1", DAY) is None


def test_what_is_not_said_any_more_fades() -> None:
    seen = taught(("fs-01", {"ip": "10.0.3.7"}))
    assert seen.taken_for("10.0.3.7", 20 * DAY) is not None
    assert seen.taken_for("10.0.3.7", 90 * DAY) is None


def test_the_list_goes_before() -> None:
    seen = taught(("fs-01", {"ip": "10.0.3.7"}))
    assert [name for name, _, _ in seen.found((), DAY)] == ["10.0.3.7"]
    assert list(seen.found({"10.0.3.7"}, DAY)) == []


def an_alias(verdict: Verdict = Verdict.LEARNED, **changes: object) -> Alias:
    values: dict[str, object] = {"company_id": 1, "name": "10.0.3.7", "asset": "fs-01", "times": 14, "verdict": verdict,
                                 "tools": ("Zabbix",), "decided_by": "Kim"}  # fmt: skip
    return Alias(**values | changes)  # type: ignore[arg-type]


def test_the_words() -> None:
    assert an_alias().words == "10.0.3.7 is taken for fs-01 (seen together 14 times, by Zabbix)"
    assert an_alias(Verdict.ACCEPTED).words == "10.0.3.7 is fs-01 (said by Kim)"
    assert an_alias(Verdict.REFUSED).words == "10.0.3.7 is not fs-01 (said by Kim)"


def test_a_persons_word_stays() -> None:
    for verdict in (Verdict.ACCEPTED, Verdict.REFUSED):
        assert settled([an_alias()], [an_alias(verdict)]) == []
        assert settled([], [an_alias(verdict)]) == []
    assert settled([an_alias(asset="other")], [an_alias(Verdict.ACCEPTED)]) == []


def test_what_alerts_no_longer_say_fades_and_comes_back() -> None:
    (faded,) = settled([], [an_alias()])
    assert faded.verdict is Verdict.FADED and not faded.holds
    (back,) = settled([an_alias()], [faded])
    assert back.verdict is Verdict.LEARNED


names = st.sampled_from(["fs-01", "db-01", "web", "10.0.0.1", "10.0.0.2", "i-0abc123456789def0"])


@given(st.lists(st.tuples(names, names, st.floats(0, 30 * DAY)), max_size=80))
def test_one_name_per_address_and_bounded(said: list[tuple[str, str, float]]) -> None:
    seen, again = Sightings(), Sightings()
    for name, label, at in sorted(said, key=lambda one: one[2]):
        for one in (seen, again):
            one.see(name, {"ip": label, "hostname": label}, "tool", at)
    found = list(seen.found((), 31 * DAY))
    assert [one[:2] for one in found] == [one[:2] for one in again.found((), 31 * DAY)]
    assert len({name for name, _, _ in found}) == len(found)
    for name, asset, evidence in found:
        assert aliases.number_of(name) and not aliases.number_of(asset)
        assert evidence.times >= aliases.OFTEN


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aliases, "MOST_NAMES", 20)
    seen = Sightings()
    for number in range(500):
        seen.see(f"m{number % 90}", {"ip": f"10.1.{number % 7}.{number % 200}"}, "tool", number * 60.0)
    assert len(seen.names) <= 20
    assert all(len(known) <= aliases.MOST_ASSETS for known in seen.names.values())
    assert {name for names in seen.of.values() for name in names} <= set(seen.names)
