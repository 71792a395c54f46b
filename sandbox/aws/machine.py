"""One pretend machine: its folder, its state as Systems Manager and the sandbox page see it, and what breaks it."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from sandbox.aws import templates
from sandbox.aws.folder import Folder
from sandbox.aws.isolation import Isolation, Outcome
from sandbox.aws.room import Room

FULL_PERCENT = 94
HANGS = "150"
"""Seconds that a unit which hangs takes to start: time enough to stop whoever waits for it."""
BROKEN_UNIT = "configuration file /etc/{name}/{name}.conf test failed: unexpected end of file in line 42"
_POWERSHELL_PLACES = ("/usr/bin/pwsh", "/opt/microsoft/powershell/7/pwsh")
_POWERSHELL_FOLDERS = ("/opt/microsoft",)


class Platform(StrEnum):
    LINUX = "Linux"
    WINDOWS = "Windows"


class Ping(StrEnum):
    """What Systems Manager knows of the agent."""

    ONLINE = "Online"
    CONNECTION_LOST = "ConnectionLost"
    INACTIVE = "Inactive"


class Shell(StrEnum):
    """Which program runs a script."""

    SH = "sh"
    POWERSHELL = "pwsh"


@dataclass(frozen=True, slots=True)
class Ground:
    """What all machines of a world stand on: its host folder, and the wall between scripts and host."""

    base: Path
    isolation: Isolation

    @property
    def shims(self) -> Path:
        return self.base / "shims"


class Machine:
    """`identifier` as in EC2; `template` one of TEMPLATES. Call build() before anything else."""

    def __init__(
        self,
        ground: Ground,
        *,
        identifier: str,
        name: str,
        account: str,
        region: str,
        platform: Platform,
        ping: Ping,
        template: str,
    ) -> None:
        self.id = identifier
        self.name = name
        self.account = account
        self.region = region
        self.platform = platform
        self.last_ping_at = datetime.now(UTC)
        self.online = asyncio.Event()
        self.ping = ping
        self.template = templates.TEMPLATES[template]
        self.registered_at = datetime.now(UTC)
        self.last_command: dict[str, Any] | None = None
        self._ground = ground
        self.folder = Folder(ground.base / "machines" / identifier, ground.isolation.owner)
        self._caches = ground.base / "control" / identifier / "drop_caches"

    @property
    def ping(self) -> Ping:
        return self._ping

    @ping.setter
    def ping(self, ping: Ping) -> None:
        self._ping = ping
        if ping is Ping.ONLINE:
            self.last_ping_at = datetime.now(UTC)
            self.online.set()
        else:
            self.online.clear()

    def build(self) -> None:
        """Makes the machine's folder anew, healthy."""
        owner = self._ground.isolation.owner
        if self.folder.path.exists():
            shutil.rmtree(self.folder.path)
        self.folder.path.mkdir(parents=True, mode=0o755)
        for name in ("usr", "proc", "dev"):
            (self.folder.path / name).mkdir()
        for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
            target = Path("/usr") / name
            if target.is_dir():
                (self.folder.path / name).symlink_to(f"usr/{name}")
        if owner is not None:
            for path in (self.folder.path, *self.folder.path.iterdir()):
                os.chown(path, owner, owner, follow_symlinks=False)
        templates.build(self.template, self.folder, self.name)
        self._caches.parent.mkdir(parents=True, exist_ok=True)
        self._set_caches("0")

    def break_(self, how: str) -> None:
        """fill-disk, fill-data, stop-unit:NAME, hang-unit:NAME, break-unit:NAME, mend-unit:NAME, memory-pressure,
        offline, online, or repair."""
        verb, _, unit = how.partition(":")
        match verb:
            case "fill-disk":
                self._fill_disk()
            case "fill-data":
                self._fill_data()
            case "stop-unit" | "hang-unit" | "break-unit" | "mend-unit":
                self._break_unit(verb, unit)
            case "memory-pressure":
                templates.write_memory(self.folder, templates.pressed_memory(self.template))
            case "offline":
                self.ping = Ping.CONNECTION_LOST
            case "online":
                self.ping = Ping.ONLINE
            case "repair":
                self.build()
            case _:
                raise ValueError(f"{how!r} is no way to break a machine")

    def _fill_disk(self) -> None:
        """Writes the template's filler files, in proportion, so that the disk is at FULL_PERCENT."""
        parts = sum(file.size or 0 for file in self.template.filler)
        room = (
            self.template.disk * FULL_PERCENT // 100 - self.folder.used() - templates.MB
        )  # folders count too
        for file in self.template.filler:
            size = max(0, room) * (file.size or 0) // parts
            self.folder.write(file.path, file.text, size=size, days_old=file.days_old)

    def _fill_data(self) -> None:
        """Fills the disk with what belongs to somebody: no clean-up may take it away."""
        room = self.template.disk * FULL_PERCENT // 100 - self.folder.used() - templates.MB
        self.folder.write("srv/orders/archive-2026.db", size=max(0, room))

    def _break_unit(self, verb: str, name: str) -> None:
        path = f"run/units/{name}.state"
        fields = templates.read_fields(self.folder.read(path)) if "/" not in name else {}
        if not fields:
            raise ValueError(f"{self.name} has no unit {name!r}")
        fields["starting"] = HANGS if verb == "hang-unit" else ""
        if verb == "mend-unit":
            fields["broken"] = ""
        else:
            fields["state"] = "failed" if verb == "break-unit" else "inactive"
            fields["pid"] = "0"
            fields["since"] = f"{datetime.now(UTC):%a %Y-%m-%d %H:%M:%S UTC}"
            fields["broken"] = BROKEN_UNIT.format(name=name) if verb == "break-unit" else ""
        templates.write_unit(self.folder, name, fields)

    async def run(
        self,
        script: str,
        shell: Shell,
        *,
        directory: str,
        seconds: float,
        stop: asyncio.Event,
        keep: int = 48_000,
    ) -> Outcome:
        """Runs a script on the machine, as its root, until it ends, `seconds` are over or `stop` is set. Says in
        stderr, with exit code 1, why it could not."""
        isolation = self._ground.isolation
        if isolation.wall is None:
            return _not_run(f"This host cannot isolate scripts ({isolation.why_not}): nothing was run.")
        pwsh = next((place for place in _POWERSHELL_PLACES if os.access(place, os.X_OK)), "")
        if shell is Shell.POWERSHELL and not pwsh:
            return _not_run(
                "PowerShell (pwsh) is not installed on the host of this sandbox: nothing was run."
            )
        suffix = ".ps1" if shell is Shell.POWERSHELL else ".sh"
        path = self._ground.base / "scripts" / f"{secrets.token_hex(8)}{suffix}"
        path.write_text(script)
        path.chmod(0o755)
        room = self.room(path, directory)
        if shell is Shell.POWERSHELL:  # .NET reserves far more address space than it uses
            room = replace(room, memory=1 << 40, lent=_POWERSHELL_FOLDERS if pwsh.startswith("/opt") else ())
            command: tuple[str, ...] = (pwsh, "-NonInteractive", "-File", room.shown_script)
        else:
            command = ("sh", "-c", room.shown_script)
        try:
            return await isolation.run(room, command, seconds=seconds, stop=stop, keep=keep)
        finally:
            path.unlink(missing_ok=True)
            self._settle()

    def room(self, script: Path, directory: str = "/") -> Room:
        return Room(
            root=self.folder.path,
            shims=self._ground.shims,
            script=script,
            caches=self._caches,
            hostname=self.name,
            directory=directory or "/",
        )

    def snapshot(self) -> dict[str, Any]:
        """The machine as the sandbox page shows it."""
        memory = templates.read_fields(self.folder.read(templates.MEMORY_FILE))
        return {
            "id": self.id,
            "name": self.name,
            "account": self.account,
            "region": self.region,
            "platform": self.platform.value,
            "ping": self.ping.value,
            "disk_used_percent": self.disk_used_percent(),
            "memory_used_percent": _memory_used_percent(memory),
            "units": [{"name": name, "state": self.unit_state(name)} for name in self.unit_names()],
            "last_command": self.last_command,
        }

    def disk_used_percent(self) -> int:
        """As `df` says it: rounded up."""
        size = _number(self.folder.read(templates.DISK_FILE), self.template.disk)
        return min(100, -(-self.folder.used() * 100 // max(size, 1)))

    def unit_names(self) -> list[str]:
        names = [name for name in self.folder.names("run/units") if name.endswith(".state")]
        return [name.removesuffix(".state") for name in names[:50]]

    def unit_state(self, name: str) -> str:
        return templates.read_fields(self.folder.read(f"run/units/{name}.state")).get("state", "unknown")[:20]

    def _settle(self) -> None:
        """Carries out what was written to drop_caches and has not been looked at with `free`."""
        level = self._caches.read_text(errors="replace")[:1] if self._caches.stat().st_size < 4096 else "0"
        if level not in ("1", "2", "3"):
            return
        fields = templates.read_fields(self.folder.read(templates.MEMORY_FILE))
        for key, levels in (("cached", "13"), ("slab", "23")):
            if level in levels:
                fields[key] = str(_number(fields.get(key, ""), 0) // 20)
        templates.write_memory(self.folder, fields)
        self._set_caches("0")

    def _set_caches(self, level: str) -> None:
        self._caches.write_text(level + "\n")
        if self._ground.isolation.owner is not None:
            os.chown(self._caches, self._ground.isolation.owner, self._ground.isolation.owner)


def _not_run(why: str) -> Outcome:
    return Outcome(exit_code=1, stdout="", stderr=why + "\n")


def _number(text: str, otherwise: int) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else otherwise


def _memory_used_percent(fields: dict[str, str]) -> int:
    """As `free` says it: all that is not available."""
    total, programs, leak, slab, cached = (
        _number(fields.get(key, ""), 0) for key in ("total", "programs", "leak", "slab", "cached")
    )
    if not total:
        return 0
    available = max(0, total - programs - leak - slab - cached) + cached * 9 // 10
    return max(0, min(100, (total - available) * 100 // total))
