"""Refusals over HTTP: RFC 9457 problem documents, and never a 5xx for bad input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.faults import fault_code
from engine.errors import Permanent, Refused, Transient
from storage import dialect

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER = "2"
_STATUS = {"not_found": 404, "denied": 403, "invalid": 422, "unknown_tool": 404}


def problem(status: int, title: str, detail: str = "", **extra: Any) -> web.Response:
    """`{"type", "title", "status", "detail", …}` with its status."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **extra}
    headers = {"Retry-After": RETRY_AFTER} if status == 503 else {}
    return web.Response(body=orjson.dumps(body), status=status, content_type=CONTENT_TYPE, headers=headers)


@web.middleware
async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever a handler raises leaves as a problem document."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        answer = problem(error.status, error.reason, _words(error))
        _keep(answer, error.headers)
        return answer
    except Refused as refused:
        status = _STATUS.get(refused.code, 409)
        return problem(status, "Refused", refused.reason, **({"hint": refused.hint} if refused.hint else {}))
    except (Transient, Permanent) as error:
        return problem(503, "Not now", str(error))
    except Exception as error:  # noqa: BLE001 - the last line of defence of a request: logged and said with its code
        if dialect.is_gone(error) or dialect.is_retryable(error):
            return problem(503, "The database is away", "Nothing was stored. Send it again.")
        code = fault_code(error, method=request.method, path=request.path)
        return problem(500, "Something went wrong on our side", f"It is logged as {code}.", code=code)


def _words(error: web.HTTPException) -> str:
    text = error.text or ""
    return "" if text.startswith(f"{error.status}:") else text[:500]


def _keep(answer: web.Response, headers: Mapping[str, str]) -> None:
    for name in ("Allow", "Retry-After", "WWW-Authenticate"):
        if name in headers:
            answer.headers[name] = headers[name]
