"""`aw demo`: a world that fits together, a start that is quick, and an end that leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from bot.actions.runs import Run
from bot.cards.approval import approval_card
from bot.core import Core
from bot.demo import cast, presets, run
from bot.demo.provision import Plan, provision, world
from bot.handlers.dispatch import handle
from bot.place import Place
from bot.sync import approval_view
from engine.access import GRANTS, Verb
from engine.company import Role
from engine.operations.directory import KEY_FORM, key_digest
from engine.operations.ingest import Delivery, ingest
from integrations.sources import generic
from runbooks.catalogue import Catalogue
from runbooks.run import RunStatus
from runbooks.runbook import Platform, Risk
from sandbox.world import World
from tests import given
from tests.bot.shell import ROOT, environment
from tests.bot.test_cards import text_of
from tests.ports import free_port

PLAN = Plan(
    folder="/nowhere",
    bot_url="http://127.0.0.1:1",
    sandbox_url="http://127.0.0.1:2",
    bot_token="xoxb-demo",
    signing_secret="signed",
    access_key_id="AKIAABCDEFGHIJKLMNOP",
    secret_access_key="s" * 40,
    teams_secret="teams",
)


async def test_the_companies_are_made_with_keys_that_hold(core: Core) -> None:
    issued = await provision(core)
    assert set(issued) == {"acme", "globex", "initech"}
    async with core.database.reading() as tx:
        for slug, one in issued.items():
            form = KEY_FORM.match(one.api_key)
            assert form is not None
            stored = await tx.companies.key(form.group(1))
            assert stored is not None
            assert (stored.digest, stored.company_id) == (key_digest(one.api_key), one.company.id)
            context = await tx.companies.context(one.company.id)
            names = {asset.name for asset in context.assets}
            assert all(set(asset.depends_on) <= names for asset in context.assets)
            assert context.technicians, f"nobody serves {slug}"
            assert any(Verb.APPROVE_HIGH in GRANTS[user.role] for user in context.people)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_the_sandbox_can_read_its_world_and_every_preset_fits_it(core: Core) -> None:
    issued = await provision(core, teams_url="http://127.0.0.1:2/teams/amer/")
    document = json.loads(json.dumps(world(PLAN, issued)))
    config = World.load(document).config
    assert config.teams is not None
    async with core.database.reading() as tx:
        for channel in config.teams.channels:
            company = await tx.companies.by_channel("teams", channel.id)
            assert company is not None and f"aw-{company.slug}" == channel.name
        for person in config.teams.people:
            user = await tx.users.by_chat("teams", person.id)
            assert user is not None and user.email == person.email
            assert await tx.teams.get(f"person:{person.id}")
    assert len(config.teams.channels) == len(issued)
    assert config.slack is not None
    assert config.aws is not None
    machines = {one.id for account in config.aws.accounts for one in account.instances}
    buttons = {(sender.company, preset.id) for sender in config.senders for preset in sender.presets}
    assert {(one.company, one.preset) for one in config.evening} <= buttons
    for sender in config.senders:
        for preset in sender.presets:
            assert generic.parse(list(preset.alerts), {})
            assert all(broken["instance"] in machines for broken in preset.breaks)
    storms = [one for sender in config.senders for one in sender.presets if one.id == "storm"]
    assert [len(one.alerts) * one.count for one in storms] == [256]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("slug", "preset", "runbook"),
    [
        ("acme", "disk-full", "disk-clean-up"),
        ("acme", "disk-full-of-data", "disk-clean-up"),
        ("acme", "log-growth", "log-rotation"),
        ("acme", "memory-pressure", "clear-memory-cache"),
        ("acme", "web-down", "restart-nginx"),
        ("acme", "service-hangs", "restart-service"),
        ("initech", "reboot-wanted", "reboot"),
        ("globex", "service-down", "restart-nginx"),
        ("initech", "service-down", "restart-iis"),
        ("initech", "backup-failed", "backup-rerun"),
    ],
)
async def test_each_problem_of_the_evening_has_the_runbook_it_is_meant_for(
    core: Core, catalogue: Catalogue, slug: str, preset: str, runbook: str | None
) -> None:
    issued = await provision(core)
    (found,) = [one for one in presets.presets(slug) if one["id"] == preset]
    delivery = given.delivery(issued[slug].company, *generic.parse(found["alerts"], {}))
    await core.write(lambda tx: ingest(tx, [delivery], core.clock.now()))
    (incident,) = await core.read(lambda tx: tx.incidents.listed(company_ids=None))
    platform = Platform.WINDOWS if "win" in incident.asset_name else Platform.LINUX
    best = catalogue.best(incident.category, incident.signature, platform)
    assert (best.id if best else None) == runbook
    if slug == "acme" and preset in ("disk-full", "log-growth"):
        assert best is not None
        assert best.risk is Risk.LOW


async def tell(core: Core, delivery: Delivery) -> None:
    await core.write(lambda tx: ingest(tx, [delivery], core.clock.now()))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_the_demo_has_a_past_and_what_comes_every_day_calls_nobody(core: Core) -> None:
    issued = await provision(core)
    globex = issued["globex"].company
    before = await core.read(lambda tx: tx.incidents.listed(company_ids=[globex.id], open_only=None))
    assert len(before) == 6 and not any(one.open for one in before)
    assert await core.read(lambda tx: tx.companies.by_channel("slack", "C0GLOBEX"))
    for preset, unlike in (("daily-scrub", ""), ("daily-scrub-fails", "unlike the last 6")):
        (found,) = [one for one in presets.presets("globex") if one["id"] == preset]
        await tell(core, given.delivery(globex, *generic.parse(found["alerts"], {})))
        (incident,) = await core.read(lambda tx: tx.incidents.listed(company_ids=[globex.id]))
        assert "6 of the last 7" in incident.course.rhythm or "7 of the last 8" in incident.course.rhythm
        assert unlike in incident.course.unlike and bool(incident.assignee_id) is bool(unlike)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_request_of_the_demo_shows_what_differs_from_last_weeks(core: Core) -> None:
    globex = (await provision(core))["globex"].company
    (found,) = [one for one in presets.presets("globex") if one["id"] == "service-down"]
    await tell(core, given.delivery(globex, *generic.parse(found["alerts"], {})))
    (incident,) = await core.read(lambda tx: tx.incidents.listed(company_ids=[globex.id]))
    kim = next(one for one in await core.read(lambda tx: tx.users.all()) if one.role is Role.TECHNICIAN)
    act = Run(incident.id, "restart-nginx", {})
    await handle(core, act, actor=given.actor(kim), place=Place(globex.id))
    (run,) = await core.read(lambda tx: tx.runs.of_incident(incident.id))
    view = await core.read(lambda tx: approval_view(tx, core, run.id))
    assert view is not None
    said = text_of(approval_card(view))
    assert run.status is RunStatus.PENDING_APPROVAL
    assert "✓" in said and "by Lee" in said
    assert "-export AW_MODE=reload" in said and "+export AW_MODE=restart" in said


def test_the_people_are_one_of_each_kind_and_three_technicians() -> None:
    roles = [person.role for person in cast.PEOPLE]
    assert {role: roles.count(role) for role in Role} == {
        Role.TECHNICIAN: 3,
        Role.COMPANY_ADMIN: 1,
        Role.MSP_ADMIN: 1,
        Role.CLIENT_VIEWER: 1,
    }


def get(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - this test's own sandbox
        return json.load(answer)


def post(address: str, body: dict[str, str]) -> None:
    request = urllib.request.Request(  # noqa: S310 - this test's own sandbox
        address, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        assert answer.status == 200


@contextmanager
def a_demo(folder: Path, *words: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "demo", "--folder", str(folder), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(**settings),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


def opened(process: subprocess.Popen[str]) -> str:
    """The address the demo prints when it is ready."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Open"):
            return line.split()[1]
    assert process.stderr is not None
    raise AssertionError(process.stderr.read())


def of_the_demo(folder: Path) -> list[int]:
    """The processes that work in this demo's folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                where = os.readlink(entry / "cwd")
            except OSError:
                continue
            if where == str(folder):
                found.append(int(entry.name))
    return found


def wait_for(what: Any, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.1)
    return False


def both_answer(address: str) -> None:
    """The same incident stands in Teams, and the same words are answered in both."""
    kim = "0b1ec700-kim"
    place = f"{address}/_sandbox/teams/messages?as={kim}&conversation="
    channel = quote("19:acme@thread.tacv2")
    assert wait_for(lambda: "INC-7" in str(get(place + channel)), 20), get(place + channel)
    chat = next(one["id"] for one in get(f"{address}/_sandbox/teams/state?as={kim}")["conversations"])
    post(f"{address}/_sandbox/command", {"as": "U0KIM", "channel": "C0ACME", "text": "/aw whoami"})
    post(f"{address}/_sandbox/teams/say", {"as": kim, "conversation": chat, "text": "whoami"})
    for answers in (f"{address}/_sandbox/messages?channel=C0ACME&as=U0KIM", place + quote(chat)):
        wanted = ("Kim", "technician", "kim@msp.example", "Acme Corp, Globex Health", "database, linux")
        assert wait_for(lambda at=answers: "kim@msp.example" in str(get(at)), 20), get(answers)
        assert all(word in str(get(answers)) for word in wanted), get(answers)


@pytest.mark.alone
def test_the_first_card_is_there_in_20_seconds_and_ctrl_c_ends_everything(tmp_path: Path) -> None:
    folder, began = tmp_path / "demo", time.monotonic()
    with a_demo(folder, "--port", str(free_port()), "--sandbox-port", str(free_port())) as process:
        address = opened(process)
        messages = f"{address}/_sandbox/messages?channel=C0ACME&as=U0KIM"
        assert wait_for(lambda: get(messages)["messages"], 20)
        assert time.monotonic() - began < 20
        assert "INC-7" in get(messages)["messages"][0]["text"]  # six are the past's
        assert len(of_the_demo(folder)) >= 2
        both_answer(address)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
    assert of_the_demo(folder) == []


def test_time_runs_as_fast_as_it_is_told_and_a_promise_breaks_while_one_looks(tmp_path: Path) -> None:
    ports = ("--port", str(free_port()), "--sandbox-port", str(free_port()))
    with a_demo(tmp_path / "demo", *ports, "--speed", "120") as process:
        address = opened(process)
        assert get(f"{address}/_sandbox/clock")["speed"] == 120
        messages = f"{address}/_sandbox/messages?channel=C0ACME&as=U0KIM"
        assert wait_for(
            lambda: "Respond was due" in json.dumps(get(messages)), 40
        )  # half an hour is 15 seconds
        mails = lambda: str(get(f"{address}/_sandbox/mail"))  # noqa: E731
        assert wait_for(lambda: "[SLA WARNING]" in mails() and "escalated to level" in mails(), 60)
        assert wait_for(lambda: "[Report] Acme" in mails() and "[Report] Northwind" in mails(), 120)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc for what is left")
def test_nothing_outlives_a_demo_that_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with a_demo(folder, "--port", str(free_port()), "--sandbox-port", str(free_port())) as process:
        opened(process)
        process.kill()
        process.wait(timeout=5)
        assert wait_for(lambda: of_the_demo(folder) == [], 12)


def test_a_port_that_was_asked_for_and_is_taken_is_a_clear_refusal(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with a_demo(tmp_path / "demo", AW_SANDBOX_PORT=port) as process:
            assert process.wait(timeout=20) == 1
            assert process.stderr is not None
            assert f"AW_SANDBOX_PORT={port}" in process.stderr.read()


def test_a_part_that_ends_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with a_demo(folder, "--port", str(free_port()), "--sandbox-port", str(free_port())) as process:
        opened(process)
        (server,) = [
            pid for pid in of_the_demo(folder) if b"serve" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        os.kill(server, signal.SIGKILL)
        assert process.wait(timeout=20) == 1
        assert process.stderr is not None
        said = process.stderr.read()
        assert "The bot has ended" in said
        assert "bot.log" in said
    assert of_the_demo(folder) == []


def test_links_to_files_lead_to_the_demo_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AW_PUBLIC_URL", "https://aw.example.com")
    seen = run._environment(run.Places(tmp_path, 8001, 8002), defaultdict(str), "key")
    assert seen["AW_PUBLIC_URL"] == "http://127.0.0.1:8001"
