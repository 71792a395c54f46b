"""Plans of who is on call, and who stands in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.oncall import Layer, Override, Rotation
from storage.people_tables import overrides, rotations

if TYPE_CHECKING:
    from storage.transaction import Transaction


def _to_layer(kept: dict[str, Any]) -> Layer:
    return Layer(
        people=tuple(kept["people"]),
        days=kept["days"],
        start=date.fromisoformat(kept["start"]),
        at=time.fromisoformat(kept["at"]),
        hours=kept["hours"],
    )


def _kept(layer: Layer) -> dict[str, Any]:
    return {
        "people": list(layer.people),
        "days": layer.days,
        "start": layer.start.isoformat(),
        "at": layer.at.isoformat(),
        "hours": layer.hours,
    }


class Rotations:
    """Every change makes the companies' contexts be read anew."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def all(self) -> Sequence[Rotation]:
        execute = self._tx.connection.execute
        standing: dict[int, list[Override]] = {}
        for row in await execute(sa.select(overrides).order_by(overrides.c.id)):
            standing.setdefault(row.rotation_id, []).append(
                Override(row.user_id, row.begin_at, row.end_at, row.source)
            )
        return [
            Rotation(
                id=row.id,
                name=row.name,
                timezone=row.timezone,
                companies=frozenset(row.companies),
                hours=row.hours,
                layers=tuple(_to_layer(one) for one in row.layers),
                overrides=tuple(standing.get(row.id, ())),
            )
            for row in await execute(sa.select(rotations).order_by(rotations.c.id))
        ]

    async def put(self, rotation: Rotation) -> None:
        """A new one (`id` 0), or another form of one that is there."""
        values = {
            "name": rotation.name,
            "timezone": rotation.timezone,
            "companies": sorted(rotation.companies),
            "hours": rotation.hours,
            "layers": [_kept(one) for one in rotation.layers],
        }
        statement: Any = sa.insert(rotations).values(**values)
        if rotation.id:
            statement = sa.update(rotations).where(rotations.c.id == rotation.id).values(**values)
        await self._tx.connection.execute(statement)
        await self._tx.companies.touch()

    async def remove(self, rotation_id: int) -> None:
        await self._tx.connection.execute(sa.delete(overrides).where(overrides.c.rotation_id == rotation_id))
        await self._tx.connection.execute(sa.delete(rotations).where(rotations.c.id == rotation_id))
        await self._tx.companies.touch()

    async def stand_in(self, rotation_id: int, override: Override, *, now: datetime) -> None:
        await self._tx.connection.execute(sa.delete(overrides).where(overrides.c.end_at < now))
        await self._tx.connection.execute(sa.insert(overrides).values(_standing(rotation_id, override)))
        await self._tx.companies.touch()

    async def take_in(self, rotation_id: int, source: str, given: Sequence[Override]) -> None:
        """These, instead of those that came from that calendar before."""
        of_it = (overrides.c.rotation_id == rotation_id, overrides.c.source == source)
        await self._tx.connection.execute(sa.delete(overrides).where(*of_it))
        if given:
            rows = [_standing(rotation_id, one) for one in given]
            await self._tx.connection.execute(sa.insert(overrides), rows)
        await self._tx.companies.touch()


def _standing(rotation_id: int, override: Override) -> dict[str, Any]:
    values = {"user_id": override.user_id, "begin_at": override.begin, "end_at": override.end}
    return {"rotation_id": rotation_id, "source": override.source} | values
