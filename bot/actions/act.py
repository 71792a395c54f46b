"""What every act has: a verb, and its ids packed into a button.

A button carries no authority: who may do it is decided again when it arrives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

LONGEST_VALUE = 150
"""What fits the tightest place a value goes into: an option of a Slack menu."""


FIXED = {
    "incident",
    "run",
    "digest",
    "letter",
    "quiet",
    "storm",
    "scope",
    "change",
    "outbreak",
    "ask",
    "article",
}
IDS = {*FIXED, "runbook", "part", "minutes"}


@dataclass(frozen=True, slots=True)
class Act:
    verb: ClassVar[str]

    def pack(self) -> str:
        """The ids as text, in the order of the fields. Raises ValueError when they do not fit a button."""
        parts = [as_part(getattr(self, field.name)) for field in fields(self) if field.name in IDS]
        packed = "|".join(parts)
        if len(packed) > LONGEST_VALUE:
            raise ValueError(f"{self.verb}: {len(packed)} characters do not fit a button")
        return packed

    def filled(self, answers: Mapping[str, str]) -> Any:
        """The same act with a form's answers in its free fields, and `sent` where it has that field; answers of other
        names are parameters."""
        own = {field.name for field in fields(self)} - FIXED
        known: dict[str, Any] = {name: value for name, value in answers.items() if name in own}
        others = {name: value for name, value in answers.items() if name not in own}
        if "parameters" in own and others:
            known["parameters"] = others
        for name in known.keys() & {"to", "number"}:
            known[name] = int(known[name])
        if "targets" in known:
            known["targets"] = names_in(known["targets"])
        if "sent" in own:
            known["sent"] = True
        return replace(self, **known)


def names_in(text: str) -> tuple[str, ...]:
    """The names in a list with commas, each once."""
    return tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))


def as_part(value: object) -> str:
    text = str(value)
    if "|" in text:
        raise ValueError(f"an id cannot hold “|”: {text!r}")
    return text
