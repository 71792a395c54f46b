"""Cards: what we already said in chat, and where. The first post of each is claimed here: none is said twice."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.ports import CardWanted
from storage import dialect
from storage.prepared import Prepared, inserted
from storage.rows import locked
from storage.tables import cards as table

if TYPE_CHECKING:
    from storage.transaction import Transaction

_WANTED = [field.name for field in fields(CardWanted)]
_WANT = inserted(table, ["id", *_WANTED], lambda _, statement: statement.on_conflict_do_nothing())
_OF_INCIDENTS = Prepared(
    lambda dialect_name: sa.select(*(table.c[name] for name in _WANTED)).where(
        dialect.any_of(dialect_name, table.c.incident_id, "ids"), table.c.kind == sa.bindparam("kind")
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCard:
    """`ref` is the platform's id of the message once posted; `posting_at` says that a first post was begun;
    `shown` is the digest of what the message says now."""

    id: str
    company_id: int
    incident_id: int | None
    kind: str
    subject: str
    platform: str
    channel: str
    in_thread: bool
    posting_at: datetime | None
    ref: str | None
    shown: str | None
    posted_at: datetime | None


def _to_card(row: Any) -> StoredCard:
    return StoredCard(**{field.name: getattr(row, field.name) for field in fields(StoredCard)})


class Cards:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._waiting: dict[str, CardWanted] = {}

    def want(self, card: CardWanted) -> None:
        self._waiting[card.id] = card

    async def flush(self) -> None:
        if self._waiting:
            rows = [
                {name: getattr(card, name) for name in _WANTED} | {"id": card_id}
                for card_id, card in sorted(self._waiting.items())
            ]
            self._waiting.clear()
            await _WANT.run(self._tx, rows)

    async def of_incidents(self, incident_ids: Collection[int], kind: str) -> Sequence[CardWanted]:
        found = [
            card for card in self._waiting.values() if card.incident_id in incident_ids and card.kind == kind
        ]
        for row in await _OF_INCIDENTS.rows(self._tx, ids=sorted(incident_ids), kind=kind):
            found.append(CardWanted(**dict(zip(_WANTED, row, strict=True))))
        return found

    async def get(self, card_id: str) -> StoredCard | None:
        row = (await self._tx.connection.execute(sa.select(table).where(table.c.id == card_id))).first()
        return _to_card(row) if row else None

    async def stored_of(self, incident_id: int, kind: str, platform: str) -> StoredCard | None:
        statement = sa.select(table).where(
            table.c.incident_id == incident_id, table.c.kind == kind, table.c.platform == platform
        )
        row = (await self._tx.connection.execute(statement)).first()
        return _to_card(row) if row else None

    async def unposted(self, company_id: int, kind: str, platform: str, channel: str) -> Sequence[str]:
        """The company's own cards of that kind that are not in that channel yet."""
        statement = sa.select(table.c.id).where(
            table.c.company_id == company_id,
            table.c.incident_id.is_(None),
            table.c.kind == kind,
            table.c.platform == platform,
            table.c.channel == channel,
            table.c.ref.is_(None),
        )
        return list((await self._tx.connection.execute(statement.order_by(table.c.id))).scalars())

    async def by_ref(self, platform: str, channel: str, ref: str) -> StoredCard | None:
        statement = sa.select(table).where(
            table.c.platform == platform, table.c.channel == channel, table.c.ref == ref
        )
        row = (await self._tx.connection.execute(statement)).first()
        return _to_card(row) if row else None

    async def posted_subjects(self, incident_id: int, kind: str, platform: str) -> set[str]:
        statement = sa.select(table.c.subject).where(
            table.c.incident_id == incident_id,
            table.c.kind == kind,
            table.c.platform == platform,
            table.c.ref.is_not(None),
        )
        return set((await self._tx.connection.execute(statement)).scalars())

    async def claim_first_post(self, card_id: str, *, now: datetime) -> StoredCard | None:
        """The right to post it first. The card is given as it was: with `posting_at` set, an earlier try may have
        succeeded unseen, so look in the channel before posting. None when it has been posted."""
        statement = locked(self._tx, sa.select(table).where(table.c.id == card_id))
        row = (await self._tx.connection.execute(statement)).first()
        if row is None or row.ref is not None:
            return None
        card = _to_card(row)
        await self._tx.connection.execute(
            sa.update(table).where(table.c.id == card_id).values(posting_at=now)
        )
        return card

    async def posted(self, card_id: str, *, ref: str, shown: str, now: datetime) -> None:
        await self._tx.connection.execute(
            sa.update(table).where(table.c.id == card_id).values(ref=ref, shown=shown, posted_at=now)
        )

    async def not_posted(self, card_id: str) -> None:
        """The platform refused the first post outright: there is nothing to look for."""
        await self._tx.connection.execute(
            sa.update(table).where(table.c.id == card_id).values(posting_at=None)
        )

    async def forget_post(self, card_id: str) -> None:
        """The message is gone from the channel: it may be posted anew."""
        await self._tx.connection.execute(
            sa.update(table).where(table.c.id == card_id).values(ref=None, shown=None, posting_at=None)
        )
