"""`GET /api/ws`: what happens, as it happens, to those who listen and may see it.

The database's newest rows are read once a second, for all listeners of this replica together, and only while there
are any; so what another replica did is seen too, and every listener's rights are looked up again as it goes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from aiohttp import WSCloseCode, WSMsgType, web
from sqlalchemy.exc import SQLAlchemyError

from bot import tokens
from bot.api.bodies import alert_body, incident_body
from bot.api.door import BEARER, actor_of, bearer_of, unauthorised
from bot.core import Core
from engine.access import Actor, Verb, may
from engine.access import Denied as NotAllowed
from engine.company import Role, User
from engine.identifiers import floor_of
from engine.incident import Incident
from storage.changes import Changes
from storage.transaction import Transaction

log = structlog.get_logger()

LOOK_EVERY = 1.0
OVERLAP = timedelta(seconds=10)
"""How far back each look goes: longer than a transaction may take to become visible."""

REMEMBERED = 20_000
BACKLOG = 500
"""Messages that one slow listener may be behind, before it is let go."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent, and what decides who may see it."""

    text: Mapping[str, Any]
    company_id: int
    incident: Incident | None


@dataclass(eq=False, slots=True)
class Listener:
    token: str
    actor: Actor
    waiting: asyncio.Queue[Message | None]

    def sees(self, message: Message) -> bool:
        return sees(self.actor, message.company_id, message.incident)


def sees(actor: Actor, company_id: int, incident: Incident | None) -> bool:
    """As in lists: a technician sees their own incidents and those that nobody has claimed."""
    if isinstance(may(actor, Verb.SEE, company_id), NotAllowed):
        return False
    if incident is None or actor.user is None or actor.user.role is not Role.TECHNICIAN:
        return True
    return not incident.touched or incident.assignee_id in (None, actor.user.id)


class Feed:
    """One look at the database a second, told to every listener."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        self._turning = asyncio.Lock()
        self._known: OrderedDict[tuple[str, str | int], tuple[int, str]] = OrderedDict()

    async def join(self, listener: Listener) -> None:
        async with self._turning:
            if self._task is None or self._task.done():
                self._known.clear()
                await self._core.read(lambda tx: self._look(tx, self._core.clock.now()))  # not news any more
                self._over.clear()
                self._task = asyncio.create_task(self._run(), name="live feed")
            self._listeners.add(listener)

    async def leave(self, listener: Listener) -> None:
        """With the last listener the looking ends: between two looks, for a cancelled read may break its connection."""
        async with self._turning:
            self._listeners.discard(listener)
            if not self._listeners and self._task is not None:
                self._over.set()
                await self._task
                self._task = None

    async def close(self, _app: web.Application) -> None:
        """The server stops: let every listener go, so that none keeps it waiting."""
        for listener in list(self._listeners):
            _tell(listener, None)

    async def _run(self) -> None:
        while not await self._ended():
            try:
                await self._refresh()
                news = await self._core.read(lambda tx: self._look(tx, self._core.clock.now()))
            except (OSError, SQLAlchemyError) as error:  # the database is away: the next look catches up
                log.warning("the live feed could not look", error=str(error))
                continue
            for message in news:
                for listener in [one for one in self._listeners if one.sees(message)]:
                    _tell(listener, message)

    async def _ended(self) -> bool:
        """After the pause between two looks: whether there shall be no more."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), LOOK_EVERY)
        return self._over.is_set()

    async def _refresh(self) -> None:
        """Who has lost the token or the rights meanwhile hears no more."""
        for listener in list(self._listeners):
            try:
                listener.actor = await actor_of(self._core, listener.token)
            except tokens.Unauthorised:
                self._listeners.discard(listener)
                _tell(listener, None)

    async def _look(self, tx: Transaction, now: datetime) -> list[Message]:
        since = now - OVERLAP
        floor = floor_of(since)
        changes = Changes(tx)
        touched = [
            (one.incident_id, earlier)
            for one in await changes.touched(since, floor=floor)
            if (earlier := self._put("incident", one.incident_id, (one.revision, ""))) is not _SAME
        ]
        recent = await changes.sent(since, floor=floor, incident_ids=[number for number, _ in touched])
        sent = [
            one for one in recent if self._put("alert", one.alert_id, (one.count, one.status)) is not _SAME
        ]
        if not touched and not sent:
            return []
        numbers = {number for number, _ in touched} | {one.incident_id for one in sent if one.incident_id}
        incidents = await tx.incidents.get_many(numbers)
        slugs = {one.id: one.slug for one in await tx.companies.all(archived=True)}
        news: list[Message] = []
        for one in sent:
            stored = await tx.alerts.get(one.alert_id)
            if stored is not None:
                body = alert_body(stored, company=slugs[stored.company_id]).model_dump(mode="json")
                parent = incidents.get(one.incident_id) if one.incident_id else None
                news.append(Message({"type": "alert_received", "alert": body}, stored.company_id, parent))
        people = {user.id: user for user in await tx.users.all()}
        for number, earlier in touched:
            if (incident := incidents.get(number)) is not None:
                new = earlier is _UNKNOWN and incident.opened_at >= since
                news.append(await self._incident(tx, incident, slugs, people, now, new=new))
        return news

    async def _incident(
        self,
        tx: Transaction,
        incident: Incident,
        slugs: Mapping[int, str],
        people: Mapping[int, User],
        now: datetime,
        *,
        new: bool,
    ) -> Message:
        clocks = await tx.clocks.of(incident.id)
        slug = slugs[incident.company_id]
        body = incident_body(incident, company=slug, people=people, clocks=clocks, now=now)
        kind = "incident_created" if new else "incident_updated"
        text = {"type": kind, "incident": body.model_dump(mode="json")}
        return Message(text, incident.company_id, incident)

    def _put(self, kind: str, name: str | int, state: tuple[int, str]) -> object:
        """Remember a thing's state; how it was known before: `_UNKNOWN`, `_SAME`, or its earlier state."""
        earlier = self._known.get((kind, name))
        self._known[(kind, name)] = state
        self._known.move_to_end((kind, name))
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        if earlier is None:
            return _UNKNOWN
        return _SAME if earlier == state else earlier


_UNKNOWN, _SAME = object(), object()


def _tell(listener: Listener, message: Message | None) -> None:
    try:
        listener.waiting.put_nowait(message)
    except asyncio.QueueFull:  # too slow: let it go rather than keep its backlog
        while not listener.waiting.empty():
            listener.waiting.get_nowait()
        listener.waiting.put_nowait(None)


def route(core: Core, feed: Feed) -> web.RouteDef:
    async def listen(request: web.Request) -> web.StreamResponse:
        try:
            token, protocol = _token(request)
            actor = await actor_of(core, token)
        except tokens.Unauthorised as error:
            return unauthorised(str(error))
        socket = web.WebSocketResponse(heartbeat=20, protocols=(protocol,) if protocol else ())
        listener = Listener(token, actor, asyncio.Queue(BACKLOG))
        await feed.join(listener)  # before the handshake: what happens right after it is heard
        try:
            await socket.prepare(request)
            writing = asyncio.create_task(_write(socket, listener))
            try:
                async for message in socket:
                    if message.type is WSMsgType.ERROR:
                        break
            finally:
                writing.cancel()
        finally:
            await feed.leave(listener)
        return socket

    return web.get("/api/ws", listen)


def _token(request: web.Request) -> tuple[str, str]:
    """The token, from the header or, for browsers, which cannot set one, from `Sec-WebSocket-Protocol: bearer, …`."""
    offered = [one.strip() for one in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    if len(offered) == 2 and offered[0].lower() == BEARER and offered[1]:
        return offered[1], offered[0]
    return bearer_of(request), ""


async def _write(socket: web.WebSocketResponse, listener: Listener) -> None:
    with contextlib.suppress(ConnectionError):
        while (message := await listener.waiting.get()) is not None:
            await socket.send_json(dict(message.text))
        await socket.close(
            code=WSCloseCode.GOING_AWAY, message=b"the server or your token ends, or you are too slow"
        )
