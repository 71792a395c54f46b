"""Acts on a storm's board and on outbreaks across companies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.actions.act import Act


@dataclass(frozen=True, slots=True)
class ListOutbreaks(Act):
    """The latest outbreaks across companies, for MSP admins."""

    verb: ClassVar[str] = "outbreaks"


@dataclass(frozen=True, slots=True)
class ShowOutbreak(Act):
    """One of them with all its incidents, for the asker."""

    verb: ClassVar[str] = "outbreak"
    outbreak: int


@dataclass(frozen=True, slots=True)
class DismissOutbreak(Act):
    """It is none: over, and its signature is left alone for a day."""

    verb: ClassVar[str] = "outbreak_dismiss"
    outbreak: int


@dataclass(frozen=True, slots=True)
class ClaimAll(Act):
    """Take everything on a storm's board that nobody has."""

    verb: ClassVar[str] = "claim_all"
    storm: str


@dataclass(frozen=True, slots=True)
class SplitOut(Act):
    """Give one incident of a storm's board a card of its own; `number` None asks which."""

    verb: ClassVar[str] = "split_out"
    storm: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class StormList(Act):
    """What is open on a storm's board, for the asker."""

    verb: ClassVar[str] = "storm_list"
    storm: str


OnStorm = ClaimAll | SplitOut | StormList
OnOutbreak = ListOutbreaks | ShowOutbreak | DismissOutbreak
