"""Refusals over HTTP: RFC 9457 problem documents, and never a 5xx for bad input."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

from bot.faults import fault_code
from engine.errors import Permanent, Refused, Transient
from storage import dialect

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER = 2
"""Seconds after which a 503 may be tried again."""
_STATUS = {"not_found": 404, "denied": 403, "invalid": 422, "unknown_tool": 404}
_KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")


def problem(
    status: int, title: str, detail: str = "", *, retry_after: int | None = None, **extra: Any
) -> web.Response:
    """`{"type", "title", "status", "detail", …}` with its status; `retry_after` in seconds, 2 for a 503."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **extra}
    wait = RETRY_AFTER if retry_after is None and status == 503 else retry_after
    headers = {} if wait is None else {"Retry-After": str(wait)}
    return web.Response(
        body=orjson.dumps(body, default=str), status=status, content_type=CONTENT_TYPE, headers=headers
    )


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
        extra: dict[str, Any] = {"hint": refused.hint} if refused.hint else {}
        return problem(status, "Refused", refused.reason, **extra)
    except (web.RequestPayloadError, HttpProcessingError):
        return problem(400, "Broken request", "The body is not framed as its headers say.")
    except Transient as error:
        wait = error.retry_after
        return problem(
            503, "Not now", str(error), retry_after=math.ceil(wait.total_seconds()) if wait else None
        )
    except Permanent as error:
        return problem(500, "This cannot work", str(error), code=_logged(error, request))
    except Exception as error:  # noqa: BLE001 - the last line of defence of a request: logged and said with its code
        if dialect.is_gone(error) or dialect.is_retryable(error):
            return problem(503, "The database is away", "Nothing was stored. Send it again.")
        code = _logged(error, request)
        return problem(500, "Something went wrong on our side", f"It is logged as {code}.", code=code)


def _logged(error: Exception, request: web.Request) -> str:
    return fault_code(error, method=request.method, path=request.path)


def _words(error: web.HTTPException) -> str:
    text = error.text or ""
    return "" if text.startswith(f"{error.status}:") else text[:500]


def _keep(answer: web.Response, headers: Mapping[str, str]) -> None:
    for name in _KEPT_HEADERS:
        if name in headers:
            answer.headers[name] = headers[name]
