"""What follows `/aw silence` and `/aw maint`: what, when, why. The same words on the command line.

web-01 2h replacing the disk          acme sat 22:00-02:00 weekly kernel updates
site=vienna tomorrow 8am power cut    "web-*" sig="disk*" upto=medium 4h clean-up
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from bot.words import times
from engine.alert import Severity
from engine.classification import severity_of_word
from engine.errors import Refused
from engine.identifiers import incident_number
from engine.schedule import Schedule, between
from engine.suppression import QuietKind, Scope

_TOKEN = re.compile(r'[^\s"“”=:]+[=:]["“][^"“”]*["“”]|["“][^"“”]*["“”]|\S+')
_PAIR = re.compile(r"([a-z][a-z0-9_.-]{0,62})(?:=|:(?!//|\d+$))(.+)", re.IGNORECASE)
"""`site=vienna` and `site:vienna`; `web-01:9100` and an address are names."""
_QUOTES = '"“”'
_ALL = frozenset({"all", "everything", "*"})
_CRITICALS = frozenset({"+critical", "+criticals", "--critical", "--criticals"})
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Said:
    """What was understood. `company` is the slug that was named, `incident` the number that stands for a scope."""

    scope: Scope
    schedule: Schedule
    reason: str
    company: str | None = None
    incident: int | None = None


@dataclass(slots=True)
class _Heard:
    company: str | None = None
    incident: int | None = None
    asset: str = ""
    signature: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    ceiling: Severity | None = None
    all: bool = False

    @property
    def anything(self) -> bool:
        return bool(self.incident or self.asset or self.signature or self.labels or self.all)


def tokens(text: str) -> list[tuple[str, int]]:
    """The words, a quoted phrase as one, each with where it ends."""
    return [(_unquoted(found.group()), found.end()) for found in _TOKEN.finditer(text)]


def company_of(text: str, slugs: Collection[str]) -> str | None:
    """The company that the words begin with."""
    first = tokens(text)[:1]
    return first[0][0].lower() if first and first[0][0].lower() in slugs else None


def read(
    kind: QuietKind,
    text: str,
    *,
    slugs: Collection[str],
    timezone: str,
    here: int | None,
    now: datetime,
) -> Said:
    """What somebody wants quiet. Raises Refused saying what is missing. `here` is the incident of the thread."""
    found = tokens(text)
    words = [word for word, _ in found]
    heard = _Heard()
    place = 0
    while place < len(words):
        timed = _time(kind, words[place:], now, timezone)
        if timed is not None:
            break
        _hear(heard, words[place], slugs, first=place == 0)
        place += 1
    else:
        raise _no_time(kind)
    schedule, taken = timed
    place += taken
    while place < len(words) and words[place].lower() in _CRITICALS:
        heard.ceiling, place = Severity.CRITICAL, place + 1
    reason = text[found[place - 1][1] :].strip()
    if not heard.anything and kind is QuietKind.SILENCE:
        if here is None:
            raise Refused(
                "What should be silent?",
                hint="Name an asset, a label or an incident: `/aw silence web-01 2h why`, or `all`.",
                code="which",
            )
        heard.incident = here
    return Said(_scope(kind, heard), schedule, reason, heard.company, heard.incident)


def _time(kind: QuietKind, words: list[str], now: datetime, timezone: str) -> tuple[Schedule, int] | None:
    if kind is QuietKind.MAINTENANCE:
        return times.window(words, now, timezone)
    end = times.until(words, now, timezone)
    if end is None:
        return None
    made = between(now, end.at)
    return replace(made, on_the_wall=end.moment), end.words


def _hear(heard: _Heard, word: str, slugs: Collection[str], *, first: bool) -> None:
    plain = word.lower()
    if first and plain in slugs:
        heard.company = plain
    elif plain in _ALL:
        heard.all = True
    elif plain in _CRITICALS:
        heard.ceiling = Severity.CRITICAL
    elif plain.startswith("inc") and (number := incident_number(plain)) is not None:
        heard.incident = number
    elif (pair := _PAIR.fullmatch(word)) is not None:
        _hear_pair(heard, pair.group(1), _unquoted(pair.group(2)))
    elif heard.asset:
        raise Refused(
            f"“{heard.asset[:60]}” and “{word[:60]}”: one asset at a time, and then for how long.",
            hint='A pattern names many: `"web-*"`. A text goes into quotes: `sig="disk full"`.',
            code="invalid",
        )
    else:
        heard.asset = _name(word)


def _hear_pair(heard: _Heard, name: str, value: str) -> None:
    match name.lower():
        case "asset" | "host":
            heard.asset = _name(value)
        case "sig" | "signature":
            heard.signature = _name(value)
        case "upto" | "up-to" | "max":
            severity = severity_of_word(value)
            if severity is None:
                names = ", ".join(one.value for one in Severity)
                raise Refused(
                    f"“{value[:40]}” is no severity.", hint=f"Write one of {names}.", code="invalid"
                )
            heard.ceiling = severity
        case _:
            heard.labels = (*heard.labels, (name, _name(value)))


def _name(text: str) -> str:
    if len(text) > _LONGEST_NAME:
        raise Refused(f"A name has at most {_LONGEST_NAME} characters.", code="invalid")
    return text


def _scope(kind: QuietKind, heard: _Heard) -> Scope:
    """A silence lets critical alerts through unless it says otherwise; planned work holds them too."""
    usual = Severity.HIGH if kind is QuietKind.SILENCE else Severity.CRITICAL
    return Scope(
        asset=heard.asset, labels=heard.labels, signature=heard.signature, ceiling=heard.ceiling or usual
    )


def _unquoted(word: str) -> str:
    name, sign, value = word.partition("=") if "=" in word else word.partition(":")
    if sign and value[:1] in ('"', "“"):
        return name + sign + value.strip(_QUOTES)
    return word.strip(_QUOTES)


def _no_time(kind: QuietKind) -> Refused:
    if kind is QuietKind.SILENCE:
        hint = "For example `/aw silence web-01 2h replacing the disk`, or `… tomorrow 8am …`."
        return Refused("For how long?", hint=hint, code="invalid")
    hint = "For example `/aw maint acme sat 22:00-02:00 weekly kernel updates`, or `… 2026-12-01 22:00 4h …`."
    return Refused("When is it?", hint=hint, code="invalid")
