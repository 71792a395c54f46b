"""Three model services on the wire: POST /v1/messages, /model/{id}/invoke and /v1beta/models/{id}:generateContent, each
also in pieces, and what they say of a model that is asked for by name.

They refuse what the real ones refuse, keep every request that came, and answer as the next turn of the script says;
without a script, with an answer by the schema that says little and quotes the data.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from sandbox.ai import streams

GONE = ("temperature", "top_p", "top_k")
"""What the Messages API does not take any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What becomes of one call: `answer` in the form of the service; `status` 200 or an error with `retry_after`;
    `stop` as the service says it; `raw` bytes in the place of a body; `hang` seconds before anything; of an
    answer in pieces only `cut` come."""

    answer: Any = None
    status: int = 200
    retry_after: str = ""
    stop: str = ""
    raw: bytes | None = None
    hang: float = 0.0
    cut: int | None = None
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
        app.router.add_get(f"{prefix}/{{version:v1|v1beta}}/models/{{model}}", self._model)
        for act in ("invoke", "invoke-with-response-stream"):
            app.router.add_post(f"{prefix}/model/{{model}}/{act}", self._bedrock)
        for act in ("generateContent", "streamGenerateContent"):
            path = f"{prefix}/{{version:v1|v1beta}}/models/{{model}}:{act}"
            app.router.add_post(path, self._gemini)

    async def _model(self, request: web.Request) -> web.StreamResponse:
        """What is known of a model, for those with a key."""
        name = request.match_info["model"]
        claude = name.startswith("claude")
        names = ("Authorization", "X-Api-Key") if claude else ("x-goog-api-key",)
        if self.key not in [request.headers.get(one, "").removeprefix("Bearer ") for one in names]:
            return _error(401, "authentication_error", "invalid x-api-key")
        if not claude and not name.startswith("gemini"):
            return _error(404, "not_found_error", f"model: {name}")
        if claude:
            said = {"type": "model", "id": name, "display_name": name.replace("-", " ").title()}
            return web.json_response({**said, "created_at": "2026-10-07T00:00:00Z"})
        return web.json_response({"name": f"models/{name}", "displayName": name.replace("-", " ").title()})

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
        if why := refused_shape(model, body):
            return _error(400, "invalid_request_error", why)
        turn = await self._turn(service, request, body)
        if turn.raw is not None or turn.status != 200:
            return _said(turn, _claude_error(turn.status))
        number = next(self._numbers)
        blocks = turn.blocks if turn.blocks is not None else [_claude_block(body, turn.answer, number)]
        message = {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": blocks,
            "stop_reason": turn.stop or ("tool_use" if body.get("tools") else "end_turn"),
            "stop_sequence": None,
            "usage": {"input_tokens": _tokens(body), "output_tokens": _tokens(blocks)},
        }
        if service == "bedrock" and request.path.endswith("-stream"):
            pieces = map(streams.frame, streams.events(message))
            return await _in_pieces(request, "application/vnd.amazon.eventstream", pieces, turn.cut)
        if body.get("stream"):
            return await _in_pieces(
                request, "text/event-stream", map(streams.sse, streams.events(message)), turn.cut
            )
        return web.json_response(message)

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
        parts = turn.blocks if turn.blocks is not None else [_gemini_part(body, turn.answer)]
        candidate: dict[str, Any] = {"finishReason": turn.stop or "STOP", "index": 0}
        if parts:
            candidate["content"] = {"role": "model", "parts": parts}
        usage = {"promptTokenCount": _tokens(body), "candidatesTokenCount": _tokens(parts)}
        answer = {"candidates": [candidate], "usageMetadata": usage}
        if request.path.endswith(":streamGenerateContent"):
            return await _in_pieces(
                request, "text/event-stream", map(streams.sse, streams.gemini(answer)), turn.cut
            )
        return web.json_response(answer)

    async def _turn(self, service: str, request: web.Request, body: dict[str, Any]) -> Turn:
        self.asked.append((service, dict(request.headers), body))
        usual = self.chosen(body) if self.chosen else self.always or Turn()
        turn = self.script.popleft() if self.script else usual
        if turn.hang:
            await asyncio.sleep(turn.hang)
        return turn


async def _in_pieces(
    request: web.Request, kind: str, pieces: Iterable[bytes], cut: int | None
) -> web.StreamResponse:
    """The answer bit by bit; where it is `cut`, the connection breaks off."""
    response = web.StreamResponse(headers={"Content-Type": kind})
    await response.prepare(request)
    for number, piece in enumerate(pieces):
        if cut is not None and number >= cut:
            assert request.transport is not None
            request.transport.abort()
            return response
        await response.write(piece)
    await response.write_eof()
    return response


def refused_shape(model: str, body: Mapping[str, Any]) -> str:
    """Why the real service would not take it: the large models of the fifth generation think always and are not told
    which tool to use; who thinks cannot be told either."""
    thinking = (body.get("thinking") or {}).get("type")
    forced = (body.get("tool_choice") or {}).get("type") in ("any", "tool")
    large = any(name in model for name in ("opus-5-5", "sonnet-5-5", "fable-5", "mythos-5"))
    if large and thinking in ("disabled", "enabled"):
        return f'"thinking.type.{thinking}" is not supported for this model.'
    if large and forced:
        return "tool_choice: forced tool use is not supported for this model."
    if forced and "-5" in model and thinking != "disabled":
        return "Thinking may not be enabled when tool_choice forces tool use."
    return ""


def _claude_block(body: Mapping[str, Any], answer: Any, number: int) -> dict[str, Any]:
    """Looks once with the first tool there is, if there are any but the answer; then answers."""
    tools = {one["name"]: one for one in body.get("tools") or []}
    if not tools:
        return {"type": "text", "text": "Hello."}
    use = {"type": "tool_use", "id": f"toolu_{number}", "name": "answer"}
    told = (body.get("tool_choice") or {}).get("name")
    looked = len(body["messages"]) > 1
    others = [name for name in tools if name != "answer"]
    if answer is None and others and not looked and told is None:
        return use | {"name": others[0], "input": {}}
    last = body["messages"][-1]["content"]
    shown = last if isinstance(last, str) else f"data\n{last[0].get('content', '')}\ndata"
    schema = tools.get("answer", next(iter(tools.values()))).get("input_schema", {})
    return use | {"input": answer if answer is not None else _plain_answer(schema, shown)}


def _gemini_part(body: Mapping[str, Any], answer: Any) -> dict[str, Any]:
    declared = [one for tool in body.get("tools") or [] for one in tool.get("functionDeclarations") or []]
    last = body["contents"][-1]["parts"]
    if not declared:
        schema = (body.get("generationConfig") or {}).get("responseJsonSchema", {})
        data = "".join(part.get("text", "") for part in last)
        said = answer if answer is not None else _plain_answer(schema, data)
        return {"text": said if isinstance(said, str) else json.dumps(said)}
    by_name = {one["name"]: one for one in declared}
    others = [name for name in by_name if name != "answer"]
    if answer is None and others and len(body["contents"]) == 1:
        return {"functionCall": {"name": others[0], "args": {}}}
    shown = "\n".join(str((part.get("functionResponse") or {}).get("response", "")) for part in last)
    own = by_name["answer"]
    schema = own.get("parametersJsonSchema") or own.get("parameters_json_schema") or {}
    said = answer if answer is not None else _plain_answer(schema, f"data\n{shown}\ndata")
    return {"functionCall": {"name": "answer", "args": said}}


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
