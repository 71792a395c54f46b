"""The addresses of the PagerDuty Events API: whatever pages through PagerDuty pages here, by our key as routing key.

The same door as every webhook: key, limits, signature where the company signs, group commit, idempotency, dead letters;
only the answers are PagerDuty's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.doors.gate import TooMany
from bot.doors.sender import Door, Known, Sender, Unauthorised, delivery_ids
from bot.ingest import Away, Full, Intake
from engine.alert import Alert
from engine.operations.ingest import Answer, Delivery
from integrations.sources import pagerduty_events
from integrations.sources.decoding import Undecodable, decode
from integrations.sources.fields import Fields
from integrations.sources.reading import Malformed

TOOL = pagerduty_events.TOOL
_AGAIN = 5
"""Seconds after which it may be sent again when there was no room."""
_LONGEST_KEY = 200
_MADE_UNREADABLE = b"the-key-is-not-kept"

ReadBody = Callable[[web.Request], Awaitable[bytes]]
Keep = Callable[[Sender, str, Mapping[str, str], bytes, str], Awaitable[int]]


class _Invalid(Exception):
    """What is wrong with the event, in the words of that API."""

    def __init__(self, *errors: str) -> None:
        super().__init__(*errors)
        self.errors = errors


def routes(
    door: Door, intake: Intake, refusing: Callable[[Handler], Handler], *, read_body: ReadBody, keep: Keep
) -> list[web.RouteDef]:
    """The three addresses that tools have built in, below whatever host they are told."""
    take = _Take(door, intake, read_body, keep)
    return [
        web.post("/v2/enqueue", refusing(_answering(take.event))),
        web.post("/v2/change/enqueue", refusing(_answering(take.change))),
        web.post("/generic/2010-04-15/create_event.json", refusing(_answering(take.first_version))),
    ]


class _Take:
    def __init__(self, door: Door, intake: Intake, read_body: ReadBody, keep: Keep) -> None:
        self._door, self._intake, self._read_body, self._keep = door, intake, read_body, keep

    async def event(self, request: web.Request) -> web.Response:
        alerts, answer = await self._taken(request)
        return _said(202, "success", "Event processed", answer, dedup_key=alerts[0].dedup_key)

    async def change(self, request: web.Request) -> web.Response:
        _, answer = await self._taken(request)
        return _said(202, "success", "Change event processed", answer)

    async def first_version(self, request: web.Request) -> web.Response:
        alerts, answer = await self._taken(request)
        return _said(200, "success", "Event processed", answer, incident_key=alerts[0].dedup_key)

    async def _taken(self, request: web.Request) -> tuple[Sequence[Alert], Answer]:
        """The event's alert and what became of it, committed. Raises _Invalid, TooMany, Full, Away."""
        body = await self._read_body(request)
        document: Any = None
        unreadable: Undecodable | None = None
        try:
            document = decode(body)
        except Undecodable as error:
            unreadable = error
        given = _key(request, document)
        known = await self._known(given)
        sender = await self._proven(known, request, body)
        ids = delivery_ids(request, sender)
        shut = self._intake.gate.shut(sender.company_id, known.limits)
        if shut is not None and await self._intake.first_answer(sender.company_id, ids) is None:
            raise self._intake.gate.refuse(sender.company_id, shut)
        try:
            if unreadable is not None:
                raise unreadable
            alerts = pagerduty_events.parse(document, request.headers)
            if len(alerts) != 1:
                raise Undecodable("One event at a time.")
        except (Undecodable, Malformed) as error:
            kept = body.replace(given.encode("utf-8", "replace"), _MADE_UNREADABLE) if given else body
            await self._keep(sender, TOOL, request.headers, kept, str(error))
            raise _Invalid(*_errors(error)) from error
        delivery = Delivery(company_id=sender.company_id, alerts=tuple(alerts), ids=ids, limited=True)
        answer = await self._intake.submit(delivery)
        if answer.turned_away is not None:
            raise TooMany(answer.turned_away.wait)
        return alerts, answer

    async def _known(self, given: str) -> Known:
        try:
            return await self._door.recognise_key(given)
        except Unauthorised as error:
            raise _Invalid("Invalid routing key") from error

    async def _proven(self, known: Known, request: web.Request, body: bytes) -> Sender:
        try:
            return await self._door.prove(known, request.headers, body)
        except Unauthorised as error:
            raise _Invalid("Invalid routing key") from error


def _key(request: web.Request, document: Any) -> str:
    """The routing key: in its header, or in the event."""
    fields = Fields(document)
    given = request.headers.get("X-Routing-Key") or fields.text(
        "routing_key", "service_key", most=_LONGEST_KEY
    )
    return given.strip()


def _errors(error: Undecodable | Malformed) -> list[str]:
    if isinstance(error, Malformed):
        return [f"'{one.field}' {one.why}" for one in error.faults[:20]]
    return [str(error)]


def _answering(handler: Callable[[web.Request], Awaitable[web.Response]]) -> Handler:
    async def answering(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except _Invalid as error:
            return _said(400, "invalid event", "Event object is invalid", errors=list(error.errors))
        except TooMany as error:
            words = "Events arrive too quickly. Nothing was accepted; send it again."
            return _said(429, "throttle exceeded", words, wait=error.wait)
        except (Full, Away):
            return _said(503, "unavailable", "Nothing was accepted; send it again.", wait=_AGAIN)

    return answering


def _said(
    status: int,
    word: str,
    message: str,
    answer: Answer | None = None,
    *,
    wait: int | None = None,
    **more: Any,
) -> web.Response:
    headers = {"Retry-After": str(wait)} if wait is not None else {}
    if answer is not None and answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    body = orjson.dumps({"status": word, "message": message, **more})
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)
