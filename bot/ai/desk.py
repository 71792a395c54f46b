"""Where models are asked: one after the other until an answer can be believed, few at a time, never for long.

What fails is left alone for a while, longer each time; an answer that cannot be believed is as good as none. Where no
model gave one, the offline analyst does, at once.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from bot.ai.port import Model
from engine.errors import Permanent, Transient
from engine.opinion import Opinion, Question, Spent, Unusable, Use, read, together
from integrations.ai.offline import Offline
from integrations.ai.prompt import Declined, Looking, NotAllowed, Reply, prompt

log = structlog.get_logger()
Result = TypeVar("Result")
LIMIT = 20.0
"""Seconds that one question may take, however many are asked."""
AT_ONCE = 2
"""Incidents of this process that are asked about at a time."""
FAILURES = 3
"""In a row, and a model is left alone."""
PAUSE, LONGEST_PAUSE, MISSING_PAUSE = 30.0, 900.0, 600.0
NOT_ALLOWED_PAUSE = 3600.0
"""Before a model that nobody named, and that is not there for us, is tried again."""


def _mark() -> str:
    return secrets.token_hex(12)


@dataclass(slots=True)
class Breaker:
    """Whether one model may be asked now. Times are those of a clock that only runs on."""

    failures: int = 0
    pauses: int = 0
    until: float = 0.0
    not_allowed: bool = False

    def closed(self, now: float) -> bool:
        return now >= self.until

    def good(self) -> None:
        self.failures = self.pauses = 0
        self.not_allowed = False

    def forbidden(self, now: float) -> None:
        """It is not there for us, and nobody said that it would be."""
        self.not_allowed, self.until = True, now + NOT_ALLOWED_PAUSE

    def bad(self, now: float, *, wish: float | None = None, hopeless: bool = False) -> None:
        """It failed; `wish` is how long it asks to be left alone."""
        self.failures += 1
        if hopeless:
            self.until = now + MISSING_PAUSE
        elif self.failures >= FAILURES:
            self.until = now + min(LONGEST_PAUSE, PAUSE * 2**self.pauses)
            self.pauses, self.failures = self.pauses + 1, FAILURES - 1  # one try after the pause
        if wish is not None:
            self.until = max(self.until, now + wish)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`opinion` is None when nobody gave one that can be believed; what was `spent` was spent all the same.
    `by_rules`: no model did, so it is the offline analyst's."""

    opinion: Opinion | None
    spent: tuple[Spent, ...]
    by_rules: bool = False


_CHOICES = (Use.CLASSIFY, Use.SUGGEST)
"""What two can agree on: a choice out of a list."""


@dataclass
class Desk:
    """`price` is dollars for a million tokens, in and out; None where it is not known. `both`: choices are made by two
    models, and where they differ the first is believed half as much."""

    models: Sequence[Model]
    price: tuple[float, float] | None = None
    limit: float = LIMIT
    both: bool = False
    clock: Callable[[], float] = time.monotonic
    offline: Model = field(default_factory=Offline)
    _breakers: dict[str, Breaker] = field(default_factory=dict)
    _busy: int = 0

    @property
    def on(self) -> bool:
        """Is there a model to ask, now or a little later? Not where the only ones are not there for us."""
        now = self.clock()
        return any(
            not breaker.not_allowed or breaker.closed(now) for breaker in map(self._breaker, self.models)
        )

    @property
    def free(self) -> bool:
        """Is there a place, and a model that may be asked?"""
        return self._busy < AT_ONCE and any(self._breaker(one).closed(self.clock()) for one in self.models)

    async def ask_all(self, questions: Sequence[Question]) -> list[Outcome]:
        self._busy += 1
        try:
            return list(await asyncio.gather(*map(self.ask, questions)))
        finally:
            self._busy -= 1

    async def ask(self, question: Question) -> Outcome:
        """The first opinion that holds, within the limit; the rules' own where there is none."""
        spent: list[Spent] = []
        ends = self.clock() + self.limit
        wanted = 2 if self.both and question.use in _CHOICES else 1
        found: list[Opinion] = []
        for model in self.models:
            left = ends - self.clock()
            if left <= 0 or not self._breaker(model).closed(self.clock()):
                continue
            opinion = await self._opinion(model, question, left, spent)
            if opinion is not None:
                found.append(opinion)
            if len(found) == wanted:
                break
        if not found:
            return Outcome(await self.by_rules(question), tuple(spent), by_rules=True)
        return Outcome(together(*found) if len(found) == 2 else found[0], tuple(spent))

    async def by_rules(self, question: Question) -> Opinion | None:
        """The offline analyst's answer, read like anybody's."""
        try:
            reply = await self.offline.ask(prompt(question, mark=_mark))
            return read(question, reply.answer, model=reply.model)
        except Declined:
            return None
        except Unusable as error:
            log.warning("the rules' own words were dropped", use=question.use.value, why=str(error))
            return None

    async def _opinion(
        self, model: Model, question: Question, left: float, spent: list[Spent]
    ) -> Opinion | None:
        reply = await self.carried(model, lambda: model.ask(prompt(question, mark=_mark)), left, spent)
        if reply is None:
            return None
        return self.believed(model, question, reply, spent)

    def believed(self, model: Model, question: Question, reply: Reply, spent: list[Spent]) -> Opinion | None:
        """What can be believed of an answer; None where it is dropped."""
        try:
            opinion = read(question, reply.answer, model=reply.model)
        except Unusable as error:
            log.warning("an answer was dropped", model=model.name, use=question.use.value, why=str(error))
            spent.append(self._spent(reply.model, reply.tokens_in, reply.tokens_out, failed=1))
            return None
        spent.append(self._spent(reply.model, reply.tokens_in, reply.tokens_out))
        return opinion

    async def carried(
        self, model: Model, call: Callable[[], Awaitable[Result]], left: float, spent: list[Spent]
    ) -> Result | None:
        """What a model said within that time; None where it failed, which counts against it."""
        breaker, name = self._breaker(model), model.name.partition(":")[2] or model.name
        try:
            reply = await asyncio.wait_for(call(), timeout=left)
        except Declined as error:
            breaker.good()  # it is well, and does not want to
            spent.append(self._spent(name, error.tokens_in, error.tokens_out, failed=1))
            log.warning("a model gave no answer", model=model.name, why=str(error))
            return None
        except NotAllowed as error:
            if not breaker.not_allowed:
                log.info("a model that nobody named is not asked", model=model.name, why=str(error))
            breaker.forbidden(self.clock())
            return None
        except (Transient, Permanent, TimeoutError) as error:
            wish = error.retry_after if isinstance(error, Transient) else None
            breaker.bad(
                self.clock(),
                wish=wish.total_seconds() if wish is not None else None,
                hopeless=isinstance(error, Permanent),
            )
            spent.append(self._spent(name, 0, 0, failed=1))
            log.warning("a model does not answer", model=model.name, why=str(error) or type(error).__name__)
            return None
        breaker.good()
        return reply

    def may(self, model: Model) -> bool:
        """May this one be asked now?"""
        return self._breaker(model).closed(self.clock())

    def looked(self, said: Looking, spent: list[Spent]) -> None:
        """A turn that was no answer yet has its price too."""
        spent.append(self._spent(said.model, said.tokens_in, said.tokens_out))

    def _spent(self, model: str, tokens_in: int, tokens_out: int, *, failed: int = 0) -> Spent:
        into, out = self.price or (0.0, 0.0)
        return Spent(
            model=model,
            failed=failed,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            micros=round(tokens_in * into + tokens_out * out),
        )

    def _breaker(self, model: Model) -> Breaker:
        return self._breakers.setdefault(model.name, Breaker())

    async def close(self) -> None:
        for model in self.models:
            await model.close()
