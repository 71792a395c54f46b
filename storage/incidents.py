"""Incidents in the database: opened once per company and key, saved by compare-and-set on their revision."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.alert import Severity
from engine.changing import changed
from engine.errors import Conflict
from engine.incident import Incident, IncidentStatus
from engine.ports import CompanyKey
from storage import dialect
from storage.prepared import Bulk, Prepared, inserted
from storage.rows import chunks, locked
from storage.tables import alerts, sla_clocks
from storage.tables import incidents as table

if TYPE_CHECKING:
    from storage.transaction import Transaction

_FIELDS = [field.name for field in fields(Incident)]
COLUMNS = [table.c[name] for name in _FIELDS]
_IS_OPEN = sa.text("is_open = 1")
_IS_DONE = sa.text("is_open = 0")
_SAVED = [name for name in _FIELDS if name not in ("id", "company_id")] + ["is_open"]
_NEW = [name for name in _FIELDS if name != "id"] + ["is_open"]
_OPENED = inserted(
    table,
    _NEW,
    lambda _, statement: statement.on_conflict_do_nothing(
        index_elements=[table.c.company_id, table.c.correlation_key], index_where=_IS_OPEN
    ).returning(table.c.id, table.c.company_id, table.c.correlation_key),
)


def _save(_dialect_name: str, rows: Any) -> Any:
    given = rows.subquery("changed").c if rows is not None else None
    value = {name: sa.bindparam(name) if given is None else given[name] for name in _SAVING}
    return (
        sa.update(table)
        .where(table.c.id == value["was_id"], table.c.revision == value["was_revision"])
        .values({name: value[name] for name in _SAVED})
    )


_SAVING = {"was_id": table.c.id.type, "was_revision": table.c.revision.type} | {
    name: table.c[name].type for name in _SAVED
}
_SAVE = Bulk(_SAVING, _save)


_DUE = (
    sa.select(sa.func.min(sla_clocks.c.due_at, type_=sla_clocks.c.due_at.type))
    .where(
        sla_clocks.c.incident_id == table.c.id,
        sla_clocks.c.met_at.is_(None),
        sla_clocks.c.paused_at.is_(None),
    )
    .correlate(table)
    .scalar_subquery()
    .label("sla_due")
)


def _one(_dialect_name: str) -> Any:
    return sa.select(*COLUMNS).where(table.c.id == sa.bindparam("id"))


_ONE = Prepared(_one)
_LOCKED = Prepared(lambda dialect_name: _one(dialect_name).with_for_update())


def _newest(wanted: Any) -> Any:
    """Only the last one that was resolved since then. Tied to what is wanted, so that an index finds it at once."""
    later = table.alias("later")
    newest = sa.select(sa.func.max(later.c.resolved_at, type_=table.c.resolved_at.type)).where(
        later.c.company_id == wanted.c.first,
        later.c.correlation_key == wanted.c.second,
        later.c.resolved_at >= sa.bindparam("since"),
        sa.text("later.is_open = 0"),
    )
    return table.c.resolved_at == newest.correlate(wanted).scalar_subquery()


def _with_keys(where: Any, more: Sequence[Any], dialect_name: str, *, last: bool = False) -> Any:
    wanted = dialect.pairs(dialect_name, "wanted", table.c.company_id, table.c.correlation_key)
    same = sa.and_(table.c.company_id == wanted.c.first, table.c.correlation_key == wanted.c.second)
    statement = sa.select(*COLUMNS, *more).select_from(wanted.join(table, same)).where(where)
    if last:
        statement = statement.where(_newest(wanted))
    return statement.order_by(table.c.id).with_for_update(of=table)


_OPEN_WITH_KEYS = Prepared(partial(_with_keys, _IS_OPEN, [_DUE]))
_RESOLVED_WITH_KEYS = Prepared(partial(_with_keys, _IS_DONE, [], last=True))


def to_incident(row: Any) -> Incident:
    values = dict(zip(_FIELDS, row, strict=True))
    values["severity"] = Severity(values["severity"])
    values["status"] = IncidentStatus(values["status"])
    values["tools"] = tuple(values["tools"])
    values["related"] = tuple(values["related"])
    return Incident(**values)


def _to_row(incident: Incident) -> dict[str, Any]:
    row = {name: getattr(incident, name) for name in _FIELDS}
    row["is_open"] = int(incident.open)
    row["severity"] = incident.severity.value
    row["status"] = incident.status.value
    row["tools"] = list(incident.tools)
    row["related"] = list(incident.related)
    return row


@dataclass(frozen=True, slots=True)
class Words:
    """What is looked for: a number, or words that all stand in title, asset or the name of the company: each with the
    companies whose name it is part of."""

    words: Sequence[tuple[str, Collection[int]]]
    number: int | None = None

    def found(self) -> sa.ColumnElement[bool]:
        every = sa.and_(sa.true(), *(self._found(word, of) for word, of in self.words))
        return sa.or_(every, table.c.id == self.number) if self.number is not None else every

    def _found(self, word: str, companies: Collection[int]) -> sa.ColumnElement[bool]:
        spellings = {word.lower(), word}  # SQLite knows upper and lower case of ASCII alone
        places = (sa.func.lower(table.c.title), sa.func.lower(table.c.asset_name))
        stands = [place.contains(one, autoescape=True) for place in places for one in spellings]
        return sa.or_(*stands, table.c.company_id.in_(sorted(companies)))


class Incidents:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._waiting: list[dict[str, Any]] = []

    async def get(self, incident_id: int) -> Incident | None:
        await self.flush()
        for row in await (_LOCKED if self._tx.writing else _ONE).rows(self._tx, id=incident_id):
            return to_incident(row)
        return None

    async def get_many(self, ids: Collection[int]) -> Mapping[int, Incident]:
        found: dict[int, Incident] = {}
        for some in chunks(sorted(ids)):
            statement = locked(self._tx, sa.select(*COLUMNS).where(table.c.id.in_(some)).order_by(table.c.id))
            for row in await self._tx.connection.execute(statement):
                found[row.id] = to_incident(row)
        return found

    async def open_with_keys(self, keys: Collection[CompanyKey]) -> Mapping[CompanyKey, Incident]:
        """The open incident of each key. When its first promise is due is read along (`Clocks.due_of`)."""
        rows = await _OPEN_WITH_KEYS.rows(self._tx, **self._bound(keys))
        found = self._found([row[:-1] for row in rows])
        self._tx.clocks.know_due({row[0]: row[-1] for row in rows})
        return found

    async def resolved_with_keys(
        self, keys: Collection[CompanyKey], *, since: datetime
    ) -> Mapping[CompanyKey, Incident]:
        """The last resolved incident of each key that was resolved since then."""
        return self._found(await _RESOLVED_WITH_KEYS.rows(self._tx, since=since, **self._bound(keys)))

    def _bound(self, keys: Collection[CompanyKey]) -> dict[str, Any]:
        return dialect.bound_pairs(self._tx.dialect, "wanted", sorted(keys))

    @staticmethod
    def _found(rows: Sequence[Sequence[Any]]) -> Mapping[CompanyKey, Incident]:
        found: dict[CompanyKey, Incident] = {}
        for row in rows:
            incident = to_incident(row)
            place = (incident.company_id, incident.correlation_key)
            earlier = found.get(place)
            if earlier is None or _resolved(incident) >= _resolved(earlier):
                found[place] = incident
        return found

    async def open_of(self, company_id: int) -> Sequence[Incident]:
        """Every open incident of a company, oldest first; locked."""
        statement = sa.select(*COLUMNS).where(table.c.company_id == company_id, _IS_OPEN)
        rows = await self._tx.connection.execute(locked(self._tx, statement.order_by(table.c.id)))
        return [to_incident(row) for row in rows]

    async def unheard(
        self, company_id: int, *, since: datetime, tools: Collection[str], most: int
    ) -> Sequence[Incident]:
        """Open incidents of which only these tools fire, with no alert and no act since then, and of which nobody has
        been asked; oldest first, locked."""
        statement = (
            sa.select(*COLUMNS)
            .where(
                _only_of(company_id, tools),
                table.c.last_alert_at <= since,
                sa.or_(table.c.last_action_at.is_(None), table.c.last_action_at <= since),
            )
            .order_by(table.c.id)
            .limit(most)
        )
        return [to_incident(row) for row in await self._tx.connection.execute(locked(self._tx, statement))]

    async def next_unheard(
        self, company_id: int, *, after: datetime, tools: Collection[str]
    ) -> datetime | None:
        """The last word of the one that has been silent for longest, of those that have spoken since."""
        acted_later = table.c.last_action_at > table.c.last_alert_at
        last = sa.case((acted_later, table.c.last_action_at), else_=table.c.last_alert_at)
        found = sa.func.min(last, type_=table.c.last_alert_at.type)
        statement = sa.select(found).where(_only_of(company_id, tools), last > after)
        at: datetime | None = (await self._tx.connection.execute(statement)).scalar()
        return at

    async def merged_into(self, ids: Collection[int]) -> Sequence[Incident]:
        """The incidents that are part of these now, oldest first."""
        statement = sa.select(*COLUMNS).where(table.c.merged_into.in_(sorted(ids))).order_by(table.c.id)
        return [to_incident(row) for row in await self._tx.connection.execute(statement)]

    async def open(self, drafts: Sequence[Incident]) -> Sequence[Incident | None]:
        """Insert new incidents and give them their numbers; None where an open one has that key already."""
        found = await _OPENED.rows(self._tx, [_to_row(draft) for draft in drafts])
        numbers: dict[CompanyKey, int] = {(company_id, key): number for number, company_id, key in found}
        opened: list[Incident | None] = []
        for draft in drafts:
            given = numbers.get((draft.company_id, draft.correlation_key))
            opened.append(replace(draft, id=given) if given is not None else None)
            if given is not None:
                self._tx.users.add_load(draft, 1)
        return opened

    async def save(self, before: Incident, after: Incident) -> Incident:
        """Write `after` if the row still is `before`; at the latest `flush` raises Conflict otherwise."""
        saved = changed(after, revision=before.revision + 1)
        self._waiting.append(_to_row(saved) | {"was_id": before.id, "was_revision": before.revision})
        self._tx.users.add_load(before, -1)
        self._tx.users.add_load(after, 1)
        return saved

    async def flush(self) -> None:
        """Send the gathered saves. Raises Conflict when a row is not as it was read any more."""
        if not self._waiting:
            return
        rows = sorted(self._waiting, key=lambda row: (row["was_id"], row["was_revision"]))
        self._waiting = []
        for some in _each_once(rows):
            if await _SAVE.run(self._tx, some) != len(some):
                raise Conflict

    async def held_by(self, user_id: int) -> Sequence[Incident]:
        """Every open incident in this person's name; locked in a writing transaction."""
        statement = sa.select(*COLUMNS).where(table.c.assignee_id == user_id, _IS_OPEN).order_by(table.c.id)
        return [to_incident(row) for row in await self._tx.connection.execute(locked(self._tx, statement))]

    async def listed(
        self,
        *,
        company_ids: Collection[int] | None,
        open_only: bool | None = True,
        status: str | None = None,
        assignee_id: int | None = None,
        offered_to: int | None = None,
        saying: Words | None = None,
        most: int = 100,
    ) -> Sequence[Incident]:
        """Incidents, newest first. `company_ids` None means every company. `offered_to` narrows to what that
        technician may see in lists: their own, and those nobody has claimed."""
        statement = sa.select(*COLUMNS).order_by(table.c.id.desc()).limit(most)
        if company_ids is not None:
            statement = statement.where(table.c.company_id.in_(sorted(company_ids)))
        if open_only is not None:
            statement = statement.where(_IS_OPEN if open_only else _IS_DONE)
        if status is not None:
            statement = statement.where(table.c.status == status)
        if assignee_id is not None:
            statement = statement.where(table.c.assignee_id == assignee_id)
        if offered_to is not None:
            statement = statement.where(may_be_offered(offered_to))
        if saying is not None:
            statement = statement.where(saying.found())
        return [to_incident(row) for row in await self._tx.connection.execute(statement)]

    async def counts(self, company_id: int) -> Mapping[str, int]:
        """Open incidents of a company by severity."""
        statement = (
            sa.select(table.c.severity, sa.func.count())
            .where(table.c.company_id == company_id, _IS_OPEN)
            .group_by(table.c.severity)
        )
        return {row[0]: row[1] for row in await self._tx.connection.execute(statement)}

    async def times_before(self, company_id: int, correlation_key: str, before_id: int) -> Sequence[Incident]:
        """The last earlier incidents with the same key, newest first: what was seen before, and what fixed it."""
        statement = (
            sa.select(*COLUMNS)
            .where(
                table.c.company_id == company_id,
                table.c.correlation_key == correlation_key,
                _IS_DONE,
                table.c.id < before_id,
            )
            .order_by(table.c.resolved_at.desc())
            .limit(20)
        )
        return [to_incident(row) for row in await self._tx.connection.execute(statement)]


def may_be_offered(user_id: int) -> sa.ColumnElement[bool]:
    """What a technician sees in lists: their own, and what nobody has claimed."""
    return sa.or_(table.c.claimed_at.is_(None), table.c.assignee_id == user_id, table.c.assignee_id.is_(None))


def _only_of(company_id: int, tools: Collection[str]) -> sa.ColumnElement[bool]:
    others = sa.select(alerts.c.id).where(
        alerts.c.incident_id == table.c.id,
        alerts.c.status == "firing",
        alerts.c.tool.not_in(sorted(tools)),
    )
    return sa.and_(
        table.c.company_id == company_id,
        _IS_OPEN,
        table.c.firing > 0,
        table.c.waiting_since.is_(None),
        sa.or_(table.c.asked_at.is_(None), table.c.asked_at < table.c.last_alert_at),
        sa.not_(sa.exists(others)),
    )


def _each_once(rows: Sequence[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    """The saves in rounds, no incident twice in one: a later save of the same one needs the earlier revision."""
    rest = list(rows)
    while rest:
        first = {row["was_id"]: row for row in reversed(rest)}
        yield list(first.values())
        rest = [row for row in rest if first[row["was_id"]] is not row]


def _resolved(incident: Incident) -> float:
    return incident.resolved_at.timestamp() if incident.resolved_at else float("inf")
