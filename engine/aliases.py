"""One asset under several names: what alerts themselves say about whose address is whose, and how sure that is.

Some tools name the machine, others its address or instance id; alerts that carry both tell which belongs to which. An
address is taken for a name only when the pair was seen again and again and nothing else goes by either: addresses that
are handed on (DHCP), shared (NAT, load balancers) or named like an asset of the list are left alone.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from engine.alert import normal_asset

HALF_LIFE = 28 * 86400.0
OFTEN = 5
"""Seen together so often …"""
FOR_LONG = 3600.0
"""… over so many seconds at least: one burst of alerts is one opinion."""
CLEAR = 0.95
"""Of the times the address was seen at all, in this share with this asset."""
MOST_ADDRESSES = 4
"""An asset with more addresses than this is a gateway or a balancer, or the label means something else."""
MOST_NAMES, MOST_ASSETS, MOST_TOOLS = 4_096, 8, 4
_LABELS = (
    "ip", "ip_address", "ipaddress", "ip address", "host_ip", "hostip", "host.ip", "device_ip", "instance_ip",
    "address",
    "instance_id", "instanceid", "host", "hostname", "host_name", "host.name", "fqdn", "computer", "computername",
    "device", "device_name", "devicename", "node", "nodename", "host_id", "hostid",
)  # fmt: skip
"""Labels in which tools name the machine that the alert is about, and no other."""
_INSTANCE = re.compile(
    r"^(i-[0-9a-f]{8,17}|mi-[0-9a-f]{17}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$"
)
_NAME = re.compile(r"^[a-z][a-z0-9_.-]{1,62}$")
_NOBODY = frozenset(["localhost", "unknown", "none", "null", "host", "server"])


class Verdict(StrEnum):
    """Who says so: the alerts, or a person, whose word is final."""

    LEARNED = "learned"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    FADED = "faded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """`name` is taken for `asset`, both in their normal spelling."""

    company_id: int
    name: str
    asset: str
    verdict: Verdict = Verdict.LEARNED
    times: int = 0
    tools: tuple[str, ...] = ()
    last_at: datetime | None = None
    decided_by: str = ""
    decided_at: datetime | None = None

    @property
    def holds(self) -> bool:
        return self.verdict in (Verdict.LEARNED, Verdict.ACCEPTED)

    @property
    def words(self) -> str:
        seen = f"seen together {self.times} times" + (f", by {', '.join(self.tools)}" if self.tools else "")
        match self.verdict:
            case Verdict.ACCEPTED:
                return f"{self.name} is {self.asset} (said by {self.decided_by})"
            case Verdict.REFUSED:
                return f"{self.name} is not {self.asset} (said by {self.decided_by})"
            case Verdict.FADED:
                return f"{self.name} was taken for {self.asset}, and is no longer ({seen})"
            case Verdict.LEARNED:
                return f"{self.name} is taken for {self.asset} ({seen})"


@dataclass(slots=True)
class Seen:
    """How often (faded, as of `at`) and how many times in all."""

    weight: float = 0.0
    at: float = 0.0
    first: float = 0.0
    times: int = 0
    tools: dict[str, None] = field(default_factory=dict)

    def faded(self, now: float) -> float:
        return self.weight * math.exp2(-max(0.0, now - self.at) / HALF_LIFE)


def number_of(name: str) -> bool:
    """An address or an instance id: says which machine, and nothing to people."""
    if _INSTANCE.match(name):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return not (
        address.is_loopback or address.is_unspecified or address.is_link_local or address.is_multicast
    )


def _machine(name: str) -> bool:
    return bool(_NAME.match(name)) and name not in _NOBODY and not name.replace(".", "").isdigit()


def pairs_of(asset_name: str, labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """(address or id, name) pairs of one machine, as one alert says them."""
    if not labels:
        return []
    said = {normal_asset(asset_name): None}
    for label, value in labels.items():
        if label.lower() in _LABELS and value:
            said[normal_asset(value)] = None
    if len(said) < 2:
        return []
    numbers = [name for name in said if number_of(name)]
    names = [name for name in said if not number_of(name) and _machine(name)]
    return [(number, names[0]) for number in numbers] if len(names) == 1 else []


class Sightings:
    """What the alerts of one company said so far. Bounded, O(1) per alert."""

    def __init__(self) -> None:
        self.names: OrderedDict[str, dict[str, Seen]] = OrderedDict()
        self.of: dict[str, set[str]] = {}

    def see(self, asset_name: str, labels: Mapping[str, str], tool: str, at: float) -> list[str]:
        """Hear one alert. The names about which it said something."""
        pairs = pairs_of(asset_name, labels)
        for name, asset in pairs:
            known = self.names.get(name)
            if known is None:
                known = self.names[name] = {}
                if len(self.names) > MOST_NAMES:
                    self._forget()
            self.names.move_to_end(name)
            seen = known.get(asset)
            if seen is None:
                if len(known) >= MOST_ASSETS:
                    oldest = min(known, key=lambda one: known[one].at)
                    self._apart(oldest, name)
                    del known[oldest]
                seen = known[asset] = Seen(first=at, at=at)
                self.of.setdefault(asset, set()).add(name)
            seen.weight, seen.at = seen.faded(at) + 1.0, max(seen.at, at)
            seen.times += 1
            if len(seen.tools) < MOST_TOOLS:
                seen.tools[tool] = None
        return [name for name, _ in pairs]

    def _forget(self) -> None:
        name, known = self.names.popitem(last=False)
        for asset in known:
            self._apart(asset, name)

    def _apart(self, asset: str, name: str) -> None:
        names = self.of.get(asset)
        if names is not None:
            names.discard(name)
            if not names:
                del self.of[asset]

    def taken_for(self, name: str, now: float) -> tuple[str, Seen] | None:
        """The asset that the address surely is, or None."""
        known = self.names.get(name)
        if not known:
            return None
        asset, seen = max(known.items(), key=lambda one: (one[1].faded(now), one[0]))
        mine, whole = seen.faded(now), sum(one.faded(now) for one in known.values())
        if seen.times < OFTEN or seen.at - seen.first < FOR_LONG or mine < OFTEN / 2 or mine < CLEAR * whole:
            return None
        return (asset, seen) if len(self.of.get(asset, ())) <= MOST_ADDRESSES else None

    def found(self, listed: Collection[str], now: float) -> Iterator[tuple[str, str, Seen]]:
        """(address, asset, evidence) of all that are sure. What the list names is the list's business."""
        for name in self.names:
            taken = self.taken_for(name, now) if name not in listed else None
            if taken is not None:
                yield name, taken[0], taken[1]


def settled(found: Collection[Alias], known: Collection[Alias]) -> list[Alias]:
    """What is to be kept now: a person's word stays as it is, what alerts no longer say fades, the rest is theirs."""
    said = {(one.name, one.asset): one for one in known}
    accepted = {one.name for one in known if one.verdict is Verdict.ACCEPTED}
    kept: list[Alias] = []
    for one in found:
        before = said.pop((one.name, one.asset), None)
        if one.name in accepted or (before is not None and before.verdict is Verdict.REFUSED):
            continue
        if one != before:
            kept.append(one)
    for one in said.values():
        if one.verdict is Verdict.LEARNED:
            kept.append(Alias(
                company_id=one.company_id, name=one.name, asset=one.asset, verdict=Verdict.FADED,
                times=one.times, tools=one.tools, last_at=one.last_at,
            ))  # fmt: skip
    return kept
