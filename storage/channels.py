"""What a channel can take: its turns, one after another whatever the replicas do, and the swell of new incidents."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.alert import Severity
from engine.storm import Channel, Newcomer, Storm
from storage import dialect
from storage.prepared import Prepared
from storage.rows import insert_new
from storage.storm_tables import channels as table

if TYPE_CHECKING:
    from storage.transaction import Transaction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _to_channel(row: Sequence[Any]) -> Channel:
    platform, channel, company_id, swell_at, swell, critical_at, storm_id = row
    return Channel(
        platform=platform,
        channel=channel,
        company_id=company_id,
        swell_at=swell_at,
        swell=tuple(_to_newcomer(*one) for one in swell),
        critical_at=critical_at,
        storm_id=storm_id,
    )


def _to_newcomer(card_id: str, severity: str, at: int, counted_from: int) -> Newcomer:
    when = _EPOCH + _MICROSECOND * at
    return Newcomer(card_id=card_id, severity=Severity(severity), at=when, counted_from=counted_from)


def _here(platform: str, channel: str) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.platform == platform, table.c.channel == channel)


_SWELL = ("swell_at", "swell", "critical_at", "storm_id")
_THESE = Prepared(
    lambda dialect_name: (
        sa.select(*(table.c[name] for name in ("platform", "channel", "company_id", *_SWELL)))
        .where(
            table.c.platform == sa.bindparam("its_platform"),
            dialect.any_of(dialect_name, table.c.channel, "names"),
        )
        .order_by(table.c.channel)
        .with_for_update()
    )
)
_SAVE = Prepared(
    lambda _: (
        sa.update(table)
        .where(
            table.c.platform == sa.bindparam("its_platform"), table.c.channel == sa.bindparam("its_channel")
        )
        .values({name: sa.bindparam(name, type_=table.c[name].type) for name in _SWELL})
    )
)


class Channels:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def of(
        self, places: Mapping[tuple[str, str], int], *, now: datetime
    ) -> Mapping[tuple[str, str], Channel]:
        """The channels at these places (each with its company), locked in one order; a new one is calm."""
        found = await self._stored(places)
        missing = sorted(places.keys() - found.keys())
        if missing:
            await self._add([(*place, places[place]) for place in missing], now)
            found = await self._stored(places)
        return found

    async def _stored(self, places: Collection[tuple[str, str]]) -> dict[tuple[str, str], Channel]:
        found: dict[tuple[str, str], Channel] = {}
        for platform in sorted({platform for platform, _ in places}):
            names = sorted(channel for one, channel in places if one == platform)
            for row in await _THESE.rows(self._tx, its_platform=platform, names=names):
                channel = _to_channel(row)
                found[channel.place] = channel
        return found

    async def _add(self, rows: list[tuple[str, str, int]], now: datetime) -> None:
        new = [
            {"platform": platform, "channel": channel, "company_id": owner, "turn_at": now, "swell_at": now}
            | {"swell": []}
            for platform, channel, owner in rows
        ]
        await insert_new(self._tx, table, new)

    async def save(self, channels: Collection[Channel]) -> None:
        """What changed of the swell; the turns are taken elsewhere."""
        rows = [
            {
                "its_platform": one.platform,
                "its_channel": one.channel,
                "swell_at": one.swell_at,
                "swell": [
                    [new.card_id, new.severity.value, (new.at - _EPOCH) // _MICROSECOND, new.counted_from]
                    for new in one.swell
                ],
                "critical_at": one.critical_at,
                "storm_id": one.storm_id,
            }
            for one in channels
        ]
        await _SAVE.many(self._tx, rows)

    async def calm(self, storm: Storm) -> None:
        """The storm is over: what arrives from now on gets cards again. Waits for whoever is placing something."""
        await self._tx.connection.execute(
            sa.update(table)
            .where(_here(storm.platform, storm.channel), table.c.storm_id == storm.id)
            .values(storm_id=None, swell=[], swell_at=storm.began_at)
        )

    async def storm_on(self, platform: str, channel: str) -> bool:
        statement = sa.select(table.c.storm_id).where(_here(platform, channel))
        return (await self._tx.connection.execute(statement)).scalar() is not None

    async def take(
        self, platform: str, channel: str, company_id: int, *, every: timedelta, burst: int, now: datetime
    ) -> timedelta | None:
        """Take one turn in this channel: None when it may be used now, otherwise how long to wait. Turns come every
        so often, and `burst` of them may be used ahead of that: one statement decides, so it holds across replicas."""
        ahead = now + every * (burst - 1)
        turn = dialect.greatest(self._tx.dialect, table.c.turn_at, sa.literal(now, table.c.turn_at.type))
        taken = (
            sa.update(table)
            .where(_here(platform, channel), table.c.turn_at <= ahead)
            .values(
                turn_at=sa.type_coerce(turn, sa.BigInteger) + sa.literal(every // _MICROSECOND, sa.BigInteger)
            )
        )
        if (await self._tx.connection.execute(taken)).rowcount == 1:
            return None
        statement = sa.select(table.c.turn_at).where(_here(platform, channel))
        turn_at: datetime | None = (await self._tx.connection.execute(statement)).scalar()
        if turn_at is not None:
            return max(_MICROSECOND, turn_at - ahead)
        await self._add([(platform, channel, company_id)], now)
        return await self.take(platform, channel, company_id, every=every, burst=burst, now=now)

    async def hold(self, platform: str, channel: str, *, until: datetime) -> None:
        """The platform asks for a pause: no turn before then."""
        at = sa.literal(until, table.c.turn_at.type)
        await self._tx.connection.execute(
            sa.update(table)
            .where(_here(platform, channel))
            .values(turn_at=dialect.greatest(self._tx.dialect, table.c.turn_at, at))
        )
