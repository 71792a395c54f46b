"""The knowledge base and questions by REST and on the command line: the same access as in chat."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from bot.core import Core
from engine.operations import respond
from tests import given
from tests.bot.rest import serving
from tests.bot.shell import Shell

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
SAID = {"title": "Disk full on web-01", "problem": "Alerts at 93 %", "fix": "Kim deleted old logs"}


async def test_written_read_edited_shared_and_retired(core: Core, world: given.World):
    answer = await world.tell(given.alert())
    number = given.results(answer)[0]["incident_id"]
    foreign = given.results(await world.tell(given.alert(), company=world.globex))[0]["incident_id"]
    async with serving(core) as rest:
        path = f"/api/incidents/{number}/article"
        made = await rest.post(world.kim, path, SAID, status=201)
        assert made["id"] == "KB-1" and made["company"] == "acme" and made["incident_id"] == number
        assert (await rest.post(world.kim, path, SAID | {"fix": "More"}, status=201))["id"] == "KB-1"
        changed = await rest.put(world.bob, "/api/articles/KB-1", SAID | {"title": "Disk is full"})
        assert changed["title"] == "Disk is full" and changed["updated_by"] == "Bob"
        found = await rest.get(world.ada, "/api/articles?q=disk%20full&company=acme")
        assert [one["id"] for one in found["articles"]] == ["KB-1"]
        assert not (await rest.get(world.eve, "/api/articles?q=disk"))["articles"]
        for method, address, body in (
            ("GET", "/api/articles/KB-1", None),
            ("PUT", "/api/articles/KB-1", SAID),
            ("POST", "/api/articles/KB-1/retire", None),
            ("POST", "/api/articles/KB-1/share", None),
            ("POST", path, SAID),
            ("POST", f"/api/incidents/{number}/ask", {"question": "what changed before this?"}),
        ):
            await rest.call(world.eve, method, address, body, status=404)
            await rest.call(None, method, address, body, status=401)
        await rest.get(world.eve, "/api/articles?company=acme", status=404)
        await rest.get(world.vera, "/api/articles", status=403)
        await rest.post(world.ada, "/api/articles/KB-1/share", status=403)
        shared = await rest.post(world.root, "/api/articles/KB-1/share", status=201)
        assert shared["company"] is None and "web-01" not in str(shared) and "Kim" not in str(shared)
        assert (await rest.get(world.eve, f"/api/articles/{shared['id']}"))["author"] == "the MSP"
        asked = await rest.post(
            world.kim, f"/api/incidents/{number}/ask", {"question": "has it been seen before?"}
        )
        assert asked["by"] == "rules" and not asked["by_model"] and "KB-2" in asked["citations"]
        assert foreign not in str(asked)
        await rest.put(world.kim, "/api/articles/KB-1", SAID | {"fix": ""}, status=422)
        await rest.post(world.kim, "/api/articles/KB-1/retire")
        await rest.get(world.kim, "/api/articles/KB-1", status=404)


async def test_on_the_command_line(core: Core, world: given.World, tmp_path: Path):
    answer = await world.tell(given.alert())
    number = given.results(answer)[0]["incident_id"]
    actor, now = given.actor(world.kim), core.clock.now()
    await core.write(
        lambda tx: respond.resolve(tx, given.number(number), text="made room", actor=actor, now=now)
    )
    settings = core.settings
    key = settings.aw_secret_key.get_secret_value() or Fernet.generate_key().decode()
    shell = Shell(tmp_path, {"AW_DATABASE_URL": settings.aw_database_url, "AW_SECRET_KEY": key})

    def use() -> None:
        assert (
            shell("kb", "add", number, "--title", "Disk full", "--fix", "Old logs on web-01 went").code == 0
        )
        assert (
            shell("kb", "edit", "KB-1", "--title", "Disk is full", "--fix", "Logs on web-01 went").code == 0
        )
        assert [one["id"] for one in shell.done("kb", "search", "logs")] == ["KB-1"]
        assert shell.done("kb", "show", "1")["incident"] == number
        made = shell.done("kb", "share", "KB-1")
        assert made["company"] is None and "web-01" not in made["fix"]
        assert shell("kb", "retire", "KB-1").code == 0
        assert [one["id"] for one in shell.done("kb", "search")] == ["KB-2"]
        assert "There is no KB-1" in shell.refused("kb", "show", "KB-1")
        assert "is no article" in shell.refused("kb", "show", "first")

    await asyncio.to_thread(use)
