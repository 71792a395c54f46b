"""Companies (the MSP's clients), their assets, and the people who may act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property

from engine.alert import normal_asset
from engine.allowance import Limits
from engine.cloud import Cloud
from engine.sla import SlaPolicy
from engine.suppression import QuietRule


class Autonomy(StrEnum):
    """How far runbooks may go by themselves in a company: watch, offer a button, or act: run what is low risk and ask
    for an approval of what is medium."""

    OBSERVE = "observe"
    PROPOSE = "propose"
    ACT = "act"


class Role(StrEnum):
    TECHNICIAN = "technician"
    COMPANY_ADMIN = "company_admin"
    MSP_ADMIN = "msp_admin"
    CLIENT_VIEWER = "client_viewer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    id: int
    slug: str
    name: str
    version: int = 0
    archived_at: datetime | None = None
    slack_channel: str | None = None
    teams_conversation: str | None = None
    autonomy: Autonomy = Autonomy.ACT
    timezone: str = "UTC"
    window: timedelta = timedelta(minutes=15)
    reopen_window: timedelta = timedelta(minutes=60)
    rate_limit: int = 1000
    burst: int = 9000
    query_key: bool = True
    """May the key stand in the query string?"""
    sns_topics: tuple[str, ...] = ()
    """Whose messages are taken; others are refused. Learned when a subscription is confirmed."""
    sla: SlaPolicy = field(default_factory=SlaPolicy)
    clouds: tuple[Cloud, ...] = ()

    @property
    def limits(self) -> Limits:
        return Limits(rate=self.rate_limit, burst=self.burst)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A machine or service of one company. `depends_on` names other assets of the same company."""

    id: int
    company_id: int
    name: str
    aliases: tuple[str, ...] = ()
    platform: str = ""
    cloud_ref: str = ""
    region: str = ""
    critical: bool = False
    depends_on: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person known to this program. `companies` is empty for an MSP admin, who sees all of them."""

    id: int
    name: str
    email: str
    role: Role
    companies: frozenset[int] = frozenset()
    skills: frozenset[str] = frozenset()
    slack_user: str | None = None
    teams_user: str | None = None
    workload_limit: int = 8
    available: bool = True
    leave_from: datetime | None = None
    leave_until: datetime | None = None
    timezone: str = "UTC"

    def on_leave(self, now: datetime) -> bool:
        if self.leave_until is None or now >= self.leave_until:
            return False
        return self.leave_from is None or now >= self.leave_from

    def works_for(self, company_id: int) -> bool:
        return self.role is Role.MSP_ADMIN or company_id in self.companies


@dataclass(frozen=True)
class CompanyContext:
    """What deciding about one company needs, read once and kept until the company's version changes."""

    company: Company
    assets: Sequence[Asset]
    people: Sequence[User]
    quiet: Sequence[QuietRule] = ()
    """Silences and maintenance windows that are not over."""

    @cached_property
    def _assets_by_name(self) -> Mapping[str, Asset]:
        names: dict[str, Asset] = {}
        for asset in self.assets:
            for name in (asset.name, asset.cloud_ref, *asset.aliases):
                if name:
                    names.setdefault(name.strip().lower(), asset)
                    names.setdefault(normal_asset(name), asset)
        return names

    def asset_called(self, name: str) -> Asset | None:
        """The asset of this company with that name, alias, address or instance id, in any usual spelling."""
        return self._assets_by_name.get(name.strip().lower()) or self._assets_by_name.get(normal_asset(name))

    @cached_property
    def technicians(self) -> Sequence[User]:
        return tuple(
            user for user in self.people if user.role is Role.TECHNICIAN and user.works_for(self.company.id)
        )
