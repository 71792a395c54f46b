"""What the names of a company's assets say about each other, and which assets an alert's words mention.

Never surer than the names allow: a shared stem (`web-1`, `web-2`) or a shared first part (`lon-db`, `lon-app`) is weak
evidence, and a first part that most of the company shares is none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

_REPLICA = re.compile(r"(?:[-_.]?\d+)+$")
_FIRST = re.compile(r"^[a-z0-9]+(?=[-_./])")
_WORD = re.compile(r"[a-z0-9](?:[a-z0-9_.\-]*[a-z0-9])?")
MOST_SIBLINGS = 30
MOST_WORDS = 60
LONGEST_TEXT = 2000
MOST_NAMES = 20_000
SHORTEST = 2
MOST_SAID = 4_096
"""Messages of which it is kept whom they name, while no other asset is heard of."""
_NEVER: tuple[int, list[str]] = (-1, [])
LONGEST_NAME = 100


@lru_cache(maxsize=16384)
def stem(asset: str) -> str:
    """The name without its replica number: `cart-2` and `cart-3` are both `cart`."""
    return _REPLICA.sub("", asset) or asset


@lru_cache(maxsize=16384)
def first_part(asset: str) -> str:
    """What stands before the first separator, empty when there is none: the site in `lon-db-01`."""
    found = _FIRST.match(asset)
    return found.group(0) if found else ""


class Names:
    """The assets of one company by name, as far as they have been heard of."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._stems: dict[str, list[str]] = {}
        self._firsts: dict[str, int] = {}
        self._said: dict[tuple[str, str], tuple[int, list[str]]] = {}
        for name in known:
            self.hear(name)

    def __contains__(self, asset: str) -> bool:
        return asset in self._known

    def hear(self, asset: str) -> None:
        """Know the asset from now on."""
        if asset in self._known or len(self._known) >= MOST_NAMES:
            return
        self._known.add(asset)
        first = first_part(asset)
        if first:
            self._firsts[first] = self._firsts.get(first, 0) + 1
        root = stem(asset)
        if root != asset:
            siblings = self._stems.setdefault(root, [])
            if len(siblings) < MOST_SIBLINGS:
                siblings.append(asset)

    def siblings(self, asset: str) -> list[str]:
        """The assets known that share its stem."""
        return [name for name in self._stems.get(stem(asset), ()) if name != asset]

    def telling(self, first: str) -> float:
        """How much sharing that first part says: 0 when all assets have it, growing with its rarity."""
        share = self._firsts.get(first, 0) / max(1, len(self._known))
        return min(2.0, -math.log(share)) if share else 0.0

    def mentioned(self, asset: str, message: str, labels: Mapping[str, str]) -> list[str]:
        """Other assets of the company that the alert names, in full or short by what its own name has before it.

        An alert of `lon-cart-1` that says `cart-1 → db-1` means `lon-db-1` where there is one.
        """
        if labels:
            words = _words(message)
            for value in labels.values():
                words += _words(value)
            return self._named(asset, words)
        count, found = self._said.get((asset, message), _NEVER)
        if count != len(self._known):  # another asset is known by now: it may be one of the words
            found = self._named(asset, _words(message))
            if len(self._said) >= MOST_SAID:
                self._said.clear()
            self._said[(asset, message)] = (len(self._known), found)
        return found

    def _named(self, asset: str, words: tuple[str, ...]) -> list[str]:
        known, endings = self._known, _endings(asset)
        if endings.isdisjoint(words):
            return list(dict.fromkeys([word for word in words if word in known and word != asset]))
        prefix = asset[: -len(next(one for one in words if one in endings))]
        found: dict[str, None] = {}
        for word in words:
            full = prefix + word
            name = full if full in known else word
            if name != asset and name in known:
                found[name] = None
        return list(found)


@lru_cache(maxsize=16384)
def _endings(asset: str) -> frozenset[str]:
    """What the name ends in, itself left out: as many as it is long."""
    return frozenset(asset[at:] for at in range(1, min(len(asset), LONGEST_NAME)))


@lru_cache(maxsize=16384)
def _words(text: str) -> tuple[str, ...]:
    words = _WORD.findall(text[:LONGEST_TEXT].lower())
    return tuple(dict.fromkeys(word for word in words[:MOST_WORDS] if len(word) >= SHORTEST))
