"""The pretend machines behave: disks fill and empty, services stop and start, logs rotate, memory comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from runbooks import catalogue
from runbooks.runbook import Platform, script_for, validate_parameters
from sandbox.world import Account, AwsConfig, BadWorld, HomeAccount, Instance, World, WorldConfig
from tests.sandbox.aws_fixtures import ACME, APP, DB, EXTERNAL_ID, REGION, ROLE, WEB, WINDOWS, Cloud, cloud


@pytest.fixture
async def aws(tmp_path: Path) -> AsyncIterator[Cloud]:
    async with cloud(tmp_path) as made:
        if made.world.wall is None:
            pytest.skip("scripts cannot be isolated on this host")
        yield made


async def said(aws: Cloud, script: str, machine: str = WEB, code: int = 0) -> str:
    got = await aws.run("#!/bin/bash\n" + script, machine)
    assert got["ResponseCode"] == code, got
    return str(got["StandardOutputContent"])


@pytest.mark.parametrize("machine", [WEB, DB, APP])
async def test_cleaning_up_a_full_disk_really_frees_it(aws: Cloud, machine: str) -> None:
    aws.world.break_machine(machine, "fill-disk")
    assert aws.world.machines[machine].disk_used_percent() == 94
    assert "94%" in await said(aws, "df -P / | tail -n 1", machine)

    await said(
        aws,
        "find /var/log -name '*.gz' -mtime +6 -delete; find /tmp /var/tmp -type f -mtime +2 -delete\n"
        "rm -f /var/cache/apt/archives/*.deb; find /var/log -name '*.log.1' -mtime +6 -delete",
        machine,
    )

    used = aws.world.machines[machine].disk_used_percent()
    assert used < 65
    assert (await said(aws, "df --output=pcent / | tail -n 1", machine)).strip() == f"{used}%"


async def test_machines_cost_the_host_next_to_nothing(aws: Cloud) -> None:
    for machine in (WEB, DB, APP):
        aws.world.break_machine(machine, "fill-disk")
    root = aws.world.machines[WEB].folder.path.parent

    on_disk = sum(path.lstat().st_blocks * 512 for path in root.rglob("*"))

    assert aws.world.machines[DB].folder.used() > 90 << 30
    assert on_disk < 2 << 20


async def test_df_speaks_for_people_and_for_scripts(aws: Cloud) -> None:
    shown = await said(aws, "df -h /; df --output=source,pcent,target; df -P /nowhere || echo no")

    assert "/dev/xvda1" in shown
    assert "20G" in shown
    assert shown.endswith("no\n")
    posix = (await said(aws, "df -P")).splitlines()
    assert posix[0].split()[:5] == ["Filesystem", "1024-blocks", "Used", "Available", "Capacity"]
    size, used, free = (int(number) for number in posix[1].split()[1:4])
    assert size == 20 << 20
    assert abs(size - used - free) <= 1, "each is rounded up"


async def test_a_stopped_service_comes_back_by_restarting_it(aws: Cloud) -> None:
    aws.world.break_machine(WEB, "stop-unit:nginx")
    assert await said(aws, "systemctl is-active nginx", code=3) == "inactive\n"

    shown = await said(aws, "systemctl restart nginx.service && systemctl status --no-pager nginx")

    assert "Active: active (running)" in shown
    assert aws.world.machines[WEB].unit_state("nginx") == "active"
    assert "Started A high performance web server" in await said(aws, "journalctl -u nginx -n 3 --no-pager")


async def test_the_runbook_that_restarts_nginx_works_on_a_machine(aws: Cloud) -> None:
    runbook = catalogue.load().get("restart-nginx")
    values = validate_parameters(runbook, {})
    script = script_for(runbook, Platform.LINUX, values)
    verify = script_for(runbook, Platform.LINUX, values, verify=True)
    aws.world.break_machine(WEB, "stop-unit:nginx")
    assert "After: nginx is active." in await said(aws, script)
    assert await said(aws, verify) == "nginx is active and listens on port 80.\n"

    aws.world.break_machine(WEB, "break-unit:nginx")
    refused = await aws.run(script)
    assert refused["ResponseCode"] == 3
    assert "[emerg] configuration file /etc/nginx/nginx.conf test failed" in refused["StandardOutputContent"]
    assert "the configuration of nginx is broken" in refused["StandardErrorContent"]


async def test_a_broken_service_fails_to_restart_until_it_is_mended(aws: Cloud) -> None:
    aws.world.break_machine(WEB, "break-unit:nginx")
    assert aws.world.machines[WEB].unit_state("nginx") == "failed"

    got = await aws.run("systemctl restart nginx")

    assert (got["Status"], got["ResponseCode"]) == ("Failed", 1)
    assert got["StandardErrorContent"].startswith(
        "Job for nginx.service failed because the control process exited with error code.\n"
    )
    assert "test failed: unexpected end of file" in await said(aws, "journalctl -u nginx")
    assert "failed" in await said(aws, "systemctl status nginx", code=3)
    assert await said(aws, "systemctl is-failed nginx") == "failed\n"
    assert "nginx.service" in await said(aws, "systemctl list-units --state=failed --no-legend")
    aws.world.break_machine(WEB, "mend-unit:nginx")
    await said(aws, "systemctl restart nginx")


async def test_a_service_that_hangs_takes_its_time_to_start(aws: Cloud) -> None:
    aws.world.break_machine(WEB, "hang-unit:nginx")
    assert aws.world.machines[WEB].unit_state("nginx") == "inactive"
    await said(aws, "timeout 0.5 systemctl restart nginx", code=124)
    assert aws.world.machines[WEB].unit_state("nginx") == "inactive"


async def test_a_service_that_is_not_there(aws: Cloud) -> None:
    got = await aws.run("systemctl restart mongodb")

    assert got["ResponseCode"] == 5
    assert "Failed to restart mongodb.service: Unit mongodb.service not found." in got["StandardErrorContent"]
    shown = await said(
        aws, "systemctl show -p LoadState --value mongodb; systemctl show -p LoadState,ActiveState nginx"
    )
    assert shown == "not-found\nLoadState=loaded\nActiveState=active\n"


async def test_caches_are_given_back(aws: Cloud) -> None:
    aws.world.break_machine(APP, "memory-pressure")
    assert aws.world.machines[APP].snapshot()["memory_used_percent"] >= 93

    shown = await said(aws, "free -m; sync; sysctl -w vm.drop_caches=3; free -m", APP)

    before, after = (int(line.split()[-1]) for line in shown.splitlines() if line.startswith("Mem:"))
    assert after > before + 1000
    assert aws.world.machines[APP].snapshot()["memory_used_percent"] < 80


async def test_writing_to_proc_drops_the_caches_too(aws: Cloud) -> None:
    before = aws.world.machines[DB].snapshot()["memory_used_percent"]

    await said(aws, "echo 3 > /proc/sys/vm/drop_caches", DB)

    assert aws.world.machines[DB].snapshot()["memory_used_percent"] < before


async def test_restarting_the_leaking_program_frees_its_memory(aws: Cloud) -> None:
    aws.world.break_machine(APP, "memory-pressure")
    before = aws.world.machines[APP].snapshot()["memory_used_percent"]

    await said(aws, "systemctl restart acme-app", APP)

    assert aws.world.machines[APP].snapshot()["memory_used_percent"] < before - 25


async def test_swap_goes_back_only_where_there_is_room(aws: Cloud) -> None:
    aws.world.break_machine(APP, "memory-pressure")
    got = await aws.run("swapoff -a", APP)
    assert "Cannot allocate memory" in got["StandardErrorContent"]

    shown = await said(aws, "sysctl -w vm.drop_caches=3 >/dev/null; swapoff -a && swapon -a && free -m", APP)

    total, used, _ = next(line for line in shown.splitlines() if line.startswith("Swap:")).split()[1:]
    assert (int(total), int(used)) == (2048, 0)


async def test_logs_are_rotated_as_configured(aws: Cloud) -> None:
    shown = await said(
        aws,
        "cd /var/log/acme-app; logrotate -f /etc/logrotate.conf; stat -c '%n %s' app.log app.log.1 app.log.2.gz",
        APP,
    )

    sizes = {name: int(size) for name, size in (line.split() for line in shown.splitlines())}
    assert sizes["app.log"] == 0
    assert sizes["app.log.1"] == 620 << 20
    assert 0 < sizes["app.log.2.gz"] < 1 << 20
    assert await said(aws, "ls /var/log/acme-app | wc -l", APP) == "11\n"


async def test_a_log_configuration_with_a_missing_file_is_an_error(aws: Cloud) -> None:
    got = await aws.run("printf '/var/log/none.log {\\n rotate 2\\n}\\n' > /tmp/c; logrotate -f /tmp/c")

    assert got["ResponseCode"] == 1
    assert "error: stat of /var/log/none.log failed" in got["StandardErrorContent"]


@pytest.mark.parametrize("how", ["explode", "stop-unit:mongodb", "stop-unit:../../etc/passwd", ""])
async def test_there_are_only_so_many_ways_to_break_a_machine(aws: Cloud, how: str) -> None:
    with pytest.raises(ValueError, match=r"no way to break|has no unit"):
        aws.world.break_machine(WEB, how)


async def test_repair_makes_a_machine_anew(aws: Cloud) -> None:
    await said(aws, "rm -rf /var/log /etc/nginx; systemctl stop nginx")
    aws.world.break_machine(WEB, "fill-disk")

    aws.world.break_machine(WEB, "repair")

    assert await said(aws, "systemctl is-active nginx; ls /etc/nginx") == "active\nnginx.conf\n"
    assert aws.world.machines[WEB].disk_used_percent() < 60


async def test_the_page_sees_the_machines(aws: Cloud) -> None:
    aws.world.break_machine(WEB, "stop-unit:nginx")
    async with (
        ClientSession() as session,
        session.get(aws.endpoint.removesuffix("/aws") + "/_sandbox/machines") as answer,
    ):
        machines: list[dict[str, Any]] = (await answer.json())["machines"]

    shown = {one["id"]: one for one in machines}
    assert shown[WEB]["name"] == "acme-web-01"
    assert {"name": "nginx", "state": "inactive"} in shown[WEB]["units"]
    assert (shown[WINDOWS]["platform"], shown[WINDOWS]["ping"]) == ("Windows", "Online")
    assert all(0 < one["disk_used_percent"] < 100 for one in machines)
    assert shown[WEB]["last_command"] is None


@pytest.mark.parametrize(
    ("instances", "words"),
    [
        ((Instance(id="web", name="web"),), "no instance id"),
        ((Instance(id=WEB, name="web", template="mainframe"),), "'mainframe' is none of web-server"),
        ((Instance(id=WEB, name="web", platform="BeOS"),), "'BeOS' is none of Linux, Windows"),
        ((Instance(id=WEB, name="web", ping="Maybe"),), "'Maybe' is none of Online"),
        ((Instance(id=WEB, name="web"), Instance(id=WEB, name="again")), "two machines"),
    ],
)
def test_a_machine_that_cannot_be_is_refused_at_once(
    tmp_path: Path, instances: tuple[Instance, ...], words: str
) -> None:
    config = AwsConfig(
        home=HomeAccount(account="1" * 12, access_key_id="AKIA", secret_access_key="s"),
        accounts=(
            Account(
                id=ACME,
                name="Acme",
                region=REGION,
                role_arn=ROLE,
                external_id=EXTERNAL_ID,
                instances=instances,
            ),
        ),
    )

    with pytest.raises(BadWorld, match=words):
        _ = World(WorldConfig(bot_url="http://127.0.0.1:1", root=tmp_path, aws=config)).aws
