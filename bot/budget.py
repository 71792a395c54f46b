"""What may be written into a channel, and when: every platform's pace in one table, and a turn for each write.

Turns are taken in the database, so that all replicas together stay within what the platform allows. Nothing is ever
dropped for it: a write without a turn is put off, and by then it says what is true by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from bot.core import Core
from engine.errors import Transient
from storage.transaction import Transaction

WORKSPACE = "*"
"""In the place of a channel: what all channels of a platform share."""


class Lane(Enum):
    """Who is to wait for whom. Each may use turns further ahead than the one before."""

    STORM = 0
    EDIT = 1
    CARD = 2
    PRESS = 3


@dataclass(frozen=True, slots=True)
class Pace:
    """A turn `every` so often; `ahead` says how many turns each lane may use at once."""

    every: timedelta
    ahead: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Paces:
    """`channel`: every write into one channel. `edits`: edits in the whole workspace."""

    channel: Pace
    edits: Pace


def _seconds(seconds: float, *ahead: int) -> Pace:
    storm, edit, card, press = ahead
    return Pace(timedelta(seconds=seconds), (storm, edit, card, press))


PACES = {
    # Slack: one message a second and channel with short bursts; chat.update 50 a minute and workspace
    "slack": Paces(channel=_seconds(1, 1, 3, 3, 6), edits=_seconds(1.2, 15, 20, 25, 40)),
    # Teams: seven messages a second and thread, yet one update in two seconds; 50 a second and tenant
    "teams": Paces(channel=_seconds(2, 1, 2, 3, 6), edits=_seconds(0.1, 15, 20, 25, 40)),
}


async def take_turn(
    tx: Transaction, platform: str, channel: str, company_id: int, lane: Lane, *, edit: bool, now: datetime
) -> timedelta | None:
    """A turn for one write: None when it may go now, otherwise how long to wait."""
    paces = PACES[platform]
    pace = paces.channel
    wait = await tx.channels.take(
        platform, channel, company_id, every=pace.every, burst=pace.ahead[lane.value], now=now
    )
    if wait is not None or not edit:
        return wait
    shared = paces.edits
    return await tx.channels.take(
        platform, WORKSPACE, 0, every=shared.every, burst=shared.ahead[lane.value], now=now
    )


async def turn(
    core: Core, platform: str, channel: str, company_id: int, lane: Lane, *, edit: bool = False
) -> None:
    """Take a turn or raise Transient with the time to wait."""
    now = core.clock.now()
    wait = await core.write(lambda tx: take_turn(tx, platform, channel, company_id, lane, edit=edit, now=now))
    if wait is not None:
        raise not_yet(wait)


def not_yet(wait: timedelta) -> Transient:
    return Transient("waiting for its turn in the channel", retry_after=wait)


async def slowed(core: Core, platform: str, channel: str, error: Transient) -> None:
    """The platform itself asked for a pause: no replica writes there before it is over."""
    if error.retry_after is not None:
        until = core.clock.now() + error.retry_after
        await core.write(lambda tx: tx.channels.hold(platform, channel, until=until))
