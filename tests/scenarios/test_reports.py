"""`/aw report` as people meet it: figures at once and alone, the picture and the files where they asked for them."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.harness import Harness, eventually, shown
from tests.outside import COMPANIES

pytestmark = pytest.mark.only(
    "slack", why="a bot can put no file into a channel of Teams; test_teams.py has its links"
)


def files_in(h: Harness, channel: str) -> list[dict[str, Any]]:
    return [file for one in h.world.slack.messages(channel) for file in one.get("files") or ()]


async def test_a_report_alone_then_in_the_channel(h: Harness):
    await h.fire("acme")
    await h.fire("acme")
    await h.card("acme")
    await h.command("kim", "acme", "/aw report acme 30d")
    alone = await h.whispered("kim", "2 alerts became 1 incident")
    assert "noise reduction" in shown(alone) and "50 %" in shown(alone)
    assert not files_in(h, COMPANIES["acme"][1])
    await h.press("kim", alone, "report_post")
    channel = COMPANIES["acme"][1]
    found = await eventually(lambda: files_in(h, channel), what="the report's files")
    assert [one["filetype"] for one in found] == ["png", "pdf", "csv", "json"]
    told = next(one for one in h.world.slack.messages(channel) if one.get("files"))
    assert "2 alerts became 1 incident" in shown(told) and "Kim" not in shown(told)
    async with aiohttp.ClientSession() as session, session.get(h.world_url + found[0]["url"]) as answer:
        assert (await answer.read()).startswith(b"\x89PNG")


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

    def direct() -> list[dict[str, Any]]:
        return [
            file
            for channel in h.world.slack.state.channels.values()
            if channel.is_im
            for one in h.world.slack.messages(channel.id)
            for file in one.get("files") or ()
        ]

    assert len(await eventually(direct, what="files in a direct message")) == 4
    assert not files_in(h, COMPANIES["acme"][1])
