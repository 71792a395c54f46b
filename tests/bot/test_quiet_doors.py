"""Quiet by the command line and by REST: the same rules, the same words."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from bot import web as basics
from bot.openapi import document
from tests import given
from tests.bot.rest import serving
from tests.bot.shell import Shell
from tests.ports import free_port


@pytest.fixture
def aw(tmp_path: Path) -> Shell:
    key = Fernet.generate_key().decode()
    settings = {
        "AW_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'aw.db'}",
        "AW_SECRET_KEY": key,
        "AW_PORT": str(free_port()),  # where nobody answers, whatever else runs on this machine
    }
    shell = Shell(tmp_path, settings)
    shell.done("company", "add", "acme", "--name", "Acme Corp")
    return shell


def test_a_silence_on_the_command_line_from_the_preview_to_its_end(aw: Shell):
    aw.done("send-test-alert", "acme", "--asset", "web-01", "--severity", "high")
    words = ("acme", "web-01", "2h", "new", "disk")
    seen = aw.done("silence", "preview", *words)
    assert seen["preview"]["alerts"] == 1 and seen["would_be"]["up_to"] == "high"
    asked = aw("silence", "add", *words)
    assert asked.code == 1 and "would have held 1 alert" in asked.out
    assert asked.err == "aw: Nothing was changed: this is the preview. Add --yes to do it.\n"
    assert aw.done("silence", "list") == []
    added = aw.done("silence", "add", *words, "--yes")
    assert (added["rule"]["reason"], added["rule"]["active"], added["rule"]["asset"]) == (
        "new disk",
        True,
        "web-01",
    )
    number = str(added["rule"]["id"])
    (listed,) = aw.done("silence", "list", "--company", "acme")
    assert (listed["id"], listed["held"], listed["kind"]) == (int(number), 0, "silence")
    assert "new disk" in aw("silence", "list").out and aw.done("maintenance", "list") == []
    assert "There is no maintenance" in aw.refused("maintenance", "end", number)
    assert aw.done("silence", "end", number)["ended_by"].endswith("(command line)")
    assert "Nothing is silenced." in aw("silence", "list").out
    assert "There is no silence 99" in aw.refused("silence", "end", "99")


def test_a_window_on_the_command_line(aw: Shell):
    words = ("acme", "sat", "22:00-02:00", "weekly", "kernel", "updates")
    added = aw.done("maintenance", "add", *words, "--yes")["rule"]
    assert (added["series"], added["up_to"], added["asset"]) == ("FREQ=WEEKLY;BYDAY=SA", "critical", "")
    said = aw("maintenance", "preview", *words)
    assert said.code == 0 and "these hours would have held nothing" in said.out and "series ends" in said.out
    assert "FREQ=WEEKLY;BYDAY=SA" in aw("maintenance", "list").out
    said = aw("maintenance", "add", "acme", "web-*", "now", "4h", "sig=disk full", "x")
    assert said.code == 1


def test_a_quoted_text_survives_the_shell(aw: Shell):
    added = aw.done("silence", "add", "acme", "sig=disk full", "site=vienna", "2h", "don't wait", "-y")[
        "rule"
    ]
    assert (added["signature"], added["labels"], added["reason"]) == (
        "disk full",
        {"site": "vienna"},
        "don't wait",
    )


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("silence", "add", "acme", "web-01", "2h", "-y"), "needs a reason"),
        (("silence", "add", "acme", "web-01", "90d", "moving", "-y"), "lasts 30 days at most"),
        (("silence", "add", "nobody", "web-01", "2h", "x", "-y"), "no company called"),
        (("maintenance", "add", "acme", "sat", "-y"), "From when to when"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(aw: Shell, words, why):
    assert why in aw.refused(*words)


def test_the_longest_silence_is_a_setting(aw: Shell):
    settings = {"AW_SILENCE_MAX_DAYS": "90"}
    said = aw("silence", "add", "acme", "web-01", "60d", "moving", "-y", settings=settings)
    assert said.code == 0, said.err


SILENCES, WINDOWS = "/api/companies/acme/silences", "/api/companies/acme/maintenance"
WISH = {"asset": "web-01", "when": "2h", "reason": "new disk"}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_quiet_by_rest(world: given.World):
    async with serving(world.core) as rest:
        await world.tell(given.alert(severity_word="high"))
        looked = await rest.post(world.kim, SILENCES, WISH | {"preview": True})
        assert looked["rule"] is None and looked["preview"]["alerts"] == 1
        assert (await rest.get(world.kim, SILENCES))["rules"] == []
        added = await rest.post(world.kim, SILENCES, WISH | {"labels": {"site": "vienna"}, "up_to": "low"})
        rule = added["rule"]
        assert (rule["id"], rule["up_to"], rule["labels"]) == (1, "low", {"site": "vienna"})
        (listed,) = (await rest.get(world.vera, SILENCES))["rules"]
        assert listed == rule
        window = WISH | {"asset": "", "when": "sat 22:00-02:00 weekly"}
        planned = (await rest.post(world.ada, WINDOWS, window))["rule"]
        assert (planned["kind"], planned["series"]) == ("maintenance", "FREQ=WEEKLY;BYDAY=SA")
        ended = await rest.post(world.kim, "/api/silences/1/end")
        assert ended["ended_by"] == "Kim" and not ended["active"]
        moment = (await rest.post(world.ada, SILENCES, WISH | {"when": "2026-03-05T10:00:00+01:00"}))["rule"]
        assert moment["ends_at"] == "2026-03-05T09:00:00Z"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_refusals_by_rest(world: given.World):
    async with serving(world.core) as rest:
        for user, path, body, status in (
            (None, SILENCES, WISH, 401),
            (world.eve, SILENCES, WISH, 404),
            (world.vera, SILENCES, WISH, 403),
            (world.kim, WINDOWS, WISH | {"when": "now 2h"}, 403),
            (world.kim, SILENCES, WISH | {"when": "soon"}, 422),
            (world.kim, SILENCES, WISH | {"when": "2h and more"}, 422),
            (world.kim, SILENCES, WISH | {"when": "2026-03-05T10:00:00"}, 422),
            (world.kim, SILENCES, WISH | {"reason": ""}, 422),
            (world.kim, SILENCES, WISH | {"until": "x"}, 422),
            (world.kim, SILENCES, WISH | {"when": "30h"}, 403),
            (world.kim, "/api/silences/9/end", None, 404),
            (world.kim, "/api/silences/x/end", None, 404),
            (world.kim, "/api/silences/%F0/end", None, 404),
        ):
            await rest.post(user, path, body, status=status)


def test_the_document_names_them():
    paths = document("http://aw.example")["paths"]
    assert paths["/api/companies/{slug}/silences"]["post"]["operationId"] == "addSilences"
    assert set(paths) >= {
        "/api/companies/{slug}/maintenance",
        "/api/silences/{id}/end",
        "/api/maintenance/{id}/end",
    }


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_the_metrics_count_what_is_quiet(world: given.World):
    from aiohttp import web
    from aiohttp.test_utils import TestClient, TestServer

    async with serving(world.core) as rest:
        await rest.post(world.kim, SILENCES, WISH)
    await world.tell(given.alert(severity_word="low"), given.alert(severity_word="low"))
    app = web.Application()
    app.add_routes(basics.routes(world.core, worker_healthy=lambda: True))
    async with TestClient(TestServer(app)) as client, client.get("/metrics") as answer:
        text = await answer.text()
    assert 'aw_quiet_rules{kind="silence"} 1.0' in text and 'aw_alerts_held{kind="silence"} 2.0' in text
    assert 'aw_quiet_rules{kind="maintenance"} 0.0' in text
