"""Companies (the MSP's clients), their assets, and the people who may act."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

from engine.alert import Identity, Severity, normal_asset
from engine.aliases import Alias, Verdict
from engine.allowance import Limits
from engine.cloud import Cloud
from engine.oncall import Rotation
from engine.setting import SETTINGS, Layers, resolve, sla_name
from engine.sla import DEFAULT_TARGETS, ClockKind, SlaPolicy
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


class Reach(StrEnum):
    """How far one way of telling a person things may be used."""

    OFF = "off"
    URGENT = "urgent"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A client of the MSP. Its settings are here as they hold for it; `layers` says where they come from."""

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
    group_id: int | None = None
    """The company group that it inherits settings from."""
    layers: Layers = field(default_factory=Layers)

    def value(self, name: str) -> Any:
        """The value of one setting that holds for this company."""
        return resolve(SETTINGS[name], self.layers).value

    @property
    def limits(self) -> Limits:
        return Limits(rate=self.rate_limit, burst=self.burst)


@dataclass(frozen=True, slots=True)
class CompanyGroup:
    """Companies that inherit the same settings; `settings` are those that are set for it, as they are kept."""

    id: int
    name: str
    settings: Mapping[str, Any]


def settled(company: Company) -> Company:
    """The company with every setting as its layers have it."""
    value = company.value
    kinds = (ClockKind.RESPONSE, ClockKind.RESOLUTION)
    targets = {
        severity: (value(sla_name(severity, kinds[0])), value(sla_name(severity, kinds[1])))
        for severity in DEFAULT_TARGETS
    }
    return replace(
        company,
        autonomy=Autonomy(value("autonomy")),
        timezone=value("timezone"),
        window=value("window"),
        reopen_window=value("reopen_window"),
        rate_limit=value("rate_limit"),
        burst=value("burst"),
        sla=SlaPolicy(
            targets=targets,
            warning=value("sla_warning"),
            hours=value("sla_hours"),
            around_the_clock=value("sla_around_the_clock"),
        ),
    )


def own_settings(company: Company) -> dict[str, Any]:
    """What is set at the company itself, as it is kept: what its layers say, and whatever was changed since."""
    own = dict(company.layers.company)
    for name, kept in as_kept(company).items():
        if resolve(SETTINGS[name], company.layers).kept != kept:
            own[name] = kept
    return own


def as_kept(company: Company) -> dict[str, Any]:
    """Every setting as it is for the company, in the form that is kept."""
    kept: dict[str, Any] = {
        "autonomy": company.autonomy.value,
        "timezone": company.timezone,
        "window": int(company.window.total_seconds()),
        "reopen_window": int(company.reopen_window.total_seconds()),
        "rate_limit": company.rate_limit,
        "burst": company.burst,
        "sla_warning": int(company.sla.warning.total_seconds()),
        "sla_hours": company.sla.hours,
        "sla_around_the_clock": [one.value for one in Severity if one in company.sla.around_the_clock],
    }
    for severity in DEFAULT_TARGETS:
        for kind in ClockKind:
            target = company.sla.target(severity, kind)
            kept[sla_name(severity, kind)] = int(target.total_seconds()) if target else 0
    return kept


def configured(company: Company, **kept: Any) -> Company:
    """The company with these settings set at itself, as they are kept; None takes one away, so that it inherits."""
    own = own_settings(company) | kept
    layers = replace(company.layers, company={name: it for name, it in own.items() if it is not None})
    return settled(replace(company, layers=layers))


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
    """A person known to this program. `companies` is empty for an MSP admin, who sees all of them; `prefers` are those
    whose incidents they get first. `quiet_hours` (as of business hours, on their own clock) hold what is not urgent;
    `reach` says for each way of telling them (`engine.notice.Transport`) how far it may be used."""

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
    prefers: frozenset[int] = frozenset()
    quiet_hours: str = ""
    phone: str | None = None
    reach: Mapping[str, Reach] = field(default_factory=dict)

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
    rotations: Sequence[Rotation] = ()
    """The plans of who is on call that are for this company."""
    aliases: Sequence[Alias] = ()
    """Under which further names assets go, as alerts or people said."""

    @cached_property
    def identities(self) -> dict[tuple[str, str], Identity]:
        """What was worked out of (asset, signature) as senders say them; see `engine.correlation.identify`."""
        return {}

    def on_call(self, now: datetime) -> frozenset[int]:
        """Who is on call for it, as far as they are there."""
        if not self.rotations:
            return frozenset()
        there = {user.id for user in self.people if user.available and not user.on_leave(now)}
        return frozenset(who for one in self.rotations if (who := one.at(now)) in there)

    def off_duty(self, now: datetime) -> frozenset[int]:
        """Whose turn it is not: they take turns in a plan by which somebody should be on call now, and are not."""
        planned = frozenset(who for one in self.rotations if one.is_wanted(now) for who in one.people)
        return planned - self.on_call(now) if planned else planned

    @property
    def listed_names(self) -> Collection[str]:
        """Every name, alias, address and id of the asset list, in every spelling."""
        return self._assets_by_name.keys()

    @cached_property
    def _aliases_by_name(self) -> Mapping[str, Alias]:
        """A person's word before what was learned."""
        holding = [one for one in self.aliases if one.holds]
        holding.sort(key=lambda one: one.verdict is Verdict.ACCEPTED)
        return {one.name: one for one in holding}

    def alias(self, name: str) -> Alias | None:
        """Whose name that is, when it is not in the asset list."""
        return self._aliases_by_name.get(name) if self.aliases else None

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
        names = self._assets_by_name
        found = names.get(name.strip().lower()) or names.get(normal_asset(name))
        if found is None and self.aliases and (alias := self.alias(normal_asset(name))) is not None:
            return names.get(alias.asset)
        return found

    @cached_property
    def technicians(self) -> Sequence[User]:
        return tuple(
            user for user in self.people if user.role is Role.TECHNICIAN and user.works_for(self.company.id)
        )
