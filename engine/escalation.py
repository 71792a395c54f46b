"""Escalation: whom to call next about an incident that is late, and when. A chain of steps, told one after another.

A step begins when a promise is broken, or so long after the step before. Somebody's hand on the incident stops what
follows; when nothing more is heard of them, it goes on. Everything is worked out from what was told and done.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from engine.sla import ClockKind

OFF = "off"
DEFAULT = "response technician; resolution company_admin; 30m msp_admin"
REPEAT_EVERY = timedelta(minutes=30)
"""How long after the last step, at least, it is told again."""
MOST_STEPS, MOST_TARGETS, MOST_HOPS = 10, 6, 50
_UNITS = {"m": 1, "h": 60, "d": 1440}
_WHEN = re.compile(r"(?:(response|resolution)\b)?\s*\+?\s*(?:(\d{1,4})\s*(m|h|d)[a-z]*\b)?\s*", re.IGNORECASE)
_ADDRESSES = {
    "email": re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+"),
    "sms": re.compile(r"\+\d{6,15}"),
    "voice": re.compile(r"\+\d{6,15}"),
    "webhook": re.compile(r"https://[^\s,;]+"),
}


class WrongChain(ValueError):
    """This is no chain; the text says what is wrong."""


class Target(StrEnum):
    TECHNICIAN = "technician"
    ON_CALL = "on_call"
    COMPANY_ADMIN = "company_admin"
    MSP_ADMIN = "msp_admin"
    CHANNEL = "channel"
    EMAIL = "email"
    SMS = "sms"
    VOICE = "voice"
    WEBHOOK = "webhook"


NAMES: Mapping[Target, str] = {
    Target.TECHNICIAN: "a technician",
    Target.ON_CALL: "who is on call",
    Target.COMPANY_ADMIN: "the company admins",
    Target.MSP_ADMIN: "the MSP admins",
    Target.CHANNEL: "the MSP's channel",
}


@dataclass(frozen=True, slots=True)
class Whom:
    """`address` belongs to an e-mail, a text message, a call or a webhook."""

    target: Target
    address: str = ""

    @property
    def text(self) -> str:
        return f"{self.target.value}:{self.address}" if self.address else self.target.value

    @property
    def words(self) -> str:
        return NAMES.get(self.target, self.address)


@dataclass(frozen=True, slots=True)
class Step:
    """`begins` is the promise whose breach begins it, None: the step before does; `after` is the wait from there."""

    begins: ClockKind | None
    after: timedelta
    whom: tuple[Whom, ...]

    @property
    def words(self) -> str:
        return " and ".join(one.words for one in self.whom)

    @property
    def text(self) -> str:
        minutes = int(self.after.total_seconds() // 60)
        wait = f"{minutes}m" if minutes or self.begins is None else ""
        when = f"{self.begins.value}{f' +{wait}' if wait else ''}" if self.begins else wait
        return f"{when} {', '.join(one.text for one in self.whom)}"


@dataclass(frozen=True, slots=True)
class Chain:
    steps: tuple[Step, ...]

    @property
    def text(self) -> str:
        return "; ".join(step.text for step in self.steps) or OFF


@dataclass(frozen=True, slots=True)
class Told:
    """One call that was made: which step of the chain (from 0), and when."""

    step: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an incident stands. `due` are the promises that are neither kept nor paused; `heard_at` is when whoever has
    it in hand was last heard of, None while nobody has."""

    due: Mapping[ClockKind, datetime] = field(default_factory=dict)
    heard_at: datetime | None = None
    given_at: datetime | None = None
    """When a person last gave it on, to somebody who has not taken it yet: they get a step's time first."""
    repeat: int = 0
    silence: timedelta = timedelta(0)
    """How long nothing may be heard before calling goes on; zero: for ever."""


@dataclass(frozen=True, slots=True)
class Hop:
    """The call to make next. `again`: that step was told before and nothing came of it."""

    step: int
    at: datetime
    again: bool = False


def next_hop(chain: Chain, standing: Standing, told: Sequence[Told]) -> Hop | None:
    """`told` in the order of time. None: there is nothing more to do as it stands."""
    if len(told) >= MOST_HOPS or not chain.steps:
        return None
    hops = [hop for place in range(len(chain.steps)) if (hop := _begun(chain, standing, told, place))]
    if told:
        hops.extend(_going_on(chain, standing, told))
    return min(hops, key=lambda hop: (hop.at, hop.step), default=None)


def _begun(chain: Chain, standing: Standing, told: Sequence[Told], place: int) -> Hop | None:
    """A step that the breach of a promise begins, once for that breach."""
    step = chain.steps[place]
    due = standing.due.get(step.begins) if step.begins is not None else None
    if due is None or any(one.step >= place and one.at >= due for one in told):
        return None
    return Hop(place, due + step.after)


def _going_on(chain: Chain, standing: Standing, told: Sequence[Told]) -> list[Hop]:
    """What follows the last call: the next step, or the same again where the next waits for a breach; later, when
    somebody was heard of since."""
    last = told[-1]
    since = max(last.at, standing.given_at or last.at)
    place = min(last.step, len(chain.steps) - 1)
    if standing.heard_at is not None and standing.heard_at > last.at:
        return [Hop(place, standing.heard_at + standing.silence, again=True)] if standing.silence else []
    if place + 1 < len(chain.steps) and chain.steps[place + 1].begins is None:
        return [Hop(place + 1, since + chain.steps[place + 1].after)]
    if _in_a_row(told) > standing.repeat:
        return []
    return [Hop(place, since + max(chain.steps[place].after, REPEAT_EVERY), again=True)]


def _in_a_row(told: Sequence[Told]) -> int:
    """How often the last step was told without another between."""
    count = 0
    for one in reversed(told):
        if one.step != told[-1].step:
            break
        count += 1
    return count


def one_up(chain: Chain, told: Sequence[Told]) -> int | None:
    """The step that a person's wish leads to: the next above the highest told; None at the top."""
    highest = max((one.step for one in told), default=-1)
    return highest + 1 if highest + 1 < len(chain.steps) else None


@lru_cache(maxsize=1024)
def read_chain(text: str) -> Chain:
    """`response technician; resolution +15m company_admin; 30m msp_admin, email:ops@msp.example`. Raises WrongChain."""
    if text.strip().lower() == OFF:
        return Chain(())
    parts = [part.strip() for part in text.split(";") if part.strip()]
    if not 1 <= len(parts) <= MOST_STEPS:
        raise WrongChain(f"a chain has 1 to {MOST_STEPS} steps, or is `{OFF}`")
    return Chain(tuple(_step(part, first=number == 0) for number, part in enumerate(parts)))


def _step(text: str, *, first: bool) -> Step:
    found = _WHEN.match(text)
    assert found is not None  # every part of it may be absent
    begins = ClockKind(found[1].lower()) if found[1] else None
    if begins is None and (first or found[2] is None):
        raise WrongChain(
            f"“{text[:40]}” does not say when: response, resolution, or a time after the step before"
        )
    after = timedelta(minutes=int(found[2] or 0) * _UNITS[(found[3] or "m").lower()])
    if begins is None and not after:
        raise WrongChain(f"“{text[:40]}” follows the step before at once: name both in one step")
    whom = tuple(
        dict.fromkeys(_whom(part.strip()) for part in text[found.end() :].split(",") if part.strip())
    )
    if not 1 <= len(whom) <= MOST_TARGETS:
        raise WrongChain(f"“{text[:40]}” calls {'nobody' if not whom else 'too many'}")
    return Step(begins, after, whom)


def _whom(text: str) -> Whom:
    name, _, address = text.partition(":")
    try:
        target = Target(name.strip().lower().replace("-", "_").replace(" ", "_"))
    except ValueError:
        known = ", ".join(Target)
        raise WrongChain(f"“{text[:40]}” is nobody: there are {known}") from None
    form = _ADDRESSES.get(target.value)
    if form is None and address:
        raise WrongChain(f"{target.value} takes no address")
    if form is not None and not form.fullmatch(address.strip()):
        raise WrongChain(f"“{text[:60]}” has no good address")
    return Whom(target, address.strip())
