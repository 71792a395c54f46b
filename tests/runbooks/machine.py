"""A throw-away Linux machine: a folder of its own behind bubblewrap's walls, in which shipped scripts really run.

The commands are the host's own, read-only. What changes a whole machine (systemctl, docker, shutdown …) is a stand-in
from `shims/` that behaves at its command line as the real one does and keeps its state below /run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict, Unpack

import pytest

from runbooks import catalogue
from runbooks.runbook import Platform, script_for, validate_parameters

LIBRARY = catalogue.load()
KIB = 1024
SHIMS = Path(__file__).parent / "shims"
FOLDERS = ("var", "tmp", "run", "etc", "srv", "opt", "home", "root")
ACCOUNTS = {
    "passwd": "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:/bin/false\n",
    "group": "root:x:0:\nwww-data:x:33:\n",
}


class Room(TypedDict, total=False):
    """`during`: what else happens in the room, in bash, before the script; `lent`: host folders, and where the room
    shows them."""

    during: str
    lent: Mapping[str, str]


@dataclass
class Done:
    """How a script ended."""

    code: int
    out: str
    err: str


@dataclass
class Machine:
    root: Path
    hidden: list[str] = field(default_factory=list)
    """Commands that this machine does not have."""

    def write(self, path: str, content: str | int = "", *, days: float = 0, mode: int = 0o644) -> None:
        """A file with this text, or of this many KiB, last touched so many days ago."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else b"x" * content * KIB)
        file.chmod(mode)
        at = time.time() - days * 86_400
        os.utime(file, (at, at))

    def has(self, path: str) -> bool:
        return (self.root / path.lstrip("/")).exists()

    def read(self, path: str) -> str:
        return (self.root / path.lstrip("/")).read_text()

    def hide(self, *commands: str) -> None:
        self.hidden += commands

    def run(
        self,
        runbook_id: str,
        given: Mapping[str, object] | None = None,
        *,
        verify: bool = False,
        **room: Unpack[Room],
    ) -> Done:
        """The runbook's script, or its verify script."""
        runbook = LIBRARY.get(runbook_id)
        text = script_for(runbook, Platform.LINUX, validate_parameters(runbook, given or {}), verify=verify)
        program = shutil.which("bwrap")
        assert program, "bubblewrap is not installed; install it (Debian package: bubblewrap)"
        command = [program, "--unshare-all", "--die-with-parent", "--clearenv", "--uid", "0", "--gid", "0"]
        for one in ("/usr", "/lib", "/lib64", "/bin", "/sbin"):
            command += ["--ro-bind-try", one, one]
        for one in FOLDERS:
            command += ["--bind", str(self.root / one), f"/{one}"]
        command += ["--ro-bind-try", "/etc/alternatives", "/etc/alternatives"]
        command += ["--ro-bind", str(self.root / "shims"), "/shims", "--dev", "/dev", "--proc", "/proc"]
        for outside, inside in room.get("lent", {}).items():
            command += ["--bind", outside, inside]
        path = "/shims:/usr/bin:/bin:/usr/sbin:/sbin"
        if self.hidden:
            command += ["--ro-bind", str(self._without()), "/others"]
            path = "/others"
        command += ["--setenv", "PATH", path, "--setenv", "HOME", "/root"]
        command += ["/bin/bash", "-c", f"{room.get('during', '')}\nexec /bin/bash -s"]
        done = subprocess.run(command, input=text, text=True, capture_output=True, check=False, timeout=60)
        return Done(done.returncode, done.stdout, done.stderr)

    def _without(self) -> Path:
        """A folder of links to every command but the hidden ones."""
        others = self.root / "others"
        shutil.rmtree(others, ignore_errors=True)
        others.mkdir()
        there = [Path("/shims", one.name) for one in (self.root / "shims").iterdir()]
        there += [one for folder in ("/usr/bin", "/usr/sbin") for one in Path(folder).iterdir()]
        for one in there:
            link = others / one.name
            if one.name not in self.hidden and not link.is_symlink():
                link.symlink_to(one)
        return others

    def mended(
        self, runbook_id: str, given: Mapping[str, object] | None = None, **room: Unpack[Room]
    ) -> Done:
        """The whole course: its check fails, it runs, its check passes, and running it again is harmless."""
        before = self.run(runbook_id, given, verify=True, **room)
        assert before.code == 1, before
        assert before.err.strip() and len(before.err.strip().splitlines()) == 1, before
        done = self.run(runbook_id, given, **room)
        assert (done.code, done.err) == (0, ""), done
        self.holds(runbook_id, given, **room)
        again = self.run(runbook_id, given, **room)
        assert again.code == 0, again
        self.holds(runbook_id, given, **room)
        return done

    def holds(self, runbook_id: str, given: Mapping[str, object] | None = None, **room: Unpack[Room]) -> str:
        """Its check passes; gives what it says."""
        after = self.run(runbook_id, given, verify=True, **room)
        assert (after.code, after.err) == (0, ""), after
        assert after.out.strip(), "a check says what it found"
        return after.out

    def refused(
        self, runbook_id: str, given: Mapping[str, object] | None = None, **room: Unpack[Room]
    ) -> str:
        """It does not start; gives the one line that says why."""
        done = self.run(runbook_id, given, **room)
        assert done.code == 3, done
        assert done.err.startswith("Not started: ") and done.err.count("\n") == 1, done
        return done.err.removeprefix("Not started: ").rstrip("\n")


def build(root: Path) -> Machine:
    """A healthy machine."""
    for folder in (*FOLDERS, "var/log", "var/tmp", "run/units", "run/jobs"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    one = Machine(root)
    shutil.copytree(SHIMS, root / "shims")
    for shim in (root / "shims").iterdir():
        shim.chmod(0o755)
    for name, text in ACCOUNTS.items():
        one.write(f"etc/{name}", text)
    one.write("run/disk", "4000\n")
    one.write("run/after-restart", "active\n")
    one.write("run/memory", "2000 200\n")
    one.write("etc/logrotate.conf", "/var/log/*.log {}\n")
    return one


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return build(tmp_path)
