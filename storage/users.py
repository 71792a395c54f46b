"""People and their tokens. `open_incidents` is each person's load, moved by every save of an incident."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.company import Reach, Role, User
from engine.incident import Incident
from engine.routing import NOTHING, Load, weight
from storage import dialect
from storage.people_tables import tokens
from storage.prepared import Prepared
from storage.tables import users as table

if TYPE_CHECKING:
    from storage.transaction import Transaction

_PLAIN = [
    "name",
    "email",
    "slack_user",
    "teams_user",
    "workload_limit",
    "available",
    "leave_from",
    "leave_until",
    "timezone",
    "quiet_hours",
    "phone",
]
_LOADS = Prepared(
    lambda dialect_name: sa.select(
        table.c.id, table.c.open_incidents, table.c.load_weight, table.c.load_at_risk
    ).where(dialect.any_of(dialect_name, table.c.id, "ids"))
)
_MOVE = Prepared(
    lambda _: (
        sa.update(table)
        .where(table.c.id == sa.bindparam("user_id"))
        .values(
            open_incidents=table.c.open_incidents + sa.bindparam("change"),
            load_weight=table.c.load_weight + sa.bindparam("more"),
            load_at_risk=table.c.load_at_risk + sa.bindparam("risky"),
        )
    )
)


def _to_user(row: Any) -> User:
    return User(
        id=row.id,
        role=Role(row.role),
        companies=frozenset(row.companies),
        skills=frozenset(row.skills),
        prefers=frozenset(row.prefers),
        reach={way: Reach(far) for way, far in row.reach.items()},
        **{name: getattr(row, name) for name in _PLAIN},
    )


def _to_row(user: User) -> dict[str, Any]:
    row = {name: getattr(user, name) for name in _PLAIN}
    row |= {"role": user.role.value, "companies": sorted(user.companies), "skills": sorted(user.skills)}
    reach = {str(way): far.value for way, far in user.reach.items()}
    return row | {"prefers": sorted(user.prefers), "reach": reach}


class Users:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._loads: dict[int, Load] = {}

    async def get(self, user_id: int) -> User | None:
        return await self._one(table.c.id == user_id)

    async def by_email(self, email: str) -> User | None:
        return await self._one(sa.func.lower(table.c.email) == email.strip().lower())

    async def by_chat(self, platform: str, chat_id: str) -> User | None:
        return await self._one((table.c.slack_user if platform == "slack" else table.c.teams_user) == chat_id)

    async def by_phone(self, number: str) -> User | None:
        """Nobody when two people have that number: it proves neither."""
        found = list(
            await self._tx.connection.execute(sa.select(table).where(table.c.phone == number).limit(2))
        )
        return _to_user(found[0]) if number and len(found) == 1 else None

    async def _one(self, where: Any) -> User | None:
        row = (await self._tx.connection.execute(sa.select(table).where(where))).first()
        return _to_user(row) if row else None

    async def all(self) -> Sequence[User]:
        return [
            _to_user(row) for row in await self._tx.connection.execute(sa.select(table).order_by(table.c.id))
        ]

    async def add(self, user: User, *, now: datetime) -> User:
        statement = sa.insert(table).values(**_to_row(user), created_at=now).returning(table.c.id)
        number = (await self._tx.connection.execute(statement)).scalar_one()
        await self._tx.companies.touch()
        return replace(user, id=number)

    async def change(self, user: User) -> None:
        await self._tx.connection.execute(
            sa.update(table).where(table.c.id == user.id).values(**_to_row(user))
        )
        await self._tx.companies.touch()

    async def loads(self, ids: Collection[int]) -> Mapping[int, Load]:
        """What is open in the name of each of these people."""
        return {row[0]: Load(row[1], row[2], row[3]) for row in await _LOADS.rows(self._tx, ids=sorted(ids))}

    def add_load(self, incident: Incident, change: int) -> None:
        """One incident more (1) or less (-1) in its owner's name, while it is open."""
        if incident.assignee_id is not None and incident.open:
            before = self._loads.get(incident.assignee_id, NOTHING)
            self._loads[incident.assignee_id] = Load(
                before.open + change,
                before.weight + change * weight(incident.severity, incident.risk),
                before.at_risk + change * bool(incident.risk),
            )

    async def flush(self) -> None:
        moved = {user_id: change for user_id, change in sorted(self._loads.items()) if change != NOTHING}
        self._loads.clear()
        if moved:
            await _MOVE.many(
                self._tx,
                [
                    {"user_id": one, "change": by.open, "more": by.weight, "risky": by.at_risk}
                    for one, by in moved.items()
                ],
            )


@dataclass(frozen=True, slots=True)
class StoredToken:
    id: str
    user_id: int
    expires_at: datetime
    revoked_at: datetime | None


class Tokens:
    """Bearer tokens of the REST interface: only their ids are kept, so that one can be revoked."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, token_id: str, user_id: int, *, expires_at: datetime, now: datetime) -> None:
        await self._tx.connection.execute(
            sa.insert(tokens).values(id=token_id, user_id=user_id, created_at=now, expires_at=expires_at)
        )

    async def get(self, token_id: str) -> StoredToken | None:
        row = (await self._tx.connection.execute(sa.select(tokens).where(tokens.c.id == token_id))).first()
        return StoredToken(row.id, row.user_id, row.expires_at, row.revoked_at) if row else None

    async def revoke(self, *, now: datetime, token_id: str | None = None, user_id: int | None = None) -> int:
        statement = sa.update(tokens).where(tokens.c.revoked_at.is_(None)).values(revoked_at=now)
        statement = statement.where(tokens.c.id == token_id) if token_id else statement
        statement = statement.where(tokens.c.user_id == user_id) if user_id is not None else statement
        return int((await self._tx.connection.execute(statement)).rowcount)
