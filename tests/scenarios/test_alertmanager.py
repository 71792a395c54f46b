"""The real Alertmanager posts to the real server: its alert opens an incident, its recovery ends it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from engine.incident import Incident, IncidentStatus
from tests.harness import Harness, eventually, shown
from tests.ports import free_port

PROGRAM = "prometheus-alertmanager"
CONFIG = """\
route: {{receiver: whisperer, group_by: [alertname], group_wait: 50ms, group_interval: 200ms, repeat_interval: 1h}}
receivers:
  - name: whisperer
    webhook_configs:
      - url: {url}/api/webhooks/alertmanager
        send_resolved: true
        http_config: {{authorization: {{type: Bearer, credentials: "{key}"}}}}
"""


def _folder(folder: Path, config: str) -> tuple[Path, Path]:
    folder.mkdir()
    (folder / "alertmanager.yml").write_text(config)
    return folder / "alertmanager.yml", folder / "alertmanager.log"


def _said(log: Path) -> str:
    return log.read_text("utf-8", "replace")


@asynccontextmanager
async def alertmanager(h: Harness, folder: Path) -> AsyncIterator[str]:
    """An Alertmanager of this test's own, sending to the harness's first company. Its address."""
    found = shutil.which(PROGRAM, path="/usr/bin:/usr/local/bin")
    if found is None:
        pytest.fail(f"{PROGRAM} is not installed: apt-get install prometheus-alertmanager", pytrace=False)
    config, log_file = _folder(folder, CONFIG.format(url=h.url, key=h.keys["acme"]))
    address = f"127.0.0.1:{free_port()}"
    with log_file.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            found,
            f"--config.file={config}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address={address}",
            "--cluster.listen-address=",
            stdout=log,
            stderr=log,
        )
        try:
            await _ready(h.session, f"http://{address}", process, log_file)
            yield f"http://{address}"
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _ready(
    session: aiohttp.ClientSession, address: str, process: asyncio.subprocess.Process, log: Path
) -> None:
    async def ready() -> bool:
        assert process.returncode is None, _said(log)
        with suppress(aiohttp.ClientConnectionError):
            async with session.get(f"{address}/-/ready") as answer:
                return answer.status == 200
        return False

    await eventually(ready, what="Alertmanager, ready", seen=lambda: _said(log))


async def tell(h: Harness, address: str, *hosts: str, ended: bool = False) -> None:
    now = datetime.now(UTC)
    body: list[dict[str, Any]] = [
        {
            "labels": {"alertname": "NodeDown", "instance": f"{host}:9100", "severity": "critical"},
            "annotations": {"summary": f"{host} does not answer"},
            "generatorURL": "http://prometheus.example/graph",
            "startsAt": (now - timedelta(minutes=1)).isoformat(),
            **({"endsAt": now.isoformat()} if ended else {}),
        }
        for host in hosts
    ]
    async with h.session.post(f"{address}/api/v2/alerts", json=body) as answer:
        assert answer.status == 200, await answer.text()


async def incident(h: Harness, number: int, *, is_open: bool) -> Incident:
    """That incident, once it is open or no longer is."""

    async def look() -> Incident | None:
        seen: Incident | None = await h.read(lambda tx: tx.incidents.get(number))
        return seen if seen is not None and seen.open is is_open else None

    found: Incident = await eventually(look, what=f"INC-{number}, {'open' if is_open else 'over'}")
    return found


async def test_its_alert_opens_an_incident_and_its_recovery_ends_it(h: Harness, tmp_path: Path):
    async with alertmanager(h, tmp_path / "alertmanager") as address:
        await tell(h, address, "acme-web-01")
        await incident(h, 1, is_open=True)
        card = await h.card("acme", saying="NodeDown")
        assert "acme-web-01" in shown(card)
        await tell(h, address, "acme-web-01", ended=True)
        assert (await incident(h, 1, is_open=False)).status is IncidentStatus.RESOLVED
        await h.card("acme", saying="Resolved")
        assert len(h.cards("acme")) == 1


async def test_a_group_of_two_hosts_is_two_incidents_and_recovers_one_by_one(h: Harness, tmp_path: Path):
    async with alertmanager(h, tmp_path / "alertmanager") as address:
        await tell(h, address, "acme-db-01", "acme-db-02")
        both = {one.asset: one.id for one in [await incident(h, n, is_open=True) for n in (1, 2)]}
        assert set(both) == {"acme-db-01", "acme-db-02"}
        await tell(h, address, "acme-db-01", ended=True)
        await incident(h, both["acme-db-01"], is_open=False)
        await incident(h, both["acme-db-02"], is_open=True)
        await eventually(lambda: len(h.cards("acme")) == 2, what="two cards")
