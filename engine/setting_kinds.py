"""The sorts of values that a setting may have: how each is read, kept as JSON, and said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from engine import escalation, hours
from engine.alert import Severity
from engine.timesheet import Rate

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"\s*(\d{1,7})\s*([a-z]*)\s*", re.ASCII)


class Kind(Protocol):
    """How values of one sort are read, kept and said."""

    @property
    def expects(self) -> str:
        """What may stand here, in words."""

    def read(self, words: str) -> Any:
        """The value as it is kept. Raises ValueError."""

    def holds(self, kept: Any) -> bool:
        """May this have been kept?"""

    def words(self, kept: Any) -> str: ...
    def typed(self, kept: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Span:
    """Kept as seconds; a bare number means minutes. `zero` is the word for none at all."""

    least: timedelta
    most: timedelta
    zero: str = ""

    @property
    def expects(self) -> str:
        none = f"`{self.zero}`, or " if self.zero else ""
        low, high = (self.words(int(end.total_seconds())) for end in (self._shortest, self.most))
        return f"{none}{low} to {high}; a bare number means minutes"

    @property
    def _shortest(self) -> timedelta:
        return max(self.least, timedelta(minutes=1)) if self.zero else self.least

    def read(self, words: str) -> int:
        if self.zero and words == self.zero:
            return 0
        seconds, place = 0, 0
        while place < len(words):
            found = _PART.match(words, place)
            if found is None:
                raise ValueError
            unit = found.group(2)[:1] or "m"
            if unit not in _UNITS or (not found.group(2) and (place or found.end() < len(words))):
                raise ValueError
            seconds += int(found.group(1)) * _UNITS[unit]
            place = found.end()
        if not words or not self.least.total_seconds() <= seconds <= self.most.total_seconds():
            raise ValueError
        return seconds

    def holds(self, kept: Any) -> bool:
        return type(kept) is int and kept >= 0

    def words(self, kept: Any) -> str:
        if not kept:
            return self.zero or "0 min"
        whole = next(name for name in ("d", "h", "m", "s") if kept % _UNITS[name] == 0)
        count = kept // _UNITS[whole]
        return f"{count} {'min' if whole == 'm' else whole}"

    def typed(self, kept: Any) -> timedelta:
        return timedelta(seconds=kept)


@dataclass(frozen=True, slots=True)
class Number:
    least: int
    most: int

    @property
    def expects(self) -> str:
        return f"{self.least:,} to {self.most:,}"

    def read(self, words: str) -> int:
        plain = words.replace(",", "")
        if not (plain.isascii() and plain.isdigit() and len(plain) < 10):
            raise ValueError
        if not self.least <= int(plain) <= self.most:
            raise ValueError
        return int(plain)

    def holds(self, kept: Any) -> bool:
        return type(kept) is int

    def words(self, kept: Any) -> str:
        return f"{kept:,}"

    def typed(self, kept: Any) -> int:
        return int(kept)


@dataclass(frozen=True, slots=True)
class Choice:
    names: tuple[str, ...]

    @property
    def expects(self) -> str:
        return ", ".join(f"`{name}`" for name in self.names)

    def read(self, words: str) -> str:
        if words not in self.names:
            raise ValueError
        return words

    def holds(self, kept: Any) -> bool:
        return kept in self.names

    def words(self, kept: Any) -> str:
        return str(kept)

    def typed(self, kept: Any) -> str:
        return str(kept)


@dataclass(frozen=True, slots=True)
class Switch:
    @property
    def expects(self) -> str:
        return "`on` or `off`"

    def read(self, words: str) -> bool:
        if words not in ("on", "off", "true", "false", "yes", "no"):
            raise ValueError
        return words in ("on", "true", "yes")

    def holds(self, kept: Any) -> bool:
        return type(kept) is bool

    def words(self, kept: Any) -> str:
        return "on" if kept else "off"

    def typed(self, kept: Any) -> bool:
        return bool(kept)


@dataclass(frozen=True, slots=True)
class Zone:
    @property
    def expects(self) -> str:
        return "a time zone such as `Europe/Vienna`"

    def read(self, words: str) -> str:
        try:
            return ZoneInfo(words).key
        except (KeyError, OSError) as error:
            raise ValueError from error

    def holds(self, kept: Any) -> bool:
        return isinstance(kept, str)

    def words(self, kept: Any) -> str:
        return str(kept)

    def typed(self, kept: Any) -> str:
        return str(kept)


@dataclass(frozen=True, slots=True)
class Hours:
    """Business hours as `engine.hours` writes them; empty is around the clock."""

    @property
    def expects(self) -> str:
        return "`always`, or such as `Europe/Vienna; mon-fri 08:00-17:00; holidays AT`"

    def read(self, words: str) -> str:
        if words.lower() in ("always", "24x7", "24/7"):
            return hours.ALWAYS
        found = hours.read(words)
        if found is None:
            raise ValueError
        return found.text

    def holds(self, kept: Any) -> bool:
        try:
            hours.read(kept)
        except (ValueError, AttributeError):
            return False
        return True

    def words(self, kept: Any) -> str:
        return kept or "always"

    def typed(self, kept: Any) -> str:
        return str(kept)


@dataclass(frozen=True, slots=True)
class EscalationChain:
    """Steps as `engine.escalation` writes them."""

    @property
    def expects(self) -> str:
        return f"`{escalation.OFF}`, or steps such as `{escalation.DEFAULT}`"

    def read(self, words: str) -> str:
        return escalation.read_chain(words).text

    def holds(self, kept: Any) -> bool:
        try:
            escalation.read_chain(kept)
        except (ValueError, AttributeError):
            return False
        return True

    def words(self, kept: Any) -> str:
        return str(kept)

    def typed(self, kept: Any) -> escalation.Chain:
        return escalation.read_chain(kept)


@dataclass(frozen=True, slots=True)
class Severities:
    """Kept as a list, the worst first."""

    @property
    def expects(self) -> str:
        return "`none`, or such as `critical, high`"

    def read(self, words: str) -> list[str]:
        if words == "none":
            return []
        named = {Severity(one.strip()) for one in words.split(",")}
        return [one.value for one in Severity if one in named]

    def holds(self, kept: Any) -> bool:
        return isinstance(kept, list) and all(one in list(Severity) for one in kept)

    def words(self, kept: Any) -> str:
        return ", ".join(kept) or "none"

    def typed(self, kept: Any) -> frozenset[Severity]:
        return frozenset(Severity(one) for one in kept)


_RATE = re.compile(r"(\d{1,6}(?:\.\d{1,2})?)\s*([a-z]{3})", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class HourlyRate:
    """What an hour costs, kept as `95.00 EUR`, or none."""

    @property
    def expects(self) -> str:
        return "`none`, or such as `95 EUR`"

    def read(self, words: str) -> str:
        if words == "none":
            return ""
        found = _RATE.fullmatch(words)
        if found is None:
            raise ValueError
        return f"{Decimal(found[1]):.2f} {found[2].upper()}"

    def holds(self, kept: Any) -> bool:
        return isinstance(kept, str) and (not kept or bool(_RATE.fullmatch(kept)))

    def words(self, kept: Any) -> str:
        return kept or "none"

    def typed(self, kept: Any) -> Rate | None:
        amount, _, currency = kept.partition(" ")
        return Rate(Decimal(amount), currency) if kept else None


_ADDRESS = re.compile(r"[^\s@<>(),;:\\\"\[\]]+@[^\s@<>(),;:\\\"\[\]]+\.[^\s@<>(),;:\\\"\[\]]+")


@dataclass(frozen=True, slots=True)
class Address:
    """One e-mail address, or none."""

    @property
    def expects(self) -> str:
        return "`none`, or an e-mail address"

    def read(self, words: str) -> str:
        if words == "none":
            return ""
        if not (self.holds(words) and words.isprintable()):
            raise ValueError
        return words

    def holds(self, kept: Any) -> bool:
        return isinstance(kept, str) and (not kept or bool(_ADDRESS.fullmatch(kept)))

    def words(self, kept: Any) -> str:
        return kept or "none"

    def typed(self, kept: Any) -> str:
        return str(kept)


_RULE = re.compile(r"([a-z][a-z0-9-]{0,59})\s*=\s*(observe|propose|act)(?:\s*/\s*([1-5]))?")


@dataclass(frozen=True, slots=True)
class RunbookRules:
    """What holds for single runbooks, kept as `{"restart-service": "propose/2"}`: how far it may go by itself, and how
    many people have to agree."""

    most: int = 100

    @property
    def expects(self) -> str:
        return "`none`, or such as `disk-clean-up=propose, restart-service=propose/2` (2: two people have to agree)"

    def read(self, words: str) -> dict[str, str]:
        if words == "none":
            return {}
        found: dict[str, str] = {}
        for part in words.split(","):
            rule = _RULE.fullmatch(part.strip())
            if rule is None or rule.group(1) in found:
                raise ValueError
            found[rule.group(1)] = rule.group(2) + (f"/{rule.group(3)}" if rule.group(3) else "")
        if len(found) > self.most:
            raise ValueError
        return dict(sorted(found.items()))

    def holds(self, kept: Any) -> bool:
        return isinstance(kept, dict) and all(
            isinstance(value, str) and _RULE.fullmatch(f"{name}={value}") for name, value in kept.items()
        )

    def words(self, kept: Any) -> str:
        return ", ".join(f"{name}={value}" for name, value in kept.items()) or "none"

    def typed(self, kept: Any) -> dict[str, tuple[str, int | None]]:
        """By runbook: the mode, and how many have to agree where that is said."""
        parts = {name: value.partition("/") for name, value in kept.items()}
        return {name: (mode, int(count) if count else None) for name, (mode, _, count) in parts.items()}


_ID = re.compile(r"[a-z][a-z0-9-]{0,59}")


@dataclass(frozen=True, slots=True)
class RunbookIds:
    """Runbooks by their ids, kept as a sorted list."""

    most: int = 30

    @property
    def expects(self) -> str:
        return "`none`, or such as `restart-service, reboot`"

    def read(self, words: str) -> list[str]:
        if words == "none":
            return []
        named = {one.strip() for one in words.split(",")}
        if len(named) > self.most or not all(_ID.fullmatch(one) for one in named):
            raise ValueError
        return sorted(named)

    def holds(self, kept: Any) -> bool:
        return isinstance(kept, list) and all(isinstance(one, str) and _ID.fullmatch(one) for one in kept)

    def words(self, kept: Any) -> str:
        return ", ".join(kept) or "none"

    def typed(self, kept: Any) -> frozenset[str]:
        return frozenset(kept)
