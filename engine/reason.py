"""Why the engine decided as it did: a rule's name for machines and one sentence for people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """`rule` is a stable word (`same-key`, `new`, `reopened` …); `text` is what a tired technician reads."""

    rule: str
    text: str

    def __str__(self) -> str:
        return self.text
