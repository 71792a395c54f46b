"""Settings where they are kept: at a company, at a group of companies, or at the MSP for all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine.access import Actor, Denied, Verb, may, who_could
from engine.audit import AuditKind, entry
from engine.company import Company, CompanyGroup, configured
from engine.errors import NotFound, Refused
from engine.incident_jobs import CloseUnheard
from engine.operations.directory import company_called
from engine.ports import SettingsTransaction, Transaction
from engine.setting import SETTINGS, Layers, Origin, Resolved, Setting, resolve, resolved

_GROUP_NAME = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$")
MOST_GROUPS = 200


@dataclass(frozen=True, slots=True)
class Where:
    """A place that settings are kept at; `name` is the group's or the company's short name."""

    origin: Origin
    name: str = ""

    @property
    def words(self) -> str:
        if self.origin is Origin.MSP:
            return "the MSP"
        return f"the group {self.name}" if self.origin is Origin.GROUP else self.name


@dataclass(frozen=True, slots=True)
class Place:
    """A place as it is now: what holds there, and what is set there itself."""

    where: Where
    layers: Layers
    company: Company | None = None
    group: CompanyGroup | None = None
    members: tuple[str, ...] = ()
    """The companies of a group."""

    def now(self, setting: Setting) -> Resolved:
        return resolve(setting, self.layers)

    def own(self, setting: Setting) -> Any:
        """What is set here itself, as it is kept; None when it is inherited."""
        return self.layers.at(self.where.origin).get(setting.name)

    def with_value(self, setting: Setting, kept: Any) -> Place:
        """As it would be; None is not set here any more."""
        own = {**self.layers.at(self.where.origin), setting.name: kept}
        own = {name: value for name, value in own.items() if value is not None}
        layer: dict[str, Any] = {self.where.origin.value: own}
        return replace(self, layers=replace(self.layers, **layer))

    def settings(self) -> list[Resolved]:
        return resolved(self.layers)


async def place(tx: SettingsTransaction, where: Where, actor: Actor) -> Place:
    """The place as it is, for somebody who may change it. Raises Refused."""
    if where.origin is Origin.COMPANY:
        company = await company_called(tx, where.name)
        await must_configure(tx, company, actor)
        return Place(Where(Origin.COMPANY, company.slug), company.layers, company=company)
    must_run_the_msp(actor)
    msp = await tx.company_groups.msp()
    if where.origin is Origin.MSP:
        return Place(where, Layers(msp=msp))
    group = await group_called(tx, where.name)
    members = tuple(await tx.company_groups.members(group.id))
    layers = Layers(msp=msp, group=group.settings, group_name=group.name)
    return Place(where, layers, group=group, members=members)


async def put(
    tx: SettingsTransaction,
    where: Where,
    setting: Setting,
    kept: Any,
    *,
    actor: Actor,
    now: datetime,
    shown: tuple[Any] | None = None,
) -> tuple[Place, Place]:
    """Set a value, or with None let it be inherited again; the place before and after. `shown` is what was set there
    when somebody was asked: when that is not so any more, nothing is done."""
    before = await place(tx, where, actor)
    if setting.msp_only and isinstance(may(actor, Verb.MSP_SETTINGS, 0), Denied):
        raise Refused(f"Only MSP admins can change {setting.name}.", code="denied")
    own = before.own(setting)
    if shown is not None and shown[0] != own:
        raise Refused(
            f"{setting.name} of {where.words} was changed meanwhile: it is {before.now(setting).words} now.",
            hint="Look at it again and decide anew.",
            code="stale",
        )
    if own == kept:
        return before, before
    after = before.with_value(setting, kept)
    if before.company is not None:
        await tx.companies.configure(configured(before.company, **{setting.name: kept}))
    elif before.group is not None:
        await tx.company_groups.configure(before.group.id, after.layers.group)
    else:
        await tx.company_groups.configure_msp(after.layers.msp)
    company_id = before.company.id if before.company else 0
    if setting.name == "close_after":  # what is due by it is due at once
        for one in [company_id] if company_id else [one.id for one in await tx.companies.all()]:
            tx.jobs.put(CloseUnheard(company_id=one), due_at=now)
    detail = {
        "where": where.origin.value,
        "setting": setting.name,
        "before": _told(before, setting),
        "after": _told(after, setting),
    }
    subject = where.name or "msp"
    kind = AuditKind.SETTING_CHANGED
    tx.audit.add(entry(kind, company_id=company_id, actor=actor, subject=subject, now=now, **detail))
    return before, after


def _told(place: Place, setting: Setting) -> str:
    """`10 min`, `15 min (msp)`."""
    found = place.now(setting)
    return found.words if found.origin is place.where.origin else f"{found.words} ({found.origin.value})"


async def must_configure(tx: Transaction, company: Company, actor: Actor) -> None:
    """A company's settings are its admins' and the MSP's; a foreign company is as unknown as a missing one."""
    decision = may(actor, Verb.COMPANY_SETTINGS, company.id)
    if not isinstance(decision, Denied):
        return
    if decision.foreign:
        raise NotFound(f"There is no company called “{company.slug}”.")
    people = (await tx.companies.context(company.id)).people
    could = who_could(people, Verb.COMPANY_SETTINGS, company.id)
    raise Refused(decision.reason, who=tuple(user.id for user in could)[:4], code="denied")


def must_run_the_msp(actor: Actor) -> None:
    if isinstance(may(actor, Verb.MSP_SETTINGS, 0), Denied):
        raise Refused("Only MSP admins can change what all or several companies inherit.", code="denied")


# -- groups of companies ---------------------------------------------------------------------------------------------


async def group_called(tx: SettingsTransaction, name: str) -> CompanyGroup:
    group = await tx.company_groups.called(name.strip().lower())
    if group is None:
        raise NotFound(f"There is no company group “{name[:40]}”.", hint="`aw group list` names them.")
    return group


async def add_group(tx: SettingsTransaction, name: str, *, actor: Actor, now: datetime) -> CompanyGroup:
    must_run_the_msp(actor)
    plain = name.strip().lower()
    if not _GROUP_NAME.match(plain):
        raise Refused(
            f"“{name[:60]}” cannot be a group's name.",
            hint="Use up to 40 lower-case letters, digits and hyphens, such as `gold`.",
        )
    known = await tx.company_groups.all()
    if any(one.name == plain for one in known):
        raise Refused(f"There is a group called {plain} already.")
    if len(known) >= MOST_GROUPS:
        raise Refused(f"There are {MOST_GROUPS} groups already.", hint="Remove one first.")
    group = await tx.company_groups.add(plain, now=now)
    _prove(tx, AuditKind.GROUP_ADDED, plain, actor, now)
    return group


async def remove_group(tx: SettingsTransaction, name: str, *, actor: Actor, now: datetime) -> None:
    """Only an empty one: nobody's settings change by surprise."""
    must_run_the_msp(actor)
    group = await group_called(tx, name)
    members = await tx.company_groups.members(group.id)
    if members:
        raise Refused(
            f"The group {group.name} has {len(members)} companies: {', '.join(members[:5])}.",
            hint="Take them out first: `aw group take COMPANY`.",
        )
    await tx.company_groups.remove(group.id)
    _prove(tx, AuditKind.GROUP_REMOVED, group.name, actor, now, settings=dict(group.settings))


async def regroup(
    tx: SettingsTransaction, slug: str, name: str | None, *, actor: Actor, now: datetime
) -> Mapping[str, tuple[str, str]]:
    """Put a company into a group, or with None into none; what that changes for it: setting → before and after."""
    must_run_the_msp(actor)
    group = await group_called(tx, name) if name else None
    company = await company_called(tx, slug)
    if company.group_id == (group.id if group else None):
        return {}
    of_group = dict(group.settings) if group else {}
    layers = replace(company.layers, group=of_group, group_name=group.name if group else "")
    moved = configured(replace(company, group_id=group.id if group else None))
    await tx.companies.configure(moved)
    changed = {
        setting.name: (before.words, after.words)
        for setting in SETTINGS.values()
        if (before := resolve(setting, company.layers)).kept != (after := resolve(setting, layers)).kept
    }
    kind = AuditKind.COMPANY_CHANGED
    detail = {"group": [company.layers.group_name, layers.group_name], "changed": changed}
    tx.audit.add(entry(kind, company_id=company.id, actor=actor, subject=company.slug, now=now, **detail))
    return changed


def _prove(
    tx: Transaction, kind: AuditKind, subject: str, actor: Actor, now: datetime, **detail: Any
) -> None:
    tx.audit.add(entry(kind, company_id=0, actor=actor, subject=subject, now=now, **detail))


async def msp_timezone(tx: SettingsTransaction) -> str:
    """The MSP's own clock: what `timezone` is for all of its companies that say nothing else."""
    found: str = resolve(SETTINGS["timezone"], Layers(msp=await tx.company_groups.msp())).kept
    return found
