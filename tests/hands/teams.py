"""Scenarios in Teams' words."""

from __future__ import annotations

import asyncio
import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from engine.identifiers import incident_number
from sandbox.faults import Do, Fault
from sandbox.teams.state import Message
from sandbox.teams.world import TeamsWorld, walked
from sandbox.world import World
from tests.hands.post import OpenForm, Post, Question, verb_of
from tests.outside import teams_channel, teams_id
from tests.waits import eventually

METHODS = {
    "post": ("createConversation", "sendActivity", "replyToActivity"),
    "reply": ("sendActivity", "replyToActivity"),
    "edit": ("updateActivity",),
}
SETTLE = 10.0
"""Seconds within which an answer to typed words comes, however busy the machine is."""
_TOKENS = (
    (re.compile(r"\{\{DATE\((\d{4}-\d\d-\d\d)T[^)]*\)\}\}"), r"\1"),
    (re.compile(r"\{\{TIME\([^)]*T(\d\d:\d\d):\d\dZ\)\}\}"), r"\1 UTC"),
    (re.compile(r"<at>(.*?)</at>"), r"@\1"),
    (re.compile(r"(?<!\\)\[((?:[^\[\]]|\\.)*)\]\(https?://[^)]*\)"), r"\1"),
    (re.compile(r"(?<!\\)\*\*"), ""),
    (re.compile(r"\\([^\w\s])"), r"\1"),
    (re.compile(r"\n\n"), "\n"),
    (re.compile(r"[*`]"), ""),
    (re.compile(r"“@Alert Whisperer([^”]*)”"), r"/aw\1"),
    (re.compile(r"“(aw [^”]*)”"), r"\1"),
)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A card as it was then, and the message it stood in; None: in a dialog."""

    card: Mapping[str, Any]
    message: Message | None


class TeamsHand:
    name = "teams"

    def __init__(self, world: World) -> None:
        assert world.teams is not None
        self._world, self.teams = world, world.teams

    def place(self, where: str) -> str:
        return teams_channel(where)

    def posts(self, where: str) -> list[Post]:
        return [_post(one) for one in self.teams.messages(self.place(where)) if one.by == "bot"]

    def replies(self, where: str) -> list[Post]:
        found = [one for top in self.teams.messages(self.place(where)) for one in self.teams.replies(top)]
        return [_post(one) for one in found if one.by == "bot"]

    def direct(self, who: str) -> list[Post]:
        return [one for one in self._own(who) if one.kind]

    def whispers(self, who: str) -> list[Post]:
        person = teams_id(who)
        said = [Post(id="", place="", text=text) for text in self.teams.notices[person]]
        dialog = self.teams.dialogs.get(person)
        card = [_opened(dialog)] if dialog else []
        return [*said, *(one for one in self._own(who) if not one.kind), *card]

    def answers(self, who: str) -> list[Post]:
        places = [one.id for one in self.teams.state.conversations.values() if one.kind == "channel"]
        found = [one for place in places for one in self.teams.state.conversations[place].messages.values()]
        done = [_post(one) for one in found if one.by == "bot"]
        return [*self.whispers(who), *(one for one in done if not one.kind)]

    async def form(self, who: str) -> OpenForm | None:
        """Typed words that need a form are answered with a button: it is pressed."""
        person = teams_id(who)
        dialog = self.teams.dialogs.get(person)
        if dialog is None:
            own = self._own(who)
            if not own or not _opens_a_form(own[-1]):
                return None
            await self.press(who, own[-1], own[-1].buttons[0])
            dialog = self.teams.dialogs.get(person)
        if dialog is None:
            return None
        asked = {one["id"].removeprefix("f:"): _question(one) for one in _inputs(dialog["card"])}
        return OpenForm(title=dialog["title"], text=_opened(dialog).text, questions=asked, raw=dialog)

    async def press(self, who: str, post: Post, verb: str, *, value: str | None = None) -> None:
        person, verb, seen = teams_id(who), verb_of(verb), post.raw
        action = _action(seen.card, verb)
        if action is None and seen.message is not None:
            action = await self._reserved(person, seen.message, verb)
        if value is not None:
            action = _changed(action, verb, value)
        if action is None:
            raise LookupError(f"there is no button {verb}, but {post.buttons}")
        if seen.message is None:
            await self.teams.send(person, action, {}, stale=True)
        else:
            await self.teams.act(person, seen.message, action, {}, stale=True)

    async def _reserved(self, person: str, message: Message, verb: str) -> dict[str, Any] | None:
        """A button that some people see in the message's place: theirs, else as somebody forges it who saw it there."""
        for _ in range(150):
            views = [card for (_, name), card in self.teams.instead.items() if name == message.id]
            for card in (self.teams.seen(person, message), *views):
                if (found := _action(card, verb)) is not None:
                    return found
            if "refresh" not in message.card:
                return None
            await asyncio.sleep(0.02)
        return None

    async def submit(self, who: str, values: Mapping[str, str]) -> str:
        person = teams_id(who)
        if not list(_inputs(self.teams.dialogs[person]["card"])):
            await self.teams.submit(person, {}, "Try again")
        told = len(self.teams.notices[person])
        await self.teams.submit(person, values)
        dialog = self.teams.dialogs.get(person)
        return "\n".join([*self.teams.notices[person][told:], *([_opened(dialog).text] if dialog else [])])

    async def command(self, who: str, where: str, words: str) -> Post | None:
        before = {one.id for one in self._answers(who, where)}
        await self.teams.say(teams_id(who), self.place(where), words or "help")
        for _ in range(int(SETTLE / 0.02)):
            new = [one for one in self._answers(who, where) if one.id not in before]
            if new:
                return new[0]
            await asyncio.sleep(0.02)
        return None

    def _answers(self, who: str, where: str) -> list[Post]:
        """To the asker alone; what was simply done is said where it was asked for."""
        return [one for one in (*self._own(who), *self.posts(where), *self.replies(where)) if not one.kind]

    def _own(self, who: str) -> list[Post]:
        return [_post(one) for one in self.teams.chat(teams_id(who)) if one.by == "bot"]

    async def mention(self, who: str, post: Post, words: str) -> None:
        await self.teams.say(teams_id(who), post.place, words, thread=post.raw.message)

    async def reply(self, who: str, post: Post, words: str) -> None:
        await self.teams.overheard(teams_id(who), post.place, words, thread=post.raw.message)

    async def alone(self, who: str, words: str) -> None:
        await self.teams.say(teams_id(who), None, words)

    def delete(self, post: Post) -> None:
        self.teams.state.remove(post.raw.message)

    def fail(self, call: str, do: Do | str, **how: Any) -> None:
        self._world.faults.add(Fault(service="teams", method=METHODS[call][0], do=do, **how))

    def calls(self, call: str, where: str | None = None) -> int:
        return sum(
            1
            for name, path, body in self.teams.state.calls
            if name in METHODS[call] and (where is None or self.place(where) in f"{unquote(path)} {body}")
        )

    def refused(self) -> int:
        return self.teams.connector.windows.refused


async def begin(teams: TeamsWorld, address: str, places: list[str], people: list[str]) -> None:
    """The app is added to these channels and by these people, so that it knows where Teams is and whom it may write
    to; what it says then is over."""
    teams.origin = address
    added = [teams.installed(teams_id("lee"), teams_channel(place)) for place in places]
    await asyncio.gather(*added, *(teams.installed(teams_id(who)) for who in people))
    await eventually(
        lambda: (
            all(teams.messages(teams_channel(place)) for place in places)
            and all(teams.chat(teams_id(who)) for who in people)
        ),
        what="the bot's hello everywhere",
    )


def read(card: Mapping[str, Any]) -> str:
    """All the text of a card, as far as a person would read it."""
    return _plain("\n".join(_texts(card)))


def _plain(text: str) -> str:
    for pattern, plain in _TOKENS:
        text = pattern.sub(plain, text)
    return text


def _texts(part: Any) -> Iterator[str]:
    """Block by block; a table's row is one line."""
    if isinstance(part, list):
        for one in part:
            yield from _texts(one)
    if not isinstance(part, dict):
        return
    kind = str(part.get("type", ""))
    if kind == "TableRow":
        yield "  ·  ".join(text for cell in part["cells"] for text in _texts(cell))
        return
    if kind in ("TextBlock", "TextRun"):
        yield part["text"]
    if kind.startswith(("Action.", "Input.")):
        yield str(part.get("title") or part.get("label") or "")
    for name, inner in part.items():
        if name not in ("fallback", "data", "msteams"):
            yield from _texts(inner)


def _post(message: Message) -> Post:
    card = copy.deepcopy(message.card)
    name = str((card.get("body") or [{}])[0].get("id", ""))
    kind, _, subject = name.partition(":")
    words = "\n".join(str(message.activity.get(one) or "") for one in ("text", "summary"))
    incident = subject.partition(":")[0] if kind == "incident" else ""
    return Post(
        id=message.id,
        place=message.conversation,
        thread="" if message.root in ("", message.id) else message.root,
        text="\n".join([read(card), _plain(words)]),
        card=name,
        kind=kind if subject else "",
        incident=f"INC-{incident}" if incident_number(f"INC-{incident}") else "",
        buttons=tuple(dict.fromkeys(verb for _, verb in _actions(card))),
        raw=_Seen(card, message),
    )


def _opened(dialog: Mapping[str, Any]) -> Post:
    card = dialog["card"]
    verbs = tuple(verb for _, verb in _actions(card))
    text = "\n".join([str(dialog["title"]), read(card)])
    return Post(id="", place="", text=text, buttons=verbs, raw=_Seen(card, None))


def _actions(card: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for one in walked(card):
        verb = (one.get("data") or {}).get("aw")
        if one.get("type") in ("Action.Execute", "Action.Submit") and verb:
            yield one, verb


def _action(card: Mapping[str, Any], verb: str) -> dict[str, Any] | None:
    return next((one for one, named in _actions(card) if named == verb), None)


def _changed(action: Mapping[str, Any] | None, verb: str, value: str) -> dict[str, Any]:
    old = action or {"type": "Action.Execute", "verb": f"aw:{verb}", "title": verb}
    return {**old, "data": {**(old.get("data") or {"aw": verb}), "value": value}}


def _inputs(card: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    return (one for one in walked(card) if str(one.get("type")).startswith("Input."))


def _question(one: Mapping[str, Any]) -> Question:
    options = {choice["value"]: choice["title"] for choice in one.get("choices") or ()}
    return Question(value=one.get("value", ""), options=options)


def _opens_a_form(post: Post) -> bool:
    found = [one for one, _ in _actions(post.raw.card)]
    fetches = [one for one in found if (one["data"].get("msteams") or {}).get("type") == "task/fetch"]
    return len(found) == len(fetches) == 1 and len(post.raw.card["body"]) == 2
