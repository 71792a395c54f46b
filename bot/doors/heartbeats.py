"""Heartbeats over HTTP: /api/webhooks/heartbeat/NAME, and behind it `start`, `fail` or an exit status.

The address is what jobs call at their end; `?every=15m&grace=5m` sets how often it is expected.
"""

from __future__ import annotations

from datetime import timedelta

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.core import Core
from bot.doors.gate import Gate
from bot.doors.problems import problem
from engine.heartbeat import Heartbeat, Signal, span_of
from engine.operations import heartbeats
from engine.operations.heartbeats import Beat
from integrations.sources.reading import text

KEPT_TEXT = 500
"""Characters kept of what a failure brought along: its end, where programs say what went wrong."""


def routes(handler: Handler) -> list[web.RouteDef]:
    paths = ("/api/webhooks/heartbeat/{name}", "/api/webhooks/heartbeat/{name}/{signal}")
    return [route for path in paths for route in (web.get(path, handler), web.post(path, handler))]


async def answer(core: Core, gate: Gate, company_id: int, request: web.Request, body: bytes) -> web.Response:
    """Take the call of a company that proved itself. Over the limit it still enters, as a critical alert does: a
    heartbeat that is refused would be a false alarm. Raises TooMany."""
    try:
        call = _call(request, body)
    except _Unclear as error:
        return problem(422, "Not a heartbeat", str(error))
    heartbeat = await gate.write(
        company_id, lambda tx: heartbeats.beat(tx, company_id, call, now=core.clock.now()), urgent=True
    )
    return web.Response(body=orjson.dumps(document(heartbeat)), content_type="application/json")


def document(heartbeat: Heartbeat) -> dict[str, object]:
    last = heartbeat.last_at
    return {
        "name": heartbeat.name,
        "state": heartbeat.state.value,
        "every_seconds": int(heartbeat.every.total_seconds()),
        "grace_seconds": int(heartbeat.grace.total_seconds()),
        "last_at": last.isoformat(timespec="seconds") if last else None,
        "due_at": heartbeat.due_at.isoformat(timespec="seconds"),
    }


def _call(request: web.Request, body: bytes) -> Beat:
    """Raises _Unclear for an ending or a time that cannot be read."""
    signal = request.match_info.get("signal", "").lower()
    said = text(body[-4 * KEPT_TEXT :].decode("utf-8", "replace")).strip()[-KEPT_TEXT:]
    if signal.isascii() and signal.isdigit() and int(signal) <= 255:
        meant = Signal.OK if int(signal) == 0 else Signal.FAIL
        said = f"exit status {int(signal)}. {said}".strip() if meant is Signal.FAIL else ""
    elif signal in ("", "start", "fail"):
        meant = Signal(signal or "ok")
    else:
        raise _Unclear(f"“{text(signal, 40)}” is none of start, fail or an exit status from 0 to 255.")
    return Beat(
        name=request.match_info["name"].lower(),
        signal=meant,
        every=_span(request, "every"),
        grace=_span(request, "grace"),
        text=said if meant is Signal.FAIL else "",
    )


def _span(request: web.Request, name: str) -> timedelta | None:
    given = request.query.get(name)
    if given is None:
        return None
    span = span_of(given)
    if span is None:
        raise _Unclear(f"{name}: write a time such as 90s, 15m, 24h or 1d12h.")
    return span


class _Unclear(Exception):
    """An ending or a time that cannot be read; the text says what can."""
