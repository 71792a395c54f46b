"""The demo's parent: makes the folder, starts the pretend world and the bot, and ends both whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import secrets
import signal
import socket
import sys
import tempfile
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import bot
from bot import settings as settings_of
from bot.clock import Pace
from bot.demo.cast import EMAIL_FROM, TEAMS_APP, TENANT, TWILIO
from engine.errors import Permanent

HOST = "127.0.0.1"
START_WITHIN = 60.0
STOP_WITHIN = 12.0
LOOK_EVERY = 0.1
LOG_END = 15
_FOREIGN = (
    *("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"),
    *("AWS_ENDPOINT_URL_SSM", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_SESV2"),
    *("SLACK_APP_TOKEN", "AW_RUNBOOK_DIR"),
    *("AW_SMTP_URL", "AW_EMAIL_TEMPLATE_DIR", "AW_AI_PRICE", "AW_AI_STREAM", "GEMINI_API_KEY"),
    *("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS", "AWS_BEARER_TOKEN_BEDROCK"),
)
"""Variables that would lead the demo out into the real world."""


@dataclass(frozen=True, slots=True)
class Places:
    folder: Path
    port: int
    sandbox_port: int
    pace: Pace | None = None
    """How fast time runs, when it is not as it does."""

    @property
    def bot_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://{HOST}:{self.sandbox_port}"


@dataclass(frozen=True, slots=True)
class Child:
    name: str
    process: asyncio.subprocess.Process
    log: Path


def run(*, folder: Path | None, port: int | None, sandbox_port: int | None, speed: int = 1) -> None:
    """Until Ctrl-C or SIGTERM. Raises Permanent when it cannot start, or a part of it ends by itself."""
    settings = settings_of.read()
    given = settings.model_fields_set
    taken: set[int] = set()
    bot_port = _port(port or settings.aw_port, "AW_PORT", port is not None or "aw_port" in given, taken)
    other = _port(
        sandbox_port or settings.aw_sandbox_port,
        "AW_SANDBOX_PORT",
        sandbox_port is not None or "aw_sandbox_port" in given,
        taken,
    )
    pace = Pace(speed, datetime.now(UTC).replace(microsecond=0)) if speed > 1 else None
    asyncio.run(_run(Places(_folder(folder), bot_port, other, pace)))


def _folder(wanted: Path | None) -> Path:
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="alert-whisperer-demo-"))
    folder = wanted.absolute()
    if folder.exists() and any(folder.iterdir()):
        raise Permanent(f"{folder} is not empty: name a new folder.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _port(wanted: int, name: str, explicit: bool, taken: set[int]) -> int:
    """The wanted port if it is free; otherwise any free one, unless it was asked for by name."""
    for candidate in (wanted, 0):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((HOST, candidate))
            except OSError as error:
                if explicit:
                    raise Permanent(f"{name}={wanted}: {HOST}:{wanted}: {error.strerror}.") from error
                continue
            free = int(trial.getsockname()[1])
            if free not in taken:
                taken.add(free)
                return free
    raise Permanent(f"No free port was found for {name}.")


async def _run(places: Places) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    children: list[Child] = []
    running = asyncio.create_task(_live(places, children))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            print("\nStopping …", flush=True)
    finally:
        running.cancel()
        stopping.cancel()
        await asyncio.gather(running, stopping, return_exceptions=True)
        await asyncio.gather(*(_end(child) for child in children))
    if not running.cancelled() and (error := running.exception()) is not None:
        raise error


async def _live(places: Places, children: list[Child]) -> None:
    """Start everything, say where it is, and wait for something to end by itself."""
    print(f"Files:  {places.folder}", flush=True)
    from cryptography.fernet import Fernet

    made = {
        "bot_token": f"xoxb-demo-{secrets.token_hex(16)}",
        "signing_secret": secrets.token_hex(16),
        "access_key_id": "AKIA"
        + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16)),
        "secret_access_key": secrets.token_urlsafe(30),
        "model_key": secrets.token_urlsafe(30) if importlib.util.find_spec("anthropic") else "",
        # its library is an extra of the program's: without it the demo has Slack alone
        "teams_secret": secrets.token_hex(16) if importlib.util.find_spec("botbuilder") else "",
    }
    environment = _environment(places, made, Fernet.generate_key().decode())
    await _provision(places, made, environment)
    world = places.folder / "world.json"
    command = ("bot.demo.tether", "sandbox", "--world", str(world), "--port", str(places.sandbox_port))
    # side by side: the bot asks nothing of the world before something has happened
    sandbox = await _start("sandbox", command, environment, places, children)
    server = await _start("bot", ("bot", "serve", "--exit-with-parent"), environment, places, children)
    await asyncio.gather(
        _until_ready(sandbox, places.sandbox_port, "/_sandbox/machines"),
        _until_ready(server, places.port, "/readyz"),
    )
    print(f"Open    {places.sandbox_url}   (Ctrl-C stops everything)", flush=True)
    if places.pace is not None:
        print(f"Time    runs {places.pace.speed} times as fast: the page shows it", flush=True)
    ended = [asyncio.create_task(child.process.wait(), name=child.name) for child in (sandbox, server)]
    try:
        await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in ended:
            task.cancel()
    raise _death(next(child for child in (server, sandbox) if child.process.returncode is not None))


def _environment(places: Places, made: Mapping[str, str], key: str) -> dict[str, str]:
    """What the children see: this process's environment, pointed at the pretend world and nowhere else."""
    speed = places.pace.speed if places.pace else 1
    changes = {
        "AW_DATABASE_URL": f"sqlite+aiosqlite:///{places.folder / 'alert-whisperer.db'}",
        "AW_SECRET_KEY": key,
        "AW_HOST": HOST,
        "AW_PORT": str(places.port),
        "AW_PUBLIC_URL": places.bot_url,
        "AW_STORM_QUIET_SECONDS": str(45 * speed),
        "AW_SLA_SWEEP_SECONDS": str(max(5, 300 // speed)),
        "AW_DEMO_CLOCK": places.pace.text if places.pace else "",
        "SLACK_BOT_TOKEN": made["bot_token"],
        "SLACK_SIGNING_SECRET": made["signing_secret"],
        "SLACK_API_URL": f"{places.sandbox_url}/slack/api/",
        "MICROSOFT_APP_ID": TEAMS_APP,
        "MICROSOFT_APP_PASSWORD": made["teams_secret"],
        "MICROSOFT_APP_TENANT_ID": TENANT,
        "MICROSOFT_APP_TYPE": "",
        "AW_TEAMS_URL": f"{places.sandbox_url}/teams",
        "AW_EMAIL_FROM": f"Northwind MSP <{EMAIL_FROM}>",
        "TWILIO_ACCOUNT_SID": TWILIO["account_sid"],
        "TWILIO_AUTH_TOKEN": TWILIO["auth_token"],
        "TWILIO_FROM": TWILIO["number"],
        "AW_TWILIO_URL": f"{places.sandbox_url}/twilio",
        "AW_AI": "anthropic" if made["model_key"] else "off",
        "AW_AI_MODEL": "pretend-model",
        "ANTHROPIC_API_KEY": made["model_key"],
        "ANTHROPIC_BASE_URL": f"{places.sandbox_url}/ai",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": f"{places.sandbox_url}/aws",
        "AWS_ACCESS_KEY_ID": made["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": made["secret_access_key"],
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONUNBUFFERED": "1",
    }
    found = settings_of.child_environment(changes)
    for name in _FOREIGN:
        found.pop(name, None)
    for name in ("NO_PROXY", "no_proxy"):  # this machine is never behind a proxy of itself
        found[name] = ",".join(filter(None, (found.get(name), HOST, "localhost")))
    packages = str(Path(bot.__file__).parent.parent)
    found["PYTHONPATH"] = os.pathsep.join(filter(None, (packages, found.get("PYTHONPATH"))))
    return found


async def _provision(places: Places, made: Mapping[str, str], environment: Mapping[str, str]) -> None:
    import json

    plan = {
        "folder": str(places.folder),
        "bot_url": places.bot_url,
        "sandbox_url": places.sandbox_url,
        "pace": places.pace.text if places.pace else "",
        **made,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot.demo.tether", "bot.demo.provision"),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(environment),
        cwd=places.folder,
        start_new_session=True,
    )
    try:
        _, said = await process.communicate(json.dumps(plan).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        end = _end_of(said.decode("utf-8", "replace").splitlines())
        raise Permanent(f"The demo's companies could not be made:\n{end}")


async def _start(
    name: str, module: Iterable[str], environment: Mapping[str, str], places: Places, children: list[Child]
) -> Child:
    """A child in a session of its own: Ctrl-C reaches this process only, which then ends it in order."""
    log = places.folder / f"{name}.log"
    with log.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *module,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=dict(environment),
            cwd=places.folder,
            start_new_session=True,
        )
    child = Child(name, process, log)
    children.append(child)
    return child


async def _until_ready(child: Child, port: int, path: str) -> None:
    try:
        async with asyncio.timeout(START_WITHIN):
            while not await _answers(port, path):
                if child.process.returncode is not None:
                    raise _death(child)
                await asyncio.sleep(LOOK_EVERY)
    except TimeoutError:
        raise Permanent(
            f"The {child.name} is not ready after {START_WITHIN:.0f} s.\n{_tail(child)}"
        ) from None


async def _answers(port: int, path: str) -> bool:
    """Whether GET gives 200. By hand: an HTTP client would be the largest part of this process."""
    try:
        reader, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {HOST}:{port}\r\n\r\n".encode())
        status = await asyncio.wait_for(reader.readline(), 5)
        return b" 200 " in status
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _end(child: Child) -> None:
    """Ask it to stop, and make sure."""
    if child.process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            child.process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(child.process.wait(), STOP_WITHIN)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.process.pid, signal.SIGKILL)  # what it started itself, if anything is left
    await child.process.wait()


def _death(child: Child) -> Permanent:
    return Permanent(f"The {child.name} has ended (exit code {child.process.returncode}).\n{_tail(child)}")


def _tail(child: Child) -> str:
    with child.log.open(encoding="utf-8", errors="replace") as lines:
        return f"The end of {child.log}:\n{_end_of(lines)}"


def _end_of(lines: Iterable[str]) -> str:
    return "\n".join(f"  {line.rstrip()}" for line in deque(lines, LOG_END))
