"""A PostgreSQL server of the tests' own: made in a temporary folder, on loopback, gone when they are done.

It keeps its promises as a real one does (fsync and synchronous_commit are on): what a test says of durability is true.
"""

from __future__ import annotations

import atexit
import glob
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from tests.ports import free_port

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "track_commit_timestamp": "on",  # what a test measures by
    "shared_buffers": "16MB",
    "max_wal_size": "256MB",
    "jit": "off",
    "timezone": "UTC",
    "log_min_messages": "warning",
}
CONNECTIONS = 100
"""Of one process: its tests' replicas, and what they measure with."""
SECONDS_TO_START = 60.0
# A reader beside the server sees standard input close, which happens when this process ends, however it ends. Unless it
# was told a word before, nobody wants the cluster's folder any more.
TETHER = """
exec 3<&0
"$@" </dev/null & server=$!
{
    read -r word <&3
    kill -0 $$ && kill -QUIT $server
    [ "$word" ] || { while kill -0 $server; do sleep 0.05; done; rm -rf "$PWD/data" "$PWD/log" "$PWD/password"; }
} 2>/dev/null &
wait $server
"""


def _programs() -> Path | None:
    """The folder of the newest server's programs: what PATH leads to, or Debian's own place."""
    found = shutil.which("initdb")
    folders = [Path(os.path.realpath(found)).parent] if found else []
    debian = glob.glob("/usr/lib/postgresql/*/bin")
    folders += sorted(map(Path, debian), key=lambda folder: int(folder.parent.name), reverse=True)
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom to be instead of root, as whom PostgreSQL refuses to run; None when we are not root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


class Cluster:
    """`start` it, ask it for a `url`, `stop` it. `crash` and `start` again: it recovers, on the same port."""

    def __init__(self, *, local: bool = False, processes: int = 1) -> None:
        """`local`: a socket in its folder lets everybody of this machine in, as the role they name. `processes`: how
        many of them it has connections for."""
        self._local, self._processes = local, processes
        self._user = _unprivileged()
        self._password = secrets.token_urlsafe(16)
        self._made_in: Path | None = None
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def missing() -> str | None:
        """What has to be installed first, or None."""
        return (
            None if _programs() else "PostgreSQL's server (initdb, postgres) is not installed: tools/bring-up"
        )

    def url(self, database: str = "postgres") -> str:
        """The address of one of its databases, as SQLAlchemy reads it."""
        return f"postgresql+asyncpg://postgres:{self._password}@127.0.0.1:{self._port}/{database}"

    @property
    def folder(self) -> Path:
        """Where it keeps everything: its data and its log."""
        if self._made_in is None:
            raise RuntimeError("start the cluster first")
        return self._made_in

    def start(self) -> None:
        """Make the cluster if there is none, and start it. Raises RuntimeError with the server's own words."""
        if self._made_in is None:
            atexit.register(self.stop)
            self._make()
            self._port = free_port()
        chosen: dict[str, object] = {**SETTINGS, "port": self._port}
        chosen["max_connections"] = CONNECTIONS * self._processes
        if self._local:
            chosen["unix_socket_directories"] = self.folder
        options = [f"-c{name}={value}" for name, value in chosen.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", TETHER, "sh", self._program("postgres"), "-D", self._data, *options],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.folder,
                **self._identity(),
            )
        deadline = time.monotonic() + SECONDS_TO_START
        while self._status() != "ready":
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{(self.folder / 'log').read_text()[-4000:]}")
            time.sleep(0.02)

    def crash(self) -> None:
        """Stop at once, as a power cut would: nothing is written any more, clients are cut off."""
        self._end(b"keep")

    def stop(self) -> None:
        """Stop, and leave nothing behind. May be called twice."""
        atexit.unregister(self.stop)
        self._end()
        if self._made_in is not None:
            shutil.rmtree(self._made_in, ignore_errors=True)
            self._made_in = None

    @asynccontextmanager
    async def fresh_database(self, name: str, template: str = "template0") -> AsyncIterator[str]:
        """A database of this name, copied from the template, dropped afterwards; gives its address."""
        await self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield self.url(name)
        finally:
            await self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url().replace("+asyncpg", ""))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _make(self) -> None:
        # Root's own temporary folder may be closed to others; /tmp is not.
        folder = Path(tempfile.mkdtemp(prefix="aw-postgres-", dir="/tmp" if self._user else None))
        self._made_in = folder
        password = folder / "password"
        password.write_text(self._password)
        if self._user:
            for path in (folder, password):
                os.chown(path, self._user.pw_uid, self._user.pw_gid)
        choices = ["--username=postgres", f"--pwfile={password}", "--auth=password", "--no-sync"]
        if self._local:
            choices.append("--auth-local=trust")
        done = subprocess.run(
            [self._program("initdb"), "-D", self._data, *choices, "--encoding=UTF8", "--locale=C"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=folder,
            **self._identity(),
        )
        if done.returncode != 0:
            raise RuntimeError(f"initdb failed:\n{done.stdout}{done.stderr}")

    def _identity(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}

    def _program(self, name: str) -> str:
        folder = _programs()
        if folder is None:
            raise RuntimeError(self.missing())
        return str(folder / name)

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _status(self) -> str:
        """What the server says of itself: the eighth line of postmaster.pid; empty when it is not running."""
        try:
            lines = Path(self._data, "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return ""
        return lines[7].strip() if len(lines) > 7 else ""

    def _end(self, word: bytes = b"") -> None:
        """Let go of the tether, and wait until the server and all it had started are gone."""
        process, self._process = self._process, None
        if process is None:
            return
        process.communicate(word)
        Path(self._data, "postmaster.pid").unlink(missing_ok=True)
