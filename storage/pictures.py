"""What this process remembers of companies between transactions; a transaction that fails takes its part along."""

from __future__ import annotations

import secrets
from collections import OrderedDict

from engine.picture import Picture

MOST_COMPANIES = 500


class PictureStore:
    """Of the whole process: the companies heard of last."""

    def __init__(self) -> None:
        self.kept: OrderedDict[int, Picture] = OrderedDict()
        self.name = secrets.token_hex(8)


class Pictures:
    """One transaction's view of the store. `lost` is called when it did not commit."""

    def __init__(self, store: PictureStore) -> None:
        self._store = store
        self._used: set[int] = set()
        self._stale: set[int] = set()
        self.heard_by: dict[int, str | None] = {}
        """Of companies whose turn this transaction has: the process that last heard something new of them."""

    def get(self, company_id: int) -> Picture | None:
        return self._store.kept.get(company_id)

    def keep(self, company_id: int, picture: Picture) -> None:
        self._used.add(company_id)
        self._store.kept[company_id] = picture
        self._store.kept.move_to_end(company_id)
        while len(self._store.kept) > MOST_COMPANIES:
            self._store.kept.popitem(last=False)

    def others_heard(self, company_id: int) -> bool:
        """Another replica has taken in something new since this process did."""
        return self.heard_by.get(company_id) != self._store.name

    @property
    def name(self) -> str:
        return self._store.name

    def forget(self, company_id: int) -> None:
        """To be drawn anew once this transaction has ended: it changes what a picture is drawn from."""
        self._stale.add(company_id)

    def ended(self, *, committed: bool) -> None:
        for company_id in self._stale if committed else self._stale | self._used:
            self._store.kept.pop(company_id, None)
