"""`aw replay`: recorded alerts through the engine in virtual time."""

from __future__ import annotations

import gc
import io
import json
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.replay import quiet as replay_quiet
from bot.replay import run as replay
from engine.correlation import Rules
from engine.errors import Refused

START = 1_790_000_000


def line(minute: float, signature: str = "Disk full", asset: str = "web-01", **more: Any) -> dict[str, Any]:
    return {
        "timestamp": START + minute * 60,
        "company": "acme",
        "asset_name": asset,
        "signature": signature,
        "tool_source": "zabbix",
    } | more


def outcomes(*lines: dict[str, Any], **rules: float) -> list[dict[str, Any]]:
    return replayed("\n".join(json.dumps(one) for one in lines), **rules)[0]


def replayed(text: str, **rules: float) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    spans = {name: timedelta(minutes=value) for name, value in rules.items()}
    out = io.BytesIO()
    engine = replay.Engine(Rules(**spans))
    summary = replay.run(replay.read(io.BytesIO(text.encode())), engine, out=out)
    return [json.loads(one) for one in out.getvalue().splitlines()], dict(summary)


def incidents(*lines: dict[str, Any], **rules: float) -> list[int | None]:
    return [one["incident"] for one in outcomes(*lines, **rules)]


def test_the_same_problem_is_one_incident_and_another_is_another() -> None:
    said = outcomes(line(0), line(1), line(2, "CPU high"), line(3, asset="WEB-01.acme.example"))
    assert [one["incident"] for one in said] == [1, 1, 2, 1]
    assert [one["alert"] for one in said] == [0, 1, 2, 3]
    assert all(set(one) == {"alert", "incident", "reason", "suppressed", "root"} for one in said)
    assert "same asset and signature" in said[1]["reason"]


def test_companies_never_share_an_incident() -> None:
    assert incidents(line(0), line(1, company="globex")) == [1, 2]


def test_silence_settles_and_what_comes_back_late_is_new() -> None:
    rules = {"window": 15.0, "reopen_window": 60.0}
    assert incidents(line(0), line(14), **rules) == [1, 1]
    assert incidents(line(0), line(74), **rules) == [1, 1]
    assert incidents(line(0), line(76), **rules) == [1, 2]


def test_a_recovery_closes_its_incident_by_the_tools_key_or_by_the_problem() -> None:
    said = outcomes(
        line(0, dedup_key="a"),
        line(1, "something else entirely", status="resolved", dedup_key="a"),
        line(2, status="resolved"),
        line(3),
    )
    assert [one["incident"] for one in said] == [1, 1, None, 1]
    assert said[2]["suppressed"]
    assert said[3]["reason"].startswith("came back")


def test_an_incident_stays_open_while_one_of_its_alerts_fires() -> None:
    said = outcomes(
        line(0, dedup_key="a"),
        line(1, dedup_key="b"),
        line(2, status="resolved", dedup_key="a"),
        line(3),
        line(4, status="resolved", dedup_key="b"),
        line(5),
    )
    assert [one["incident"] for one in said] == [1] * 6
    assert "same asset" in said[3]["reason"]
    assert said[5]["reason"].startswith("came back")


def test_lines_that_are_no_alerts_are_named_and_counted() -> None:
    text = "\n".join([json.dumps(line(0)), "{", "[]", "", '{"signature": "x"}', json.dumps(line(1))])
    said, summary = replayed(text)
    assert [one["alert"] for one in said] == [0, 1, 2, 4, 5]
    assert [one["incident"] for one in said] == [1, None, None, None, 1]
    assert "asset_name" in said[3]["reason"]
    assert (summary["alerts"], summary["unreadable"], summary["incidents"]) == (2, 3, 1)


def test_times_in_any_usual_form_and_out_of_order() -> None:
    iso = line(0) | {"timestamp": "2026-09-21T14:13:20Z"}
    assert incidents(line(10), iso, line(0)) == [1, 1, 1]


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    said, _ = replayed("x" * (3 * replay.LONGEST_LINE) + "\n" + json.dumps(line(0)))
    assert said[0]["reason"].startswith("not an alert: the line is longer")
    assert (said[1]["alert"], said[1]["incident"]) == (1, 1)


def test_the_memory_holds_what_is_open_and_not_the_history() -> None:
    def lines(count: int) -> Iterator[replay.Recorded]:
        for number in range(count):
            row = line(number, signature=f"problem {chr(97 + number % 26)}{chr(97 + number // 26 % 26)}")
            yield replay._recorded(number, json.dumps(row).encode())

    def peak(count: int) -> int:
        engine = replay.Engine(Rules())
        gc.collect()  # when it last ran decides how much waits for it
        tracemalloc.start()
        replay.run(lines(count), engine)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(3000)  # what is remembered of names is bounded, and full then
    assert peak(9000) < 1.5 * peak(3000) + 100_000


def test_two_settings_side_by_side() -> None:
    engine, other = replay.Engine(Rules()), replay.Engine(replay.changed(Rules(), "window=5,reopen=0"))
    text = "\n".join(json.dumps(line(minute)) for minute in (0, 7, 20, 29, 43, 50))
    summary = replay.run(replay.read(io.BytesIO(text.encode())), engine, other=other)
    assert (summary["incidents"], summary["noise_reduction_percent"]) == (1, 83.3)
    assert (summary["compared"]["incidents"], summary["compared"]["window_minutes"]) == (6, 5.0)


@pytest.mark.parametrize("words", ["", "window", "window=x", "window=-1", "size=3", "window=5;reopen=3"])
def test_a_setting_that_is_none_is_refused(words: str) -> None:
    with pytest.raises(Refused):
        replay.changed(Rules(), words)


def test_a_topology_names_the_assets() -> None:
    file = io.BytesIO(b'{"asset": "web-01", "depends_on": ["db-01"]}\n\n{"asset": "db-01"}\n')
    assert [(one.name, one.depends_on) for one in replay.topology(file)] == [
        ("web-01", ("db-01",)),
        ("db-01", ()),
    ]
    with pytest.raises(Refused, match="Line 1"):
        replay.topology(io.BytesIO(b"[]"))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 300),
            st.sampled_from(["disk full", "cpu high", "service nginx down"]),
            st.sampled_from(["web-01", "db-01"]),
            st.sampled_from(["firing", "resolved"]),
            st.sampled_from([None, "a", "b"]),
        ),
        max_size=60,
    )
)
def test_every_alert_is_answered_once_and_never_in_another_problems_incident(rows: list[Any]) -> None:
    lines = [
        line(minute, signature, asset, status=status)
        | ({"dedup_key": f"{signature}{asset}{key}"} if key else {})
        for minute, signature, asset, status, key in sorted(rows, key=lambda row: row[0])
    ]
    said = outcomes(*lines)
    assert [one["alert"] for one in said] == list(range(len(lines)))
    problems: dict[int, set[tuple[str, str]]] = {}
    for row, one in zip(lines, said, strict=True):
        assert (one["incident"] is None) == one["suppressed"]
        if one["incident"] is not None:
            problems.setdefault(one["incident"], set()).add((row["asset_name"], row["signature"]))
    assert all(len(found) == 1 for found in problems.values())


ROW = st.fixed_dictionaries(
    {
        "company": st.sampled_from(["acme", "globex"]),
        "asset_name": st.sampled_from(["dc01", "dc01.acme.example", "db-1", "db-2"]),
        "signature": st.sampled_from(["Disk C: 91% full", "db unreachable", "Low space on drive C", "slow"]),
        "message": st.sampled_from(["", "db-1 and dc01 do not answer"]),
        "tool_source": st.sampled_from(["zabbix", "datadog"]),
        "labels": st.sampled_from([{}, {"trace_id": "7"}]),
        "minute": st.floats(0, 90),
        "skew": st.floats(-5, 5),
    }
)


@settings(max_examples=40, deadline=None)
@given(st.lists(ROW, max_size=40), st.randoms(use_true_random=False))
def test_no_order_repeat_skew_or_late_delivery_merges_across_companies(rows: list[Any], chance: Any) -> None:
    lines = [row | {"timestamp": START + (row["minute"] + row["skew"]) * 60} for row in rows]
    lines += [one for one in lines if chance.random() < 0.3]
    chance.shuffle(lines)
    said = outcomes(*lines)
    companies: dict[int, set[str]] = {}
    for row, one in zip(lines, said, strict=True):
        companies.setdefault(one["incident"], set()).add(row["company"])
        if one["root"] is not None:
            assert lines[one["root"]]["company"] == row["company"]
    assert all(len(found) == 1 for found in companies.values())
    assert outcomes(*lines) == said


TOPOLOGY = b"""{"asset": "web", "depends_on": ["db"], "company": "acme"}
{"asset": "app", "depends_on": ["db"], "company": "acme"}
{"asset": "shop", "depends_on": ["web"], "company": "acme"}
{"asset": "web", "depends_on": ["other"], "company": "globex"}
"""


def with_topology(*lines: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    engine, out = replay.Engine(Rules(), replay.topology(io.BytesIO(TOPOLOGY))), io.BytesIO()
    text = "\n".join(json.dumps(one) for one in lines)
    summary = replay.run(replay.read(io.BytesIO(text.encode())), engine, out=out)
    return [json.loads(one) for one in out.getvalue().splitlines()], dict(summary)


def test_a_cascade_is_one_incident_with_a_believed_cause_and_reasons() -> None:
    said, summary = with_topology(
        line(0, "Queries queue", "db"),
        line(0.1, "Slow pages", "web"),
        line(0.2, "Slow answers", "app"),
        line(0.3, "Checkout fails", "shop"),
        line(0.3, "Slow pages", "web", company="globex"),
    )
    assert [one["incident"] for one in said] == [1, 1, 1, 1, 2]
    assert "web depends on db" in said[1]["reason"]
    assert said[3]["root"] == 0
    assert summary["patterns"]["cascade"] == 1


def test_a_flapping_check_is_one_incident_and_named() -> None:
    lines = [line(number * 1.5, status="firing" if number % 2 == 0 else "resolved") for number in range(12)]
    said, summary = with_topology(*lines)
    assert {one["incident"] for one in said} == {1}
    assert summary["patterns"]["flapping"] == 1


def test_a_series_is_one_incident_and_the_night_it_really_fails_is_not_part_of_it() -> None:
    nights = [line(night * 240, "Nightly job slow", "nas", severity="low") for night in range(8)]
    failed = line(8 * 240, "Nightly job slow", "nas", severity="critical")
    said, summary = with_topology(*nights, failed)
    assert len({one["incident"] for one in said[:8]}) == 2  # the first round, and all the others
    assert said[8]["incident"] not in {one["incident"] for one in said[:8]} and not said[8]["suppressed"]
    assert summary["patterns"]["periodic"] == 6


def test_a_critical_inside_a_storm_surfaces() -> None:
    storm = [
        line(
            number / 300,
            f"sensor {chr(97 + number % 20)} strange",
            f"pc{chr(97 + number % 26)}",
            severity="low",
        )
        for number in range(300)
    ]
    alone = line(0.5, "Ransom note found", "fileserver", severity="critical")
    said, summary = with_topology(*storm[:150], alone, *storm[150:])
    assert said[150]["incident"] is not None and not said[150]["suppressed"]
    assert [one["incident"] for one in said].count(said[150]["incident"]) == 1
    assert summary["patterns"]["storm"] >= 1


def test_the_same_trouble_at_three_companies_is_an_outbreak_and_three_incidents() -> None:
    said, summary = with_topology(*(line(number, company=name) for number, name in enumerate("abc")))
    assert len({one["incident"] for one in said}) == 3
    assert summary["patterns"]["outbreak"] == 1


def test_a_small_incident_that_came_back_and_grew_does_not_take_in_the_next_fault() -> None:
    fault = [(0.0, "db"), (0.1, "web"), (0.2, "app"), (0.3, "shop")]
    lines = [line(0, "Slow", "db")]
    for began in (30, 60):
        lines += [
            line(began + at, signature, asset) for at, asset in fault for signature in ("Slow", "Errors rise")
        ]
    said, _ = with_topology(*lines)
    assert said[0]["incident"] == said[1]["incident"] != said[-1]["incident"]


def held(windows: list[dict[str, Any]], *lines: dict[str, Any]) -> list[bool]:
    quiet = replay_quiet.rules(io.BytesIO("\n".join(json.dumps(one) for one in windows).encode()))
    out = io.BytesIO()
    engine = replay.Engine(Rules(), (), quiet)
    recorded = replay.read(io.BytesIO("\n".join(json.dumps(one) for one in lines).encode()))
    summary = replay.run(recorded, engine, out=out)
    said = [json.loads(one)["suppressed"] for one in out.getvalue().splitlines()]
    assert summary["suppressed"] == sum(said)
    return said


def test_windows_hold_what_they_would_have_held() -> None:
    """START is 2026-09-21 14:13:20 UTC, 16:13:20 in Vienna."""
    window = {"when": "2026-09-21 17:00 1h", "timezone": "Europe/Vienna", "asset": "web-*", "company": "acme"}
    inside = {"timestamp": "2026-09-21T15:00:00Z"}
    lines = [
        line(0, timestamp="2026-09-21T14:59:59Z"),
        line(0, **inside),
        line(0, **inside, asset="WEB-01.acme.example"),
        line(0, **inside, asset="db-01"),
        line(0, **inside, company="globex"),
        line(0, timestamp="2026-09-21T16:00:00Z"),
    ]
    assert held([window], *lines) == [False, True, True, False, False, False]
    assert held([window | {"up_to": "low"}], *lines) == [False] * 6
    weekly = {
        "when": "mon 17:00-18:00 weekly",
        "timezone": "Europe/Vienna",
        "said_at": "2026-08-01T00:00:00Z",
    }
    assert held([weekly], *lines) == [False, True, True, True, True, False]
    silence = {"kind": "silence", "when": "50m", "said_at": "2026-09-21T14:30:00Z", "signature": "disk full"}
    assert held([silence], *lines) == [True, True, True, True, True, False]


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        ({"when": "whenever"}, "is no time"),
        ({"when": "sat 22:00-02:00", "timezone": "Mars/Olympus"}, "no time zone"),
        ({"when": "2h", "kind": "siesta"}, "kind"),
        ({"asset": "x"}, "when"),
        ({"when": "sat 22:00 4h", "typo": 1}, "typo"),
    ],
)
def test_a_window_that_is_none_is_named_by_its_line(bad: dict[str, Any], word: str) -> None:
    good = {"when": "2026-09-21 17:00 1h"}
    with pytest.raises(Refused, match=word) as refused:
        replay_quiet.rules(io.BytesIO(f"{json.dumps(good)}\n\n{json.dumps(bad)}\n".encode()))
    assert "Line 3" in str(refused.value)


def test_addresses_are_learned_as_the_file_goes_by() -> None:
    taught = [
        line(20 * number, f"Odd thing {'abcdef'[number]}", "fs-01", labels={"ip": "10.0.3.7"})
        for number in range(6)
    ]
    before = incidents(line(0, "Fan broken", "10.0.3.7"), line(1, "Fan broken", "fs-01"))
    assert before[0] != before[1]
    after = incidents(*taught, line(300, "Fan broken", "10.0.3.7"), line(301, "Fan broken", "fs-01"))
    assert after[-1] == after[-2]
    elsewhere = [one | {"company": "globex"} for one in taught]
    other = incidents(*elsewhere, line(300, "Fan broken", "10.0.3.7"), line(301, "Fan broken", "fs-01"))
    assert other[-1] != other[-2]


def test_what_follows_what_is_learned_as_the_file_goes_by() -> None:
    lines = []
    for number in range(14):
        at = number * 400 + (number * 37) % 90
        lines += [line(at, "Replication broken", "kestrel"), line(at + 0.5, "Queue stuck", "heron")]
    numbers = incidents(*lines)
    assert numbers[0] != numbers[1] and numbers[2] != numbers[3]
    assert numbers[-1] == numbers[-2]
