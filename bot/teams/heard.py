"""One thing that Teams told us, read out of an activity that was proven to be Microsoft's."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_AT = re.compile(r"<at[^>]*>(.*?)</at>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"</?[a-zA-Z][^>]{0,200}>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """`channel`: the conversation without its thread, `thread` what began that. `person`: their object id in `tenant`;
    `account`: what the bot calls them. `ref`: the message whose button was pressed."""

    id: str
    kind: str
    name: str
    text: str
    value: Mapping[str, Any]
    channel: str
    thread: str
    scope: str
    service_url: str
    tenant: str
    person: str
    account: str
    ref: str
    to_us: bool
    arrived: bool
    mentions: Mapping[str, str]

    @property
    def data(self) -> Mapping[str, Any]:
        """What the pressed button carries, with what was typed beside it; empty for anything else."""
        if self.name == "adaptiveCard/action":
            action = self.value.get("action")
            found = action.get("data") if isinstance(action, dict) else None
        else:
            found = self.value.get("data") if self.kind == "invoke" else self.value
        return found if isinstance(found, dict) else {}

    @property
    def personal(self) -> bool:
        return self.scope == "personal"

    @property
    def conversation(self) -> str:
        return f"{self.channel};messageid={self.thread}" if self.thread else self.channel

    @property
    def message_ref(self) -> str:
        """The pressed message as the `Chat` port names it."""
        threaded = self.thread and self.thread != self.ref
        return f"{self.thread};{self.ref}" if threaded else self.ref


def heard(activity: Mapping[str, Any], tenant: str) -> Heard:
    """Raises ValueError for what Teams never sends."""
    place, sender = _object(activity, "conversation"), _object(activity, "from")
    bot = str(_object(activity, "recipient").get("id") or "")
    channel, _, thread = str(place.get("id") or "").partition(";messageid=")
    kind = activity.get("type")
    if not channel or not isinstance(kind, str) or not kind:
        raise ValueError("an activity has a type and a conversation")
    value = activity.get("value")
    text, mentions, to_us = _words(activity, bot)
    added = activity.get("membersAdded")
    arrived = isinstance(added, list) and any(isinstance(one, dict) and one.get("id") == bot for one in added)
    return Heard(
        id=str(activity.get("id") or ""),
        kind=kind,
        name=str(activity.get("name") or ""),
        text=text,
        value=value if isinstance(value, dict) else {},
        channel=channel,
        thread=thread,
        scope=str(place.get("conversationType") or "personal"),
        service_url=str(activity.get("serviceUrl") or ""),
        tenant=tenant,
        person=str(sender.get("aadObjectId") or ""),
        account=str(sender.get("id") or ""),
        ref=str(activity.get("replyToId") or ""),
        to_us=to_us,
        arrived=arrived,
        mentions=mentions,
    )


def _words(activity: Mapping[str, Any], bot: str) -> tuple[str, dict[str, str], bool]:
    """What was written, without the mention of us; other mentions stand in it as `@⟨account⟩`, and what each is for."""
    text = str(activity.get("text") or "")
    mentions: dict[str, str] = {}
    to_us = False
    entities = activity.get("entities")
    for one in entities if isinstance(entities, list) else ():
        if not isinstance(one, dict) or one.get("type") != "mention":
            continue
        account, shown = str(_object(one, "mentioned").get("id") or ""), str(one.get("text") or "")
        if not account or not shown:
            continue
        if account == bot:
            to_us, text = True, text.replace(shown, " ")
        else:
            mark = f"@⟨{len(mentions)}⟩"
            mentions[mark], text = account, text.replace(shown, mark)
    plain = html.unescape(_TAG.sub("", _AT.sub(r"\1", text))).replace("\u00a0", " ")
    return plain.strip(), mentions, to_us


def _object(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = whole.get(name)
    return found if isinstance(found, dict) else {}
