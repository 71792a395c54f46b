"""/api/messages from outside: who is turned away and how; a server without Teams does not even load its SDK."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.teams.issuer import SigningKey
from tests.conftest import SECRET_KEY
from tests.harness import Harness, harness
from tests.outside import teams_channel, teams_id


@pytest.fixture
async def h(tmp_path: Path) -> AsyncIterator[Harness]:
    url = f"sqlite+aiosqlite:///{tmp_path}/aw.db"
    async with harness(url, SECRET_KEY, tmp_path / "machines", chats=("slack", "teams")) as made:
        yield made


def activity(h: Harness, **changes: Any) -> dict[str, Any]:
    world = h.teams.world
    who, where = world.state.people[teams_id("kim")], world.state.conversations[teams_channel("acme")]
    return world._activity(who, where, "") | {"type": "message", "text": "help"} | changes


async def test_who_is_turned_away_and_how(h: Harness):
    world = h.teams.world
    evil = "https://evil.example/"
    cases = [
        (activity(h), "", 401),
        (activity(h), "garbage", 401),
        (activity(h), world.issuer.token(world.service_url, exp=1), 401),
        (activity(h), world.issuer.token(world.service_url, aud="another"), 401),
        (activity(h), world.issuer.token(world.service_url, key=SigningKey.new()), 401),
        (activity(h, serviceUrl=evil), world.issuer.token(evil), 401),
        (activity(h, channelData={"tenant": {"id": "foreign"}}), None, 401),
        ({"serviceUrl": world.service_url}, None, 401),
        (activity(h, type=None), None, 400),
        (activity(h, conversation={"id": "", "tenantId": world.config.tenant_id}), None, 400),
        (activity(h, **{"from": "x"}), None, 400),
        (activity(h, type="event", unknown={"a": [1]}), None, 202),
        (activity(h, type="invoke", name="composeExtension/query"), None, 200),
        (activity(h, type="invoke", name="signin/verifyState"), None, 501),
        (activity(h, type="invoke", name="task/fetch", value={"data": "x"}), None, 200),
        (activity(h), None, 202),
    ]
    for given, token, status in cases:
        answer = await world.deliver(given, token=token)
        assert answer.status == status, (given, token, answer)
    for raw in (b"", b"[]", b"{", b"\xff"):
        async with h.session.post(f"{h.url}/api/messages", data=raw) as said:
            assert said.status == 400
    await h.quiet()
    assert not await h.read(lambda tx: tx.incidents.get(1))


async def test_who_teams_does_not_name_is_nobody(h: Harness):
    world = h.teams.world
    nobody = {"id": "29:aad-kim", "name": "Kim"}
    data = {"action": {"type": "Action.Execute", "verb": "aw:claim", "data": {"aw": "claim", "value": "1"}}}
    await h.fire("acme", "Fan")
    await h.teams.card("acme")
    press = activity(h, type="invoke", name="adaptiveCard/action", value=data, **{"from": nobody})
    answer = await world.deliver(press)
    assert answer.status == 200 and "does not say who you are" in answer.body["value"]


def test_a_server_without_teams_loads_none_of_its_sdk():
    code = (
        "import sys, bot.app, bot.slack.app, bot.worker\n"
        "loaded = [name for name in sys.modules if name.split('.')[0] in ('botbuilder', 'botframework', 'msrest')]\n"
        "assert not loaded, loaded\n"
        "assert not [name for name in sys.modules if name.startswith('bot.teams')]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def test_without_its_settings_there_is_no_door(tmp_path: Path):
    url = f"sqlite+aiosqlite:///{tmp_path}/aw.db"
    async with (
        harness(url, SECRET_KEY, tmp_path / "machines") as h,
        h.session.post(f"{h.url}/api/messages", json={"type": "message"}) as said,
    ):
        assert said.status == 404
