"""Doing what a configuration file says: what is new is added, what differs is changed, what is the same is left alone.

Nothing is ever removed: what the file does not name stays. All of it in one transaction, each change with its own proof
in the audit, by the same operations that the commands use.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.configuration import written
from bot.configuration.shape import Client, Configuration, Expected, Machine, Person, Plan, Turns
from bot.notices.preferences import told
from engine.access import Actor
from engine.cloud import Cloud
from engine.company import Asset, Company, Role, User, configured
from engine.errors import Refused
from engine.hours import named_week, named_zone
from engine.oncall import Layer, Rotation
from engine.operations import configure, directory, heartbeats, oncall, outbreaks
from engine.operations.configure import Where
from engine.operations.heartbeats import Beat
from engine.setting import Origin, setting_called

if TYPE_CHECKING:
    from storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Change:
    """`what` is `company acme`, `asset acme/web-01`; `fields` those that changed, none of something new."""

    what: str
    new: bool
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Secret:
    """Shown this once."""

    company: str
    api_key: str | None
    hmac_secret: str | None


@dataclass(slots=True)
class Brought:
    changes: list[Change] = field(default_factory=list)
    secrets: list[Secret] = field(default_factory=list)
    same: int = 0
    """How many things are as the file says already."""

    def note(self, what: str, *, new: bool = False, fields: Collection[str] = ()) -> None:
        if new or fields:
            self.changes.append(Change(what, new, tuple(fields)))
        else:
            self.same += 1


async def bring(tx: Transaction, file: Configuration, *, actor: Actor, now: datetime) -> Brought:
    """Raises Refused naming what cannot be; nothing is changed then."""
    hand = _Hand(tx, actor, now)
    await hand.msp(file)
    for group in file.groups:
        await hand.group(group.name, group.settings)
    for client in file.companies:
        with _about(f"company {client.slug}"):
            await hand.company(client)
    for person in file.people:
        with _about(f"person {person.email}"):
            await hand.person(person)
    for plan in file.rotations:
        with _about(f"rotation {plan.name}"):
            await hand.rotation(plan)
    return hand.brought


@contextmanager
def _about(what: str) -> Iterator[None]:
    """Says what a refusal is about."""
    try:
        yield
    except Refused as error:
        raise Refused(f"{what}: {error.reason}", hint=error.hint, code=error.code) from None


@dataclass(slots=True)
class _Hand:
    tx: Transaction
    actor: Actor
    now: datetime
    brought: Brought = field(default_factory=Brought)

    async def msp(self, file: Configuration) -> None:
        said = file.msp
        before = await self.tx.outbreaks.msp()
        after = replace(before, **said.given(*(said.model_fields_set - {"settings"})))
        fields = _differing(before, after)
        if fields:
            await outbreaks.set_msp(self.tx, after, actor=self.actor, now=self.now)
        fields += await self._settings(Where(Origin.MSP), said.settings)
        if said.model_fields_set:
            self.brought.note("msp", fields=fields)

    async def group(self, name: str, settings: Mapping[str, str]) -> None:
        with _about(f"group {name}"):
            new = await self.tx.company_groups.called(name.lower()) is None
            if new:
                await configure.add_group(self.tx, name, actor=self.actor, now=self.now)
            fields = await self._settings(Where(Origin.GROUP, name.lower()), settings)
        self.brought.note(f"group {name}", new=new, fields=fields)

    async def _settings(self, where: Where, said: Mapping[str, str]) -> list[str]:
        changed = []
        for name, words in said.items():
            setting = setting_called(name)
            kept = setting.read(words)
            before, after = await configure.put(self.tx, where, setting, kept, actor=self.actor, now=self.now)
            if before is not after:
                changed.append(name)
        return changed

    async def company(self, said: Client) -> None:
        slug = said.slug.lower()
        before = await self.tx.companies.by_slug(slug)
        if before is None:
            fields = await self._new_company(said, slug)
        elif before.archived_at is not None:
            raise Refused(f"{before.name} is archived; its short name stays taken.", hint="Use another one.")
        else:
            fields = await self._changed_company(said, before)
        if "group" in said.model_fields_set:
            known = {one.id: one.name for one in await self.tx.company_groups.all()}
            at = await directory.company_called(self.tx, slug)
            if (said.group or "").lower() != known.get(at.group_id or 0, ""):
                await configure.regroup(self.tx, slug, said.group, actor=self.actor, now=self.now)
                fields.append("group")
        self.brought.note(f"company {slug}", new=before is None, fields=fields)
        company = await directory.company_called(self.tx, slug)
        await self._assets(company, said.assets)
        for one in said.heartbeats:
            await self._heartbeat(company, one)

    async def _new_company(self, said: Client, slug: str) -> list[str]:
        kept = {name: setting_called(name).read(words) for name, words in said.settings.items()}
        blank = configured(Company(id=0, slug=slug, name=said.name or slug), **kept)
        issued = await directory.add_company(
            self.tx, _as_said(said, blank), with_hmac=said.signed, actor=self.actor, now=self.now
        )
        self.brought.secrets.append(Secret(slug, issued.api_key, issued.hmac_secret))
        return []

    async def _changed_company(self, said: Client, before: Company) -> list[str]:
        after = _as_said(said, before)
        fields = _differing(before, after)
        if fields:
            what = {name: str(getattr(after, name)) for name in fields}
            await directory.change_company(self.tx, after, actor=self.actor, now=self.now, **what)
        if "signed" in said.model_fields_set:
            signed = bool(await self.tx.companies.signing(before.id))
            if signed != said.signed:
                fresh = await directory.set_signing(
                    self.tx, after, on=said.signed, actor=self.actor, now=self.now
                )
                fields.append("signed")
                if fresh is not None:
                    self.brought.secrets.append(Secret(before.slug, None, fresh.value))
        return fields + await self._settings(Where(Origin.COMPANY, before.slug), said.settings)

    async def _assets(self, company: Company, said: Sequence[Machine]) -> None:
        known = {one.name.lower(): one for one in await self.tx.companies.assets(company.id)} if said else {}
        for machine in said:
            before = known.get(machine.name.lower())
            blank = before or Asset(id=0, company_id=company.id, name=machine.name)
            after = replace(blank, **machine.given(*(machine.model_fields_set - {"name"})))
            fields = _differing(before, after) if before is not None else []
            if before is None:
                await directory.add_asset(self.tx, after, actor=self.actor, now=self.now)
            elif fields:
                await directory.change_asset(
                    self.tx, after, actor=self.actor, now=self.now, fields=sorted(fields)
                )
            self.brought.note(f"asset {company.slug}/{after.name}", new=before is None, fields=fields)

    async def _heartbeat(self, company: Company, said: Expected) -> None:
        before = await self.tx.heartbeats.get(company.id, said.name)
        every, grace = (_span(one) if one else None for one in (said.every, said.grace))
        asked = {"every": every, "grace": grace}
        fields = [name for name, value in asked.items() if value not in (None, getattr(before, name, None))]
        if before is None or fields:
            call = Beat(name=said.name, every=every, grace=grace)
            await heartbeats.set_up(self.tx, company.id, call, actor=self.actor, now=self.now)
        new = before is None
        self.brought.note(f"heartbeat {company.slug}/{said.name}", new=new, fields=() if new else fields)

    async def person(self, said: Person) -> None:
        before = await self.tx.users.by_email(said.email)
        if before is None and said.role is None:
            raise Refused("They are new, so the file has to say a role.", hint="Such as `role: technician`.")
        blank = before or User(
            id=0, name=said.name or said.email, email=said.email, role=said.role or Role.TECHNICIAN
        )
        given = said.given("name", "role", "slack_user", "teams_user", "workload_limit", "available")
        if "timezone" in said.model_fields_set:
            given["timezone"] = named_zone(said.timezone)
        for name in ("companies", "prefers"):
            if name in said.model_fields_set:
                given[name] = await self._ids(getattr(said, name))
        if "skills" in said.model_fields_set:
            given["skills"] = frozenset(one.lower() for one in said.skills)
        if "tell" in said.model_fields_set:
            given["reach"] = {str(way): far for way, far in said.tell.items()}
        more = said.given("phone", "quiet_hours")
        phone = (more["phone"] or "") if "phone" in more else None
        after = told(replace(blank, **given), phone, more.get("quiet_hours"), None)
        fields = _differing(before, after) if before is not None else []
        if before is None:
            await directory.add_user(self.tx, after, actor=self.actor, now=self.now)
        elif fields:
            what = {name: str(getattr(after, name)) for name in fields}
            await directory.change_user(self.tx, after, actor=self.actor, now=self.now, **what)
        self.brought.note(f"person {said.email}", new=before is None, fields=fields)

    async def rotation(self, said: Plan) -> None:
        before = next(
            (one for one in await self.tx.rotations.all() if one.name.lower() == said.name.lower()), None
        )
        blank = before or Rotation(id=0, name=said.name)
        given: dict[str, Any] = {}
        if "hours" in said.model_fields_set:
            given["hours"] = named_week(said.hours)
        if "timezone" in said.model_fields_set:
            given["timezone"] = named_zone(said.timezone)
        if "companies" in said.model_fields_set:
            given["companies"] = await self._ids(said.companies)
        layers = tuple([await self._layer(one) for one in said.layers])
        if "layers" in said.model_fields_set:
            given["layers"] = layers
        after = replace(blank, **given)
        fields = _differing(before, after) if before is not None else []
        if before is None or fields:
            bare = replace(after, layers=()) if "layers" in given else after
            await oncall.put(self.tx, bare, actor=self.actor, now=self.now)
            for layer in layers if "layers" in given else ():
                await oncall.add_layer(self.tx, after.name, layer, actor=self.actor, now=self.now)
        self.brought.note(f"rotation {after.name}", new=before is None, fields=fields)

    async def _layer(self, said: Turns) -> Layer:
        ids = []
        for email in said.people:
            found = await self.tx.users.by_email(email)
            if found is None:
                raise Refused(f"Nobody has the address {email}.", hint="Put them under `people`.")
            ids.append(found.id)
        return Layer(
            people=tuple(ids), days=said.days, start=said.start, at=said.at, hours=named_week(said.hours)
        )

    async def _ids(self, slugs: Collection[str]) -> frozenset[int]:
        return frozenset([(await directory.company_called(self.tx, slug)).id for slug in slugs])


def _as_said(said: Client, company: Company) -> Company:
    names = ("slack_channel", "teams_conversation", "query_key", "sns_topics")
    given: dict[str, Any] = said.given(*names)
    if said.name:
        given["name"] = said.name
    if "clouds" in said.model_fields_set:
        ours = {one.account: one.external_id for one in company.clouds}
        clouds = [Cloud(**one.model_dump(mode="json")) for one in said.clouds]
        given["clouds"] = tuple(
            replace(one, external_id=one.external_id or ours.get(one.account, "")) for one in clouds
        )
    return replace(company, **given)


def _differing(before: Any, after: Any) -> list[str]:
    return [name for name in before.__dataclass_fields__ if getattr(before, name) != getattr(after, name)]


def _span(words: str) -> timedelta:
    try:
        return written.SPAN.typed(written.SPAN.read(words.lower()))
    except ValueError:
        raise Refused(f"“{words}” is no length of time.", hint=f"It takes {written.SPAN.expects}.") from None
