"""The shipped bash scripts really run, each on a pretend machine of its own: disk, logs, services, memory."""

from __future__ import annotations

import shutil

import pytest

from runbooks.runbook import Platform, Runbook
from tests.runbooks.machine import LIBRARY, Machine
from tests.runbooks.test_catalogue import filled

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

    assert (done.code, done.err) == (0, "")
    assert [path for path in OLD if machine.has(path)] == []
    assert [
        path
        for path in [*KEPT, "/var/log/syslog.2.gz", "/tmp/session", "/etc/logrotate.conf"]
        if not machine.has(path)
    ] == []
    lines = done.out.splitlines()
    assert lines[0] == "Before: / is 72 % full, 1 MB free."
    assert "  rotated logs older than 7 days in /var/log: 5 removed, 1 MB" in lines
    assert "  temporary files untouched for 3 days in /tmp: 2 removed, 600 KB" in lines
    assert lines[-1] == "After: / is 5 % full, 3 MB free."
    again = machine.run("disk-clean-up")
    assert again.code == 0
    assert "removed" not in again.out


@pytest.mark.parametrize(("disk", "code"), [("4000", 0), ("1100", 1)])
def test_disk_clean_up_is_verified_by_what_is_in_use(machine: Machine, disk: str, code: int) -> None:
    machine.write("run/disk", f"{disk}\n")
    machine.write("/var/lib/mysql/ibdata1", 1000)
    done = machine.run("disk-clean-up", verify=True)
    assert done.code == code
    if code == 0:
        assert done.out == "/ is 25 % full, the limit is 85 %.\n"
    else:
        assert "/ is still 90 % full" in done.err
        assert "above the limit of 85 %" in done.out


def test_disk_clean_up_refuses_without_what_it_needs(machine: Machine) -> None:
    shutil.rmtree(machine.root / "var/log")
    machine.write("/tmp/old", 10, days=20)
    done = machine.run("disk-clean-up")
    assert (done.code, done.err) == (3, "Not started: there is no /var/log.\n")
    assert machine.has("/tmp/old")


def test_large_logs_are_rotated_as_the_machine_is_configured(machine: Machine) -> None:
    machine.write("/var/log/app.log", 3000)
    machine.write("/var/log/other.log", 10)
    before = machine.run("log-rotation", {"limit_mb": 1}, verify=True)
    done = machine.run("log-rotation", {"limit_mb": 1})
    after = machine.run("log-rotation", {"limit_mb": 1}, verify=True)
    assert before.code == 1
    assert "the first is /var/log/app.log" in before.err
    assert (done.code, done.err) == (0, "")
    assert "  2 MB  /var/log/app.log" in done.out
    assert machine.read("/run/calls") == "logrotate -f /etc/logrotate.conf\n"
    assert (after.code, after.out) == (0, "No live log in /var/log is larger than 1 MB.\n")


def test_small_logs_are_left_alone(machine: Machine) -> None:
    machine.write("/var/log/app.log", 10)
    done = machine.run("log-rotation")
    assert done.code == 0
    assert "None is larger than 100 MB: nothing to rotate." in done.out
    assert not machine.has("/run/calls")


def test_log_rotation_refuses_without_a_configuration(machine: Machine) -> None:
    (machine.root / "etc/logrotate.conf").unlink()
    done = machine.run("log-rotation")
    assert (done.code, done.err) == (
        3,
        "Not started: there is no logrotate configuration /etc/logrotate.conf.\n",
    )


def test_a_service_is_restarted_and_comes_back(machine: Machine) -> None:
    machine.write("run/units/nginx", "failed\n")
    done = machine.run("restart-service", {"unit": "nginx"})
    assert (done.code, done.err) == (0, "")
    assert done.out == "Before: nginx is failed.\nRestarting nginx.\nAfter: nginx is active.\n"
    assert machine.read("/run/calls") == "restart nginx\n"
    verified = machine.run("restart-service", {"unit": "nginx", "grace_seconds": 2}, verify=True)
    assert (verified.code, verified.out) == (0, "nginx is active.\n")


def test_a_service_that_stays_down_is_shown_with_its_status(machine: Machine) -> None:
    machine.write("run/units/nginx", "active\n")
    machine.write("run/after-restart", "failed\n")
    done = machine.run("restart-service", {"unit": "nginx"})
    assert done.code == 1
    assert "Active: failed" in done.out
    assert done.err == "The restart of nginx failed; it is failed.\n"
    verified = machine.run("restart-service", {"unit": "nginx", "grace_seconds": 2}, verify=True)
    assert verified.code == 1
    assert "nginx is failed after 2 seconds." in verified.err


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
    assert done.code == 3
    assert why in done.err
    assert not machine.has("/run/calls")


def test_memory_caches_are_cleared(machine: Machine) -> None:
    before = machine.run("clear-memory-cache", verify=True)
    done = machine.run("clear-memory-cache")
    after = machine.run("clear-memory-cache", verify=True)
    assert before.code == 1
    assert "Only 5 % of the memory is available (200 of 4000 MB)" in before.err
    assert (done.code, done.err) == (0, "")
    assert "2000 MB in caches, 200 MB available" in done.out
    assert "20 MB in caches, 3900 MB available" in done.out
    assert machine.read("/run/calls") == "sysctl -w vm.drop_caches=3\n"
    assert after.out == "97 % of the memory is available (3900 of 4000 MB), the goal is 10 %.\n"


TOOLS = {
    *(
        "apt-get",
        "chronyc",
        "df",
        "dnf",
        "docker",
        "find",
        "free",
        "getent",
        "journalctl",
        "loginctl",
        "lpstat",
    ),
    *("mariadb", "mysql", "nproc", "openssl", "ps", "psql", "runuser", "smartctl", "ss", "stat", "swapon"),
    *("systemctl", "timedatectl", "timeout", "uptime", "yum", "zypper"),
}


@pytest.mark.parametrize(
    "runbook", [one for one in LIBRARY.all() if Platform.LINUX in one.platforms], ids=lambda one: one.id
)
def test_no_check_passes_where_it_cannot_look(machine: Machine, runbook: Runbook) -> None:
    machine.hide(*TOOLS)
    done = machine.run(runbook.id, filled(runbook), verify=True)
    assert done.code != 0 and done.err.strip(), done
