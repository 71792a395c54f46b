"""Scenarios in Slack's words."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.faults import Do, Fault
from sandbox.world import World
from tests.hands.post import OpenForm, Post, Question, verb_of
from tests.outside import CHAT_IDS, COMPANIES, MSP_CHANNEL

METHODS = {"post": "chat.postMessage", "reply": "chat.postMessage", "edit": "chat.update"}
BOT = "U0AWBOT"
_NAMES = {chat_id: name.title() for name, chat_id in CHAT_IDS.items()}
_TOKENS = (
    (re.compile(r"<!date\^[^|>]*\|([^>]*)>"), r"\1"),
    (re.compile(r"<@(\w+)>"), lambda found: f"@{_NAMES.get(found[1], found[1])}"),
    (re.compile(r"<https?://[^|>]*\|([^>]*)>"), r"\1"),
    (re.compile(r"^> ", re.MULTILINE), ""),
    (re.compile(r"[*`]"), ""),
)


class SlackHand:
    name = "slack"

    def __init__(self, world: World) -> None:
        self._world, self._slack = world, world.slack

    def place(self, where: str) -> str:
        return MSP_CHANNEL if where == "msp" else COMPANIES[where][1]

    def posts(self, where: str) -> list[Post]:
        place = self.place(where)
        return [_post(one, place) for one in self._slack.messages(place) if one.get("bot_id")]

    def replies(self, where: str) -> list[Post]:
        place = self.place(where)
        return [
            _post(one, place, thread=top.id)
            for top in self.posts(where)
            for one in self._slack.replies(place, top.id)[1:]
            if one.get("bot_id")
        ]

    def direct(self, who: str) -> list[Post]:
        place = self._slack.state.direct(CHAT_IDS[who]).id
        return [_post(one, place) for one in self._slack.messages(place) if one.get("bot_id")]

    def whispers(self, who: str) -> list[Post]:
        """What grows stands in a modal."""
        views = self._slack.views_of(CHAT_IDS[who])
        return [_post(one, "") for one in (*self._slack.ephemerals(CHAT_IDS[who]), *views)]

    def answers(self, who: str) -> list[Post]:
        return self.whispers(who)

    async def form(self, who: str) -> OpenForm | None:
        views = self._slack.views_of(CHAT_IDS[who])
        if not views:
            return None
        view = views[-1]
        asked = {
            one["block_id"]: _question(one["element"]) for one in view["blocks"] if one["type"] == "input"
        }
        return OpenForm(title=view["title"]["text"], text=shown(view), questions=asked, raw=view)

    async def press(self, who: str, post: Post, verb: str, *, value: str | None = None) -> None:
        verb, message = verb_of(verb), post.raw
        option = _option(message, verb)
        if value is not None and verb not in post.buttons:
            message = {**message, "blocks": [_button(verb, value)]}
        if option is not None and value is None:
            await self._slack.press(CHAT_IDS[who], message, "aw:more", option=option)
        else:
            await self._slack.press(CHAT_IDS[who], message, f"aw:{verb}", value=value)

    async def submit(self, who: str, values: Mapping[str, str]) -> str:
        open_form = await self.form(who)
        assert open_form is not None, f"no form is open for {who}"
        given = {name: question.value for name, question in open_form.questions.items() if question.value}
        answer = await self._slack.submit(CHAT_IDS[who], open_form.raw["id"], given | dict(values))
        then = await self.form(who)
        said = [str(one) for one in (answer.get("errors") or {}).values()]
        return "\n".join([*said, *([then.text] if then is not None else [])])

    async def command(self, who: str, where: str, words: str) -> Post | None:
        text = f"/aw {words}".strip()
        answer = await self._slack.command(CHAT_IDS[who], self.place(where), text)
        return _post(answer, "") if answer else None

    async def mention(self, who: str, post: Post, words: str) -> None:
        text = f"<@{BOT}> {words}"
        await self._slack.mention(CHAT_IDS[who], post.place, text, thread_ts=post.thread or post.id)

    async def reply(self, who: str, post: Post, words: str) -> None:
        await self._slack.say(CHAT_IDS[who], post.place, words, post.thread or post.id)

    async def alone(self, who: str, words: str) -> None:
        await self._slack.say(CHAT_IDS[who], self._slack.state.direct(CHAT_IDS[who]).id, words)

    def delete(self, post: Post) -> None:
        self._slack.delete(post.place, post.id)

    def fail(self, call: str, do: Do | str, **how: Any) -> None:
        self._world.faults.add(Fault(service="slack", method=METHODS[call], do=do, **how))

    def calls(self, call: str, where: str | None = None) -> int:
        place = self.place(where) if where else None
        return sum(
            1
            for one in self._slack.calls
            if one.method == METHODS[call] and place in (None, one.args.get("channel"))
        )

    def refused(self) -> int:
        return self._slack.limits.refused


def shown(message: Mapping[str, Any]) -> str:
    """All the text of a message or a view, as far as a person would read it."""
    written = "\n".join([*_texts(message.get("blocks") or []), str(message.get("text") or "")])
    for pattern, plain in _TOKENS:
        written = pattern.sub(plain, written)
    return html.unescape(written)


def _texts(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["text"]] if isinstance(part.get("text"), str) else []
        return own + [text for name, value in part.items() if name != "metadata" for text in _texts(value)]
    return [text for one in part for text in _texts(one)] if isinstance(part, list) else []


def _post(message: Mapping[str, Any], place: str, *, thread: str = "") -> Post:
    about = (message.get("metadata") or {}).get("event_payload") or {}
    return Post(
        id=message.get("ts", ""),
        place=place,
        thread=thread,
        text=shown(message),
        card=about.get("card", ""),
        kind=about.get("kind", ""),
        incident=about.get("incident_id", ""),
        buttons=tuple(_buttons(message)),
        files=tuple(one["name"] for one in message.get("files") or ()),
        raw=message,
    )


def _elements(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for block in message.get("blocks") or ():
        if block["type"] == "actions":
            yield from block["elements"]


def _buttons(message: Mapping[str, Any]) -> Iterator[str]:
    for one in _elements(message):
        if "options" in one:
            yield from (option["value"].partition(":")[0] for option in one["options"])
        else:
            yield verb_of(one["action_id"])


def _option(message: Mapping[str, Any], verb: str) -> str | None:
    """The value of that act behind ⋯."""
    values = [option["value"] for one in _elements(message) for option in one.get("options", ())]
    return next((value for value in values if value.partition(":")[0] == verb), None)


def _button(verb: str, value: str) -> dict[str, Any]:
    text = {"type": "plain_text", "text": verb}
    button = {"type": "button", "action_id": f"aw:{verb}", "value": value, "text": text}
    return {"type": "actions", "block_id": "old", "elements": [button]}


def _question(element: Mapping[str, Any]) -> Question:
    options = {one["value"]: one["text"]["text"] for one in element.get("options") or ()}
    chosen = (element.get("initial_option") or {}).get("value", "")
    return Question(value=element.get("initial_value", "") or chosen, options=options)
