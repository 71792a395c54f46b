"""Runbooks that look after a machine: health, backups, sessions, patches, restarts, logins; run for real."""

from __future__ import annotations

import gzip
import os

import pytest

from tests.runbooks.machine import Machine


def test_disks_are_asked_for_their_verdict(machine: Machine) -> None:
    machine.write("run/disks", "/dev/sda 0 PASSED\n/dev/sdb 64 PASSED\n")
    done = machine.run("disk-health")
    assert (done.code, done.err) == (0, "")
    assert "/dev/sda:" in done.out and "PASSED" in done.out and "Reallocated_Sector_Ct" in done.out
    assert machine.holds("disk-health").startswith("2 disks say that they are well")
    machine.write("run/disks", "/dev/sda 0 PASSED\n/dev/sdb 24 FAILED!\n/dev/sdc 2 -\n")
    bad = machine.run("disk-health", verify=True)
    assert bad.code == 1
    assert bad.err.startswith("In bad health: /dev/sdb /dev/sdc(unread).")
    machine.write("run/disks", "")
    assert (
        machine.refused("disk-health")
        == "no disk of this machine gives a verdict of itself; virtual disks do not."
    )
    machine.hide("smartctl")
    assert machine.refused("disk-health").startswith("smartctl is missing on this machine")


def test_what_uses_processor_and_memory_is_listed(machine: Machine) -> None:
    busy = "cp /usr/bin/bash /opt/greedy; /opt/greedy -c 'while :; do :; done' secret-argument & /usr/bin/sleep 0.3"
    done = machine.run("process-report", during=busy)
    assert (done.code, done.err) == (0, "")
    assert "greedy" in done.out and "secret-argument" not in done.out
    assert "most processor time: greedy (" in machine.holds("process-report", during=busy)
    machine.hide("ps")
    assert machine.refused("process-report") == "the command ps is missing on this machine."
    assert machine.run("process-report", verify=True).code != 0


def test_the_newest_backup_is_looked_at(machine: Machine) -> None:
    machine.write("var/backups/db-1.sql.gz", 40, days=3)
    given = {"files": "db-*.sql.gz", "minimum_kb": 1}
    old = machine.run("backup-check", given, verify=True)
    assert (old.code, old.err) == (1, "The newest backup is 72 hours old, the limit is 26.\n")
    (machine.root / "var/backups/db-2.sql.gz").write_bytes(gzip.compress(os.urandom(5000)))
    (machine.root / "var/backups/db-3.sql.gz").symlink_to("/etc/passwd")
    done = machine.run("backup-check", given)
    assert (done.code, done.err) == (0, "")
    assert "The newest of 2" in done.out and "It can be read to its end." in done.out
    assert machine.holds("backup-check", given) == "The newest backup is 0 hours old and has 4 KB.\n"
    small = machine.run("backup-check", {**given, "minimum_kb": 10}, verify=True)
    assert (small.code, small.err) == (1, "The newest backup has 4 KB only, fewer than 10.\n")
    machine.write("var/backups/db-4.sql.gz", 40)
    damaged = machine.run("backup-check", given)
    assert damaged.code == 1
    assert damaged.err.endswith("It is damaged: it cannot be read to its end.\n")
    assert (
        machine.run("backup-check", {"files": "x"}, verify=True).err
        == "There is no backup x in /var/backups.\n"
    )
    assert machine.run("backup-check", {"files": "x"}).code == 1
    assert machine.refused("backup-check", {"folder": "/mnt"}) == "there is no folder /mnt."


def test_a_backup_is_made_again(machine: Machine) -> None:
    job = "#!/bin/bash\n/usr/bin/sleep 0.02; date +%N >/srv/backup-$(date +%s%N)\n"
    machine.write("run/units/nightly", "failed\n")
    machine.write("run/units/nightly.service", "failed\n")
    machine.write("run/jobs/nightly.service", job, mode=0o755)
    given = {"job": "nightly", "folder": "/srv", "free_mb": 1}
    done = machine.mended("backup-rerun", given)
    assert "After: nightly ended well." in done.out
    machine.write("run/jobs/nightly.service", "#!/bin/bash\nexit 1\n", mode=0o755)
    failed = machine.run("backup-rerun", given)
    assert (failed.code, failed.err) == (1, "nightly failed.\n")
    assert machine.run("backup-rerun", given, verify=True).err == "nightly did not end well lately.\n"
    machine.write("run/jobs/nightly.service", "#!/bin/bash\ntrue\n", mode=0o755)
    assert machine.run("backup-rerun", given).code == 0
    assert "no new file is in /srv" in machine.run("backup-rerun", given, verify=True).err


def test_a_backup_is_not_started_without_room_twice_or_out_of_nothing(machine: Machine) -> None:
    given = {"job": "nightly", "folder": "/srv", "free_mb": 1}
    assert machine.refused("backup-rerun", given) == "there is no service nightly on this machine."
    machine.write("run/units/nightly", "activating\n")
    assert machine.refused("backup-rerun", given) == "nightly is at work already."
    machine.write("run/units/nightly", "failed\n")
    assert "MB of room only, fewer than 100" in machine.refused("backup-rerun", {**given, "free_mb": 100})
    assert machine.refused("backup-rerun", {**given, "folder": "/mnt"}) == "there is no folder /mnt."
    assert not machine.has("run/calls")


def test_idle_sessions_end_and_others_stay(machine: Machine) -> None:
    people = [
        "1 kim user yes 20",
        "2 ana user yes 2",
        "3 bob user no 40",
        "4 root user yes 40",
        "5 gdm greeter yes 40",
    ]
    machine.write("run/sessions", "\n".join(people) + "\n")
    done = machine.mended("user-session-clean-up")
    assert "Ending session 1 of kim, idle for 20 h." in done.out and "1 of 5 sessions ended." in done.out
    assert machine.read("run/calls") == "terminate 1\n"
    (machine.root / "run/sessions").unlink()
    assert machine.refused("user-session-clean-up") == "systemd does not look after the sessions here."
    machine.hide("loginctl")
    assert machine.refused("user-session-clean-up") == "loginctl is missing on this machine."


def test_a_machine_is_restarted_once(machine: Machine) -> None:
    machine.write("run/minutes", "5000\n")
    before = machine.run("reboot", verify=True)
    assert (before.code, before.err) == (1, "No restart was asked for.\n")
    done = machine.run("reboot")
    assert (done.code, done.err) == (0, "")
    assert machine.read("run/calls") == "shutdown -r +2\n"
    assert machine.holds("reboot").startswith("The restart is set;")
    assert machine.refused("reboot") == "a restart or shutdown is on its way already."
    (machine.root / "run/systemd/shutdown/scheduled").unlink()
    off = machine.run("reboot", verify=True)
    assert off.code == 1
    assert off.err.startswith("The machine has not restarted, and no restart is set")
    machine.write("run/minutes", "0\n")
    mark = machine.read("var/lib/alert-whisperer/reboot").split()
    machine.write("var/lib/alert-whisperer/reboot", f"{mark[0]} {int(mark[1]) - 200}\n")
    assert machine.holds("reboot").startswith("The machine has restarted and is up since")
    assert (
        machine.refused("reboot") == "the machine started 0 minutes ago; another restart would hardly help."
    )


def test_a_machine_in_use_is_not_restarted(machine: Machine) -> None:
    machine.write("run/minutes", "5000\n")
    machine.write("run/people", "kim pts/0 2026-11-24 08:00\nkim pts/1 2026-11-24 08:00\n")
    assert machine.refused("reboot") == "logged in: kim."
    for name in ("dpkg", "pg_dump"):
        busy = f'cp /usr/bin/sleep /opt/{name}; /opt/{name} 30 & until [ "$(cat /proc/$!/comm)" = {name} ]; do :; done'
        why = machine.refused("reboot", {"people": "ignore"}, during=busy)
        assert why == f"{name} is at work; a restart now could break the machine or a backup."
    assert not machine.has("run/calls")
    assert machine.run("reboot", {"people": "ignore"}).code == 0


UPGRADES = (
    "openssl 3.0.1 3.0.2 Debian-Security:12/stable-security\n"
    "libc6 2.36-1 2.36-2 Debian-Security:12/stable-security\n"
    "vim 9.0 9.1 Debian:12.8/stable\n"
)


@pytest.fixture
def patched(machine: Machine) -> Machine:
    machine.write("run/apt/upgrades", UPGRADES)
    machine.write("run/disk", "4000000\n")
    return machine


def test_missing_patches_are_listed(patched: Machine) -> None:
    patched.write("run/reboot-required")
    done = patched.run("security-patches-list")
    assert (done.code, done.err) == (0, "")
    assert "2 security updates are missing; 0 may be." in done.out
    assert "openssl 3.0.1 -> 3.0.2" in done.out and "vim" not in done.out
    assert "wait for a restart" in done.out
    missing = patched.run("security-patches-list", verify=True)
    assert (missing.code, missing.err) == (1, "2 security updates are missing, 0 may be.\n")
    assert patched.holds("security-patches-list", {"most": 2}) == "2 security updates are missing.\n"
    patched.write("run/apt/offline")
    assert patched.run("security-patches-list").code == 3
    patched.hide("apt-get", "dnf", "yum", "zypper")
    assert (
        patched.refused("security-patches-list") == "none of apt-get, dnf, yum and zypper is on this machine."
    )


def test_patches_are_installed_and_nothing_else(patched: Machine) -> None:
    done = patched.mended("security-patches-apply")
    assert "Before: 2 security updates are missing." in done.out
    assert "After: no restart of the machine is asked for." in done.out
    assert patched.read("run/apt/upgrades") == "vim 9.0 9.1 Debian:12.8/stable\n"
    patched.write("run/reboot-required")
    assert patched.holds("security-patches-apply").endswith("a restart of the machine is due.\n")


def test_patches_are_not_installed_without_room_in_numbers_or_beside_another(patched: Machine) -> None:
    refused = patched.refused
    assert refused("security-patches-apply", {"most": 1}) == "2 packages would be updated, more than 1."
    assert "MB of room only" in refused("security-patches-apply", {"free_mb": 50000})
    busy = 'cp /usr/bin/sleep /opt/dnf; /opt/dnf 30 & while [ "$(cat /proc/$!/comm)" != dnf ]; do :; done'
    assert refused("security-patches-apply", during=busy) == "dnf is at work; try again when it is done."
    assert patched.read("run/apt/upgrades") == UPGRADES
    patched.write("run/apt/broken")
    failed = patched.run("security-patches-apply")
    assert failed.code == 100
    assert patched.run("security-patches-apply", verify=True).code == 1


AUTH = """\
2026-11-24T08:00:01 srv sshd[1]: Failed password for root from 203.0.113.7 port 4022 ssh2
2026-11-24T08:00:02 srv sshd[1]: Failed password for invalid user admin from 203.0.113.7 port 4023 ssh2
2026-11-24T08:00:03 srv sshd[1]: Failed password for root from 198.51.100.4 port 4024 ssh2
2026-11-24T08:00:04 srv sshd[1]: Accepted publickey for kim from 192.0.2.9 port 4025 ssh2: ED25519 SHA256:x
"""


def test_logins_are_listed(machine: Machine) -> None:
    machine.write("var/log/auth.log", AUTH)
    done = machine.run("login-report")
    assert (done.code, done.err) == (0, "")
    assert "Accepted publickey for kim from 192.0.2.9 port 4025" in done.out
    assert "Failed: 3 times, the limit is 50." in done.out
    assert "2 203.0.113.7" in done.out and "2 root" in done.out and "1 admin" in done.out
    assert machine.holds("login-report") == "Logging in failed 3 times.\n"
    many = machine.run("login-report", {"limit": 2}, verify=True)
    assert (many.code, many.err) == (1, "Logging in failed 3 times, the limit is 2.\n")
    (machine.root / "var/log/auth.log").unlink()
    machine.hide("journalctl")
    assert machine.refused("login-report") == "there is no record of logins on this machine."
