"""The knowledge base in chat: kept, found again, shared without whose it was, and foreign to others."""

from __future__ import annotations

from typing import Any

import pytest

from bot.actions.articles import (
    EditArticle,
    RetireArticle,
    SearchArticles,
    ShareArticle,
    ShowArticle,
    WriteArticle,
)
from bot.cards.card import Asked, Card, Done, Said
from bot.cards.incident import incident_card
from bot.commands import parse
from bot.handlers.dispatch import handle
from bot.place import Place
from bot.slack.render import message
from bot.teams.render import message as on_teams
from bot.views import incident_view
from engine.article import SHARED, without
from engine.audit import AuditKind
from engine.company import User
from engine.errors import NotFound, Refused
from engine.operations import respond
from tests import given

FIX = "Kim deleted /var/spool/old on web-01 (10.1.2.3), as acme's Ada asked; password=hunter2-canary"


async def act(world: given.World, action: Any, user: User, place: Place | None = None) -> Any:
    where = place or Place(company_id=world.acme.id)
    return await handle(world.core, action, actor=given.actor(user), place=where)


async def shown(world: given.World, number: int) -> str:
    async def look(tx: Any) -> Any:
        return await incident_view(tx, number, catalogue=world.core.catalogue, now=world.core.clock.now())

    card = incident_card(await world.core.read(look))
    on_teams(card)
    return str(message(card))


async def resolved(world: given.World, text: str = "Deleted old spool files.") -> int:
    answer = await world.tell(given.alert(signature="Mail spool / 93% full"))
    number = given.number(given.results(answer)[0]["incident_id"])
    actor, now = given.actor(world.kim), world.core.clock.now()
    await world.core.write(lambda tx: respond.resolve(tx, number, text=text, actor=actor, now=now))
    return number


@pytest.fixture
async def kept(world: given.World) -> int:
    """KB-1 of acme."""
    number = await resolved(world)
    written = WriteArticle(number, "Mail spool full", "The spool of web-01 fills.", FIX)
    assert await act(world, written, world.kim) == Done("Kept as KB-1. Similar incidents show it.")
    return number


def text_of(reply: Any) -> str:
    assert isinstance(reply, Said)
    card: Card = reply.card
    return str(message(card))


async def test_what_fixed_it_is_asked_with_a_draft_that_needs_no_model(world: given.World):
    number = await resolved(world)
    assert "What fixed it?" in await shown(world, number)
    reply = await act(world, WriteArticle(number), world.kim)
    assert isinstance(reply, Asked)
    fields = {one.name: one.value for one in reply.form.fields}
    assert fields["title"] == "Mail spool / 93% full" and fields["fix"] == "Deleted old spool files."
    assert "📐 draft by rules" in str(reply.form.intro)
    filled = reply.form.action.filled({"title": "Spool full", "problem": "", "fix": "Old files went."})
    assert await act(world, filled, world.kim) == Done("Kept as KB-1. Similar incidents show it.")
    assert "📖 KB-1" in await shown(world, number)
    again = await act(world, WriteArticle(number), world.kim)
    assert {one.name: one.value for one in again.form.fields}["fix"] == "Old files went."


async def test_a_similar_incident_says_that_it_was_seen_and_what_fixed_it(world: given.World, kept: int):
    await world.tell(given.recovery(signature="Mail spool / 93% full"))
    answer = await world.tell(given.alert("db-01", "Mail spool / 95% full"))
    number = given.number(given.results(answer)[0]["incident_id"])
    assert number != kept
    text = await shown(world, number)
    assert f"seen before (INC-{kept}), what fixed it: *Kim deleted /var/spool/old" in text and "KB-1" in text
    other = await world.tell(given.alert("web-77", "Mail spool / 95% full"), company=world.globex)
    foreign = await shown(world, given.number(given.results(other)[0]["incident_id"]))
    assert "📖" not in foreign and "spool/old" not in foreign


async def test_it_is_found_by_its_words(world: given.World, kept: int):
    assert "KB-1" in text_of(await act(world, SearchArticles("spool"), world.bob))
    assert "KB-1" in text_of(await act(world, SearchArticles(""), world.ada))
    assert "Nothing about" in text_of(await act(world, SearchArticles("printer"), world.bob))
    assert "What fixed it" in text_of(await act(world, ShowArticle(1), world.bob))


@pytest.mark.parametrize(
    "action", [ShowArticle(1), EditArticle(1, "a", "", "b"), EditArticle(1), RetireArticle(1)]
)
async def test_to_others_it_does_not_exist(world: given.World, kept: int, action: Any):
    with pytest.raises(NotFound, match="There is no KB-1"):
        await act(world, action, world.eve, Place())
    with pytest.raises(NotFound, match="There is no KB-1"):
        await act(world, action, world.root, Place(company_id=world.globex.id))
    assert "Nothing about" in text_of(await act(world, SearchArticles("spool"), world.eve, Place()))
    with pytest.raises(NotFound):
        await act(world, WriteArticle(kept, "a", "", "b"), world.eve, Place())


@pytest.mark.parametrize("action", [ShowArticle(1), SearchArticles("spool"), EditArticle(1, "a", "", "b")])
async def test_a_viewer_does_not_read_it(world: given.World, kept: int, action: Any):
    with pytest.raises(Refused) as refused:
        await act(world, action, world.vera)
    assert refused.value.code == "denied"


async def test_only_msp_admins_share_and_then_nothing_says_whose_it_was(world: given.World, kept: int):
    with pytest.raises(Refused, match="Only MSP admins"):
        await act(world, ShareArticle(1), world.ada)
    reply = await act(world, ShareArticle(1), world.root)
    assert isinstance(reply, Asked)
    fields = {one.name: one.value for one in reply.form.fields}
    filled = reply.form.action.filled(fields | {"problem": f"{fields['problem']} Acme again, db-01."})
    assert await act(world, filled, world.root) == Done("Shared with all companies as KB-2.")
    made = await world.core.read(lambda tx: tx.articles.get(2))
    assert made is not None and made.company_id == SHARED and made.incident_id is None
    said = f"{made.title} {made.problem} {made.fix} {made.author} {made.updated_by}".lower()
    for word in ("acme", "kim", "ada", "web-01", "db-01", "10.1.2.3", "hunter2", "root"):
        assert word not in said, said
    assert "spool" in said
    assert "KB-2" in text_of(await act(world, SearchArticles("spool"), world.eve, Place()))
    with pytest.raises(Refused, match="MSP admins"):
        await act(world, EditArticle(2, "a", "", "b"), world.eve, Place())
    other = await world.tell(given.alert("x-1", "Mail spool / 95% full"), company=world.globex)
    text = await shown(world, given.number(given.results(other)[0]["incident_id"]))
    assert "seen before (elsewhere)" in text and "KB-2" in text


async def test_what_is_retired_is_gone_and_all_of_it_is_on_record(world: given.World, kept: int):
    await act(world, EditArticle(1, "Mail spool full", "", "Rotated."), world.bob)
    assert await act(world, RetireArticle(1), world.bob) == Done("KB-1 is retired: nobody finds it any more.")
    with pytest.raises(NotFound):
        await act(world, ShowArticle(1), world.bob)
    entries = await world.core.read(lambda tx: tx.audit.of_subject(world.acme.id, "KB-1"))
    kinds = [one.entry.kind for one in reversed(entries)]
    assert kinds == [AuditKind.ARTICLE_WRITTEN, AuditKind.ARTICLE_EDITED, AuditKind.ARTICLE_RETIRED]


@pytest.mark.parametrize(
    ("title", "fix", "why"), [("", "x", "title"), ("x", "  ", "fix"), ("x" * 200, "y", "characters")]
)
async def test_what_is_no_article_is_said(world: given.World, kept: int, title: str, fix: str, why: str):
    with pytest.raises(Refused, match=why):
        await act(world, EditArticle(1, title, "", fix), world.kim)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("kb", SearchArticles("")),
        ("kb disk full", SearchArticles("disk full")),
        ("kb search Disk full", SearchArticles("Disk full")),
        ("kb KB-3", ShowArticle(3)),
        ("kb 3", ShowArticle(3)),
        ("KB-3", ShowArticle(3)),
        ("kb show 3", ShowArticle(3)),
        ("kb add INC-7", WriteArticle(7)),
        ("kb edit kb-3", EditArticle(3)),
        ("kb share 3", ShareArticle(3)),
        ("kb retire 3", RetireArticle(3)),
    ],
)
def test_words_become_acts(typed: str, meant: Any):
    assert parse(typed) == [meant]


def test_in_a_thread_its_incident_is_meant_and_a_number_is_asked_for():
    assert parse("kb add", here=5) == [WriteArticle(5)]
    for typed in ("kb add", "kb edit", "kb share x"):
        with pytest.raises(Refused):
            parse(typed)


def test_addresses_of_any_kind_go():
    text = (
        "ssh to db01.corp.acme.com (fe80:0:0:1:2), i-0abc1234def567890 in 123456789012, arn:aws:iam::1:role/x"
    )
    bare = without(text, ("Acme",))
    for one in ("acme", "fe80", "i-0abc", "123456789012", "arn:aws"):
        assert one not in bare, bare
