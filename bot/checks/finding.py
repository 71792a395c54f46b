"""One line of `aw check`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    GOOD = "good"
    OFF = "off"
    BAD = "bad"

    @property
    def sign(self) -> str:
        return {"good": "✓", "off": "–", "bad": "✗"}[self.value]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one thing, and what to do about it."""

    outcome: Outcome
    subject: str
    text: str
    mend: str = ""

    def document(self) -> dict[str, str]:
        return {
            "outcome": self.outcome.value,
            "subject": self.subject,
            "text": self.text,
            "mend": self.mend,
        }


def good(subject: str, text: str) -> Finding:
    return Finding(Outcome.GOOD, subject, text)


def off(subject: str, text: str, mend: str = "") -> Finding:
    """Nothing is broken, but something is not in use."""
    return Finding(Outcome.OFF, subject, text, mend)


def bad(subject: str, text: str, mend: str) -> Finding:
    return Finding(Outcome.BAD, subject, text, mend)
