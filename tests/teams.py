"""What scenarios see and do in Teams, by the people's and companies' short names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.teams.state import Message
from sandbox.teams.world import Answer, TeamsWorld, walked
from tests.outside import teams_channel, teams_id
from tests.waits import eventually


class TeamsHands:
    def __init__(self, world: TeamsWorld) -> None:
        self.world = world

    def cards(self, company: str, kind: str = "incident") -> list[Message]:
        """The cards of that kind in a company's channel, its threads included."""
        found = self.world.state.conversations[teams_channel(company)].messages.values()
        return [one for one in found if one.card and card_id(one).startswith(f"{kind}:")]

    async def card(
        self, company: str, *, kind: str = "incident", saying: str = "", count: int = 1
    ) -> Message:
        """The newest card of that kind, once there are `count` and it says that."""

        def look() -> Message | None:
            found = self.cards(company, kind)
            if len(found) < count:
                return None
            return next((one for one in reversed(found) if saying in read(one)), None)

        found: Message = await self._until(
            look,
            f"{kind} card in {company} saying {saying!r}",
            lambda: [read(one) for one in self.cards(company, kind)],
        )
        return found

    async def thread(self, company: str, *, saying: str) -> Message:
        """Our reply in any of the company's threads that says that."""
        there = self.world.state.conversations[teams_channel(company)].messages

        def replies() -> list[Message]:
            return [one for one in there.values() if one.root != one.id and one.by == "bot"]

        found: Message = await self._until(
            lambda: next((one for one in replies() if saying in read(one)), None),
            f"a reply saying {saying!r}",
            lambda: [read(one) for one in replies()],
        )
        return found

    async def told(self, who: str, saying: str) -> str:
        """What only this person saw in answer to a press, once it says that: beside the press, or in their own chat
        where that took too long."""
        notices = self.world.notices[teams_id(who)]

        def seen() -> list[str]:
            late = any("Working on it" in one for one in notices)
            return [*notices, *(read(one) for one in (self._ours(who) if late else ()))]

        found: str = await self._until(
            lambda: next((one for one in seen() if saying in one), None), saying, seen
        )
        return found

    async def written(self, who: str, saying: str) -> Message:
        """What the bot wrote to this person alone."""
        found: Message = await self._until(
            lambda: next((one for one in self._ours(who) if saying in read(one)), None),
            f"a message to {who} saying {saying!r}",
            lambda: [read(one) for one in self._ours(who)],
        )
        return found

    def _ours(self, who: str) -> list[Message]:
        return [one for one in self.world.chat(teams_id(who)) if one.by == "bot"]

    async def press(self, who: str, message: Message, label: str, *, old_client: bool = False) -> Answer:
        """Also of what stands in the message's place for this person, once their client has asked for it."""
        if "refresh" in message.card:
            seen = lambda: str(self.world.seen(teams_id(who), message))  # noqa: E731
            await self._until(lambda: f"'{label}'" in seen(), label, seen)
        return await self.world.press(teams_id(who), message, label, old_client=old_client)

    def dialog(self, who: str) -> dict[str, Any]:
        """The dialog that is open for this person."""
        return self.world.dialogs[teams_id(who)]

    async def submit(self, who: str, values: Mapping[str, str], label: str = "") -> Answer:
        return await self.world.submit(teams_id(who), values, label)

    async def say(self, who: str, company: str | None, text: str, *, thread: Message | None = None) -> Answer:
        """`company` None: to the bot alone."""
        where = teams_channel(company) if company else None
        return await self.world.say(teams_id(who), where, text, thread=thread)

    async def _until(self, look: Callable[[], Any], what: str, seen: Callable[[], Any]) -> Any:
        return await eventually(look, what=what, seen=seen)


def card_id(message: Message) -> str:
    body = message.card.get("body") or [{}]
    return str(body[0].get("id", ""))


def read(message: Message) -> str:
    """All the text of a message, as far as a person would read it."""
    parts = [str(message.activity.get("text") or "")]
    for block in walked(message.card):
        if block.get("type") in ("TextBlock", "TextRun"):
            parts.append(block["text"].replace("\\", ""))
        if str(block.get("type", "")).startswith("Action."):
            parts.append(f"[{block['title']}]")
    return "\n".join(parts)
