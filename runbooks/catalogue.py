"""The runbooks there are: the shipped library and, if wanted, a folder of one's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from engine.errors import AlertWhispererError, NotFound
from runbooks.runbook import BY_SIGNATURE, Platform, Purpose, Risk, Runbook

LIBRARY = Path(__file__).parent / "library"
LARGEST_FILE = 100_000
"""Bytes of one runbook file."""

_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one file; `field` is a dotted path, empty for the file as a whole."""

    file: str
    field: str
    why: str

    def __str__(self) -> str:
        return f"{self.file}: {f'{self.field}: ' if self.field else ''}{self.why}"


class InvalidCatalogue(AlertWhispererError):
    """Some runbook files cannot be used; `faults` names every one of their mistakes."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Match:
    """A runbook meant for an incident; the higher the score the better it fits."""

    runbook: Runbook
    score: int


_RISK_ORDER = {risk: place for place, risk in enumerate(Risk)}


def _rank(match: Match) -> tuple[int, bool, int, str]:
    """Best first: what fits best, then what mends before what only looks, then the least risky."""
    runbook = match.runbook
    return -match.score, runbook.purpose is Purpose.LOOK, _RISK_ORDER[runbook.risk], runbook.id


class Catalogue:
    def __init__(self, runbooks: Iterable[Runbook]) -> None:
        self._by_id = {runbook.id: runbook for runbook in sorted(runbooks, key=lambda one: one.id)}

    def get(self, runbook_id: str) -> Runbook:
        """Raises NotFound, with the names there are as its hint."""
        found = self._by_id.get(runbook_id.strip().lower())
        if found is None:
            raise NotFound(
                f"There is no runbook “{runbook_id[:60]}”.", hint=f"There are {', '.join(self._by_id)}."
            )
        return found

    def all(self) -> Sequence[Runbook]:
        """By id."""
        return tuple(self._by_id.values())

    def matching(self, category: str, signature: str, platform: Platform | None) -> Sequence[Match]:
        """The runbooks meant for such an incident: those that fit best first, then fixes before looks, then the
        least risky. Platform None: any."""
        found = [
            Match(runbook, score)
            for runbook in self._by_id.values()
            if (platform is None or platform in runbook.platforms)
            and (score := runbook.matches.score(category, signature))
        ]
        return sorted(found, key=_rank)

    def best(
        self, category: str, signature: str, platform: Platform | None, *, risk: Risk | None = None
    ) -> Runbook | None:
        """The best of `matching`, of one risk if one is asked for."""
        matches = self.matching(category, signature, platform)
        return next((match.runbook for match in matches if risk in (None, match.runbook.risk)), None)

    def by_itself(self, category: str, signature: str, platform: Platform | None) -> Sequence[Runbook]:
        """What the system may ask for without a person, first choice first: fixes of low risk, then of medium risk.

        Only those whose signature fits: a degraded array is a disk's trouble, and no room on it would mend that.
        """
        fixes = [
            match.runbook
            for match in self.matching(category, signature, platform)
            if match.score >= BY_SIGNATURE and match.runbook.purpose is Purpose.FIX
        ]
        return [one for risk in (Risk.LOW, Risk.MEDIUM) for one in fixes if one.risk is risk]


def load(extra: Path | None = None) -> Catalogue:
    """The library and the runbooks of `extra`. Raises InvalidCatalogue with every fault of every file."""
    runbooks, faults = read(extra)
    if faults:
        raise InvalidCatalogue(faults)
    return Catalogue(runbooks)


def read(extra: Path | None = None) -> tuple[Sequence[Runbook], Sequence[Fault]]:
    """The usable runbooks and every fault of the others, for a linter."""
    faults: list[Fault] = []
    found: dict[str, tuple[str, Runbook]] = {}
    if extra is not None and not extra.is_dir():
        faults.append(Fault(str(extra), "", "is not a folder"))
    for path in [path for folder in (LIBRARY, extra) if folder for path in _files(folder)]:
        runbook = _read_one(path, faults)
        if runbook is None:
            continue
        if runbook.id in found:
            faults.append(Fault(path.name, "id", f"{runbook.id} is the id of {found[runbook.id][0]} already"))
            continue
        found[runbook.id] = (path.name, runbook)
    return [runbook for _, runbook in found.values()], faults


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.suffix in (".yml", ".yaml"))


def _read_one(path: Path, faults: list[Fault]) -> Runbook | None:
    try:
        text = path.read_bytes()
        if len(text) > LARGEST_FILE:
            raise ValueError(f"is larger than {LARGEST_FILE:,} bytes")
        document = yaml.load(text, _LOADER)  # noqa: S506 - one of the two safe loaders
    except (OSError, ValueError, yaml.YAMLError) as error:
        faults.append(Fault(path.name, "", f"cannot be read: {' '.join(str(error).split())}"))
        return None
    if not isinstance(document, dict):
        faults.append(Fault(path.name, "", "must be a mapping of fields"))
        return None
    try:
        runbook = Runbook.model_validate(document)
    except ValidationError as error:
        faults.extend(_fault_of(path, one["loc"], one["msg"]) for one in error.errors(include_url=False))
        return None
    if runbook.id != path.stem:
        faults.append(Fault(path.name, "id", f"must be “{path.stem}”, as the file is called"))
        return None
    return runbook


def _fault_of(path: Path, place: tuple[int | str, ...], why: str) -> Fault:
    return Fault(path.name, ".".join(str(part) for part in place), why.removeprefix("Value error, "))
