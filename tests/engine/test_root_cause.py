"""Which alert is believed to be the cause."""

from __future__ import annotations

from engine.activity import Key
from engine.root_cause import Belief, RootCauses


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
