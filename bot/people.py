"""Who a chat user is: the directory's word, never a display name; and the first link of a known e-mail address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from bot.cards.card import Person, Refusal
from bot.core import Core
from engine.access import SYSTEM, Actor, Via
from engine.audit import AuditKind, entry
from engine.company import User
from engine.errors import Refused
from engine.operations import directory
from storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Profile:
    """What the platform itself vouches for. `own` is False for guests and people of other organisations."""

    chat_id: str
    email: str
    own: bool


async def actor_of(
    core: Core, platform: str, chat_id: str, profile: Callable[[], Awaitable[Profile]]
) -> Actor:
    """The person behind a chat id. Unknown, but a member of the MSP's own workspace with a known e-mail: linked now,
    and the act they pressed goes on. Raises Refused for anybody else."""
    via = Via.SLACK if platform == "slack" else Via.TEAMS
    known = await core.read(lambda tx: tx.users.by_chat(platform, chat_id))
    if known is not None:
        return Actor(user=known, via=via)
    seen = await profile()
    if seen.own and seen.email:
        linked = await core.write(lambda tx: _link(tx, core, platform, seen))
        if linked is not None:
            return Actor(user=linked, via=via)
    stranger, whom = Actor(user=None, via=via, label=chat_id), f"{platform} {chat_id}"
    await core.write(lambda tx: _prove(tx, stranger, whom, core.clock.now()))
    raise Refused(
        "I do not know you yet, so I cannot do that for you.",
        hint=f"Ask an MSP admin to link you: aw user set YOUR-EMAIL --{platform}-user {chat_id}",
        code="not_linked",
    )


async def _prove(tx: Transaction, stranger: Actor, whom: str, now: datetime) -> None:
    """Nobody knows whom they pressed or typed as, but that they did is part of the record."""
    line = entry(AuditKind.REFUSED, company_id=0, actor=stranger, subject=whom, now=now, why="not linked")
    tx.audit.add(line)


async def _link(tx: Transaction, core: Core, platform: str, profile: Profile) -> User | None:
    user = await tx.users.by_email(profile.email)
    if user is None or (user.slack_user if platform == "slack" else user.teams_user):
        return None
    changed = (
        replace(user, slack_user=profile.chat_id)
        if platform == "slack"
        else replace(user, teams_user=profile.chat_id)
    )
    linked = f"{platform} {profile.chat_id}"
    return await directory.change_user(tx, changed, actor=SYSTEM, now=core.clock.now(), linked=linked)


async def refusal(core: Core, refused: Refused) -> Refusal:
    """A refusal as people read it, with the names of those who could."""
    if not refused.who:
        return Refusal(refused.reason, refused.hint)

    async def look(tx: Transaction) -> tuple[Person, ...]:
        found = [await tx.users.get(user_id) for user_id in refused.who[:4]]
        return tuple(
            Person(one.name, one.slack_user, one.teams_user, notify=True) for one in found if one is not None
        )

    return Refusal(refused.reason, refused.hint, await core.read(look))
