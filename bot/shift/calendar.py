"""Shifts and calendars: taken in from a file or an address, and read by calendar programs at an address."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from bot import outside
from bot.core import Core
from engine.access import Actor
from engine.audit import AuditKind, entry
from engine.company import Role, User
from engine.errors import Permanent, Refused, Transient
from engine.oncall import Rotation, Shift, shifts
from engine.operations import oncall
from engine.operations.configure import must_run_the_msp
from integrations.calendars import Entry, Person, WrongCalendar, nobody, read, whose, written
from storage.feeds import Feed
from storage.secrets import Vault
from storage.transaction import Transaction

AHEAD = timedelta(days=90)
PURPOSE = "calendar feed"
_ON_CALL = (Role.TECHNICIAN, Role.MSP_ADMIN)


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What was taken in of a calendar: each shift with whose it is. `kept` False: it was only looked at."""

    rotation: str
    timezone: str
    shifts: Sequence[tuple[Person, Entry]]
    kept: bool


async def fetched(core: Core, url: str) -> bytes:
    """A calendar from an address on the open network. Raises Refused saying why it could not be had."""
    try:
        return await outside.get(url, allowed=core.settings.outbound_hosts)
    except (Permanent, Transient) as error:
        hint = "It has to be https and public; AW_OUTBOUND_HOSTS allows hosts of your own."
        raise Refused(f"That calendar cannot be had: {error}", hint=hint, code="invalid") from error


async def take_in(core: Core, name: str, body: bytes, *, actor: Actor, only_look: bool = False) -> TakenIn:
    """All of its shifts or none: an entry of which it is not clear whose it is, is said. Raises Refused."""
    must_run_the_msp(actor)
    now = core.clock.now()

    async def look(tx: Transaction) -> tuple[Rotation, list[Person]]:
        return await oncall.called(tx, name), list(people_of(await tx.users.all()).values())

    rotation, people = await core.read(look)
    try:
        entries = await asyncio.to_thread(read, body, timezone=rotation.timezone, now=now)
    except WrongCalendar as error:
        raise Refused(f"That calendar cannot be read: {error}.", code="invalid") from error
    found = [(whose(one, people), one) for one in entries if not nobody(one)]
    unknown = [one for person, one in found if person is None]
    if unknown:
        named = ", ".join(f"“{one.title[:40]}” on {one.begin:%Y-%m-%d}" for one in unknown[:3])
        raise Refused(
            f"Of {len(unknown)} entries it is not clear whose they are: {named}.",
            hint="An entry needs an attendee's address, or a title that is or ends with the name of a technician.",
            code="invalid",
        )
    known = [(person, one) for person, one in found if person is not None]
    if not known:
        raise Refused("That calendar has no shift in the next 180 days.", code="invalid")
    if not only_look:
        given = [(person.id, one.begin, one.end) for person, one in known]
        await core.write(lambda tx: oncall.take_in(tx, rotation.name, given, actor=actor, now=now))
    return TakenIn(rotation.name, rotation.timezone, known, not only_look)


def people_of(users: Sequence[User]) -> Mapping[int, Person]:
    """Those who may be on call."""
    return {one.id: Person(one.id, one.name, one.email) for one in users if one.role in _ON_CALL}


def sees(user: User, rotation: Rotation) -> bool:
    return user.role is Role.MSP_ADMIN or any(rotation.serves(one) for one in user.companies)


async def share(tx: Transaction, name: str, *, user: User, address: str, actor: Actor, now: datetime) -> str:
    """The address under which a calendar program reads this person's shifts, or all of one rotation. The same again
    for the same; it can be read by whoever has it, until it is revoked."""
    if user.role not in _ON_CALL:
        raise Refused("Only technicians and MSP admins have shifts.", code="denied")
    rotation = await oncall.called(tx, name) if name else None
    if rotation is not None and not sees(user, rotation):
        raise Refused(f"There is no rotation “{name[:40]}”.", code="not_found")
    number = rotation.id if rotation is not None else None
    feed = next((one for one in await tx.feeds.of(user.id) if one.rotation_id == number), None)
    if feed is None:
        feed = Feed(secrets.token_hex(12), user.id, number)
        await tx.feeds.add(feed, now=now)
        about = {"rotation": rotation.name} if rotation is not None else {}
        line = entry(
            AuditKind.CALENDAR_SHARED, company_id=0, actor=actor, subject=user.email, now=now, **about
        )
        tx.audit.add(line)
    return f"{address}/calendars/{feed.id}-{_signatures(feed.id, tx.vault)[0]}.ics"


async def revoke(tx: Transaction, *, user: User, actor: Actor, now: datetime) -> int:
    """None of this person's addresses can be read any more; how many that were."""
    ended = await tx.feeds.revoke(user.id, now=now)
    if ended:
        line = entry(
            AuditKind.CALENDAR_REVOKED, company_id=0, actor=actor, subject=user.email, now=now, feeds=ended
        )
        tx.audit.add(line)
    return ended


def _signatures(feed_id: str, vault: Vault) -> list[str]:
    """One for each key of the ring, the newest first: an address outlives the rotation of a key."""
    return [
        hmac.new(key, feed_id.encode(), hashlib.sha256).hexdigest()[:40] for key in vault.derived(PURPOSE)
    ]


def routes(core: Core) -> list[web.RouteDef]:
    async def answer(request: web.Request) -> web.Response:
        """The same answer for what never was, was revoked, and is not signed."""
        feed_id, _, signature = request.match_info["feed"].partition("-")
        body = await core.read(lambda tx: _calendar(tx, feed_id, signature, core.clock.now()))
        if body is None:
            return web.Response(status=404, text="There is no such calendar.")
        headers = {"Cache-Control": "private, max-age=300", "X-Robots-Tag": "noindex"}
        return web.Response(body=body, content_type="text/calendar", charset="utf-8", headers=headers)

    return [web.get("/calendars/{feed}.ics", answer)]


async def _calendar(tx: Transaction, feed_id: str, signature: str, now: datetime) -> bytes | None:
    good = [hmac.compare_digest(one.encode(), signature.encode()) for one in _signatures(feed_id, tx.vault)]
    feed = await tx.feeds.get(feed_id) if any(good) else None
    user = await tx.users.get(feed.user_id) if feed is not None else None
    if feed is None or user is None or user.role not in _ON_CALL:
        return None
    rotations = [one for one in await tx.rotations.all() if sees(user, one)]
    if feed.rotation_id is not None:
        rotations = [one for one in rotations if one.id == feed.rotation_id]
        if not rotations:
            return None
    found: list[tuple[str, Shift]] = []
    for rotation in rotations:
        coming = shifts(rotation, now, now + AHEAD)
        found += [(rotation.name, one) for one in coming if feed.rotation_id or one.user_id == user.id]
    title = rotations[0].name if feed.rotation_id else f"On call: {user.name}"
    return written(title, found, people_of(await tx.users.all()), now)
