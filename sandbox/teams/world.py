"""Teams as a whole: its state, its doors, and what tests and the page do in people's place."""

from __future__ import annotations

import asyncio
import html
import re
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

from sandbox.faults import Faults
from sandbox.teams.config import TeamsConfig, TeamsPerson
from sandbox.teams.connector import SERVICE, Connector
from sandbox.teams.issuer import Issuer
from sandbox.teams.refusals import CARD
from sandbox.teams.state import Conversation, Message, State
from sandbox.world import Stream

PATIENCE, SUBMIT_PATIENCE = 10.0, 5.0
"""Seconds that an invoke waits; a sent form waits less and is sent again."""
SUBMITS = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What the bot answered to an activity. `status` 0: it did not answer in time."""

    status: int
    body: Any
    seconds: float


class TeamsWorld:
    """`origin` is where this world itself is reached; it is learned from the first request."""

    def __init__(self, config: TeamsConfig, bot_url: str, faults: Faults, stream: Stream) -> None:
        self.config = config
        self.state = State(config, stream)
        self.issuer = Issuer(config.app_id, config.app_secret, (config.tenant_id,))
        self.connector = Connector(self.state, self.issuer, faults)
        self.origin = ""
        self.answers: list[Answer] = []
        self.notices: dict[str, list[str]] = defaultdict(list)
        """What was said to somebody alone, in answer to a press."""
        self.dialogs: dict[str, dict[str, Any]] = {}
        """The dialog that is open for somebody: its title and its card."""
        self.instead: dict[tuple[str, str], dict[str, Any]] = {}
        """(person, message) → the card that this person sees in its place."""
        self._bot_url = bot_url
        self._session: aiohttp.ClientSession | None = None
        self._asking: set[asyncio.Task[None]] = set()
        self.state.on_shown.append(self._refresh)

    @property
    def service_url(self) -> str:
        return f"{self.origin}{SERVICE}/"

    async def close(self) -> None:
        self.connector.closing.set()
        for task in list(self._asking):
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    # ── looking ────────────────────────────────────────────────────────────────────────────────────────────────

    def messages(self, conversation: str) -> list[Message]:
        """Oldest first, without what stands in threads."""
        return list(self.state.top_level(conversation))

    def replies(self, message: Message) -> list[Message]:
        return list(self.state.replies(message.conversation, message.root))

    def chat(self, person: str) -> list[Message]:
        """Between this person and the bot."""
        return self.messages(self.state.personal(self.state.people[person]).id)

    # ── what people do ─────────────────────────────────────────────────────────────────────────────────────────

    async def say(
        self, person: str, conversation: str | None, text: str, *, thread: Message | None = None
    ) -> Answer:
        """Write, with a mention of the bot in channels, and of people whom `@name` picks by the beginning of their
        address. `conversation` None: to the bot alone."""
        who = self.state.people[person]
        where = self.state.personal(who) if conversation is None else self.state.conversations[conversation]
        shown, entities = self._mentioning(html.escape(text, quote=False))
        if where.kind != "personal":
            shown = f"<at>{self.config.bot_name}</at> {shown}"
            bot = {"id": f"28:{self.config.app_id}", "name": self.config.bot_name}
            entities.append({"type": "mention", "mentioned": bot, "text": f"<at>{self.config.bot_name}</at>"})
        return await self._write(who, where, shown, entities, thread.root if thread else "")

    def _mentioning(self, text: str) -> tuple[str, list[dict[str, Any]]]:
        entities = []
        for one in self.state.people.values():
            mark = f"<at>{one.name}</at>"
            text, found = re.subn(rf"@{re.escape(one.email.partition('@')[0])}\b", mark, text)
            if found:
                known = {"id": one.account, "name": one.name}
                entities.append({"type": "mention", "mentioned": known, "text": mark})
        return text, entities

    async def overheard(self, person: str, conversation: str, text: str, *, thread: Message) -> Answer:
        """Write without a mention, where the app may read along."""
        who, where = self.state.people[person], self.state.conversations[conversation]
        return await self._write(who, where, html.escape(text, quote=False), [], thread.root)

    async def _write(
        self, who: TeamsPerson, where: Conversation, text: str, entities: list[Any], root: str
    ) -> Answer:
        """`text` as a bot gets it: what was typed comes escaped, so that only mentions are tags."""
        message = self.state.post(where, who.id, {"type": "message", "text": html.unescape(text)}, root=root)
        activity = self._activity(who, where, message.root) | {
            "type": "message",
            "id": message.id,
            "text": text,
            "textFormat": "plain",
            "entities": entities,
        }
        return await self.deliver(activity)

    async def installed(self, person: str, conversation: str | None = None) -> Answer:
        """The app was added by this person: to a team's channel, or for themselves."""
        who = self.state.people[person]
        where = self.state.personal(who) if conversation is None else self.state.conversations[conversation]
        added = [{"id": f"28:{self.config.app_id}"}]
        return await self.deliver(
            self._activity(who, where, "") | {"type": "conversationUpdate", "membersAdded": added}
        )

    async def press(self, person: str, message: Message, label: str, *, old_client: bool = False) -> Answer:
        """The button with that label or verb: an invoke, a dialog, or what an old client makes of it."""
        action = self._button(self.seen(person, message), label)
        return await self._act(person, message, action, {}, old_client=old_client)

    async def act(
        self,
        person: str,
        message: Message,
        action: Mapping[str, Any],
        values: Mapping[str, str],
        *,
        stale: bool = False,
    ) -> Answer:
        """Press exactly this button, which stands in the card that this person sees, with what was typed beside it.
        `stale`: or stood in what their client showed before, or was changed on its way."""
        if not stale and action not in list(walked(self.seen(person, message))):
            raise LookupError("there is no such button in that card any more")
        return await self._act(person, message, action, values)

    async def _act(
        self,
        person: str,
        message: Message,
        action: Mapping[str, Any],
        values: Mapping[str, str],
        *,
        old_client: bool = False,
    ) -> Answer:
        if action["type"] == "Action.Execute" and not old_client:
            carried = {**(action.get("data") or {}), **values}
            what = {"type": "Action.Execute", "verb": action["verb"], "data": carried}
            value = {"action": what, "trigger": "manual"}
            answer = await self._invoke(person, message, "adaptiveCard/action", value)
            self._executed(person, message, answer)
            return answer
        data = {**(action.get("fallback") or action).get("data", {}), **values}
        if (data.pop("msteams", None) or {}).get("type") == "task/fetch":
            value = {"data": {**data, "type": "task/fetch"}, "context": {"theme": "default"}}
            answer = await self._invoke(person, message, "task/fetch", value)
            self._tasked(person, answer)
            return answer
        who, where = self.state.people[person], self.state.conversations[message.conversation]
        activity = self._activity(who, where, message.root)
        return await self.deliver(
            activity | {"type": "message", "id": self.state.new_id(), "replyToId": message.id, "value": data}
        )

    async def submit(self, person: str, values: Mapping[str, str], label: str = "") -> Answer:
        """Send the dialog that is open for this person, by the button with that label."""
        card = self.dialogs[person]["card"]
        action = self._button(card, label) if label else card["actions"][0]
        typed = {
            one["id"]: one.get("value", "")
            for one in walked(card)
            if str(one.get("type")).startswith("Input.")
        }
        unknown = {f"f:{name}" for name in values} - typed.keys()
        if unknown:
            raise LookupError(f"the dialog asks for {sorted(typed)}, not for {sorted(unknown)}")
        given = {f"f:{name}": value for name, value in values.items()}
        return await self._send(person, action, {**typed, **given})

    async def send(
        self, person: str, action: Mapping[str, Any], values: Mapping[str, str], *, stale: bool = False
    ) -> Answer:
        """Press exactly this button of the dialog that is open, with everything that stands in its inputs."""
        if not stale and action not in list(walked(self.dialogs[person]["card"])):
            raise LookupError("there is no such button in that dialog any more")
        return await self._send(person, action, values)

    async def _send(self, person: str, action: Mapping[str, Any], values: Mapping[str, str]) -> Answer:
        source = self.dialogs[person].get("from")
        answer = await self._invoke(
            person,
            source,
            "task/submit",
            {"data": {**action["data"], **values}},
            patience=SUBMIT_PATIENCE,
            tries=SUBMITS,
        )
        self._tasked(person, answer, source)
        return answer

    async def search(self, person: str, words: str) -> dict[str, Any]:
        """Look for something from the box one writes in: the app's answer."""
        asked = {"name": "words", "value": words} if words else {"name": "initialRun", "value": "true"}
        options = {"skip": 0, "count": 25}
        value = {"commandId": "find", "parameters": [asked], "queryOptions": options}
        answer = await self._invoke(person, None, "composeExtension/query", value)
        found: dict[str, Any] = answer.body["composeExtension"]
        return found

    def seen(self, person: str, message: Message) -> dict[str, Any]:
        """The card as this person sees it."""
        return self.instead.get((person, message.id), message.card)

    def _refresh(self, message: Message) -> None:
        """What somebody saw in its place is over; the clients of those whom the card names ask for their own."""
        for person, name in [one for one in self.instead if one[1] == message.id]:
            del self.instead[person, name]
        asked = message.card.get("refresh") or {}
        members = self.state.conversations[message.conversation].members
        for account in asked.get("userIds", ()):
            who = self.state.by_account(account)
            if who is not None and who.id in members:
                task = asyncio.ensure_future(self._refreshed(who.id, message, asked["action"]))
                self._asking.add(task)
                task.add_done_callback(self._asking.discard)

    async def _refreshed(self, person: str, message: Message, action: Mapping[str, Any]) -> None:
        edits = message.edits
        value = {"action": dict(action), "trigger": "automatic"}
        answer = await self._invoke(person, message, "adaptiveCard/action", value)
        said = answer.body if isinstance(answer.body, dict) else {}
        if said.get("type") == CARD and message.edits == edits:
            self.instead[person, message.id] = said["value"]
            self.state.seen_anew(message, person)

    def _button(self, card: Mapping[str, Any], label: str) -> dict[str, Any]:
        actions = [one for one in walked(card) if str(one.get("type")).startswith("Action.")]
        for one in actions:
            known = (one.get("title"), one.get("verb"), f"aw:{(one.get('data') or {}).get('aw')}")
            if one["type"] not in ("Action.ShowCard", "Action.ToggleVisibility") and label in known:
                return one
        raise LookupError(f"there is no button {label!r}, but {[one.get('title') for one in actions]}")

    def _executed(self, person: str, message: Message, answer: Answer) -> None:
        said = answer.body if isinstance(answer.body, dict) else {}
        match said.get("type"):
            case "application/vnd.microsoft.activity.message":
                self.notices[person].append(str(said["value"]))
            case "application/vnd.microsoft.card.adaptive":
                self.instead[person, message.id] = said["value"]
            case _:
                self.notices[person].append("Something went wrong. Please try again.")

    def _tasked(self, person: str, answer: Answer, source: Message | None = None) -> None:
        task = (answer.body or {}).get("task") if isinstance(answer.body, dict) else None
        if answer.status != 200:
            self.notices[person].append("Unable to reach app. Please try again.")
        elif task is not None and task["type"] == "continue":
            value = task["value"]
            self.dialogs[person] = {
                "title": value["title"],
                "card": value["card"]["content"],
                "from": source,
            }
            return
        elif task is not None:
            self.notices[person].append(str(task["value"]))
        self.dialogs.pop(person, None)

    # ── the wire ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _invoke(
        self,
        person: str,
        message: Message | None,
        name: str,
        value: dict[str, Any],
        *,
        patience: float = PATIENCE,
        tries: int = 1,
    ) -> Answer:
        who = self.state.people[person]
        where = (
            self.state.personal(who) if message is None else self.state.conversations[message.conversation]
        )
        activity = self._activity(who, where, message.root if message else "")
        activity |= {"type": "invoke", "name": name, "id": f"f:{uuid.uuid4()}", "value": value}
        if message is not None:
            activity["replyToId"] = message.id
        for _ in range(tries):
            answer = await self.deliver(activity, patience=patience)
            if answer.status:
                break
        return answer

    def _activity(self, who: TeamsPerson, where: Conversation, root: str) -> dict[str, Any]:
        tenant = who.tenant_id or self.config.tenant_id
        place = f"{where.id};messageid={root}" if root and where.kind == "channel" else where.id
        about: dict[str, Any] = {"tenant": {"id": tenant}}
        if where.kind == "channel":
            about |= {"channel": {"id": where.id}, "team": {"id": where.team}}
        return {
            "channelId": "msteams",
            "serviceUrl": self.service_url,
            "timestamp": datetime.now(UTC).isoformat(),
            "from": {"id": who.account, "name": who.name, "aadObjectId": who.id},
            "recipient": {"id": f"28:{self.config.app_id}", "name": self.config.bot_name},
            "conversation": {
                "id": place,
                "conversationType": where.kind,
                "isGroup": where.kind != "personal",
                "tenantId": tenant,
            },
            "channelData": about,
        }

    async def deliver(
        self, activity: Mapping[str, Any], *, token: str | None = None, patience: float = PATIENCE
    ) -> Answer:
        """Post it to the bot with a token of ours, or another."""
        if self._session is None:
            self._session = aiohttp.ClientSession()
        given = self.issuer.token(str(activity["serviceUrl"])) if token is None else token
        began = time.monotonic()
        try:
            async with self._session.post(
                f"{self._bot_url}/api/messages",
                json=dict(activity),
                headers={"Authorization": f"Bearer {given}"},
                timeout=aiohttp.ClientTimeout(total=patience),
            ) as answer:
                text = await answer.text()
                body = await answer.json(content_type=None) if text.strip() else None
                made = Answer(answer.status, body, time.monotonic() - began)
        except (aiohttp.ClientError, OSError, TimeoutError):
            made = Answer(0, None, time.monotonic() - began)
        self.answers.append(made)
        return made


def walked(part: Any) -> Iterator[dict[str, Any]]:
    """Every object inside of a card, itself first; what stands in for old clients aside."""
    if isinstance(part, dict):
        yield part
        for name, inner in part.items():
            if name not in ("fallback", "data"):
                yield from walked(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from walked(inner)
