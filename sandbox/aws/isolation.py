"""Runs a script for real, in a room of its own: nothing of the host but a read-only /usr, no network, no host
processes, no capabilities over the host, bounded time, processes, memory of each, size of each file, and output.
Not bounded: how many files it writes below the world's folder.

bubblewrap builds the room where it works, `unshare` otherwise; where neither works nothing is run at all. When we are
root ourselves, the room's root is an unprivileged user of the host, so that even a way out would lead nowhere.
"""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from sandbox.aws.room import Room, bubblewrap_command, unshare_command

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "USER": "root",
    "LANG": "C.UTF-8",
}
_OWNERS = (1_879_048_192, 65_534)
"""Host users for the room's root, best first: one that owns nothing anywhere, else nobody."""

_LENT_PLACES = ("/mnt", "/media", "/srv", "/opt")
_MARK = "the room works"


class Wall(StrEnum):
    """What separates a script from the host."""

    BUBBLEWRAP = "bubblewrap"
    UNSHARE = "unshare"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a script ended. `exit_code` None: it was killed, because of its time limit when `timed_out`."""

    exit_code: int | None
    stdout: str
    stderr: str
    timed_out: bool = False


class Isolation:
    """`base`: the host folder below which every path of a Room lies."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self.wall: Wall | None = None
        self.why_not = "no wall was tried"
        self.owner = _pick_owner(base) if os.geteuid() == 0 else None

    async def probe(self, room: Room, walls: tuple[Wall, ...] = tuple(Wall)) -> Wall | None:
        """Finds the first wall that works here, by building a room with it. None: nothing will be run, and `why_not`
        says what the last one tried complained of."""
        for wall in walls:
            self.wall = wall
            outcome = await self.run(room, ("echo", _MARK), seconds=10)
            if outcome.exit_code == 0 and outcome.stdout.strip() == _MARK:
                return wall
            self.why_not = (outcome.stderr.strip() or "it does not work").splitlines()[-1][:200]
        self.wall = None
        return None

    async def run(
        self,
        room: Room,
        command: tuple[str, ...],
        *,
        seconds: float,
        stop: asyncio.Event | None = None,
        keep: int = 48_000,
    ) -> Outcome:
        """Runs `command` in the room; keeps the first `keep` characters of each output. The time limit, `stop` and
        a cancelled task kill everything the command started. Needs a wall."""
        if self.wall is None:
            raise RuntimeError("there is no way to isolate a script on this host")
        argv = self._argv(self.wall, replace(room, seconds=int(seconds) + 5), command)
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=PIPE,
                start_new_session=True,
                env=ENVIRONMENT,
                cwd="/",
            )
        except FileNotFoundError as error:
            return Outcome(exit_code=126, stdout="", stderr=f"{error.filename}: not found on this host\n")
        assert process.stdout is not None and process.stderr is not None
        outputs = asyncio.gather(_read(process.stdout, keep), _read(process.stderr, keep))
        ended = asyncio.create_task(process.wait())
        stopped = asyncio.create_task((stop or asyncio.Event()).wait())
        try:
            await asyncio.wait((ended, stopped), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timed_out = not ended.done() and not stopped.done()
            stopped.cancel()
            _kill(process)
            await asyncio.shield(ended)
            stdout, stderr = await asyncio.shield(outputs)
        code = process.returncode
        killed = code is None or code < 0
        return Outcome(None if killed else code, stdout, stderr, timed_out and killed)

    def _argv(self, wall: Wall, room: Room, command: tuple[str, ...]) -> list[str]:
        build = bubblewrap_command if wall is Wall.BUBBLEWRAP else unshare_command
        if self.owner is None:
            return build(room, command)
        # As root: lend the base folder, which its new owner could not reach by name, at a place of a mount namespace
        # of its own, then stop being root before anything else happens.
        place = next(path for path in _LENT_PLACES if os.path.isdir(path))
        moved = room.moved(self._base, Path(place))
        lend = (
            'mount --bind "$0" "$1" && shift && owner=$1 && shift && '
            'exec setpriv --reuid "$owner" --regid "$owner" --clear-groups -- "$@"'
        )
        prefix = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", lend]
        return [*prefix, str(self._base), place, str(self.owner), *build(moved, command)]


def _pick_owner(base: Path) -> int:
    probe = base / ".owner"
    probe.touch()
    try:
        for owner in _OWNERS:
            try:
                os.chown(probe, owner, owner)
            except OSError:  # a container that maps fewer users
                continue
            return owner
        raise RuntimeError("running as root, and no unprivileged user to run scripts as")
    finally:
        probe.unlink()


async def _read(stream: asyncio.StreamReader, keep: int) -> str:
    """Reads to the end, so that the writer never blocks, and keeps the first `keep` characters."""
    kept = bytearray()
    while chunk := await stream.read(65_536):
        kept += chunk[: max(0, 4 * keep - len(kept))]
    return kept.decode(errors="replace")[:keep]


def _kill(process: Process) -> None:
    """Kills what is left. The room dies with its first process, and that one with ours."""
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:  # it ended by itself in the meantime
            return
