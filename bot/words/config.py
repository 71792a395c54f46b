"""A change of a setting as people write it, and as a button carries it until somebody confirms."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from engine.errors import Refused
from engine.setting import SETTINGS, Setting, setting_called

GOOD_FOR = timedelta(hours=1)
UNSET = ("unset", "inherit", "default")


@dataclass(frozen=True, slots=True)
class Said:
    """What was typed after `/aw config`. `value` None: only looked at; `unset`: to be inherited again."""

    company: str
    setting: Setting | None = None
    value: str | None = None

    @property
    def unset(self) -> bool:
        return self.value is not None and self.value.lower() in UNSET


def read(words: str, slugs: Collection[str]) -> Said:
    """`acme`, `acme window`, `acme window 10`, and the same without a company. Raises Refused."""
    given = words.split()
    named = given.pop(0).lower() if given and given[0].lower() in slugs else ""
    if not given:
        return Said(named)
    if not named and len(given) == 1 and given[0].lower() not in SETTINGS:
        return Said(given[0].lower())
    setting = setting_called(given[0])
    return Said(named, setting, " ".join(given[1:]) or None)


@dataclass(frozen=True, slots=True)
class Change:
    """One company's setting from what was set there when it was shown to what is wanted (None: inherited)."""

    company_id: int
    setting: Setting
    before: Any
    after: Any
    asked_at: datetime

    def pack(self) -> str:
        parts = (
            str(self.company_id),
            self.setting.name,
            str(int(self.asked_at.timestamp())),
            orjson.dumps(self.before).decode(),
            orjson.dumps(self.after).decode(),
        )
        return "~".join(parts)


def unpack(text: str) -> Change:
    """Raises Refused for what no button of this version carries."""
    try:
        company_id, name, asked, before, after = text.split("~")
        setting = SETTINGS[name]
        values = [orjson.loads(before), orjson.loads(after)]
        if any(value is not None and not setting.kind.holds(value) for value in values):
            raise ValueError
        if values[1] is not None:
            setting.read(setting.words(values[1]))
        at = datetime.fromtimestamp(int(asked), UTC)
        return Change(int(company_id), setting, values[0], values[1], at)
    except (ValueError, KeyError, OverflowError, OSError):
        raise Refused("This button cannot be read.", hint="Ask again.", code="unknown_button") from None
