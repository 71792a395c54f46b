"""A question in people's words: about which incident, and what."""

from __future__ import annotations

from collections.abc import Sequence

from bot.actions.incidents import Inquire
from engine.errors import Refused
from engine.identifiers import incident_number
from engine.inquiry import LONGEST

_EXAMPLE = "For example `/aw ask INC-42 what changed before this?`"


def inquiry_act(words: Sequence[str], here: int | None) -> Inquire:
    """`INC-42 what changed before this?`; in a thread the question alone."""
    named = incident_number(words[0]) if words else None
    number, said = (named, words[1:]) if named is not None else (here, words)
    if number is None:
        raise Refused("Which incident? A question needs its number.", hint=f"{_EXAMPLE}.", code="which")
    if not said:
        raise Refused("What do you want to know?", hint=f"{_EXAMPLE}.", code="which")
    text = " ".join(said)
    if len(text) > LONGEST:
        raise Refused(f"That question has {len(text):,} characters; {LONGEST} fit.", code="invalid")
    return Inquire(number, text)
