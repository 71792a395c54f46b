"""A question is told from a command."""

from __future__ import annotations

import pytest

from bot.actions.incidents import Inquire
from bot.commands import parse
from engine.errors import Refused


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("what changed before this?", Inquire(7, "what changed before this?")),
        ("what changed before this", Inquire(7, "what changed before this")),
        ("ask INC-9 what else is wrong", Inquire(9, "what else is wrong")),
        ("why did this start to fail?", Inquire(7, "why did this start to fail?")),
        ("who is working on this?", Inquire(7, "who is working on this?")),
        ("has it been seen before?", Inquire(7, "has it been seen before?")),
    ],
)
def test_a_question_in_a_thread_is_a_question(typed: str, meant: Inquire):
    assert parse(typed, here=7) == [meant]


@pytest.mark.parametrize(
    "typed", ["why", "why 42", "who", "who acme", "status acme", "note is it hot?", "claim"]
)
def test_a_command_stays_a_command(typed: str):
    assert not [act for act in parse(typed, here=7) if isinstance(act, Inquire)]


def test_elsewhere_it_needs_a_number():
    with pytest.raises(Refused, match="needs its number"):
        parse("what changed before this?")
