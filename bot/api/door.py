"""One REST call: who asks, whether the words make sense, the act, and the answer or the refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ValidationError

from bot import tokens
from bot.core import Core
from bot.doors.problems import problem
from engine.access import Actor, Via
from engine.errors import Refused
from storage.transaction import Transaction

STATUSES = {"not_found": 404, "denied": 403, "own_request": 403} | dict.fromkeys(
    (
        *("invalid", "bad_parameters", "mixed_targets", "too_many_targets"),
        *("unknown_target", "incomplete_target", "wrong_platform", "which"),
    ),
    422,
)
"""HTTP status by a refusal's code; every other one is 409, a clash with how things are now."""

TITLES = {403: "Not allowed", 404: "Not found", 409: "Not possible now", 422: "Not valid"}
BEARER = "bearer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One authenticated call. `body` and `query` are what the endpoint's models made of it."""

    core: Core
    actor: Actor
    path: Mapping[str, str]
    body: Any
    query: Any


Act = Callable[[Ask], Awaitable[BaseModel]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One address of the REST interface; the routes and the OpenAPI document are both made from these."""

    method: str
    path: str
    name: str
    summary: str
    act: Act
    answer: type[BaseModel]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    status: int = 200


def handler(core: Core, endpoint: Endpoint) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            actor = await actor_of(core, bearer_of(request))
        except tokens.Unauthorised as error:
            return unauthorised(str(error))
        try:
            body = await _body(request, endpoint.body)
            query = endpoint.query.model_validate(dict(request.query)) if endpoint.query else None
        except _NotJson as error:
            return problem(400, "Not JSON", str(error))
        except ValidationError as error:
            return problem(422, TITLES[422], "Some values cannot be used.", errors=faults(error))
        ask = Ask(core=core, actor=actor, path=request.match_info, body=body, query=query)
        try:
            answer = await endpoint.act(ask)
        except Refused as refused:
            return await refusal(core, refused)
        return web.Response(
            body=answer.model_dump_json().encode(), status=endpoint.status, content_type="application/json"
        )

    return handle


def bearer_of(request: web.Request) -> str:
    """The token of a call: `Authorization: Bearer …`. Raises Unauthorised when there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != BEARER or not token.strip():
        raise tokens.Unauthorised("Send a token: `Authorization: Bearer …`. `aw token create` makes one.")
    return token.strip()


async def actor_of(core: Core, token: str) -> Actor:
    """Who asks, as the directory has them now. Raises Unauthorised."""

    async def look(tx: Transaction) -> Actor:
        return Actor(user=await tokens.verify(tx, token, now=core.clock.now()), via=Via.API)

    return await core.read(look)


def unauthorised(detail: str) -> web.Response:
    response = problem(401, "Who are you?", detail)
    response.headers["WWW-Authenticate"] = 'Bearer realm="alert-whisperer"'
    return response


class _NotJson(ValueError):
    """The body is no JSON object."""


async def _body(request: web.Request, model: type[BaseModel] | None) -> BaseModel | None:
    if model is None:
        return None
    raw = await request.read()
    if not raw.strip():
        return model.model_validate({})
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _NotJson(f"The body is not JSON: {error}.") from None
    return model.model_validate(document)


def faults(error: ValidationError) -> list[dict[str, str]]:
    """Every faulty field of a request, by its dotted name."""
    return [
        {
            "field": ".".join(str(part) for part in one["loc"]) or "body",
            "why": one["msg"].removeprefix("Value error, "),
        }
        for one in error.errors(include_url=False, include_input=False)
    ]


async def refusal(core: Core, refused: Refused) -> web.Response:
    """A refusal as a problem: what to do instead, and the names of those who could."""
    status = STATUSES.get(refused.code, 409)
    extra: dict[str, Any] = {"code": refused.code}
    if refused.hint:
        extra["hint"] = refused.hint
    if refused.who:

        async def look(tx: Transaction) -> list[str]:
            found = [await tx.users.get(user_id) for user_id in refused.who[:4]]
            return [user.name for user in found if user is not None]

        extra["who"] = await core.read(look)
    return problem(status, TITLES[status], refused.reason, **extra)
