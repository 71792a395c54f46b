"""The wire to Teams against a world that refuses what the real one refuses: what is tried again, what is given up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from bot.budget import Lane
from bot.cards import card as cards
from bot.cards.card import Card
from bot.core import Core
from bot.ports import Gone
from bot.posting import Post, first_post
from bot.teams.connector import Connector
from bot.teams.gateway import PART, PARTS, TeamsChat
from bot.teams.registration import Registration
from bot.threads import TextFile
from engine.errors import Ambiguous, Permanent, Transient
from engine.ports import CardWanted
from sandbox import app as sandbox_app
from sandbox.faults import Do, Fault
from sandbox.teams.world import TeamsWorld, walked
from sandbox.world import World
from storage.teams import TeamsReference
from storage.transaction import Transaction

APP, SECRET, TENANT = "app-1", "secret", "tenant-1"
CHANNEL, CHAT = "19:acme@thread.tacv2", "a:aad-kim"
CARD = Card(summary="Disk full", elements=(cards.Body(("Disk full",)),), card_id="incident:1:teams")
CONFIG = {
    "app_id": APP,
    "app_secret": SECRET,
    "tenant_id": TENANT,
    "rate_limits": False,
    "people": [
        {"id": "aad-kim", "name": "Kim", "email": "kim@msp.example"},
        {"id": "aad-gus", "name": "Gus", "email": "gus_x#EXT#@msp.example", "guest": True},
        {"id": "aad-lone", "name": "Lone", "email": "lone@msp.example", "installed": False},
    ],
    "channels": [{"id": CHANNEL, "name": "acme", "team": "19:team", "members": ["aad-kim", "aad-gus"]}],
}


@dataclass
class Wire:
    core: Core
    world: TeamsWorld
    faults: Any
    chat: TeamsChat
    now: list[float]

    @property
    def calls(self) -> list[tuple[str, str, Any]]:
        return self.world.state.calls

    def fail(self, method: str, do: Do, **how: Any) -> None:
        self.faults.add(Fault(service="teams", method=method, do=do, **how))

    async def knows(self, reference_id: str, *, account: str = "") -> None:
        reference = TeamsReference(
            id=reference_id, tenant_id=TENANT, service_url=self.world.service_url, account=account
        )
        await self.chat.remember(reference)


@pytest.fixture
async def wire(core: Core, tmp_path: Path) -> AsyncIterator[Wire]:
    world = World.load({"bot": {"url": "http://127.0.0.1:1"}, "root": str(tmp_path), "teams": CONFIG})
    server = TestServer(sandbox_app.create(world))
    await server.start_server()
    assert world.teams is not None
    world.teams.origin = str(server.make_url("/")).rstrip("/")
    ours = Registration(app_id=APP, password=SECRET, tenants=(TENANT,), sandbox=f"{world.teams.origin}/teams")
    now = [0.0]
    async with aiohttp.ClientSession() as session:
        connector = Connector(ours, session, monotonic=lambda: now[0])
        made = Wire(core, world.teams, world.faults, TeamsChat(core, connector), now)
        await made.knows(CHANNEL)
        yield made
    await server.close()


async def test_a_card_begins_a_thread_is_edited_in_place_and_answered_in_its_thread(wire: Wire):
    ref = await wire.chat.post(CHANNEL, CARD)
    reply = await wire.chat.post(CHANNEL, CARD, thread=ref)
    assert reply.startswith(f"{ref};")
    await wire.chat.update(CHANNEL, ref, replace(CARD, summary="Disk fine"))
    await wire.chat.update(CHANNEL, reply, replace(CARD, summary="Noted"))
    top, *rest = wire.world.state.conversations[CHANNEL].messages.values()
    assert (top.edits, top.activity["summary"]) == (1, "Disk fine")
    assert [(one.root, one.edits) for one in rest] == [(ref, 1)]
    paths = [path for _, path, _ in wire.calls]
    assert all("@" not in path and ";" not in path and "=" not in path for path in paths), paths
    assert f"19%3Aacme%40thread.tacv2%3Bmessageid%3D{ref}" in paths[1]
    assert all("text" not in (body.get("activity") or body) for _, _, body in wire.calls)


async def test_a_chat_has_no_threads(wire: Wire):
    await wire.knows("person:aad-kim", account="29:aad-kim")
    chat = await wire.chat.direct("aad-kim")
    assert chat == CHAT
    first = await wire.chat.post(chat, CARD)
    second = await wire.chat.post(chat, CARD, thread=first)
    await wire.chat.update(chat, second, CARD)
    assert ";" not in second
    assert [one.edits for one in wire.world.chat("aad-kim")] == [0, 1]


SLOWER = [(429, "later"), (412, "later"), (502, "unknown"), (504, "unknown"), (500, "unknown")]


@pytest.mark.parametrize(("status", "kind"), SLOWER)
async def test_what_may_be_tried_again(wire: Wire, status: int, kind: str):
    ref = await wire.chat.post(CHANNEL, CARD)
    wire.fail("createConversation", Do.STATUS, status=status)
    wire.fail("updateActivity", Do.STATUS, status=status)
    with pytest.raises(Transient) as posted:
        await wire.chat.post(CHANNEL, CARD)
    assert isinstance(posted.value, Ambiguous) == (kind == "unknown")
    with pytest.raises(Transient) as edited:
        await wire.chat.update(CHANNEL, ref, CARD)
    assert not isinstance(edited.value, Ambiguous), "an edit may always be done again"


async def test_teams_own_pause_is_kept(wire: Wire):
    wire.fail("createConversation", Do.RATELIMITED, retry_after=7)
    with pytest.raises(Transient) as error:
        await wire.chat.post(CHANNEL, CARD)
    assert error.value.retry_after == timedelta(seconds=7)


async def test_an_answer_that_was_lost_may_have_had_its_effect(wire: Wire):
    wire.fail("createConversation", Do.LOST_REPLY)
    with pytest.raises(Ambiguous):
        await wire.chat.post(CHANNEL, CARD)
    assert len(wire.world.messages(CHANNEL)) == 1
    wire.fail("updateActivity", Do.RESET, times=2)  # aiohttp itself sends an edit once more
    with pytest.raises(Transient):
        await wire.chat.update(CHANNEL, wire.world.messages(CHANNEL)[0].id, CARD)


REFUSED = [
    (403, "MessageWritesBlocked", "install it again"),
    (413, "MessageSizeTooBig", "too large"),
    (404, "ConversationNotFound", "check the company's Teams conversation"),
    (400, "BadSyntax", "400 BadSyntax"),
]


@pytest.mark.parametrize(("status", "code", "words"), REFUSED)
async def test_what_cannot_be_done_is_said_in_words(wire: Wire, status: int, code: str, words: str):
    wire.fail("createConversation", Do.ERROR, status=status, error=code)
    with pytest.raises(Permanent, match=words):
        await wire.chat.post(CHANNEL, CARD)


async def test_what_was_deleted_is_gone(wire: Wire):
    ref = await wire.chat.post(CHANNEL, CARD)
    await wire.chat.delete(CHANNEL, ref)
    await wire.chat.delete(CHANNEL, ref)
    with pytest.raises(Gone):
        await wire.chat.update(CHANNEL, ref, CARD)


async def test_the_token_is_fetched_once_and_again_when_it_no_longer_holds(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
):
    asked: list[Any] = []
    sign_in = wire.world.issuer.sign_in

    def counted(tenant: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        asked.append(tenant)
        return sign_in(tenant, form)

    monkeypatch.setattr(wire.world.issuer, "sign_in", counted)
    for _ in range(3):
        await wire.chat.post(CHANNEL, CARD)
    assert asked == [TENANT]
    wire.world.issuer.forget_tokens()
    await wire.chat.post(CHANNEL, CARD)
    assert len(asked) == 2
    wire.now[0] += 3_400
    await wire.chat.post(CHANNEL, CARD)
    assert len(asked) == 3
    assert len(wire.world.messages(CHANNEL)) == 5


async def test_many_at_once_take_no_threads_and_answer_to_nothing(wire: Wire):
    await wire.chat.post(CHANNEL, CARD)
    before = {one.name for one in threading.enumerate()}
    refs = await asyncio.gather(*(wire.chat.post(CHANNEL, CARD) for _ in range(60)))
    assert len(set(refs)) == 60
    begun = {one.name for one in threading.enumerate()} - before
    assert not [name for name in begun if name.startswith("asyncio")], "the loop's pool stays free"
    assert not any("replyToId" in str(body) for _, _, body in wire.calls)


async def test_a_wrong_secret_is_said(wire: Wire):
    wire.world.issuer.app_secret = "changed"
    with pytest.raises(Permanent, match="MICROSOFT_APP_PASSWORD"):
        await wire.chat.post(CHANNEL, CARD)


async def test_our_token_goes_nowhere_else(wire: Wire):
    evil = TeamsReference(id="19:evil@thread.tacv2", tenant_id=TENANT, service_url="http://127.0.0.1:9/x")
    await wire.chat.remember(evil)
    with pytest.raises(Permanent, match="not its own"):
        await wire.chat.post(evil.id, CARD)


async def test_nobody_is_written_to_who_never_wrote(wire: Wire):
    with pytest.raises(Permanent, match="never wrote"):
        await wire.chat.direct("aad-kim")
    await wire.knows("person:aad-lone", account="29:aad-lone")
    with pytest.raises(Permanent, match="MessageWritesBlocked"):
        await wire.chat.direct("aad-lone")


async def test_who_somebody_is(wire: Wire):
    kim = await wire.chat.member(CHANNEL, "29:aad-kim")
    assert (kim.tenant, kim.email, kim.guest) == (TENANT, "kim@msp.example", False)
    assert (await wire.chat.member(CHANNEL, "29:aad-gus")).guest
    with pytest.raises(Permanent):
        await wire.chat.member(CHANNEL, "29:nobody")


async def test_long_output_comes_in_parts_and_says_what_is_left(wire: Wire):
    ref = await wire.chat.post(CHANNEL, CARD)
    text = "<b>&" * (PART * (PARTS + 1) // 4)
    await wire.chat.attach(
        CHANNEL, thread=ref, file=TextFile("out.txt", "df -h", text.encode()), company_id=1
    )
    parts = wire.world.replies(wire.world.messages(CHANNEL)[0])
    assert len(parts) == PARTS + 1
    assert all("<b>&" not in one.activity["text"].replace("<b>df", "") for one in parts)
    assert f"{len(text) - PART * PARTS:,} more" in parts[-1].activity["text"]


async def test_with_a_public_address_files_are_behind_buttons_and_without_one_it_is_said(wire: Wire):
    settings = wire.core.settings.model_copy(update={"aw_public_url": "https://aw.example.com"})
    chat = TeamsChat(replace(wire.core, settings=settings), wire.chat.connector)
    ref = await chat.post(CHANNEL, CARD)
    whole = TextFile("INC-1-output.txt", "df -h", b"x" * 9_000)
    await chat.attach(CHANNEL, thread=ref, file=whole, company_id=1)
    (reply,) = wire.world.replies(wire.world.messages(CHANNEL)[0])
    (opened,) = [one for one in walked(reply.card) if one.get("type") == "Action.OpenUrl"]
    assert opened["title"] == "Whole output" and "9,000 characters" in str(reply.card)
    assert opened["url"].startswith("https://aw.example.com/files/1-")
    assert opened["url"].endswith("/INC-1-output.txt")
    files = [TextFile(f"acme.{kind}", "Report", b"x") for kind in ("png", "pdf", "csv", "json")]
    await chat.publish(CHANNEL, CARD, files, company_id=1)
    card = wire.world.messages(CHANNEL)[-1].card
    titles = [one["title"] for one in walked(card) if one.get("type") == "Action.OpenUrl"]
    assert titles == ["Picture", "PDF", "CSV", "JSON"]
    await wire.chat.publish(CHANNEL, CARD, files, company_id=1)
    dead = str(wire.world.messages(CHANNEL)[-1].card)
    assert "Action.OpenUrl" not in dead and "AW_PUBLIC_URL is not set" in dead.replace("\\", "")


async def test_a_lost_first_post_is_found_again_by_who_presses_it(wire: Wire):
    wanted = CardWanted(
        company_id=1,
        incident_id=1,
        kind="incident",
        subject="1",
        platform="teams",
        channel=CHANNEL,
        in_thread=False,
    )

    async def want(tx: Transaction) -> None:
        tx.cards.want(wanted)

    await wire.core.write(want)
    now = wire.core.clock.now()
    assert await wire.chat.find(CHANNEL, wanted.id, since=now) is None
    await wire.chat.sighted(CHANNEL, wanted.id, "123")
    assert await wire.chat.find(CHANNEL, wanted.id, since=now) == "123"
    assert await wire.chat.find(CHANNEL, wanted.id, since=now + timedelta(seconds=1)) is None

    stands, double = await wire.chat.post(CHANNEL, CARD), await wire.chat.post(CHANNEL, CARD)
    await wire.core.write(lambda tx: tx.cards.posted(wanted.id, ref=stands, shown="x", now=now))
    await wire.chat.sighted(CHANNEL, wanted.id, stands)
    await wire.chat.sighted(CHANNEL, wanted.id, double)
    assert [one.id for one in wire.world.messages(CHANNEL)] == [stands]

    other = replace(wanted, kind="approval", subject="r1")
    theirs = await wire.chat.post(CHANNEL, CARD)

    async def stand(tx: Transaction) -> None:
        tx.cards.want(other)
        await tx.cards.flush()
        await tx.cards.posted(other.id, ref=theirs, shown="x", now=now)

    await wire.core.write(stand)
    await wire.chat.sighted(CHANNEL, wanted.id, theirs)
    assert len(wire.world.messages(CHANNEL)) == 2, "nobody can have another card taken away"


async def test_a_message_that_was_found_and_is_gone_is_posted_anew(wire: Wire):
    wanted = CardWanted(
        company_id=1,
        incident_id=None,
        kind="intake",
        subject="1",
        platform="teams",
        channel=CHANNEL,
        in_thread=False,
    )
    now = wire.core.clock.now()

    async def begun(tx: Transaction) -> Any:
        tx.cards.want(wanted)
        await tx.cards.flush()
        await tx.cards.claim_first_post(wanted.id, now=now)
        return await tx.cards.get(wanted.id)

    stored = await wire.core.write(begun)
    await wire.chat.sighted(CHANNEL, wanted.id, "123")
    await first_post(Post(wire.core, wire.chat, stored, CARD, Lane.CARD, seen_at=now))
    (posted,) = wire.world.messages(CHANNEL)
    kept = await wire.core.read(lambda tx: tx.cards.get(wanted.id))
    assert kept is not None and kept.ref == posted.id


async def test_before_teams_ever_spoke_the_mend_is_named(wire: Wire):
    ours = replace(wire.chat.connector.ours, tenants=("other",))
    chat = TeamsChat(wire.core, Connector(ours, wire.chat.connector._session))
    with pytest.raises(Permanent, match="mention it once"):
        await chat.post("19:new@thread.tacv2", CARD)
