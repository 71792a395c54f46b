"""Acts on runs of runbooks and on what waits for an approval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bot.actions.act import Act


@dataclass(frozen=True, slots=True)
class Run(Act):
    """`runbook` empty asks which; `parameters` None asks for what is missing; without `targets`, the incident's own
    asset."""

    verb: ClassVar[str] = "run"
    incident: int
    runbook: str = ""
    parameters: Mapping[str, str] | None = None
    targets: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Approve(Act):
    """`digest` is the beginning of what the card showed."""

    verb: ClassVar[str] = "approve"
    run: str
    digest: str


@dataclass(frozen=True, slots=True)
class Reject(Act):
    verb: ClassVar[str] = "reject"
    run: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class BreakGlass(Act):
    """Start what the card showed without an approval, nobody being there who could give one; `text` says why."""

    verb: ClassVar[str] = "break_glass"
    run: str
    digest: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class SignReview(Act):
    """What was started so was looked at; `text` says what was found."""

    verb: ClassVar[str] = "sign_review"
    run: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Looking(Act):
    """Somebody who could decide is at it."""

    verb: ClassVar[str] = "looking"
    run: str


@dataclass(frozen=True, slots=True)
class Again(Act):
    """Ask once more for what expired, was withdrawn or is void, as it would be now."""

    verb: ClassVar[str] = "again"
    run: str


@dataclass(frozen=True, slots=True)
class Cancel(Act):
    verb: ClassVar[str] = "cancel"
    run: str


@dataclass(frozen=True, slots=True)
class Decide(Act):
    """What waits for an approval in this incident: shown to be approved, or rejected with `text` as the reason."""

    verb: ClassVar[str] = "decide"
    incident: int
    agrees: bool
    text: str = ""


OnRun = Approve | Reject | BreakGlass | SignReview | Looking | Again | Cancel
