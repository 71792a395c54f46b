"""A script on a pretend machine cannot touch the host, whatever it tries; each wall that works here is tried."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.aws.isolation import Wall
from tests.sandbox.aws_fixtures import DB, WEB, Cloud, cloud, gone, grown

LIBRARIES = [name for name in ("lib", "lib32", "lib64", "libx32") if os.path.isdir(f"/usr/{name}")]
REPOSITORY = Path(__file__).resolve().parents[2]
PWNED = "/usr/pwned"
CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")
PASSWD = Path("/etc/passwd")


@pytest.fixture(params=list(Wall))
async def aws(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Cloud]:
    async with cloud(tmp_path, walls=(request.param,)) as made:
        if made.world.wall is None:
            pytest.skip(f"{request.param} does not work on this host")
        yield made


def text_of(path: Path) -> str:
    return path.read_text()


def is_there(path: str) -> bool:
    return os.path.lexists(path)


async def said(aws: Cloud, script: str, machine: str = WEB) -> str:
    """All that a script prints on a machine."""
    got = await aws.run("#!/bin/bash\nexec 2>&1\n" + script, machine)
    return str(got["StandardOutputContent"])


async def test_it_is_root_of_its_own_machine(aws: Cloud) -> None:
    shown = await said(
        aws, "id -u; hostname; cat /etc/hostname; ls /; touch /etc/new /root/new && echo written"
    )

    assert shown.split() == [
        "0", "acme-web-01", "acme-web-01",
        *sorted(["bin", "dev", "etc", "home", "opt", "proc", "root", "run", "sbin", "srv", "tmp", "usr", "var",
                 *LIBRARIES]),
        "written",
    ]  # fmt: skip


async def test_the_host_s_files_are_out_of_reach(aws: Cloud, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    outside = tmp_path / "outside"

    shown = await said(
        aws,
        f"cat {secret} {tmp_path}/../../../../../..{secret} /proc/1/root{secret}\n"
        f"echo pwned > {outside}\nls {REPOSITORY} {Path.home()}\n"
        "grep -c . /etc/shadow; cat /etc/shadow",
    )

    assert "of the host" not in shown
    assert not outside.exists()
    assert f"cannot access '{REPOSITORY}'" in shown
    assert shown.endswith("1\nroot:*:20000:0:99999:7:::\n"), "the machine's own, not the host's"


async def test_the_host_s_programs_cannot_be_changed(aws: Cloud) -> None:
    shown = await said(
        aws,
        "echo x > /usr/pwned; rm -f /usr/bin/env; echo x >> /usr/local/bin/df; mount -o remount,rw /usr\n"
        "test -x /usr/bin/env && echo still there",
    )

    refusals = [line for line in shown.splitlines() if re.search(r"Read-only|[Pp]ermission denied", line)]
    assert len(refusals) == 4
    assert shown.endswith("still there\n")
    assert not is_there(PWNED)


async def test_links_left_behind_lead_nobody_out(aws: Cloud, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "nginx.state").write_text("state=untouched\n")
    before = text_of(PASSWD)
    await said(
        aws,
        f"rm -r /run/units /tmp /var/log; ln -s {victim} /run/units; ln -s {victim} /tmp; ln -s {victim} /var/log\n"
        f"rm /etc/machine/memory; ln -s /etc/passwd /etc/machine/memory; mkfifo /etc/machine/pipe\n"
        "rm /etc/machine/disk-size; mkfifo /etc/machine/disk-size",
    )

    machine = aws.world.machines[WEB]
    assert machine.snapshot()["units"] == []
    with pytest.raises(ValueError, match="no unit"):
        aws.world.break_machine(WEB, "break-unit:nginx")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        aws.world.break_machine(WEB, "fill-disk")
    aws.world.break_machine(WEB, "memory-pressure")
    assert text_of(PASSWD) == before
    assert sorted(path.name for path in victim.iterdir()) == ["nginx.state"]
    assert (victim / "nginx.state").read_text() == "state=untouched\n"
    aws.world.break_machine(WEB, "repair")
    assert (await said(aws, "systemctl is-active nginx")) == "active\n"


async def test_the_host_s_processes_are_neither_seen_nor_killed(aws: Cloud) -> None:
    bystander = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        shown = await said(
            aws,
            f"kill -9 {bystander.pid} {os.getpid()}; ls -d /proc/[0-9]* | wc -l; kill -9 -1 2>/dev/null; echo survived",
        )
        assert shown.count("No such process") == 2
        assert int(next(line for line in shown.splitlines() if line.isdigit())) < 10
        assert bystander.returncode is None
    finally:
        bystander.kill()
        await bystander.wait()


async def test_there_is_no_network(aws: Cloud) -> None:
    port = aws.endpoint.rsplit(":", 1)[1].split("/")[0]

    shown = await said(
        aws, f"(exec 3<>/dev/tcp/127.0.0.1/{port}) && echo connected; ls /sys/class/net 2>/dev/null"
    )

    assert "connected" not in shown
    assert "Connection refused" in shown or "Network is unreachable" in shown


async def test_the_kernel_s_settings_are_not_writable(aws: Cloud) -> None:
    before = text_of(CORE_PATTERN)

    shown = await said(
        aws,
        "for key in kernel/core_pattern kernel/sysrq vm/swappiness; do echo 1 > /proc/sys/$key; done\n"
        "echo b > /proc/sysrq-trigger; mknod /tmp/disk b 8 0; dmesg -C; date -s 2001-01-01 >/dev/null; reboot -f\n"
        "echo over",
    )

    assert shown.endswith("over\n")
    assert text_of(CORE_PATTERN) == before


async def test_scripts_do_not_run_as_our_own_root(aws: Cloud) -> None:
    if os.geteuid() != 0:
        pytest.skip("only meaningful when the tests run as root")

    shown = await said(aws, "cat /proc/self/uid_map; touch /tmp/mine")

    inside, outside, count = shown.split()
    assert (inside, count) == ("0", "1")
    owner = (aws.world.machines[WEB].folder.path / "tmp" / "mine").stat().st_uid
    assert owner == int(outside) != 0


async def test_a_fork_bomb_stays_small(aws: Cloud) -> None:
    shown = await said(aws, "for n in $(seq 200); do sleep 1 & done; echo never; kill $(jobs -p)")

    assert "Resource temporarily unavailable" in shown


async def test_memory_and_file_sizes_are_limited(aws: Cloud) -> None:
    shown = await said(
        aws,
        "head -c 2000000000 /dev/zero | tail -c 1900000000 | wc -c; truncate -s 3G /tmp/huge || echo too large",
    )

    assert "memory exhausted" in shown or "Cannot allocate" in shown
    assert "too large" in shown or "File size limit" in shown
    assert (
        not list((aws.world.machines[WEB].folder.path / "tmp").glob("huge"))
        or (aws.world.machines[WEB].folder.path / "tmp" / "huge").stat().st_size <= 1 << 30
    )


async def test_machines_are_apart_from_each_other(aws: Cloud) -> None:
    await said(aws, "echo mine > /tmp/note; systemctl stop nginx")

    assert "No such file" in await said(aws, "cat /tmp/note", DB)
    assert aws.world.machines[WEB].unit_state("nginx") == "inactive"
    assert aws.world.machines[DB].unit_state("postgresql") == "active"


async def test_a_machine_cannot_replace_its_own_walls(aws: Cloud) -> None:
    """What a script leaves in its folder must not weaken the room of the next one."""
    await said(
        aws,
        "mv /usr /was; rmdir /proc /dev; ln -s /oldroot/etc /etc2; mv /etc /gone; ln -s "
        "/oldroot/etc /etc; rm -rf /run; ln -s /oldroot/run /run",
    )

    shown = await said(aws, "/usr/bin/id -u; /usr/bin/ls /etc/ /oldroot 2>&1; echo x > /usr/pwned; echo end")

    assert "Read-only file system" in shown or "No such file" in shown
    assert "passwd" not in shown
    assert not is_there(PWNED)


async def test_a_room_does_not_outlive_the_program(aws: Cloud, tmp_path: Path) -> None:
    """Killed without warning, the program leaves no script behind for longer than its time limit."""
    isolation = aws.world.machines[WEB]._ground.isolation
    room = replace(aws.world.machines[WEB].room(_script(tmp_path, "sleep 4714")), seconds=2)
    assert isolation.wall is not None
    argv = isolation._argv(isolation.wall, room, ("sh", "-c", room.shown_script))
    program = f"import subprocess, time\nsubprocess.Popen({argv!r})\nprint('up', flush=True)\ntime.sleep(60)"
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    assert running.stdout is not None
    assert await running.stdout.readline() == b"up\n"
    assert await grown("sleep 4714", 1)

    running.kill()
    await running.communicate()

    assert await gone("sleep 4714")


def _script(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "aws" / "scripts" / "by-hand.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


async def test_without_any_wall_nothing_is_run(tmp_path: Path) -> None:
    async with cloud(tmp_path, walls=()) as aws:
        assert aws.world.wall is None
        got = await aws.run("touch /tmp/ran")

    assert (got["Status"], got["ResponseCode"], got["StandardOutputContent"]) == ("Failed", 1, "")
    assert "This host cannot isolate scripts" in got["StandardErrorContent"]
    assert "nothing was run" in got["StandardErrorContent"]


async def test_bubblewrap_is_taken_where_it_works(tmp_path: Path) -> None:
    probe = ["bwrap", "--unshare-user", "--unshare-pid", "--ro-bind", "/", "/", "true"]
    if (
        shutil.which("bwrap") is None
        or (await asyncio.to_thread(subprocess.run, probe, check=False)).returncode
    ):
        pytest.skip("bubblewrap does not work here")

    async with cloud(tmp_path) as aws:
        assert aws.world.wall is Wall.BUBBLEWRAP
