"""What telling and calling people asks of a transaction beyond `engine.ports`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.ask import Ask
from engine.notice import Notice
from engine.oncall import Override, Rotation
from engine.ports import MspTransaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """One call about an incident: the `number`-th, to that step of its chain. `due_at` is when it should have been
    made, `called` are the ids of the people, `by` who wanted it."""

    incident_id: int
    number: int
    company_id: int
    step: int
    at: datetime
    due_at: datetime
    called: tuple[int, ...]
    by: str
    reason: str


class Notices(Protocol):
    """What people are told outside of threads."""

    def add(self, notice: Notice) -> None: ...


class Escalations(Protocol):
    async def of(self, incident_id: int) -> Sequence[Escalation]: ...
    async def add(self, made: Escalation) -> None: ...
    async def heard_at(self, incident_id: int, system: str) -> datetime | None: ...
    async def given_at(self, incident_id: int, system: str) -> datetime | None: ...


class Rotations(Protocol):
    async def all(self) -> Sequence[Rotation]: ...
    async def put(self, rotation: Rotation) -> None: ...
    async def remove(self, rotation_id: int) -> None: ...
    async def stand_in(self, rotation_id: int, override: Override, *, now: datetime) -> None: ...
    async def take_in(self, rotation_id: int, source: str, given: Sequence[Override]) -> None: ...


class Asks(Protocol):
    """What one person asks of another. Reading one locks it until the end of a writing transaction."""

    async def get(self, ask_id: str) -> Ask | None: ...
    async def add(self, ask: Ask) -> None: ...
    async def settle(self, ask: Ask) -> None: ...
    async def open_by(self, asker_id: int) -> Sequence[Ask]: ...
    async def open_of(self, asked_id: int) -> Sequence[Ask]: ...


class PeopleTransaction(MspTransaction, Protocol):
    @property
    def notices(self) -> Notices: ...
    @property
    def escalations(self) -> Escalations: ...
    @property
    def rotations(self) -> Rotations: ...
    @property
    def asks(self) -> Asks: ...
