"""Slack's side of the door: Bolt takes signed commands, presses, forms and events; here they become Actions.

Bolt neither dedupes Events API retries nor keeps listeners alive at shutdown (PLATFORM §4), so a listener only does
one short transaction and answers; everything longer is a job. Acts are compare-and-set, so that a repeat is harmless.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import aiohttp
import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot import commands
from bot.actions.every import Action, unpack
from bot.cards.card import Asked, Card, Done, Refusal, Reply, Said, Unfolding
from bot.cards.card import Refused as RefusedReply
from bot.core import Core
from bot.faults import fault_code
from bot.handlers.dispatch import handle
from bot.people import Profile, actor_of, refusal
from bot.place import Place
from bot.slack import home
from bot.slack.forms import modal, submitted, told
from bot.slack.gateway import SlackChat
from bot.slack.render import MORE
from bot.slack.replies import as_one, instead_of, joined, spoken, to_whom
from bot.slack.unfolding import unfold
from engine.access import Actor, Via
from engine.errors import AlertWhispererError, Refused
from engine.operations import wait
from storage.transaction import Transaction

log = structlog.get_logger()
SETTLING = 5
"""How many tenths of a second a mention in a thread waits for the thread's card to be known."""
GRACE = 3.0
"""Seconds that answers under way have when the program stops."""
PATIENCE = 2.2
"""Seconds before a slow answer is acknowledged as "working…"; Slack gives up after 3."""

Payload = dict[str, Any]
_MENTION = re.compile(r"<@([UW][A-Z0-9]{2,20})(?:\|[^>]*)?>")
_MENTIONED = re.compile(r"^.*?<@[UW][A-Z0-9]{2,20}(?:\|[^>]*)?>", re.DOTALL)


class Slack:
    """One workspace: the Bolt app on the server's route, and Socket Mode when an app token is set."""

    def __init__(self, core: Core, session: aiohttp.ClientSession) -> None:
        settings = core.settings
        self.core = core
        self.client = AsyncWebClient(
            token=settings.slack_bot_token.get_secret_value(),
            base_url=settings.slack_api_url,
            session=session,
            timeout=10,
            retry_handlers=[],  # a retried chat.postMessage could post twice; the worker decides instead
        )
        self.chat = SlackChat(self.client)
        self.app = AsyncApp(
            client=self.client,
            signing_secret=settings.slack_signing_secret.get_secret_value() or None,
            process_before_response=False,
            request_verification_enabled=True,
        )
        self._socket: Any = None
        self._late: set[asyncio.Task[Any]] = set()
        self._listen()

    def _listen(self) -> None:
        self.app.command("/aw")(self._command)
        self.app.action(re.compile("^aw:"))(self._pressed)
        self.app.view("aw:form")(self._sent)
        self.app.event("app_mention")(self._mentioned)
        self.app.event("message")(self._written)
        self.app.event("app_home_opened")(self._home_opened)

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/slack/events", self._request)]

    async def _request(self, request: web.Request) -> web.StreamResponse:
        bolt_request = await to_bolt_request(request)
        return await to_aiohttp_response(await self.app.async_dispatch(bolt_request))

    async def connect(self) -> None:
        """Socket Mode, for installations that cannot be reached from outside."""
        if self.core.settings.socket_mode:
            from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

            token = self.core.settings.slack_app_token.get_secret_value()
            web_client = AsyncWebClient(token=token, base_url=self.core.settings.slack_api_url)
            self._socket = AsyncSocketModeHandler(self.app, token, web_client=web_client)
            await self._socket.connect_async()

    async def close(self) -> None:
        """Let what people pressed or typed last be answered, then go."""
        if self._socket is not None:
            await self._socket.close_async()
        if self._late:
            await asyncio.wait(self._late, timeout=GRACE)
        for task in list(self._late):
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    def _keep(self) -> None:
        """Bolt forgets its listeners: the running one is remembered until it ends, so that stopping waits for it."""
        task = asyncio.current_task()
        assert task is not None
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _command(self, ack: Any, body: Payload) -> None:
        place = await self._place(body["channel_id"])
        answer = self._answer(
            body["user_id"], body.get("team_id"), place, lambda: self._typed(body["text"], place)
        )
        await self._in_time(answer, ack, body, typed=True)

    async def _mentioned(self, body: Payload) -> None:
        """Words to the bot in a thread: the incident is known there, so that no number is needed."""
        self._keep()
        event = body["event"]
        if event.get("bot_id") or not event.get("user"):
            return
        channel, thread = event["channel"], event.get("thread_ts")
        place = await self._place(channel, thread)
        for _ in range(SETTLING if thread else 0):  # a card may be answered before its place is written down
            if place.incident_id is not None:
                break
            await asyncio.sleep(0.1)
            place = await self._place(channel, thread)
        text = _MENTIONED.sub("", event.get("text", ""), count=1).strip()
        reply = await self._answer(event["user"], event.get("team"), place, lambda: self._typed(text, place))
        for one in reply:
            card = await self._ended(one)
            if card is not None and to_whom([one]) == "in_channel":
                await self.chat.post(channel, card, thread=thread)
            elif card is not None:
                await self.chat.whisper(channel, event["user"], card, thread=thread)

    async def _written(self, body: Payload) -> None:
        """Words to the bot alone, in direct messages: answered there, like a command. In an incident's thread, what
        somebody of the client writes may be what was waited for."""
        self._keep()
        event = body["event"]
        if event.get("bot_id") or event.get("subtype"):
            return None
        if event.get("channel_type") != "im":
            return await self._overheard(event)
        nowhere = Place()
        text = _MENTIONED.sub("", event.get("text", ""), count=1).strip().removeprefix("/aw").strip()
        replies = await self._answer(
            event["user"], event.get("team"), nowhere, lambda: self._typed(text, nowhere)
        )
        for one in replies:
            card = await self._ended(one)
            if card is None:  # a form needs a press to open from
                words = Refusal("That needs a form.", "Type `/aw` with the same words in a channel.")
                card = Card(summary=words.reason, elements=(words,))
            await self.chat.post(event["channel"], card)

    async def _home_opened(self, body: Payload) -> None:
        self._keep()
        if home.opened(body["event"]):
            await self._show_home(body["event"]["user"], body.get("team_id"))

    async def _show_home(self, user: str, team: str | None) -> None:
        for reply in await self._answer(user, team, Place(), home.asked):
            card = spoken(reply, typed=True)
            if card is not None:
                await home.publish(self.client, user, card)

    async def _overheard(self, event: Payload) -> None:
        """Only replies in the thread of an incident that waits are looked at; nothing else is read, nothing kept."""
        channel, thread, user = event.get("channel", ""), event.get("thread_ts"), event.get("user")
        if not thread or not user or _MENTIONED.match(event.get("text", "")):
            return  # words to the bot itself are answered elsewhere
        place = await self._place(channel, thread)
        known = await self.core.read(lambda tx: tx.users.by_chat("slack", user))
        number = place.incident_id
        if known is None or number is None:
            return
        text = unescape(event.get("text", "")) or "a file"
        actor, now = Actor(user=known, via=Via.SLACK), self.core.clock.now()
        await self.core.write(lambda tx: wait.answered(tx, number, text, actor=actor, now=now))

    async def _typed(self, text: str, place: Place) -> list[Action]:
        link = commands.permalink(text)
        if link is not None:
            found = await self.core.read(lambda tx: tx.cards.by_ref("slack", link[0], link[1]))
            if found is not None and found.incident_id is not None:
                text = commands.without_permalink(text, found.incident_id)
        return commands.parse(unescape(await self._named(text)), here=place.incident_id)

    async def _named(self, text: str) -> str:
        """The same words with the directory's numbers in place of Slack's mentions; an unknown one stays as typed."""
        for chat_id in set(_MENTION.findall(text)):
            async with self.core.database.reading() as tx:
                user = await tx.users.by_chat("slack", chat_id)
            if user is not None:
                text = re.sub(rf"<@{chat_id}(\|[^>]*)?>", f"@{user.id}", text)
        return text

    async def _pressed(self, ack: Any, body: Payload) -> None:
        self._keep()
        pressed = body["actions"][0]
        channel = (body.get("channel") or {}).get("id", "")
        thread = (body.get("message") or {}).get("thread_ts")
        place = await self._place(channel, thread)
        verb, value = pressed["action_id"].removeprefix("aw:"), pressed.get("value") or ""
        if verb == MORE:
            verb, _, value = (pressed.get("selected_option") or {}).get("value", "").partition(":")

        async def asked() -> list[Action]:
            return [unpack(verb, value)]

        user, team = body["user"]["id"], body["user"].get("team_id")
        await self._in_time(self._answer(user, team, place, asked), ack, body, typed=False)
        if body.get("view"):  # it was opened from a home, or is one: what waits there may be another now
            await self._show_home(user, team)

    async def _sent(self, ack: Any, body: Payload) -> None:
        """A form was sent: its answer closes it, asks further, or says in the form why not."""
        self._keep()
        channel = ""

        async def asked() -> list[Action]:
            nonlocal channel
            action, answers, channel = submitted(body["view"])
            return [action.filled(answers)]

        try:
            action_channel = submitted(body["view"])[2]
        except Refused:
            action_channel = ""
        place = await self._place(action_channel)
        replies = await self._answer(body["user"]["id"], body["user"].get("team_id"), place, asked)
        match replies[0]:
            case Asked(form):
                await ack(response_action="update", view=modal(form, channel=channel))
            case RefusedReply(refusal=refused, fields=faults) if faults:
                await ack(response_action="errors", errors=dict(faults))
            case RefusedReply(refusal=refused):
                await ack(response_action="update", view=told("Not done", refused))
            case Said(card=card):
                await ack(response_action="update", view=told(card.summary, Refusal(card.summary)))
            case Done() | Unfolding():
                await ack()

    async def _answer(
        self, user: str, team: str | None, place: Place, acts: Callable[[], Awaitable[list[Action]]]
    ) -> list[Reply]:
        """One reply per act. Nothing raised here may reach Slack as silence: a fault is said with its code."""
        try:
            actor = await actor_of(self.core, "slack", user, lambda: self._profile(user, team))
            return [await handle(self.core, act, actor=actor, place=place) for act in await acts()]
        except Refused as refused:
            return [RefusedReply(await refusal(self.core, refused))]
        except AlertWhispererError as error:
            return [RefusedReply(Refusal(str(error)))]
        except Exception as error:  # noqa: BLE001 - the last line of defence of a press: said and logged
            code = fault_code(error, door="slack")
            return [
                RefusedReply(
                    Refusal("Something went wrong on my side.", f"It is logged as {code}. Try again.")
                )
            ]

    async def _in_time(self, answer: Awaitable[list[Reply]], ack: Any, body: Payload, *, typed: bool) -> None:
        """Answer within Slack's three seconds: at once when it is quick, else "working…" and later."""
        task = asyncio.ensure_future(answer)
        done, _ = await asyncio.wait({task}, timeout=PATIENCE)
        if done:
            await self._reply_now(task.result(), ack, body, typed=typed)
            return
        await ack(text="Working on it…", response_type="ephemeral") if typed else await ack()
        self._later(self._reply_later(task, body, typed=typed))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        later = asyncio.ensure_future(work)
        self._late.add(later)
        later.add_done_callback(self._late.discard)

    async def _unfold(self, answer: Unfolding, body: Payload) -> None:
        """An answer that grows in a modal; where there is none, its end is said to the asker alone."""
        try:
            last = await unfold(self.client, answer, trigger_id=body.get("trigger_id", ""))
        except Exception as error:  # noqa: BLE001 - as in _answer: said and logged
            words = Refusal(
                "Something went wrong on my side.", f"It is logged as {fault_code(error, door='slack')}."
            )
            last = Card(summary=words.reason, elements=(words,))
        if last is not None:
            await self._respond(body, [last])

    async def _ended(self, reply: Reply) -> Card | None:
        """What is said where nothing can grow: the end."""
        if isinstance(reply, Unfolding):
            return await unfold(self.client, reply, trigger_id="")
        return spoken(reply, typed=True)

    async def _reply_now(self, replies: list[Reply], ack: Any, body: Payload, *, typed: bool) -> None:
        forms = [one for one in replies if isinstance(one, Asked)]
        cards = [
            card for one in replies if (card := spoken(one, typed=typed, view=body.get("view"))) is not None
        ]
        growing = [one for one in replies if isinstance(one, Unfolding)]
        if typed and cards and not forms and not growing:
            await ack(response_type=to_whom(replies), **joined(cards))
            return
        await ack()
        for one in growing:
            self._later(self._unfold(one, body))
        channel = body.get("channel_id") or (body.get("channel") or {}).get("id", "")
        for form in forms[:1]:
            await self.client.views_open(
                trigger_id=body["trigger_id"], view=modal(form.form, channel=channel)
            )
        if cards:
            await self._respond(body, cards, to=to_whom(replies), instead=instead_of(replies))

    async def _reply_later(self, task: asyncio.Future[list[Reply]], body: Payload, *, typed: bool) -> None:
        replies = await task
        cards = [
            card for one in replies if (card := spoken(one, typed=typed, view=body.get("view"))) is not None
        ]
        for one in replies:
            if isinstance(one, Unfolding):
                self._later(self._unfold(one, body))
        if any(isinstance(one, Asked) for one in replies):
            late = Refusal("That took too long to open a form.", "Press again.")
            cards.append(Card(summary=late.reason, elements=(late,)))
        if cards:
            await self._respond(body, cards, to=to_whom(replies), instead=instead_of(replies))

    async def _respond(
        self, body: Payload, cards: list[Card], *, to: str = "ephemeral", instead: bool = False
    ) -> None:
        """To the presser alone, through the response_url: it works wherever the button was but in a view."""
        url = body.get("response_url")
        if not url:
            if "view" not in body or not await home.show(self.client, body, as_one(cards)):
                await self.chat.post(await self.chat.direct(body["user"]["id"]), as_one(cards))
            return
        payload = {"response_type": to, "replace_original": instead, **joined(cards)}
        assert self.client.session is not None
        async with self.client.session.post(
            url, json=payload, timeout=aiohttp.ClientTimeout(total=5)
        ) as answer:
            if answer.status >= 400:
                log.warning("an answer could not be delivered", status=answer.status)

    async def _place(self, channel: str, thread: str | None = None) -> Place:
        async def look(tx: Transaction) -> Place:
            company = await tx.companies.by_channel("slack", channel) if channel else None
            card = await tx.cards.by_ref("slack", channel, thread) if thread else None
            return Place(company.id if company else None, card.incident_id if card else None)

        return await self.core.read(look)

    async def _profile(self, user: str, team: str | None) -> Profile:
        """What Slack vouches for. Guests and people of connected workspaces are not the MSP's own."""
        answer = await self.client.users_info(user=user)
        seen = answer["user"]
        guest = any(
            seen.get(flag) for flag in ("is_restricted", "is_ultra_restricted", "is_stranger", "is_bot")
        )
        foreign = bool(team) and bool(seen.get("team_id")) and seen["team_id"] != team
        return Profile(
            user, str((seen.get("profile") or {}).get("email") or ""), own=not guest and not foreign
        )


def unescape(text: str) -> str:
    """What the person typed: Slack escapes these three in what it sends."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
