"""What one key of a company has been doing: when it last began and stopped firing, and its rounds. Bounded.

Kept with the incident that has the key and handed on to the next one, so restarts and replicas agree. Times are seconds
since 1970.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median
from zoneinfo import ZoneInfo

from engine.alert import Severity
from engine.patterns import (
    FLAP_CHANGES,
    FLAP_QUIET,
    FLAP_SPAN,
    MOST_SKIPPED,
    Flapping,
    Period,
    flapping,
    periodic,
)

MOST_CHANGES, MOST_ROUNDS = 4 * FLAP_CHANGES, 8
EXPECTED_AFTER = 3
"""So many rounds in step, each over by itself, make the next one expected."""
LEEWAY, LEEWAY_SHARE = 60.0, 0.1
"""An expected round lasts longer than ever when it lasts this much longer than the longest."""
DAY, WEEK = 86400.0, 604800.0
NEARLY_DAY, NEARLY_WEEK = 3600.0, 4 * 3600.0
NIGHT_BEGINS, NIGHT_ENDS = 20, 6


@dataclass(frozen=True, slots=True)
class Round:
    """One time that it fired. `lasted` is None while it goes on, and when it did not end by itself; `rank` is the worst
    severity's; `odd` says that it came out of step."""

    began: float
    lasted: float | None = None
    rank: int = Severity.INFO.rank
    odd: bool = False


@dataclass(frozen=True, slots=True)
class Track:
    """`changes` are when it began or stopped firing, within the span that the rule looks at; `flapping` is since when
    it flaps. Of the round that goes on now: `rhythm` is its step in words, `unlike` what is not as always, and `until`
    the time until which it is expected to be over by itself."""

    changes: tuple[float, ...] = ()
    flapping: float | None = None
    rounds: tuple[Round, ...] = ()
    rhythm: str = ""
    unlike: str = ""
    until: float | None = None

    @classmethod
    def first(cls, at: float, severity: Severity) -> Track:
        return cls(changes=(at,), rounds=(Round(at, rank=severity.rank),))

    @classmethod
    def unpack(cls, text: str) -> Track:
        """From what `pack` made; an empty text is an empty track."""
        if not text:
            return cls()
        changes, since, rounds, rhythm, unlike, until = json.loads(text)
        return cls(tuple(changes), since, tuple(Round(*one) for one in rounds), rhythm, unlike, until)

    def pack(self) -> str:
        rounds = [[one.began, one.lasted, one.rank, one.odd] for one in self.rounds]
        values = [self.changes, self.flapping, rounds, self.rhythm, self.unlike, self.until]
        return json.dumps(values, separators=(",", ":"), ensure_ascii=False)

    # -- flapping --------------------------------------------------------------------------------------------------

    @property
    def flaps(self) -> Flapping | None:
        """How often it changed up to its last change, while it counts as flapping."""
        if self.flapping is None or not self.changes:
            return None
        return flapping(self.changes, self.changes[-1])

    @property
    def quiet_at(self) -> float:
        """When it stops flapping if nothing changes any more."""
        return (self.changes[-1] if self.changes else 0.0) + FLAP_QUIET

    def _changed(self, at: float) -> Track:
        over = self.flapping is not None and at > self.quiet_at
        recent = [one for one in self.changes if at - one <= FLAP_SPAN]
        changes = (*recent, at)[-MOST_CHANGES:]
        since = None if over else self.flapping
        if since is None and flapping(changes, at) is not None:
            since = at
        return replace(self, changes=changes, flapping=since)

    def settled(self) -> Track:
        """It flaps no more."""
        return replace(self, flapping=None)

    # -- rounds ----------------------------------------------------------------------------------------------------

    def began(
        self, now: datetime, severity: Severity, *, window: float, timezone: str, critical: bool = False
    ) -> Track:
        """It fires. After a silence of the window that is a new round, which is held against the earlier ones;
        `critical` says that its asset is too important to wait for anything."""
        at, after = now.timestamp(), self._changed(now.timestamp())
        last = self.rounds[-1] if self.rounds else None
        if last is not None and (
            self.flapping is not None or at - last.began - (last.lasted or 0.0) <= window
        ):
            again = replace(last, lasted=None, rank=min(last.rank, severity.rank))
            return replace(after, rounds=(*self.rounds[:-1], again))
        rhythm, unlike, until, odd = _judged(self.rounds, at, severity, ZoneInfo(timezone))
        if critical or severity.rank <= Severity.HIGH.rank:
            until = None
        rounds = (*self.rounds, Round(at, rank=severity.rank, odd=odd))[-MOST_ROUNDS:]
        return replace(after, rounds=rounds, rhythm=rhythm, unlike=unlike, until=until)

    def ended(self, now: datetime) -> Track:
        """Monitoring says that it stopped by itself."""
        at, after = now.timestamp(), self._changed(now.timestamp())
        if not self.rounds:
            return after
        last = self.rounds[-1]
        return replace(after, rounds=(*self.rounds[:-1], replace(last, lasted=max(0.0, at - last.began))))

    def surfaced(self, unlike: str) -> Track:
        """It is not as always, and people hear of it."""
        return replace(self, until=None, unlike=unlike)

    @property
    def steady(self) -> tuple[Round, ...]:
        """The rounds that were in step."""
        return tuple(one for one in self.rounds if not one.odd)

    @property
    def longest(self) -> float:
        """Seconds that the longest earlier round lasted."""
        return max((one.lasted or 0.0 for one in self.steady[:-1]), default=0.0)

    def heading(self, timezone: str) -> str:
        """`unlike the last 6 nights`, of the earlier rounds."""
        earlier = self.steady[:-1] if self.rounds and not self.rounds[-1].odd else self.steady
        return _heading([one.began for one in earlier], ZoneInfo(timezone))

    def next_at(self, timezone: str) -> float | None:
        """When it is due again, if it comes in step."""
        starts = [one.began for one in self.steady]
        found = rhythm_of(starts, ZoneInfo(timezone))
        return starts[-1] + found.seconds if found is not None else None


def rhythm_of(starts: Sequence[float], zone: ZoneInfo) -> Period | None:
    """The step of these beginnings; on the clock of the wall where only that keeps step (a change to summer time)."""
    found = periodic(starts)
    if found is not None or zone.key == "UTC" or not starts:
        return found
    walls = [_wall(at, zone) for at in starts]
    return periodic(walls) if walls[-1] - walls[0] != starts[-1] - starts[0] else None


def _wall(at: float, zone: ZoneInfo) -> float:
    local = datetime.fromtimestamp(at, zone)
    offset = local.utcoffset()
    return at + (offset.total_seconds() if offset is not None else 0.0)


def _judged(
    before: Sequence[Round], at: float, severity: Severity, zone: ZoneInfo
) -> tuple[str, str, float | None, bool]:
    """(rhythm, unlike, until, odd) of a round that begins now."""
    steady = _in_step(before, at, zone)
    starts = [one.began for one in steady]
    known = rhythm_of(starts, zone)
    whole = rhythm_of([*starts, at][-MOST_ROUNDS:], zone)
    if whole is not None and known is None:  # with this one it is a series
        return rhythm_words([*starts, at], whole, zone), "", None, False
    if known is None or at - starts[-1] > (MOST_SKIPPED + 1.5) * known.seconds:
        return "", "", None, False
    if whole is None:
        words = rhythm_words(starts, known, zone)
        usual, now = _clock(starts, zone), f"{datetime.fromtimestamp(at, zone):%H:%M}"
        out_of_step = f"at {now} instead of about {usual}" if known.seconds > DAY / 2 else "out of step"
        return words, f"{_heading(starts, zone)}: {out_of_step}", None, True
    words = rhythm_words([*starts, at][-MOST_ROUNDS:], whole, zone)
    worst = min(one.rank for one in steady)
    if severity.rank < worst:
        was = list(Severity)[worst]
        return words, f"{_heading(starts, zone)}: {severity.value} instead of {was.value}", None, False
    lasted = [one.lasted for one in steady if one.lasted is not None]
    if len(lasted) < len(steady) or len(lasted) < EXPECTED_AFTER:
        return words, "", None, False
    return words, "", at + max(lasted) + max(LEEWAY, LEEWAY_SHARE * max(lasted)), False


def _in_step(rounds: Sequence[Round], at: float, zone: ZoneInfo) -> Sequence[Round]:
    """The rounds of the series: without those that came out of step, as long as the others go on; when they do not,
    it may have moved."""
    steady = [one for one in rounds if not one.odd]
    known = rhythm_of([one.began for one in steady], zone)
    if known is None or at - steady[-1].began > (MOST_SKIPPED + 1.5) * known.seconds:
        return rounds
    return steady


def rhythm_words(starts: Sequence[float], period: Period, zone: ZoneInfo) -> str:
    """`every night about 02:00 CET, 6 of the last 7 nights`; `every 2.0 h (±4 min), 5 times` otherwise."""
    daily, weekly = abs(period.seconds - DAY) < NEARLY_DAY, abs(period.seconds - WEEK) < NEARLY_WEEK
    if not (daily or weekly):
        return period.text
    one, many = _unit(starts, zone, weekly=weekly)
    name = datetime.fromtimestamp(starts[-1], zone).strftime("%A") if weekly else one
    seen = f"{period.rounds - period.skipped} of the last {period.rounds} {many}"
    if not period.skipped:
        seen = f"each of the last {period.rounds} {many}"
    return f"every {name} about {_clock(starts, zone)}, {seen}"


def _heading(starts: Sequence[float], zone: ZoneInfo) -> str:
    known = rhythm_of(starts, zone)
    if known is None:
        return "unlike before"
    if abs(known.seconds - DAY) < NEARLY_DAY or abs(known.seconds - WEEK) < NEARLY_WEEK:
        many = _unit(starts, zone, weekly=known.seconds > 2 * DAY)[1]
    else:
        many = "times"
    return f"unlike the last {len(starts)} {many}"


def _unit(starts: Sequence[float], zone: ZoneInfo, *, weekly: bool) -> tuple[str, str]:
    if weekly:
        return "week", "weeks"
    hour = _minutes(starts, zone) // 60
    return ("night", "nights") if hour >= NIGHT_BEGINS or hour < NIGHT_ENDS else ("day", "days")


def _clock(starts: Sequence[float], zone: ZoneInfo) -> str:
    hours, minutes = divmod(_minutes(starts, zone), 60)
    return f"{hours:02}:{minutes:02} {datetime.fromtimestamp(starts[-1], zone):%Z}"


def _minutes(starts: Sequence[float], zone: ZoneInfo) -> int:
    """The usual time of day on the wall, in minutes and to five of them; midnight may lie in between."""
    walls = [_wall(at, zone) % DAY for at in starts]
    around = [(one - walls[-1] + DAY / 2) % DAY - DAY / 2 for one in walls]
    return round((walls[-1] + median(around)) % DAY / 300) * 5 % 1440
