"""The grammar of /aw: what people type at three in the morning."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.actions.companies import DeadLetters, DeadLetterShown, ReplayLetter
from bot.actions.incidents import Assign, Claim, Details, Note, Reopen, Resolve, Show, Unclaim, Why
from bot.actions.questions import Help, ListOpen, Mine, Status, WhoAmI
from bot.actions.runs import Run
from bot.commands import parse, permalink, without_permalink
from engine.errors import Refused


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", [Help()]),
        ("help", [Help()]),
        ("status", [Status()]),
        ("status acme", [Status("acme")]),
        ("STATUS Acme Corp", [Status("acme corp")]),
        ("list", [ListOpen()]),
        ("mine", [Mine()]),
        ("whoami", [WhoAmI()]),
        ("deadletter", [DeadLetters()]),
        ("deadletters Acme", [DeadLetters("acme")]),
        ("deadletter 12", [DeadLetterShown(12)]),
        ("deadletter show 12", [DeadLetterShown(12)]),
        ("deadletter replay 12 13", [ReplayLetter(12), ReplayLetter(13)]),
        ("INC-42", [Show(42)]),
        ("inc42", [Show(42)]),
        ("42", [Show(42)]),
        ("claim INC-42", [Claim(42)]),
        ("ack 42", [Claim(42)]),
        ("claim 42 43", [Claim(42), Claim(43)]),
        ("claim INC-42,INC-43", [Claim(42), Claim(43)]),
        ("claim 42 42", [Claim(42)]),
        ("why 42", [Why(42)]),
        ("details 42", [Details(42)]),
        ("note 42 the fan is loud", [Note(42, "the fan is loud")]),
        ("note 42  two   spaces", [Note(42, "two   spaces")]),
        ("note 42", [Note(42, None)]),
        ("resolve 42", [Resolve(42, "")]),
        ("resolve INC-42 restarted it", [Resolve(42, "restarted it")]),
        ("reopen 42 still broken", [Reopen(42, "still broken")]),
        ("unclaim 42 at the dentist", [Unclaim(42, "at the dentist")]),
        ("run disk-clean-up INC-42", [Run(42, "disk-clean-up", None)]),
        ("run restart-service 42 unit=nginx", [Run(42, "restart-service", {"unit": "nginx"})]),
        ("run 42", [Run(42, "", None)]),
        (
            "run restart-service 42 on web-01, Web-02,db unit=nginx",
            [Run(42, "restart-service", {"unit": "nginx"}, ("web-01", "Web-02", "db"))],
        ),
        ("assign 42 @7", [Assign(42, 7)]),
        ("assign 42", [Assign(42, None)]),
    ],
)
def test_words_become_actions(typed, meant):
    assert parse(typed) == meant


def test_in_a_thread_no_number_is_needed():
    assert parse("claim", here=7) == [Claim(7)]
    assert parse("note it smells", here=7) == [Note(7, "it smells")]
    assert parse("run disk-clean-up", here=7) == [Run(7, "disk-clean-up", None)]
    assert parse("claim 9", here=7) == [Claim(9)]


def test_without_a_number_it_asks_for_one():
    with pytest.raises(Refused, match="Which incident") as refused:
        parse("claim")
    assert "INC-42" in refused.value.hint


@pytest.mark.parametrize(
    ("typed", "close"), [("clam 4", "claim"), ("staus", "status"), ("resolv 3", "resolve")]
)
def test_an_unknown_word_offers_the_closest_one(typed, close):
    with pytest.raises(Refused) as refused:
        parse(typed)
    assert f"/aw {close}" in refused.value.hint


def test_too_many_at_once_are_refused():
    with pytest.raises(Refused, match="too many"):
        parse("claim " + " ".join(map(str, range(1, 30))))


def test_a_link_to_a_card_stands_for_its_number():
    text = "claim https://msp.slack.com/archives/C0ACME/p1763881200123456?thread_ts=1"
    assert permalink(text) == ("C0ACME", "1763881200.123456")
    assert parse(without_permalink(text, 42)) == [Claim(42)]


@given(text=st.text(max_size=400), here=st.none() | st.integers(1, 99))
def test_no_text_breaks_the_grammar(text, here):
    try:
        said = [str(act) for act in parse(text, here=here)]
    except Refused as refused:
        said = [refused.reason]
    assert all(said)
