"""The front door: POST /api/webhooks/{tool}. Key, limit, body, signature, parser; committed before it is answered.

A body with an empty list of alerts says nothing and is no fault: 202 with `accepted` 0.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.core import Core
from bot.doors import heartbeats
from bot.doors import pagerduty as pagerduty_events
from bot.doors import sns_messages as sns_door
from bot.doors.dead_letters import no_such_tool
from bot.doors.gate import TooMany
from bot.doors.problems import problem
from bot.doors.sender import Door, Known, Sender, Unauthorised, delivery_ids, is_named
from bot.ingest import Away, Full, Intake
from engine.alert import Alert
from engine.operations import dead_letters
from engine.operations.ingest import Answer, Delivery
from engine.operations.intake_story import tell_company
from integrations import SOURCES
from integrations.sns import Kind
from integrations.sources.decoding import Undecodable, decode
from integrations.sources.reading import Fault, Malformed, text
from storage.transaction import Transaction

LARGEST = 1024 * 1024
SLOWEST = 20.0
"""Seconds a body may take to arrive."""
OWN_ENVELOPE = "cloudwatch"
"""The tool that reads the envelope of SNS itself; for every other it is taken off."""
MOST_FAULTS = 1000
"""Faults listed in one answer."""
_SECRET = ("auth", "cookie", "key", "signature", "token", "secret", "password", "credential")
_HARMLESS = frozenset({"idempotency-key"})


def routes(core: Core, intake: Intake, door: Door | None = None) -> list[web.RouteDef]:
    """The routes of tools and heartbeats, to be added to an application that has `bot.doors.problems.middleware`."""
    door = door or Door(core, intake.note_use)

    async def receive(request: web.Request) -> web.Response:
        tool = text(request.match_info["tool"].lower(), 60)
        known = await door.recognise(request)
        shut = intake.gate.shut(known.key.company_id, known.limits)
        if shut is not None and not is_named(request, known):
            raise intake.gate.refuse(known.key.company_id, shut)
        try:
            body = await _body(request)
        except _Unreadable as error:
            await _tell(core, intake, known, tool, error.why)
            return error.answer
        through = await sns_door.look(core, known, body)
        if isinstance(through, web.Response):
            return through
        if through is not None and through.proven:
            sender = Sender(known.key.company_id)
        else:
            sender = await door.prove(known, request.headers, body)
        ids = delivery_ids(request, sender)
        if through is not None:
            ids = (*ids, f"n:{through.message.delivery}")
        if shut is not None:
            if (first := await intake.first_answer(sender.company_id, ids)) is not None:
                return _answered(first)
            raise intake.gate.refuse(sender.company_id, shut)
        if through is not None and through.message.kind is not Kind.NOTIFICATION:
            return await sns_door.subscription(core, intake.gate, sender.company_id, through)
        parse = SOURCES.get(tool)
        if parse is None:
            number = await _keep(core, intake, sender, tool, request.headers, body, no_such_tool(tool))
            return _unknown(tool, number)
        try:
            inside = through.message.message.encode() if through and tool != OWN_ENVELOPE else body
            alerts = parse(decode(inside), request.headers)
        except (Undecodable, Malformed) as error:
            number = await _keep(core, intake, sender, tool, request.headers, body, str(error))
            return refusal(error, number)
        return await _stored(intake, sender, alerts, ids, note=through.note if through else "")

    async def beat(request: web.Request) -> web.Response:
        known = await door.recognise(request)
        shut = intake.gate.shut(known.key.company_id, known.limits)
        if shut is not None:
            raise intake.gate.refuse(known.key.company_id, shut)
        body = await _body(request)
        sender = await door.prove(known, request.headers, body)
        return await heartbeats.answer(core, intake.gate, sender.company_id, request, body)

    return [
        web.post("/api/webhooks/{tool}", _refusing(receive)),
        *heartbeats.routes(_refusing(beat)),
        *pagerduty_events.routes(door, intake, _refusing, read_body=_body, keep=partial(_keep, core, intake)),
    ]


def _refusing(handler: Handler) -> Handler:
    """What every door says to a stranger, and to a company over its limit."""

    async def refusing(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Unauthorised:
            return _unauthorised()
        except _Unreadable as error:
            return error.answer
        except TooMany as error:
            detail = f"The company is over its limit. Nothing was accepted. Send it again in {error.wait} s."
            return problem(429, "Too many requests", detail, retry_after=error.wait)

    return refusing


class _Unreadable(Exception):
    """The body is over a limit of size, time or form; `why` says which."""

    def __init__(self, status: int, title: str, why: str) -> None:
        super().__init__(status)
        self.answer = problem(status, title, why)
        self.why = why


async def _stored(
    intake: Intake, sender: Sender, alerts: Sequence[Alert], ids: tuple[str, ...], *, note: str = ""
) -> web.Response:
    try:
        answer = await intake.submit(
            Delivery(company_id=sender.company_id, alerts=tuple(alerts), ids=ids, limited=True)
        )
    except Full:
        return problem(503, "Too much at once", "Nothing was accepted. Send it again.")
    except Away:
        return problem(503, "The database is away", "Nothing was accepted. Send it again.")
    if answer.turned_away is not None:
        raise TooMany(answer.turned_away.wait)
    return _answered(answer, note)


def _answered(answer: Answer, note: str = "") -> web.Response:
    return web.Response(
        body=orjson.dumps({**answer.body, "reason": note} if note else answer.body),
        status=202,
        content_type="application/json",
        headers={"Idempotent-Replayed": "true"} if answer.replayed else None,
    )


def _unauthorised() -> web.Response:
    answer = problem(401, "Not authorised", "The key or the signature is missing or wrong.")
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _unknown(tool: str, number: int) -> web.Response:
    known = sorted(SOURCES)
    detail = f"There is no tool “{tool}”. Known: {', '.join(known)}."
    return problem(404, "Unknown tool", detail, known=known, dead_letter=number)


def refusal(error: Undecodable | Malformed, number: int) -> web.Response:
    """What the sender of a body that was not understood is told; `number` is that of the dead letter."""
    if isinstance(error, Undecodable):
        return problem(400, "Not readable", str(error), dead_letter=number)
    return problem(422, "Not an alert", str(error), dead_letter=number, errors=_listed(error.faults))


def _listed(faults: Sequence[Fault]) -> list[dict[str, str]]:
    return [{"field": one.field, "why": one.why} for one in faults[:MOST_FAULTS]]


async def _body(request: web.Request) -> bytes:
    """The raw body within its limits of size and time. Raises _Unreadable."""
    if request.content_length is not None and request.content_length > LARGEST:
        raise _too_large()
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
        raise _Unreadable(415, "Compressed", "Send the body as it is, without Content-Encoding.")
    content = request.content
    if content.is_eof():  # small ones come in one piece with their headers
        whole = content.read_nowait()
        if len(whole) > LARGEST:
            raise _too_large()
        return whole
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(SLOWEST):
            while part := await content.readany():
                size += len(part)
                if size > LARGEST:
                    raise _too_large()
                parts.append(part)
    except TimeoutError:
        raise _Unreadable(408, "Too slow", f"The body has to arrive within {SLOWEST:.0f} seconds.") from None
    return b"".join(parts)


def _too_large() -> _Unreadable:
    return _Unreadable(413, "Too large", f"A body may have {LARGEST:,} bytes.")


async def _tell(core: Core, intake: Intake, known: Known, tool: str, why: str) -> None:
    """What was not read to its end cannot be kept, but it is told."""
    who = dead_letters.tool_name(tool)
    said = f"{who} sent a body that was not taken, and nothing of it is kept: {why}"

    async def tell(tx: Transaction) -> None:
        now, topic = core.clock.now(), f"not taken|{tool}|{why}"
        await tell_company(tx, known.key.company_id, said, now=now, topic=topic)

    await intake.gate.write(known.key.company_id, tell)


async def _keep(
    core: Core,
    intake: Intake,
    sender: Sender,
    tool: str,
    headers: Mapping[str, str],
    body: bytes,
    error: str,
) -> int:
    """Keep whole what had a good key and could not be understood; its number among the dead letters. Raises
    TooMany."""

    async def keep(tx: Transaction) -> int:
        return await dead_letters.keep(
            tx,
            company_id=sender.company_id,
            tool=tool,
            headers=harmless(headers),
            body=body,
            error=error,
            now=core.clock.now(),
        )

    return await intake.gate.write(sender.company_id, keep)


def harmless(headers: Mapping[str, Any]) -> dict[str, str]:
    """The headers worth keeping: none that could open a door."""
    return {
        text(name, 200): text(value)
        for name, value in list(headers.items())[:60]
        if name.lower() in _HARMLESS or not any(word in name.lower() for word in _SECRET)
    }
