"""Which assets of one company lie near each other, by what its asset list says they depend on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from engine.alert import normal_asset

if TYPE_CHECKING:
    from engine.company import Asset

DIRECT, SHARED_SERVICE, SHARED_HOST = 1.0, 0.7, 0.35
HUB = 40
"""A thing that more assets than this depend on says nothing about any two of them: a core switch, a domain."""
MOST_NEAR = 256
MOST_WALKED = 512
KEPT = 4096


class Topology:
    """Who depends on whom. Neighbours are worked out when first asked for and the latest are kept."""

    def __init__(self, assets: Iterable[Asset] = ()) -> None:
        self._needs: dict[str, tuple[str, ...]] = {}
        self._needed: dict[str, list[str]] = {}
        self._dependants: dict[str, frozenset[str]] = {}
        self._near: OrderedDict[str, Mapping[str, tuple[float, str]]] = OrderedDict()
        listed = list(assets)
        names = {name: _plain(asset.name) for asset in listed for name in _spellings(asset)}
        for asset in listed:
            name = _plain(asset.name)
            needs = dict.fromkeys(names.get(_plain(one)) or names.get(normal_asset(one)) or _plain(one)
                                  for one in asset.depends_on)  # fmt: skip
            needs.pop(name, None)
            self._needs[name] = tuple(needs)
            for one in needs:
                self._needed.setdefault(one, []).append(name)
                self._needs.setdefault(one, ())

    @property
    def assets(self) -> Iterable[str]:
        return self._needs.keys()

    def needs(self, asset: str) -> tuple[str, ...]:
        """What the asset depends on."""
        return self._needs.get(asset, ())

    def dependants(self, asset: str) -> frozenset[str]:
        """The same as `needed_by`, to look one up in."""
        found = self._dependants.get(asset)
        if found is None:
            found = self._dependants[asset] = frozenset(self._needed.get(asset, ()))
        return found

    def needed_by(self, asset: str) -> list[str]:
        """What depends on the asset."""
        return self._needed.get(asset, [])

    def above(self, asset: str) -> list[str]:
        """All that it depends on, through others too, the nearest first."""
        return _walked(asset, self.needs)

    def below(self, asset: str) -> list[str]:
        """All that depends on it, through others too, the nearest first."""
        return _walked(asset, self.needed_by)

    def near(self, asset: str) -> Mapping[str, tuple[float, str]]:
        """Assets at most two steps away → how strongly that binds (0..1), and how in words."""
        found = self._near.get(asset)
        if found is None:
            found = self._near[asset] = self._worked_out(asset)
            if len(self._near) > KEPT:
                self._near.popitem(last=False)
        return found

    def _worked_out(self, asset: str) -> dict[str, tuple[float, str]]:
        near: dict[str, tuple[float, str]] = {}
        for one in self.needs(asset):
            near[one] = (DIRECT, f"{asset} depends on {one}")
        for one in self.needed_by(asset)[:MOST_NEAR]:
            near.setdefault(one, (DIRECT, f"{one} depends on {asset}"))
        for middle in list(near):
            above, below = self.needed_by(middle), self.needs(middle)
            hosted = middle in self.needs(asset)
            if len(above) <= HUB:
                weight = SHARED_HOST if hosted else SHARED_SERVICE
                words = f"both depend on {middle}" if hosted else f"linked through {middle}"
                for one in above:
                    self._offer(near, asset, one, weight, words)
            if len(below) <= HUB:
                for one in below:
                    self._offer(near, asset, one, SHARED_SERVICE, f"linked through {middle}")
            if len(near) > MOST_NEAR:
                break
        return near

    @staticmethod
    def _offer(near: dict[str, tuple[float, str]], asset: str, other: str, weight: float, words: str) -> None:
        if other != asset and weight > near.get(other, (0.0, ""))[0]:
            near[other] = (weight, words)


def _walked(start: str, steps: Callable[[str], Iterable[str]]) -> list[str]:
    found = dict.fromkeys(one for one in steps(start) if one != start)
    waiting = list(found)
    for name in waiting:  # grows while it is walked
        for one in steps(name):
            if one != start and one not in found and len(found) < MOST_WALKED:
                found[one] = None
                waiting.append(one)
    return list(found)[:MOST_WALKED]


def _plain(name: str) -> str:
    return name.strip().lower()


def _spellings(asset: Asset) -> set[str]:
    named = [name for name in (asset.name, asset.cloud_ref, *asset.aliases) if name]
    return {_plain(name) for name in named} | {normal_asset(name) for name in named}
