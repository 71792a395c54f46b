"""The world's file, its process, and the faults scripted in it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.faults import Do, Fault, Faults
from sandbox.world import Background, BadWorld, Stream, World
from tests.sandbox.conftest import slack_config

ROOT = Path(__file__).parents[2]


def whole(tmp_path: Path, **more: Any) -> dict[str, Any]:
    account = {
        "id": "222222222222",
        "name": "Acme",
        "region": "eu-central-1",
        "role_arn": "arn:aws:iam::222222222222:role/AlertWhisperer",
        "external_id": "x-acme",
        "instances": [{"id": "i-0a11aaaaaaaaaaaa1", "name": "acme-web-01"}],
    }
    home = {"account": "111111111111", "access_key_id": "AKIAHOME", "secret_access_key": "secret"}
    preset = {"id": "disk", "title": "Disk full", "alerts": [{"asset_name": "a", "signature": "disk"}]}
    return {
        "bot": {"url": "http://127.0.0.1:9/"},
        "slack": slack_config(),
        "aws": {"home": home, "accounts": [account], "ses": {"verified": ["a@x.example"], "sandboxed": True}},
        "senders": [
            {"company": "acme", "name": "Acme", "url": "http://x", "api_key": "aw_1", "presets": [preset]}
        ],
        "evening": [{"after_seconds": 3, "company": "acme", "preset": "disk"}],
        "root": str(tmp_path / "machines"),
        **more,
    }


def test_every_key_of_the_file_is_read(tmp_path: Path):
    path = tmp_path / "world.json"
    path.write_text(json.dumps(whole(tmp_path)))
    config = World.load(path).config
    assert config.bot_url == "http://127.0.0.1:9"
    assert config.slack is not None and config.slack.channels[0].members == ("U0KIM", "U0LEE", "U0AWBOT")
    assert config.slack.rate_limits is False and World.load(whole(tmp_path)).config.slack is not None
    assert config.aws is not None and config.aws.ses.sandboxed is True
    [instance] = config.aws.accounts[0].instances
    assert (instance.platform, instance.ping) == ("Linux", "Online")
    assert config.senders[0].presets[0].alerts[0]["signature"] == "disk"
    assert (config.evening[0].after_seconds, config.evening[0].preset) == (3, "disk")


def test_each_part_may_be_left_out(tmp_path: Path):
    world = World.load({"bot": {"url": "http://127.0.0.1:9"}, "root": str(tmp_path)})
    assert world.aws is None and world.config.senders == ()
    with pytest.raises(BadWorld, match="no workspace"):
        _ = world.slack
    with pytest.raises(BadWorld, match="no accounts"):
        _ = world.ses
    assert World.load(whole(tmp_path)).ses.mails == []


def changed(world: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    copied: dict[str, Any] = json.loads(json.dumps(world))
    *way, last = path.split(".")
    inner: Any = copied
    for name in way:
        inner = inner[int(name)] if name.isdigit() else inner[name]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return copied


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("bot", None, "the world: bot is missing"),
        ("bot", {}, "bot: url is missing"),
        ("slack", [], "slack"),
        ("slack.signing_secret", None, "slack: signing_secret is missing"),
        ("slack.bot.token", None, "slack.bot: token is missing"),
        ("slack.users.1.email", None, "slack.users[1]: email is missing"),
        ("slack.users.1.phone", "1", "slack.users[1]: phone is not known here"),
        ("slack.channels", {"a": 1}, "slack.channels is not a list"),
        ("aws.accounts.0.instances.0.name", None, "aws.accounts[0].instances[0]: name is missing"),
        ("senders.0.presets.0.alerts", None, "senders[0].presets[0]: alerts is missing"),
        ("evening.0.after", 3, "evening[0]: after is not known here"),
    ],
)
def test_a_bad_file_is_refused_with_the_place(tmp_path: Path, path: str, value: Any, said: str):
    source = changed(whole(tmp_path), path, value)
    if path == "slack":
        assert World.load(source).config.slack is None
        return
    with pytest.raises(BadWorld) as caught:
        World.load(source)
    assert said in str(caught.value)


def test_a_file_that_is_no_world(tmp_path: Path):
    path = tmp_path / "world.json"
    with pytest.raises(BadWorld, match=r"world\.json"):
        World.load(path)
    path.write_text("{")
    with pytest.raises(BadWorld, match=r"world\.json"):
        World.load(path)
    path.write_text("[]")
    with pytest.raises(BadWorld, match="not an object"):
        World.load(path)


def test_faults_are_used_up_one_by_one_and_in_order():
    faults = Faults()
    faults.add(Fault(service="slack", method="chat.update", times=2, do="reset"))
    faults.add(Fault(service="slack", do=Do.HANG))
    assert faults.take("ssm", "SendCommand") is None
    met = [
        faults.take("slack", method) for method in ("chat.update", "views.open", "chat.update", "chat.update")
    ]
    assert [fault and fault.do for fault in met] == [Do.RESET, Do.HANG, Do.RESET, None]
    with pytest.raises(ValueError, match="sulk"):
        Fault(service="slack", do="sulk")
    faults.add(Fault(service="slack"))
    faults.clear()
    assert faults.take("slack", "x") is None


async def test_the_stream_tells_each_listener_what_concerns_them():
    stream = Stream()
    kim, lee = stream.listen("U0KIM"), stream.listen("U0LEE")
    stream.publish({"n": 1})
    stream.publish({"n": 2}, to="U0LEE")
    assert (kim.qsize(), lee.qsize()) == (1, 2)
    stream.leave(lee)
    for n in range(3000):  # one that reads no longer is not kept for ever
        stream.publish({"n": n})
    assert (kim.qsize(), lee.qsize()) == (2000, 2)


async def test_work_in_the_background_fails_aloud_and_ends_with_the_world(caplog: pytest.LogCaptureFixture):
    background = Background()

    async def broken() -> None:
        raise RuntimeError("the cable is out")

    background.start(broken())
    background.start(asyncio.sleep(600))
    await asyncio.sleep(0.01)
    await background.close()
    assert "the cable is out" in caplog.text


async def started(*arguments: str, path: Path, parent: str = "") -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "sandbox", "--world", str(path), "--port", "0", *arguments]
    if parent:
        command = ["/bin/sh", "-c", f'"$@" & echo $! >&2; {parent}', "sh", *command]
    pipe = asyncio.subprocess.PIPE
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, env=environment
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_program_says_when_it_is_ready_and_stops_when_told(tmp_path: Path, number: signal.Signals):
    import aiohttp

    path = tmp_path / "world.json"
    path.write_text(json.dumps(whole(tmp_path)))
    program = await started(path=path)
    assert program.stdout is not None and program.stderr is not None
    line = (await asyncio.wait_for(program.stdout.readline(), 20)).decode().strip()
    assert line.startswith("sandbox ready on http://127.0.0.1:")
    async with aiohttp.ClientSession() as session:
        async with session.get(line.split()[-1] + "/_sandbox/machines") as answer:
            assert [one["name"] for one in (await answer.json())["machines"]] == ["acme-web-01"]
        program.send_signal(number)
        assert await asyncio.wait_for(program.wait(), 10) == 0
    assert (await program.stdout.read(), await program.stderr.read()) == (b"", b"")


async def test_the_program_says_in_one_line_why_it_cannot_start(tmp_path: Path):
    path = tmp_path / "world.json"
    for source, said in (
        (changed(whole(tmp_path), "slack.bot.name", None), "slack.bot: name is missing"),
        (changed(whole(tmp_path), "evening.0.preset", "flood"), "acme has no preset flood"),
        (changed(whole(tmp_path), "aws.accounts.0.instances.0.template", "teapot"), "teapot"),
    ):
        path.write_text(json.dumps(source))
        program = await started(path=path)
        _, errors = await asyncio.wait_for(program.communicate(), 20)
        assert program.returncode == 1
        assert said in errors.decode() and errors.count(b"\n") == 1, errors.decode()


async def test_the_program_does_not_outlive_its_parent(tmp_path: Path):
    path = tmp_path / "world.json"
    path.write_text(json.dumps({"bot": {"url": "http://127.0.0.1:9"}, "root": str(tmp_path)}))
    shell = await started("--exit-with-parent", path=path, parent="read line")
    assert shell.stdout is not None and shell.stderr is not None
    child = int(await asyncio.wait_for(shell.stderr.readline(), 20))
    assert (await asyncio.wait_for(shell.stdout.readline(), 20)).startswith(b"sandbox ready")
    shell.kill()
    await shell.wait()
    for _ in range(100):
        if not _runs(child):
            return
        await asyncio.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    raise AssertionError("it still runs")


def _runs(process: int) -> bool:
    """Whether it is there, and more than a name that nobody has asked for yet."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
