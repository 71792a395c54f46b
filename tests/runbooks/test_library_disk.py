"""Runbooks about disks and files, run for real: what goes, what stays, and what no link leads to."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from tests.runbooks.machine import Machine


def test_large_files_are_listed_and_nothing_is_touched(machine: Machine) -> None:
    machine.write("/srv/dump.sql", 3 * 1024)
    machine.write("/srv/new\nline.bin", 2 * 1024)
    machine.write("/srv/small", 10)
    (machine.root / "srv/link").symlink_to("/srv/dump.sql")
    given = {"folder": "/srv", "minimum_mb": 1, "most": 5}
    done = machine.run("large-file-report", given)
    assert (done.code, done.err) == (0, "")
    assert "2 files larger than 1 MB in /srv" in done.out
    assert done.out.index(" /srv/dump.sql") < done.out.index(" /srv/new?line.bin")
    assert "still hold open: " in done.out
    assert machine.holds("large-file-report", given) == (
        "2 files above 1 MB in /srv, together 5 MB; at most 5 are listed.\n"
    )
    assert machine.has("/srv/dump.sql")
    assert machine.refused("large-file-report", {"folder": "/nowhere"}) == "there is no folder /nowhere."
    assert machine.run("large-file-report", {"folder": "/nowhere"}, verify=True).err == (
        "/nowhere cannot be read.\n"
    )


def test_old_temporary_files_go_and_nothing_behind_a_link(machine: Machine) -> None:
    machine.write("/tmp/build/old.o", 30, days=20)
    machine.write("/tmp/-rf", 10, days=20)
    machine.write("/var/tmp/left over", 10, days=20)
    machine.write("/tmp/session", 10, days=1)
    machine.write("/tmp/systemd-private-1/tmp/x", 10, days=20)
    machine.write("/srv/data/precious", 10, days=20)
    (machine.root / "tmp/out").symlink_to("/srv/data")
    os.utime(machine.root / "tmp/build", (0, 0))
    done = machine.mended("temp-clean-up")
    assert "/tmp: 2 files removed, 40 KB." in done.out
    assert "Together 3 files, untouched for 7 days." in done.out
    for path in ("/tmp/session", "/tmp/systemd-private-1/tmp/x", "/srv/data/precious"):
        assert machine.has(path)
    assert not machine.has("/tmp/build/old.o")
    machine.hide("find")
    assert machine.refused("temp-clean-up") == "the command find is missing on this machine."


def test_a_temporary_folder_that_is_a_link_is_left_alone(machine: Machine) -> None:
    machine.write("/srv/data/precious", 10, days=20)
    (machine.root / "var/tmp").rmdir()
    (machine.root / "var/tmp").symlink_to("/srv/data")
    assert machine.run("temp-clean-up").code == 0
    assert machine.has("/srv/data/precious")


@pytest.mark.parametrize("runbook", ["temp-clean-up", "disk-clean-up"])
def test_another_file_system_below_is_left_alone(machine: Machine, runbook: str) -> None:
    memory = Path("/dev/shm")
    assert memory.stat().st_dev != machine.root.stat().st_dev, "this test needs two file systems"
    machine.write("/tmp/old", 10, days=20)
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        other = Machine(Path(folder))
        other.write("precious", 10, days=20)
        assert machine.run(runbook, lent={folder: "/tmp/mounted"}).code == 0
        assert other.has("precious") and not machine.has("/tmp/old")


def docker(machine: Machine) -> None:
    machine.write(
        "run/docker/containers", "c1 web running 900 healthy\nc2 old exited 900 none\nc3 new exited 2 none\n"
    )
    machine.write("run/docker/images", "i1 web 900 yes\ni2 <none> 900 no\ni3 base 900 no\ni4 <none> 2 no\n")
    for image in ("i1", "i2", "i3", "i4"):
        machine.write(f"var/lib/docker/{image}", 300)
    machine.write("run/disk", "1300\n")


def test_docker_gets_rid_of_what_nothing_uses(machine: Machine) -> None:
    docker(machine)
    done = machine.mended("docker-prune", {"images": "unused", "threshold_percent": 60})
    assert machine.read("run/docker/containers") == "c1 web running 900 healthy\nc3 new exited 2 none\n"
    assert machine.read("run/docker/images") == "i1 web 900 yes\ni4 <none> 2 no\n"
    assert (
        "Before, with 1 containers running:" in done.out and "After, with 1 containers running:" in done.out
    )
    assert "volume" not in machine.read("run/docker/calls")


def test_docker_keeps_named_images_unless_told(machine: Machine) -> None:
    docker(machine)
    assert machine.run("docker-prune").code == 0
    assert machine.has("var/lib/docker/i3")
    assert not machine.has("var/lib/docker/i2")
    still = machine.run("docker-prune", {"threshold_percent": 10}, verify=True)
    assert still.code == 1
    assert "is still 69 % full" in still.err
    machine.write("run/docker/down")
    assert machine.refused("docker-prune") == "the Docker daemon does not answer."


def test_downloaded_packages_go(machine: Machine) -> None:
    machine.write("/var/cache/apt/archives/nginx.deb", 3000)
    machine.write("/var/cache/apt/archives/lock")
    machine.write("/var/cache/app/index", 3000)
    done = machine.mended("package-cache-clean-up", {"limit_mb": 1})
    assert "Before: 2 MB of downloaded packages. Cleaning up with apt-get." in done.out
    assert "After: 0 MB; freed 2 MB." in done.out
    assert machine.has("/var/cache/app/index") and machine.has("/var/cache/apt/archives/lock")


def test_a_package_program_at_work_is_not_disturbed(machine: Machine) -> None:
    machine.write("/run/dpkg", "#!/bin/bash\nread -r _ <>/dev/zero; while :; do :; done\n", mode=0o755)
    machine.write("/var/cache/apt/archives/nginx.deb", 10)
    busy = 'cp /usr/bin/sleep /run/dpkg; /run/dpkg 30 & while [ "$(cat /proc/$!/comm)" != dpkg ]; do :; done'
    why = machine.refused("package-cache-clean-up", during=busy)
    assert why == "dpkg is at work; try again when it is done."
    assert machine.has("/var/cache/apt/archives/nginx.deb")


PERMISSIONS = {"folder": "/srv/www", "owner": "root", "group": "root"}


@pytest.mark.parametrize(
    ("access", "file", "folder"),
    [("group-reads", 0o640, 0o750), ("group-writes", 0o660, 0o770), ("everybody-reads", 0o644, 0o755)],
)
def test_permissions_are_put_right(machine: Machine, access: str, file: int, folder: int) -> None:
    machine.write("/srv/www/index.html", "x", mode=0o777 & 0o606)
    machine.write("/srv/www/run.sh", "x", mode=0o700)
    machine.write("/srv/www/set-id", "x", mode=0o4755)
    machine.write("/srv/secret", "x", mode=0o600)
    (machine.root / "srv/www/link").symlink_to("/srv/secret")
    (machine.root / "srv/www/twin").hardlink_to(machine.root / "srv/secret")
    (machine.root / "srv/www").chmod(0o707)
    done = machine.mended("permission-fix", {**PERMISSIONS, "access": access})
    www = machine.root / "srv/www"
    assert www.stat().st_mode & 0o7777 == folder
    assert (www / "index.html").stat().st_mode & 0o7777 == file
    assert (www / "run.sh").stat().st_mode & 0o7777 == folder
    assert (www / "set-id").stat().st_mode & 0o7777 == 0o4755
    assert (machine.root / "srv/secret").stat().st_mode & 0o7777 == 0o600
    assert "was -rw----rw- root:root" in done.out
    assert "2 set-id files or files with several names were left alone." in done.out


def test_permissions_are_not_touched_behind_a_link_or_for_nobody(machine: Machine) -> None:
    machine.write("/home/x/file", "x", mode=0o600)
    (machine.root / "srv/www").symlink_to("/home/x")
    assert machine.refused("permission-fix", PERMISSIONS) == "/srv/www is a link or lies behind one."
    (machine.root / "srv/app").mkdir()
    missing = {**PERMISSIONS, "folder": "/srv/app"}
    whole = machine.refused("permission-fix", {**PERMISSIONS, "folder": "/srv/"})
    assert whole == "/srv as a whole is too much; name a folder in it."
    assert machine.refused("permission-fix", {**missing, "owner": "bob"}) == "there is no user bob."
    assert machine.refused("permission-fix", {**missing, "group": "bob"}) == "there is no group bob."
    assert (
        machine.refused("permission-fix", {**PERMISSIONS, "folder": "/opt/a"}) == "there is no folder /opt/a."
    )
    assert (machine.root / "home/x/file").stat().st_mode & 0o777 == 0o600
