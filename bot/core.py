"""What every door and every worker of this process shares."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from bot.ai.desk import Desk
from bot.ai.models import models
from bot.clock import Clock
from bot.doors.sns import Sns
from bot.mail.port import Mailer, mailer
from bot.settings import Settings
from engine.errors import Conflict
from integrations.twilio import Twilio
from runbooks.catalogue import Catalogue
from storage import dialect
from storage.database import Database
from storage.transaction import Transaction

Result = TypeVar("Result")
TRIES = 6


@dataclass(frozen=True, kw_only=True)
class Core:
    """`nudge` wakes the worker: something was committed that may be due."""

    settings: Settings
    database: Database
    clock: Clock
    catalogue: Catalogue
    nudge: asyncio.Event = field(default_factory=asyncio.Event)
    looking_back: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One company's past at a time is played again: it is work that nobody's alerts should wait for."""

    @cached_property
    def sns(self) -> Sns:
        return Sns(self.settings)

    @cached_property
    def twilio(self) -> Twilio | None:
        """What carries texts and calls; None when none are sent."""
        on = self.settings
        if not on.twilio_on:
            return None
        token = on.twilio_auth_token.get_secret_value()
        return Twilio(sid=on.twilio_account_sid, token=token, sender=on.twilio_from, url=on.aw_twilio_url)

    @cached_property
    def desk(self) -> Desk:
        """Where models are asked; without any, the offline analyst alone answers."""
        on = self.settings
        return Desk(models(on), price=on.ai_price, both=on.aw_ai == "both")

    @cached_property
    def mailer(self) -> Mailer | None:
        """What carries mail; None when no mail is sent."""
        return mailer(self.settings)

    async def write(self, act: Callable[[Transaction], Awaitable[Result]]) -> Result:
        """Run `act` in a transaction and commit, again when a race with another replica was lost, then wake the
        worker. Raises what `act` raises; Conflict when it kept losing."""
        for attempt in range(1, TRIES + 1):
            try:
                async with self.database.transaction() as tx:
                    result = await act(tx)
            except Conflict:
                if attempt == TRIES:
                    raise
            except Exception as error:
                duplicate = dialect.is_duplicate(error)
                if attempt == TRIES or not (duplicate or dialect.is_retryable(error)):
                    raise
            else:
                self.nudge.set()
                return result
            await asyncio.sleep(0.01 * attempt**2)
        raise AssertionError("unreachable: the last try returns or raises")

    async def read(self, look: Callable[[Transaction], Awaitable[Result]]) -> Result:
        async with self.database.reading() as tx:
            return await look(tx)
