"""A button is a typed value: what is packed comes back the same, what is not ours is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.actions.act import LONGEST_VALUE
from bot.actions.every import VERBS, unpack
from bot.actions.incidents import Assign, Claim, Details, Note, Reopen, Resolve, Show, Unclaim, Why
from bot.actions.runs import Approve, Cancel, Reject, Run
from engine.errors import Refused

NUMBERS = st.integers(min_value=0, max_value=10**18 - 1)
ON_INCIDENT = [Claim, Unclaim, Note, Resolve, Reopen, Assign, Why, Details, Show]


@pytest.mark.parametrize("kind", ON_INCIDENT)
@given(number=NUMBERS)
def test_an_act_on_an_incident_survives_the_button(kind, number):
    act = kind(number)
    packed = act.pack()
    assert unpack(kind.verb, packed) == act
    assert len(packed) <= LONGEST_VALUE


@pytest.mark.parametrize(
    "act", [Approve("01m8" * 6, "f" * 64), Reject("01m8"), Cancel("01m8"), Run(7, "disk-clean-up")]
)
def test_an_act_on_a_run_survives_the_button(act):
    assert unpack(act.verb, act.pack()) == act


@given(verb=st.text(max_size=20), value=st.text(max_size=300))
def test_what_no_button_of_ours_holds_is_refused_politely(verb, value):
    try:
        act = unpack(verb, value)
    except Refused as refused:
        act = None
        said = refused.reason
    if act is None:
        assert said
    else:
        assert act.pack() == value or int(value) == getattr(act, "incident", None)


@pytest.mark.parametrize("verb", sorted(VERBS))
@pytest.mark.parametrize("value", ["", "7", "7|x", "x", "||", "9" * 30])
def test_a_forged_value_of_any_verb_is_an_act_or_refused(verb, value):
    try:
        act = unpack(verb, value)
    except Refused as refused:
        act = None
        assert refused.code == "unknown_button"  # noqa: PT017
    assert act is None or act.verb == verb


def test_what_does_not_fit_a_button_is_found_when_it_is_packed():
    with pytest.raises(ValueError, match="do not fit"):
        Run(1, "x" * 200).pack()
    with pytest.raises(ValueError, match="cannot hold"):
        Run(1, "a|b").pack()


def test_answers_of_a_form_fill_the_free_fields_only():
    assert Note(4).filled({"text": "looked at it"}) == Note(4, "looked at it")
    assert Assign(4).filled({"to": "7"}) == Assign(4, 7)
    assert Run(4).filled({"runbook": "restart-service"}) == Run(4, "restart-service")
    named = {"runbook": "restart-service", "targets": " web-01,web-02 , web-01"}
    assert Run(4).filled(named) == Run(4, "restart-service", None, ("web-01", "web-02"))
    assert Run(4, "restart-service").filled({"unit": "nginx"}) == Run(4, "restart-service", {"unit": "nginx"})
    assert Resolve(4).filled({"incident": "9", "text": "x"}) == Resolve(4, "x", sent=True)
