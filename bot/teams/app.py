"""Teams' door: `/api/messages` on our server. The SDK lives in this file alone, for one thing: what an activity is and
which kind of turn it begins. Who speaks is checked before (auth.py), and all that goes out goes by gateway.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
import orjson
import structlog
from aiohttp import web
from botbuilder.core import ActivityHandler, BotAdapter, InvokeResponse, TurnContext
from botbuilder.schema import Activity, ActivityTypes
from msrest.exceptions import DeserializationError  # type: ignore[attr-defined]

from bot.core import Core
from bot.teams.auth import Unauthorised, Validator, tenant_of
from bot.teams.connector import Connector
from bot.teams.gateway import TeamsChat
from bot.teams.heard import Heard, heard
from bot.teams.registration import registration
from bot.teams.talk import Talk

log = structlog.get_logger()
ADDRESS = "/api/messages"


class Teams:
    """One app registration: its door, its `Chat`, and the talk between them."""

    def __init__(self, core: Core, session: aiohttp.ClientSession) -> None:
        ours = registration(core.settings)
        self._validator = Validator(ours, session)
        self.chat = TeamsChat(core, Connector(ours, session))
        self.talk = Talk(core, self.chat)

    def routes(self) -> list[web.RouteDef]:
        return [web.post(ADDRESS, self._request)]

    async def close(self) -> None:
        await self.talk.close()

    async def _request(self, request: web.Request) -> web.Response:
        activity = _read(await request.read())
        try:
            await self._validator.check(request.headers.get("Authorization", ""), activity)
        except Unauthorised as error:
            log.warning("a request to Teams' door proves nothing", why=str(error))
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"}) from error
        try:
            said = heard(activity, tenant_of(activity))
            turn = TurnContext(_Wire(), Activity().deserialize(dict(activity)))
        except (ValueError, DeserializationError) as error:
            raise web.HTTPBadRequest(text="This is no activity.") from error
        wire: _Wire = turn.adapter
        await wire.run_pipeline(turn, _Turns(self.talk, said).on_turn)
        if wire.answer is None:
            return web.Response(status=HTTPStatus.ACCEPTED)
        if wire.answer.body is None:
            return web.Response(status=wire.answer.status)
        return web.json_response(wire.answer.body, status=wire.answer.status, dumps=_dumps)


class _Wire(BotAdapter):  # type: ignore[misc]
    """Carries nothing but the answer to an invoke: messages go by our own gateway, outside of turns."""

    def __init__(self) -> None:
        super().__init__()
        self.answer: InvokeResponse | None = None

    async def send_activities(self, context: TurnContext, activities: list[Activity]) -> list[Any]:
        del context
        for one in activities:
            if one.type == ActivityTypes.invoke_response:
                self.answer = one.value
        return []

    async def update_activity(self, context: TurnContext, activity: Activity) -> None:
        raise NotImplementedError("edits go by the gateway")

    async def delete_activity(self, context: TurnContext, reference: Any) -> None:
        raise NotImplementedError("edits go by the gateway")


class _Turns(ActivityHandler):  # type: ignore[misc]
    """Which kind of turn it is."""

    def __init__(self, talk: Talk, said: Heard) -> None:
        self._talk, self._said = talk, said

    async def on_message_activity(self, turn_context: TurnContext) -> None:
        del turn_context
        self._talk.later(self._talk.message(self._said))

    async def on_conversation_update_activity(self, turn_context: TurnContext) -> None:
        del turn_context
        self._talk.later(self._talk.message(self._said))

    async def on_installation_update(self, turn_context: TurnContext) -> None:
        del turn_context
        self._talk.later(self._talk.message(self._said))

    async def on_invoke_activity(self, turn_context: TurnContext) -> InvokeResponse:
        """The SDK's own cannot answer with words: its answers hold objects it cannot serialise."""
        del turn_context
        try:
            return InvokeResponse(status=HTTPStatus.OK, body=await self._talk.invoke(self._said))
        except LookupError:
            return InvokeResponse(status=HTTPStatus.NOT_IMPLEMENTED)


def _read(raw: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise web.HTTPBadRequest(text="The body is no JSON.") from error
    if not isinstance(found, dict):
        raise web.HTTPBadRequest(text="The body is no activity.")
    return found


def _dumps(body: Any) -> str:
    return orjson.dumps(body).decode()
