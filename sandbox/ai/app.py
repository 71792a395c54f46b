"""Three model services on the wire: POST /v1/messages, /model/{id}/invoke and /v1beta/models/{id}:generateContent.

They refuse what the real ones refuse, keep every request that came, and answer as the next turn of the script says;
without a script, with an answer by the schema that says little and quotes the data.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

GONE = ("temperature", "top_p", "top_k")
"""What the Messages API does not take any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What becomes of one call: `answer` in the form of the service; `status` 200 or an error with `retry_after`;
    `stop` as the service says it; `raw` bytes in the place of a body; `hang` seconds before anything."""

    answer: Any = None
    status: int = 200
    retry_after: str = ""
    stop: str = ""
    raw: bytes | None = None
    hang: float = 0.0
    blocks: list[dict[str, Any]] | None = None


@dataclass
class ModelServices:
    """`asked` holds every request: service, headers, body. When the script is over `chosen` answers each body, or
    `always` does."""

    key: str = "model-key"
    script: deque[Turn] = field(default_factory=deque)
    always: Turn | None = None
    chosen: Callable[[dict[str, Any]], Turn] | None = None
    asked: list[tuple[str, Mapping[str, str], dict[str, Any]]] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def app(self) -> web.Application:
        app = web.Application(client_max_size=4 << 20)
        self.mount(app)
        return app

    def mount(self, app: web.Application, prefix: str = "") -> None:
        app.router.add_post(f"{prefix}/v1/messages", self._messages)
        app.router.add_post(f"{prefix}/model/{{model}}/invoke", self._bedrock)
        app.router.add_post(f"{prefix}/{{version:v1|v1beta}}/models/{{model}}:generateContent", self._gemini)

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.key not in (given, request.headers.get("X-Api-Key", "")):
            return _error(401, "authentication_error", "invalid x-api-key")
        if not request.headers.get("anthropic-version"):
            return _error(400, "invalid_request_error", "anthropic-version: header is required")
        body = await _body(request)
        if body is None or not body.get("model"):
            return _error(400, "invalid_request_error", "model: Field required")
        return await self._claude("anthropic", request, body, str(body["model"]))

    async def _bedrock(self, request: web.Request) -> web.StreamResponse:
        signed = request.headers.get("Authorization", "")
        if not signed.startswith("AWS4-HMAC-SHA256 ") or "/bedrock/aws4_request" not in signed:
            return web.json_response({"message": "The request signature is missing."}, status=403)
        body = await _body(request)
        if body is None or not body.get("anthropic_version") or "model" in body:
            return web.json_response({"message": "Malformed input request"}, status=400)
        return await self._claude("bedrock", request, body, request.match_info["model"])

    async def _claude(
        self, service: str, request: web.Request, body: dict[str, Any], model: str
    ) -> web.StreamResponse:
        wrong = next((name for name in GONE if name in body), None)
        if wrong or not isinstance(body.get("max_tokens"), int) or not body.get("messages"):
            return _error(400, "invalid_request_error", f"{wrong or 'max_tokens or messages'}: not permitted")
        turn = await self._turn(service, request, body)
        if turn.raw is not None or turn.status != 200:
            return _said(turn, _claude_error(turn.status))
        choice = body.get("tool_choice") or {}
        tools = body.get("tools") or [{}]
        answer = (
            turn.answer
            if turn.answer is not None
            else _plain_answer(tools[0].get("input_schema", {}), str(body["messages"][0]["content"]))
        )
        number = next(self._numbers)
        use = {
            "type": "tool_use",
            "id": f"toolu_{number}",
            "name": choice.get("name", "answer"),
            "input": answer,
        }
        return web.json_response(
            {
                "id": f"msg_{number}",
                "type": "message",
                "role": "assistant",
                "model": model,
                "content": turn.blocks if turn.blocks is not None else [use],
                "stop_reason": turn.stop or "tool_use",
                "stop_sequence": None,
                "usage": {"input_tokens": _tokens(body), "output_tokens": _tokens(answer)},
            }
        )

    async def _gemini(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("x-goog-api-key") != self.key:
            return web.json_response(
                {"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}},
                status=400,
            )
        body = await _body(request)
        if body is None or not body.get("contents"):
            return web.json_response(
                {"error": {"code": 400, "message": "contents is required", "status": "INVALID_ARGUMENT"}},
                status=400,
            )
        turn = await self._turn("gemini", request, body)
        if turn.raw is not None or turn.status != 200:
            told = {"error": {"code": turn.status, "message": "not now", "status": "UNAVAILABLE"}}
            return _said(turn, told)
        schema = (body.get("generationConfig") or {}).get("responseJsonSchema", {})
        data = "".join(part.get("text", "") for part in body["contents"][0]["parts"])
        answer = turn.answer if turn.answer is not None else _plain_answer(schema, data)
        text = answer if isinstance(answer, str) else json.dumps(answer)
        candidate: dict[str, Any] = {"finishReason": turn.stop or "STOP", "index": 0}
        if turn.blocks is None:
            candidate["content"] = {"role": "model", "parts": [{"text": text}]}
        usage = {"promptTokenCount": _tokens(body), "candidatesTokenCount": _tokens(text)}
        return web.json_response({"candidates": [candidate], "usageMetadata": usage})

    async def _turn(self, service: str, request: web.Request, body: dict[str, Any]) -> Turn:
        self.asked.append((service, dict(request.headers), body))
        usual = self.chosen(body) if self.chosen else self.always or Turn()
        turn = self.script.popleft() if self.script else usual
        if turn.hang:
            await asyncio.sleep(turn.hang)
        return turn


async def _body(request: web.Request) -> dict[str, Any] | None:
    try:
        body = json.loads(await request.read())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _error(status: int, kind: str, message: str) -> web.Response:
    return web.json_response({"type": "error", "error": {"type": kind, "message": message}}, status=status)


def _claude_error(status: int) -> dict[str, Any]:
    kinds = {
        429: "rate_limit_error",
        529: "overloaded_error",
        413: "request_too_large",
        403: "permission_error",
    }
    return {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": "not now"}}


def _said(turn: Turn, told: dict[str, Any]) -> web.Response:
    headers = {"retry-after": turn.retry_after} if turn.retry_after else {}
    if turn.raw is not None:
        return web.Response(
            body=turn.raw, status=turn.status, content_type="application/json", headers=headers
        )
    return web.json_response(told, status=turn.status, headers=headers)


def _tokens(value: Any) -> int:
    """About four characters each."""
    return len(json.dumps(value)) // 4 + 1


def _plain_answer(schema: Mapping[str, Any], data: str) -> dict[str, Any]:
    """The least that keeps the schema, with a quote from the fenced data."""
    rows = data.split("\n")
    quote = max(rows[1:-1] or rows, key=len)[:60]
    answer: dict[str, Any] = {}
    for name, kind in schema.get("properties", {}).items():
        if name == "confidence":
            answer[name] = 0.75
        elif name == "evidence":
            answer[name] = [quote]
        elif name == "lines":
            answer[name] = ["The data names one problem; look at the machine that reports it first."]
        elif kind.get("type") == "array":
            answer[name] = []
        elif "enum" in kind:
            answer[name] = kind["enum"][0]
        else:
            answer[name] = "It ended; nothing else is in the data."
    return answer
