"""Cards: what we already said in chat, and where. The first post of each is claimed here: none is said twice."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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

_ON_BOARDS = Prepared(
    lambda dialect_name: sa.select(*(table.c[name] for name in _WANTED)).where(
        dialect.any_of(dialect_name, table.c.incident_id, "ids"), table.c.board.is_not(None)
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCard:
    """`ref` is the platform's id of the message once posted; `posting_at` says that a first post was begun;
    `shown` is the digest of what the message says now, `posted_at` when that was true. Only the `board` shows a
    `deferred` one."""

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
    board: str | None
    deferred: bool
    urgent: bool
    pressed_at: datetime | None

    @property
    def pressed(self) -> bool:
        """A person waits to see what they did."""
        return self.pressed_at is not None and (self.posted_at is None or self.pressed_at > self.posted_at)


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

    async def on_boards(self, incident_ids: Collection[int]) -> Sequence[CardWanted]:
        """Those cards of these incidents that a storm's board counts."""
        rows = await _ON_BOARDS.rows(self._tx, ids=sorted(incident_ids))
        return [CardWanted(**dict(zip(_WANTED, row, strict=True))) for row in rows]

    async def get(self, card_id: str) -> StoredCard | None:
        row = (await self._tx.connection.execute(sa.select(table).where(table.c.id == card_id))).first()
        return _to_card(row) if row else None

    async def stored_of(self, incident_id: int, kind: str, platform: str) -> StoredCard | None:
        statement = sa.select(table).where(
            table.c.incident_id == incident_id, table.c.kind == kind, table.c.platform == platform
        )
        row = (await self._tx.connection.execute(statement)).first()
        return _to_card(row) if row else None

    async def about(self, kind: str, subject: str) -> Sequence[StoredCard]:
        """The cards of that kind about this, or about a further part of it (`subject.2` …)."""
        same = sa.or_(table.c.subject == subject, table.c.subject.startswith(f"{subject}.", autoescape=True))
        rows = await self._tx.connection.execute(sa.select(table).where(table.c.kind == kind, same))
        return [_to_card(row) for row in rows]

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
        succeeded unseen, so look in the channel before posting. None when it has been posted, or is on a board."""
        statement = locked(self._tx, sa.select(table).where(table.c.id == card_id))
        row = (await self._tx.connection.execute(statement)).first()
        if row is None or row.ref is not None or row.deferred:
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

    async def pressed(self, card_ids: Collection[str], *, now: datetime) -> None:
        """A person did something that these show: they are not to wait."""
        await self._tx.connection.execute(
            sa.update(table).where(table.c.id.in_(sorted(card_ids))).values(pressed_at=now)
        )

    async def put_on(self, board: str, counted_from: Mapping[str, int]) -> None:
        """Have a storm's board count these from so many alerts on, and show what was not posted yet."""
        await self.flush()
        unposted = sa.and_(table.c.ref.is_(None), table.c.posting_at.is_(None), sa.not_(table.c.urgent))
        for card_id, alerts in sorted(counted_from.items()):
            await self._tx.connection.execute(
                sa.update(table)
                .where(table.c.id == card_id)
                .values(board=board, counted_from=alerts, deferred=unposted)
            )

    async def give_own(self, card_ids: Collection[str], *, urgent: bool) -> None:
        """Off the board alone: these get a message of their own."""
        await self._tx.connection.execute(
            sa.update(table).where(table.c.id.in_(sorted(card_ids))).values(deferred=False, urgent=urgent)
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
