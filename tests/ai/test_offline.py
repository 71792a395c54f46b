"""The offline analyst: always there, never out of the house, and useful on alerts that it has not been written for."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from benchmarks import ai as bench
from bot.ai.brief import Case, own_words, questions
from bot.ai.desk import Desk
from bot.cards.incident import incident_card
from bot.slack.render import message
from bot.views import incident_view
from engine import analyst
from engine.alert import Severity
from engine.facts import AlertFact, Facts, PastFact
from engine.opinion import MOST_LINES, Use
from runbooks.catalogue import Catalogue
from tests import given
from tests.ai.incidents import an_incident

FACTS = Facts(
    title="Disk / 97% full",
    machine="web-01",
    severity=Severity.HIGH,
    category="disk",
    tools=("zabbix",),
    fitting=("disk-clean-up",),
)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_: Any) -> None:
        raise AssertionError("the offline analyst went out")

    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        yield


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("use", [one for one in Use if one not in (Use.ASK, Use.REPORT)])
async def test_whatever_is_asked_of_an_incident_is_answered_without_a_network(use: Use, catalogue: Catalogue):
    incident = an_incident(resolution="Old logs were deleted.")
    case = Case(incident=incident, company=given.a_company(), asset=None, alerts=[], before=[])
    (question,) = questions(case, catalogue, [], [use]).questions
    outcome = await Desk([]).ask(question)
    assert outcome.by_rules and outcome.opinion is not None and not outcome.spent
    assert outcome.opinion.model == analyst.NAME and outcome.opinion.evidence[0] in question.seen
    again = await Desk([]).ask(question)
    assert again == outcome, "the same each time"


def test_it_says_what_it_means_what_is_known_and_where_to_look():
    alert = AlertFact(after=timedelta(0), asset="web-01", title="Disk", message="/var is 97% full")
    past = PastFact(took=timedelta(minutes=12), resolution="Old logs were deleted.")
    said = analyst.analysed(replace(FACTS, title="Disk low", alerts=(alert,), before=(past,)))
    assert said is not None
    first, second, third = said["lines"]
    assert first.startswith("At 97%: Room on a disk runs out")
    assert second == "Last time over in 12 min: Old logs were deleted."
    assert third.startswith("Look first at what grew there")
    assert len(said["lines"]) <= MOST_LINES


@pytest.mark.parametrize(
    ("asset", "message"),
    [
        ("web-01", "4 % of the memory is available"),
        ("web-01", "41 % of all requests end in an error"),
        ("web-02", "/var is 97% full"),
    ],
)
def test_a_figure_that_means_something_else_is_not_said(asset: str, message: str):
    alert = AlertFact(after=timedelta(0), asset=asset, title="Something", message=message)
    said = analyst.analysed(replace(FACTS, title="Disk low", machine="web-01", alerts=(alert,)))
    assert said is not None and "%" not in said["lines"][0]


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        (FACTS, ("disk", "high")),
        (replace(FACTS, category="other", title="LDAP bind failures"), ("service", "high")),
        (replace(FACTS, severity=Severity.MEDIUM, sure=False, title="Disk / full"), ("disk", "high")),
        (replace(FACTS, severity=Severity.CRITICAL, sure=False, title="All is well"), ("disk", "critical")),
        (replace(FACTS, category="other", title="Something odd"), ("other", "high")),
    ],
)
def test_a_told_severity_stays_and_a_guessed_one_never_falls(facts: Facts, wanted: tuple[str, str]):
    said = analyst.classified(facts)
    assert (said["category"], said["severity"]) == wanted


def test_where_the_rules_know_nothing_they_say_nothing():
    incident = an_incident(category="other", title="Something odd", signature="something odd")
    case = Case(incident=incident, company=given.a_company(), asset=None, alerts=[], before=[])
    assert own_words(case) is None


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_the_first_card_has_its_words_marked_as_rules(world: given.World):
    answer = await world.tell(given.alert(message="only 3 GB left <!channel>"))
    number = given.number(given.results(answer)[0]["incident_id"])
    core = world.core

    async def look(tx: Any) -> Any:
        return await incident_view(tx, number, catalogue=core.catalogue, now=core.clock.now())

    text = str(message(incident_card(await core.read(look))))
    assert "📐 Room on a disk runs out" in text and "rules 0.85" in text and "🤖" not in text


async def test_it_is_useful_on_labelled_alerts(catalogue: Catalogue):
    """The figures of `make bench-ai`, held from below."""
    scores: dict[str, bench.Score] = {}
    for name, cases in bench.sets(bench.BESIDE, 1000):
        if cases is None:
            print(f"not measured: {name} is not there")
            continue
        scores[name] = bench.Score(name)
        for one in cases:
            await bench.asked(Desk([]), one, catalogue, scores[name])
    ours = scores["our own"]
    assert ours.cases >= 99
    assert ours.category / ours.cases > 0.9 and ours.severity / ours.severity_of > 0.9
    assert ours.wanted_named / ours.wanted > 0.7 and ours.fitting / ours.named > 0.7
    if (public := scores.get("public webhook bodies")) is not None:
        assert public.category / public.cases > 0.9 and public.severity == public.severity_of
        assert public.fitting / public.named > 0.9
