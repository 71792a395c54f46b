"""What telling people asks of a transaction beyond `engine.ports`."""

from __future__ import annotations

from typing import Protocol

from engine.notice import Notice
from engine.ports import Transaction


class Notices(Protocol):
    """What people are told outside of threads."""

    def add(self, notice: Notice) -> None: ...


class PeopleTransaction(Transaction, Protocol):
    @property
    def notices(self) -> Notices: ...
