"""One company in Slack and in Teams: the same command says the same words in both."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.teams.world import walked
from tests.conftest import SECRET_KEY
from tests.hands.post import Post
from tests.hands.teams import TeamsHand
from tests.harness import Harness, eventually, harness, shown

pytestmark = pytest.mark.only("teams", why="both are there at once")
COMMANDS = (
    "home",
    "status acme",
    "list",
    "mine",
    "INC-1",
    "why 1",
    "details 1",
    "whoami",
    "report acme 30d",
    "config acme",
    "oncall",
    "approve",
    "claim",
    "claim INC-99",
    "status nowhere",
    "stauts",
    "help",
)


@pytest.fixture
async def h(database_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    async with harness(database_url, SECRET_KEY, tmp_path / "machines", chats=("slack", "teams")) as made:
        yield made


def words(text: str) -> list[str]:
    """Without what is each chat's own: dots, marks, how a command and a time are written."""
    plain = re.sub(r"<!date\^[^|]*\|([^>]*)>", r"\1", text)
    return re.findall(r"[\w%-]+", plain.replace("\\", ""))


def heads(post: Post) -> set[str]:
    """What stands over the columns of tables: Slack has no tables, and says it beside the figures."""
    tables = [part for part in walked(post.raw.card) if part.get("type") == "Table"]
    return {
        word for one in tables for text in walked(one["rows"][0]) for word in words(str(text.get("text", "")))
    }


async def test_the_same_command_says_the_same_words_in_both(h: Harness):
    await h.fire("acme", "Service nginx down")
    await h.fire("acme", "Queue stuck", asset_name="acme-mail-01", severity="low")
    await h.card("acme", count=2)
    await h.teams.card("acme", count=2)
    there = TeamsHand(h.world)
    different = {}
    for command in COMMANDS:
        one = await h.command("lee", "acme", f"/aw {command}")
        other = await there.command("lee", "acme", command)
        assert one is not None and other is not None, command
        here, theirs = set(words(shown(one))), set(words(shown(other)))
        missing, more = here - theirs, theirs - here - heads(other)
        if missing or more:
            different[command] = (sorted(missing), sorted(more))
    assert not different, different


async def test_a_report_comes_where_it_was_asked_for_and_into_both_channels(h: Harness):
    await h.fire("acme", "Service nginx down")
    await h.card("acme")
    there = TeamsHand(h.world)
    asked = await there.command("kim", "acme", "report acme 30d")
    assert asked is not None
    await there.press("kim", asked, "report_send")
    await eventually(lambda: opened(there.whispers("kim")), what="the files in Teams")
    assert not [one for one in h.hand.direct("kim") if "became" in shown(one)], "not in Slack"
    await there.press("kim", asked, "report_post")
    await eventually(lambda: opened(there.posts("acme")), what="the files in Teams' channel")
    await eventually(
        lambda: [one for one in h.hand.posts("acme") if "1 alert became 1 incident" in shown(one)],
        what="the report in Slack's channel",
    )


def opened(posts: list[Post]) -> list[str]:
    parts = [part for one in posts if one.raw for part in walked(one.raw.card)]
    return [part["title"] for part in parts if part.get("type") == "Action.OpenUrl"]
