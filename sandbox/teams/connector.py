"""The Bot Connector's REST: conversations, activities, members, teams; it refuses what the real one refuses."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.faults import Do, Fault, Faults
from sandbox.teams.config import TeamsPerson
from sandbox.teams.issuer import Issuer
from sandbox.teams.refusals import READING, SENDING, Refusal, Windows, check_activity
from sandbox.teams.state import Conversation, Message, State

SERVICE = "/teams/amer"
Handler = Callable[[web.Request], Awaitable[web.Response]]


class Connector:
    def __init__(self, state: State, issuer: Issuer, faults: Faults) -> None:
        self._state, self._issuer, self._faults = state, issuer, faults
        self.windows = Windows(on=state.config.rate_limits)
        self.closing = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        place, one = f"{SERVICE}/v3/conversations", f"{SERVICE}/v3/conversations/{{c}}/activities"
        return [
            web.post(place, self._behind("createConversation", self._create)),
            web.post(one, self._behind("sendActivity", self._send)),
            web.post(f"{one}/{{a}}", self._behind("replyToActivity", self._send)),
            web.put(f"{one}/{{a}}", self._behind("updateActivity", self._update)),
            web.delete(f"{one}/{{a}}", self._behind("deleteActivity", self._delete)),
            web.get(f"{place}/{{c}}/members/{{u}}", self._behind("getMember", self._member)),
            web.get(f"{place}/{{c}}/pagedmembers", self._behind("getPagedMembers", self._members)),
            web.get(f"{SERVICE}/v3/teams/{{t}}", self._behind("getTeam", self._team)),
            web.get(f"{SERVICE}/v3/teams/{{t}}/conversations", self._behind("getChannels", self._channels)),
        ]

    def _behind(self, name: str, work: Handler) -> Handler:
        """Who calls, what goes wrong when it is scripted, and refusals as answers."""

        async def handle(request: web.Request) -> web.Response:
            body = await request.json() if request.can_read_body else None
            self._state.calls.append((name, request.raw_path, body))
            if not self._issuer.knows(request.headers.get("Authorization", "")):
                return Refusal(401, "Unauthorized").answer()
            fault = self._faults.take("teams", name)
            if fault is not None:
                return await self._suffer(fault, request, work)
            return await self._answered(request, work)

        return handle

    async def _answered(self, request: web.Request, work: Handler) -> web.Response:
        try:
            return await work(request)
        except Refusal as refusal:
            return refusal.answer()

    async def _suffer(self, fault: Fault, request: web.Request, work: Handler) -> web.Response:
        match Do(fault.do):
            case Do.STATUS:
                return web.Response(status=fault.status)
            case Do.RATELIMITED:
                return Refusal(429, "TooManyRequests", retry_after=fault.retry_after).answer()
            case Do.ERROR:
                return Refusal(fault.status, fault.error).answer()
            case Do.SLOW:
                await self._wait(fault.seconds)
                return await self._answered(request, work)
            case Do.HANG:
                await self._wait(fault.seconds)
            case Do.LOST_REPLY:
                await self._answered(request, work)
            case Do.RESET:
                pass
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.closing.wait(), seconds)
        except TimeoutError:
            return

    # ── conversations ──────────────────────────────────────────────────────────────────────────────────────────

    def _conversation(self, request: web.Request) -> tuple[Conversation, str]:
        """The conversation and the thread in it."""
        name, _, root = request.match_info["c"].partition(";messageid=")
        found = self._state.conversations.get(name)
        if found is None:
            raise Refusal(404, "ConversationNotFound", "Conversation not found.")
        if found.blocked:
            raise Refusal(403, "MessageWritesBlocked", "The bot is not part of the conversation roster.")
        if root and root not in found.messages:
            raise Refusal(404, "ConversationNotFound", "Conversation not found.")
        return found, root

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        data = body.get("channelData") or {}
        tenant = body.get("tenantId") or (data.get("tenant") or {}).get("id")
        if tenant != self._state.config.tenant_id:
            raise Refusal(400, "BadSyntax", "Incorrect tenant")
        channel = (data.get("channel") or {}).get("id")
        if channel is None:
            return self._personal(body)
        found = self._state.conversations.get(channel)
        if found is None or found.kind != "channel":
            raise Refusal(404, "ConversationNotFound", "Channel not found.")
        if found.blocked:
            raise Refusal(403, "MessageWritesBlocked", "The bot is not part of the conversation roster.")
        self.windows.take(f"send {channel}", SENDING)
        message = self._state.post(found, "bot", check_activity(body.get("activity")))
        answer = {"id": f"{channel};messageid={message.id}", "activityId": message.id}
        return web.json_response(answer, status=201)

    def _personal(self, body: dict[str, Any]) -> web.Response:
        members = body.get("members") or []
        person = self._state.by_account(str(members[0].get("id", ""))) if len(members) == 1 else None
        if person is None:
            raise Refusal(400, "BadSyntax", "Bot cannot create group chats or chats with unknown people")
        if not person.installed:
            raise Refusal(403, "MessageWritesBlocked", "The app is not installed for this person")
        return web.json_response({"id": self._state.personal(person).id}, status=201)

    async def _send(self, request: web.Request) -> web.Response:
        where, root = self._conversation(request)
        self.windows.take(f"send {where.id} {root}", SENDING)
        activity = check_activity(await request.json())
        message = self._state.post(where, "bot", activity, root=root)
        if activity.get("text") and activity.get("attachments"):
            return web.json_response({}, status=201)  # it becomes two messages, and neither is named
        return web.json_response({"id": message.id}, status=201)

    def _message(self, request: web.Request) -> Message:
        where, _ = self._conversation(request)
        found = where.messages.get(request.match_info["a"])
        if found is None:
            raise Refusal(404, "ActivityNotFoundInConversation", "Activity not found.")
        if found.by != "bot":
            raise Refusal(403, "ForbiddenOperationException", "It is not the bot's own message.")
        return found

    async def _update(self, request: web.Request) -> web.Response:
        message = self._message(request)
        self.windows.take(f"send {message.conversation} {message.root}", SENDING)
        self._state.edit(message, check_activity(await request.json()))
        return web.json_response({"id": message.id})

    async def _delete(self, request: web.Request) -> web.Response:
        self._state.remove(self._message(request))
        return web.Response(status=200)

    # ── who is there ───────────────────────────────────────────────────────────────────────────────────────────

    def _described(self, person: TeamsPerson) -> dict[str, Any]:
        return {
            "id": person.account,
            "aadObjectId": person.id,
            "name": person.name,
            "email": person.email,
            "userPrincipalName": person.email,
            "tenantId": person.tenant_id or self._state.config.tenant_id,
            "userRole": "guest" if person.guest else "user",
        }

    async def _member(self, request: web.Request) -> web.Response:
        where, _ = self._conversation(request)
        self.windows.take(f"read {where.id}", READING)
        person = self._state.by_account(request.match_info["u"])
        if person is None or person.id not in where.members:
            raise Refusal(404, "MemberNotFoundInConversation", "The member was not found.")
        return web.json_response(self._described(person))

    async def _members(self, request: web.Request) -> web.Response:
        where, _ = self._conversation(request)
        self.windows.take(f"read {where.id}", READING)
        size = max(1, min(500, int(request.query.get("pageSize", "200"))))
        start = int(request.query.get("continuationToken") or 0)
        page = where.members[start : start + size]
        body: dict[str, Any] = {"members": [self._described(self._state.people[one]) for one in page]}
        if start + size < len(where.members):
            body["continuationToken"] = str(start + size)
        return web.json_response(body)

    def _of_team(self, request: web.Request) -> list[Conversation]:
        team = request.match_info["t"]
        found = [one for one in self._state.conversations.values() if one.team == team]
        if not found:
            raise Refusal(404, "TeamNotFound", "Team not found.")
        return found

    async def _team(self, request: web.Request) -> web.Response:
        found = self._of_team(request)
        name = re.sub(r"[^\w-]", " ", found[0].team)
        return web.json_response({"id": found[0].team, "name": name, "channelCount": len(found)})

    async def _channels(self, request: web.Request) -> web.Response:
        """The general channel has no name."""
        found = [
            {"id": one.id, "name": None if one.id == one.team else one.name} for one in self._of_team(request)
        ]
        return web.json_response({"conversations": found})
