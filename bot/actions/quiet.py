"""Acts about silences and maintenance windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.actions.act import Act
from engine.suppression import QuietKind


@dataclass(frozen=True, slots=True)
class WantQuiet(Act):
    """A silence or a window in people's words: shown first, with what it would have hidden. `here` is the thread's
    incident."""

    verb: ClassVar[str] = "quiet"
    kind: QuietKind = QuietKind.SILENCE
    words: str = ""
    here: int | None = None


@dataclass(frozen=True, slots=True)
class ListQuiet(Act):
    verb: ClassVar[str] = "quiet_list"
    kind: QuietKind | None = None
    company: str = ""


@dataclass(frozen=True, slots=True)
class ConfirmQuiet(Act):
    """The preview with this number comes true."""

    verb: ClassVar[str] = "quiet_confirm"
    quiet: int


@dataclass(frozen=True, slots=True)
class ConfirmQuietAll(Act):
    """As ConfirmQuiet, and critical alerts are held too."""

    verb: ClassVar[str] = "quiet_confirm_all"
    quiet: int


@dataclass(frozen=True, slots=True)
class DropQuiet(Act):
    """The preview is not wanted."""

    verb: ClassVar[str] = "quiet_drop"
    quiet: int


@dataclass(frozen=True, slots=True)
class EndQuiet(Act):
    verb: ClassVar[str] = "quiet_end"
    quiet: int


@dataclass(frozen=True, slots=True)
class EndQuietOf(Act):
    """Everything that keeps this incident quiet by its number."""

    verb: ClassVar[str] = "quiet_end_of"
    incident: int


OnQuiet = WantQuiet | ListQuiet | ConfirmQuiet | ConfirmQuietAll | DropQuiet | EndQuiet | EndQuietOf
