"""`/aw report` as people meet it: figures at once and alone, the picture and the files where they asked for them: as
files in Slack, behind links in Teams, where a bot can put none into a channel."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp
import pytest

from sandbox.teams.world import walked
from tests.hands.post import Post
from tests.harness import Harness, eventually, shown
from tests.outside import COMPANIES


@dataclass(frozen=True, slots=True)
class Offered:
    """A file that stands under a message."""

    kind: str
    url: str


def files_of(h: Harness, posts: list[Post]) -> list[Offered]:
    found = []
    for one in posts:
        if h.hand.name == "teams":
            opened = [part for part in walked(one.raw.card) if part.get("type") == "Action.OpenUrl"]
            found += [
                Offered(part["title"].lower().replace("picture", "png"), part["url"]) for part in opened
            ]
    return found


def files_in(h: Harness, company: str) -> list[Offered]:
    if h.hand.name == "teams":
        return files_of(h, h.hand.posts(company))
    return slack_files(h, COMPANIES[company][1])


def slack_files(h: Harness, channel: str) -> list[Offered]:
    kept = [file for one in h.world.slack.messages(channel) for file in one.get("files") or ()]
    return [Offered(one["filetype"], h.world_url + one["url"]) for one in kept]


def files_to(h: Harness, who: str) -> list[Offered]:
    """In this person's own channel."""
    if h.hand.name == "teams":
        return files_of(h, [one for one in h.hand.whispers(who) if one.raw])
    own = [one.id for one in h.world.slack.state.channels.values() if one.is_im]
    return [file for channel in own for file in slack_files(h, channel)]


async def fetched(url: str) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.read()


async def test_a_report_alone_then_in_the_channel(h: Harness):
    await h.fire("acme")
    await h.fire("acme")
    await h.card("acme")
    await h.command("kim", "acme", "/aw report acme 30d")
    alone = await h.whispered("kim", "2 alerts became 1 incident")
    assert "noise reduction" in shown(alone) and "50 %" in shown(alone)
    assert not files_in(h, "acme")
    await h.press("kim", alone, "report_post")
    found = await eventually(lambda: files_in(h, "acme"), what="the report's files")
    assert [one.kind for one in found] == ["png", "pdf", "csv", "json"]
    told = next(one for one in reversed(h.hand.posts("acme")) if "2 alerts became 1 incident" in shown(one))
    assert "Kim" not in shown(told), "the client's own people read the channel too"
    bodies = [await fetched(one.url) for one in found]
    assert [status for status, _ in bodies] == [200] * 4
    assert bodies[0][1].startswith(b"\x89PNG") and bodies[1][1].startswith(b"%PDF")
    assert b'"people": []' in bodies[3][1]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_who_gets_what(h: Harness):
    await h.fire("acme")
    await h.card("acme")
    refused = await h.command("dana", "acme", "/aw report --share")
    assert "Only those who work for the company can post its report." in shown(refused)
    unknown = await h.command("maria", "acme", "/aw report globex")
    assert "I know no company “globex”" in shown(unknown)
    wrong = await h.command("kim", "acme", "/aw report acme 9999d")
    assert "no span of days" in shown(wrong)
    alone = await h.command("lee", "acme", "/aw report 7d")
    private = alone if alone else await h.whispered("lee", "the last 7 days")
    await h.press("lee", private, "report_send")
    found = await eventually(lambda: files_to(h, "lee"), what="files in a direct message")
    assert len(found) == 4 and (await fetched(found[1].url))[0] == 200
    assert not files_in(h, "acme")
