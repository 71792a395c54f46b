"""Which alert is believed to be the cause."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.activity import Key
from engine.company import Asset
from engine.root_cause import MOST_OF, UNHEARD, Belief, RootCauses, silent_root
from engine.topology import Topology


def key(asset: str, signature: str) -> Key:
    return Key(f"{asset}|{signature}", asset, signature)


def told(causes: RootCauses, number: int, *said: tuple[str, str], rows: dict[str, Key]) -> Belief:
    belief = None
    for line, (asset, signature) in enumerate(said):
        row = rows.setdefault(f"{asset}|{signature}", key(asset, signature))
        belief = causes.note(number, row, line * 2.0, line, symptom=False)
    assert belief is not None
    return belief


SYMPTOMS = tuple((f"web-{number}", "answers slowly") for number in range(1, 6))


def test_a_lone_alert_is_its_own_cause() -> None:
    belief = told(RootCauses(), 1, ("db", "disk full"), rows={})
    assert (belief.asset, belief.line, belief.confidence) == ("db", 0, 1.0)


def test_what_only_one_says_goes_before_what_all_say() -> None:
    belief = told(RootCauses(), 1, *SYMPTOMS, ("db", "disk io slow"), rows={})
    assert belief.asset == "db" and belief.line == 5
    assert "only it says `disk io slow`" in belief.why and 0 < belief.confidence <= 1


def test_what_is_part_of_every_incident_is_no_clue() -> None:
    causes = RootCauses()
    rows: dict[str, Key] = {}
    usual = (("proxy", "pool warning"), *SYMPTOMS)
    for number in range(1, 8):
        told(causes, number, *usual, rows=rows)
        causes.ended(number)
        for row in rows.values():
            row.parts += 1
    belief = told(causes, 20, *usual, ("db", "disk io slow"), rows=rows)
    assert belief.asset == "db"


def test_merged_incidents_keep_their_clues() -> None:
    causes = RootCauses()
    told(causes, 1, *SYMPTOMS, rows={})
    causes.note(2, key("db", "disk io slow"), 0.0, 40, symptom=False)
    causes.merged(1, 2)
    belief = causes.note(1, key("web-1", "answers slowly"), 20.0, 41, symptom=False)
    assert belief is not None and (belief.asset, belief.line) == ("db", 40)


def wired(**needs: tuple[str, ...]) -> Topology:
    named = {name.replace("_", "-"): on for name, on in needs.items()}
    return Topology([Asset(id=0, company_id=1, name=name, depends_on=on) for name, on in named.items()])


SITE = wired(
    host_1=("sw-01",), till_1=("sw-01",), till_2=("sw-01",), vm_1=("host-1",), vm_2=("host-1",), vm_3=("host-1",),
    sw_01=("fw-01",), printer=("fw-01",),
)  # fmt: skip


@pytest.mark.parametrize(
    ("alarming", "expected", "sure"),
    [
        ("vm-1 vm-2 vm-3", "host-1", 0.75),
        ("vm-1 vm-2 vm-3 till-1 till-2", "sw-01", 0.62),
        ("host-1 vm-1 vm-2 vm-3", None, 0.0),
        ("vm-1 vm-2 vm-3 elsewhere", None, 0.0),
        ("vm-1 vm-2 vm-3 till-1 till-2 elsewhere", "sw-01", 0.52),
        ("vm-1 vm-2", None, 0.0),
        ("till-1 till-2 printer", "fw-01", 0.28),
        ("a b c", None, 0.0),
    ],
)
def test_what_is_silent_itself_is_suspected_where_most_that_depends_on_it_alarms(
    alarming: str, expected: str | None, sure: float
) -> None:
    found = silent_root(set(alarming.split()), SITE)
    assert (found.asset if found else None) == expected
    assert found is None or found.confidence == sure
    assert found is None or found.why.startswith("silent itself; ")


@given(st.sets(st.sampled_from(sorted(SITE.assets)), max_size=8))
def test_what_is_suspected_without_a_word_is_silent_and_above_most(alarming: set[str]) -> None:
    found = silent_root(alarming, SITE)
    assert found == silent_root(sorted(alarming), SITE)
    if found is not None:
        assert found.asset not in alarming and found.confidence <= UNHEARD
        assert len(alarming & set(SITE.below(found.asset))) >= MOST_OF * len(alarming)


def test_it_is_no_suspect_any_more_once_it_speaks() -> None:
    causes = RootCauses()
    for line, name in enumerate(("vm-1", "vm-2", "vm-3")):
        causes.note(1, key(name, "answers slowly"), line * 2.0, line, symptom=False)
    first = causes.silent(1, SITE)
    assert first is not None and first.asset == "host-1"
    causes.note(1, key("host-1", "power supply lost"), 9.0, 4, symptom=False)
    assert causes.silent(1, SITE) is None
