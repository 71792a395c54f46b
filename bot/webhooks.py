"""The front door: POST /api/webhooks/{tool}. Key, signature, then the parser; committed before it is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from bot.core import Core
from bot.doors import Door, Sender, Unauthorised, delivery_ids
from bot.ingest import Away, Full, Intake
from bot.problems import problem
from engine.operations.ingest import Delivery
from integrations import SOURCES
from integrations.sources.reading import Malformed, NotJson, load
from storage.transaction import Transaction

LARGEST = 1024 * 1024
SLOWEST = 20.0
"""Seconds a body may take to arrive."""
_SECRET = ("authorization", "cookie", "api-key", "signature", "token", "secret")


def routes(core: Core, intake: Intake) -> list[web.RouteDef]:
    door = Door(core)

    async def receive(request: web.Request) -> web.Response:
        tool = request.match_info["tool"].lower()
        body = await _body(request)
        if isinstance(body, web.Response):
            return body
        try:
            sender = await door.admit(request, body)
        except Unauthorised:
            return problem(401, "Not authorised", "The key or the signature is missing or wrong.")
        parse = SOURCES.get(tool)
        if parse is None:
            known = sorted(SOURCES)
            return problem(
                404,
                "Unknown tool",
                f"There is no tool “{tool[:60]}”. Known: {', '.join(known)}.",
                known=known,
            )
        try:
            alerts = parse(load(body), request.headers)
        except NotJson as error:
            return await _kept(core, sender, tool, request, body, 400, f"The body is not JSON: {error}", [])
        except Malformed as error:
            faults = [{"field": one.field, "why": one.why} for one in error.faults]
            return await _kept(core, sender, tool, request, body, 422, str(error), faults)
        delivery = Delivery(
            company_id=sender.company_id, alerts=tuple(alerts), ids=delivery_ids(request, sender)
        )
        try:
            answer = await intake.submit(delivery)
        except Full:
            return problem(503, "Too much at once", "Nothing was accepted. Send it again.")
        except Away:
            return problem(503, "The database is away", "Nothing was accepted. Send it again.")
        headers = {"Idempotent-Replayed": "true"} if answer.replayed else {}
        return web.Response(
            body=orjson.dumps(answer.body), status=202, content_type="application/json", headers=headers
        )

    return [web.post("/api/webhooks/{tool}", receive)]


async def _body(request: web.Request) -> bytes | web.Response:
    """The raw body within its limits of size and time, or the refusal."""
    if request.content_length is not None and request.content_length > LARGEST:
        return problem(413, "Too large", f"A body may have {LARGEST:,} bytes.")
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", ""):
        return problem(415, "Compressed", "Send the body as it is, without Content-Encoding.")
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(SLOWEST):
            async for part in request.content.iter_chunked(65_536):
                size += len(part)
                if size > LARGEST:
                    return problem(413, "Too large", f"A body may have {LARGEST:,} bytes.")
                parts.append(part)
    except TimeoutError:
        return problem(408, "Too slow", f"The body has to arrive within {SLOWEST:.0f} seconds.")
    return b"".join(parts)


async def _kept(
    core: Core,
    sender: Sender,
    tool: str,
    request: web.Request,
    body: bytes,
    status: int,
    error: str,
    faults: list[dict[str, Any]],
) -> web.Response:
    """Keep whole what had a good key and could not be understood, and say what was wrong with it."""

    async def keep(tx: Transaction) -> int:
        return await tx.dead_letters.add(
            company_id=sender.company_id,
            tool=tool,
            headers=_safe(request.headers),
            body=body,
            error=error[:2000],
            now=core.clock.now(),
        )

    number = await core.write(keep)
    title = "Not JSON" if status == 400 else "Not an alert"
    extra = {"errors": faults} if faults else {}
    return problem(status, title, error[:1000], dead_letter=number, **extra)


def _safe(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers worth keeping: none that could open a door."""
    return {
        name: value[:500]
        for name, value in list(headers.items())[:60]
        if not any(word in name.lower() for word in _SECRET)
    }
