"""The shipped bash scripts really run, each on a pretend machine of its own (a folder, isolated by bubblewrap)."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from runbooks import catalogue
from runbooks.runbook import Platform, script_for, validate_parameters

LIBRARY = catalogue.load()
KIB = 1024

DF = """#!/bin/bash
read -r size </run/disk
used=0
while read -r bytes; do used=$((used + bytes / 1024)); done < <(find /var /tmp -type f -printf '%s\\n')
echo "Filesystem 1024-blocks Used Available Capacity Mounted on"
echo "/dev/vda1 $size $used $((size - used)) $((used * 100 / size))% /"
"""
SYSTEMCTL = """#!/bin/bash
verb=$1; shift
for unit; do :; done
state=/run/units/$unit
case $verb in
  show) if [ -f "$state" ]; then echo loaded; else echo not-found; fi ;;
  is-active) read -r now <"$state"; [ "$1" = --quiet ] || echo "$now"; [ "$now" = active ] ;;
  restart)
    echo "restart $unit" >>/run/calls
    read -r next </run/after-restart
    echo "$next" >"$state"
    [ "$next" = active ] ;;
  status) echo "$unit - a pretend service"; echo "   Active: $(cat "$state")" ;;
esac
"""
FREE = """#!/bin/bash
read -r cached available </run/memory
echo "               total        used        free      shared  buff/cache   available"
echo "Mem:            4000        1000         500          10        $cached        $available"
echo "Swap:              0           0           0"
"""
SYSCTL = """#!/bin/bash
echo "sysctl $*" >>/run/calls
[ "$2" = vm.drop_caches=3 ] && echo "20 3900" >/run/memory
echo "vm.drop_caches = 3"
"""
LOGROTATE = """#!/bin/bash
echo "logrotate $*" >>/run/calls
for log in /var/log/*.log; do mv "$log" "$log.1"; : >"$log"; done
"""
SHIMS = {"df": DF, "systemctl": SYSTEMCTL, "free": FREE, "sysctl": SYSCTL, "logrotate": LOGROTATE}


@dataclass
class Machine:
    root: Path

    def write(self, path: str, content: str | int = "", *, days: float = 0) -> None:
        """A file with this text, or of this many KiB, last touched so many days ago."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else b"x" * content * KIB)
        at = time.time() - days * 86_400
        os.utime(file, (at, at))

    def has(self, path: str) -> bool:
        return (self.root / path.lstrip("/")).exists()

    def read(self, path: str) -> str:
        return (self.root / path.lstrip("/")).read_text()

    def run(
        self, runbook_id: str, given: Mapping[str, object] | None = None, *, verify: bool = False
    ) -> subprocess.CompletedProcess[str]:
        runbook = LIBRARY.get(runbook_id)
        text = script_for(runbook, Platform.LINUX, validate_parameters(runbook, given or {}), verify=verify)
        program = shutil.which("bwrap")
        assert program, "bubblewrap is not installed; install it (Debian package: bubblewrap)"
        system = [
            part
            for one in ("/usr", "/lib", "/lib64", "/bin", "/sbin")
            for part in ("--ro-bind-try", one, one)
        ]
        own = [
            part
            for one in ("var", "tmp", "run", "etc")
            for part in ("--bind", str(self.root / one), f"/{one}")
        ]
        command = [program, "--unshare-all", "--die-with-parent", "--clearenv", "--uid", "0", *system, *own]
        command += ["--ro-bind", str(self.root / "shims"), "/shims", "--dev", "/dev", "--proc", "/proc"]
        command += ["--setenv", "PATH", "/shims:/usr/bin:/bin", "/bin/bash", "-s"]
        return subprocess.run(command, input=text, text=True, capture_output=True, check=False, timeout=60)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    one = Machine(tmp_path)
    for folder in ("var/log", "tmp", "run/units", "etc", "shims"):
        (tmp_path / folder).mkdir(parents=True)
    for name, text in SHIMS.items():
        one.write(f"shims/{name}", text)
        (tmp_path / "shims" / name).chmod(0o755)
    one.write("run/disk", "4000\n")
    one.write("run/after-restart", "active\n")
    one.write("run/memory", "2000 200\n")
    one.write("etc/logrotate.conf", "/var/log/*.log {}\n")
    return one


OLD = [
    "/var/log/syslog.1",
    "/var/log/syslog.12",
    "/var/log/nginx/access.log.3.gz",
    "/var/log/app-20260901",
    "/var/log/Xorg.0.log.old",
    "/tmp/upload/left over\nfile",
    "/tmp/-rf",
    "/var/tmp/build.o",
    "/var/cache/apt/archives/nginx.deb",
]
KEPT = [
    "/var/log/syslog",
    "/var/log/nginx/access.log",
    "/var/log/audit/audit.log.1",
    "/var/log/wtmp.1",
    "/var/log/app/data",
    "/var/cache/app/index",
    "/var/lib/mysql/ibdata1",
    "/tmp/systemd-private-1-nginx/tmp/socket",
]


def test_disk_clean_up_removes_what_is_old_and_nothing_else(machine: Machine) -> None:
    for path in OLD:
        machine.write(path, 300, days=20)
    for path in KEPT:
        machine.write(path, 20, days=20)
    machine.write("/var/log/syslog.2.gz", 20, days=3)
    machine.write("/tmp/session", 20, days=0.5)
    (machine.root / "tmp/link").symlink_to("/etc/logrotate.conf")

    done = machine.run("disk-clean-up")

    assert (done.returncode, done.stderr) == (0, "")
    assert [path for path in OLD if machine.has(path)] == []
    assert [
        path
        for path in [*KEPT, "/var/log/syslog.2.gz", "/tmp/session", "/etc/logrotate.conf"]
        if not machine.has(path)
    ] == []
    lines = done.stdout.splitlines()
    assert lines[0] == "Before: / is 72 % full, 1 MB free."
    assert "  rotated logs older than 7 days in /var/log: 5 removed, 1 MB" in lines
    assert "  temporary files untouched for 3 days in /tmp: 2 removed, 600 KB" in lines
    assert lines[-1] == "After: / is 5 % full, 3 MB free."
    again = machine.run("disk-clean-up")
    assert again.returncode == 0
    assert "removed" not in again.stdout


@pytest.mark.parametrize(("disk", "code"), [("4000", 0), ("1100", 1)])
def test_disk_clean_up_is_verified_by_what_is_in_use(machine: Machine, disk: str, code: int) -> None:
    machine.write("run/disk", f"{disk}\n")
    machine.write("/var/lib/mysql/ibdata1", 1000)
    done = machine.run("disk-clean-up", verify=True)
    assert done.returncode == code
    if code == 0:
        assert done.stdout == "/ is 25 % full, the limit is 85 %.\n"
    else:
        assert "/ is still 90 % full" in done.stderr
        assert "above the limit of 85 %" in done.stdout


def test_disk_clean_up_refuses_without_what_it_needs(machine: Machine) -> None:
    shutil.rmtree(machine.root / "var/log")
    machine.write("/tmp/old", 10, days=20)
    done = machine.run("disk-clean-up")
    assert (done.returncode, done.stderr) == (3, "Not started: there is no /var/log.\n")
    assert machine.has("/tmp/old")


def test_large_logs_are_rotated_as_the_machine_is_configured(machine: Machine) -> None:
    machine.write("/var/log/app.log", 3000)
    machine.write("/var/log/other.log", 10)
    before = machine.run("log-rotation", {"limit_mb": 1}, verify=True)
    done = machine.run("log-rotation", {"limit_mb": 1})
    after = machine.run("log-rotation", {"limit_mb": 1}, verify=True)
    assert before.returncode == 1
    assert "the first is /var/log/app.log" in before.stderr
    assert (done.returncode, done.stderr) == (0, "")
    assert "  2 MB  /var/log/app.log" in done.stdout
    assert machine.read("/run/calls") == "logrotate -f /etc/logrotate.conf\n"
    assert (after.returncode, after.stdout) == (0, "No live log in /var/log is larger than 1 MB.\n")


def test_small_logs_are_left_alone(machine: Machine) -> None:
    machine.write("/var/log/app.log", 10)
    done = machine.run("log-rotation")
    assert done.returncode == 0
    assert "None is larger than 100 MB: nothing to rotate." in done.stdout
    assert not machine.has("/run/calls")


def test_log_rotation_refuses_without_a_configuration(machine: Machine) -> None:
    (machine.root / "etc/logrotate.conf").unlink()
    done = machine.run("log-rotation")
    assert (done.returncode, done.stderr) == (
        3,
        "Not started: there is no logrotate configuration /etc/logrotate.conf.\n",
    )


def test_a_service_is_restarted_and_comes_back(machine: Machine) -> None:
    machine.write("run/units/nginx", "failed\n")
    done = machine.run("restart-service", {"unit": "nginx"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Before: nginx is failed.\nRestarting nginx.\nAfter: nginx is active.\n"
    assert machine.read("/run/calls") == "restart nginx\n"
    verified = machine.run("restart-service", {"unit": "nginx", "grace_seconds": 2}, verify=True)
    assert (verified.returncode, verified.stdout) == (0, "nginx is active.\n")


def test_a_service_that_stays_down_is_shown_with_its_status(machine: Machine) -> None:
    machine.write("run/units/nginx", "active\n")
    machine.write("run/after-restart", "failed\n")
    done = machine.run("restart-service", {"unit": "nginx"})
    assert done.returncode == 1
    assert "Active: failed" in done.stdout
    assert done.stderr == "The restart of nginx failed; it is failed.\n"
    verified = machine.run("restart-service", {"unit": "nginx", "grace_seconds": 2}, verify=True)
    assert verified.returncode == 1
    assert "nginx is failed after 2 seconds." in verified.stderr


@pytest.mark.parametrize(
    ("unit", "why"),
    [
        ("nginx", "the service nginx is not-found"),
        ("amazon-ssm-agent", "amazon-ssm-agent carries this very command"),
    ],
)
def test_a_service_that_is_not_there_or_carries_the_command_is_not_restarted(
    machine: Machine, unit: str, why: str
) -> None:
    done = machine.run("restart-service", {"unit": unit})
    assert done.returncode == 3
    assert why in done.stderr
    assert not machine.has("/run/calls")


def test_memory_caches_are_cleared(machine: Machine) -> None:
    before = machine.run("clear-memory-cache", verify=True)
    done = machine.run("clear-memory-cache")
    after = machine.run("clear-memory-cache", verify=True)
    assert before.returncode == 1
    assert "Only 5 % of the memory is available (200 of 4000 MB)" in before.stderr
    assert (done.returncode, done.stderr) == (0, "")
    assert "2000 MB in caches, 200 MB available" in done.stdout
    assert "20 MB in caches, 3900 MB available" in done.stdout
    assert machine.read("/run/calls") == "sysctl -w vm.drop_caches=3\n"
    assert after.stdout == "97 % of the memory is available (3900 of 4000 MB), the goal is 10 %.\n"
