"""The AI is killed in the middle of a storm: what people see and what is counted is as without it."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from sandbox.ai.app import ModelServices
from tests.conftest import SECRET_KEY
from tests.harness import Harness, eventually, harness, shown

ALERTS = 60


def alert(number: int) -> dict[str, Any]:
    kinds = ("Disk / 97% full", "Nginx is down", "Memory high", "Certificate expires")
    return {
        "asset_name": f"storm-{number % 15:02d}",
        "signature": kinds[number // 15 % 4],
        "severity": "" if number % 3 else "high",
        "message": f"only {number} GB left",
        "tool_source": "zabbix",
    }


async def counted(h: Harness, killer: Any = None) -> dict[str, Any]:
    """A storm, half of it before the kill; what was counted when all of it is shown."""
    for number in range(ALERTS):
        status, answer = await h.post("acme", alert(number))
        assert status == 202, answer
        if number == ALERTS // 2 and killer is not None:
            await killer()

    async def every() -> bool:
        incidents = await h.read(lambda tx: tx.incidents.listed(company_ids=None, most=500))
        return bool(sum(one.count for one in incidents) == ALERTS)

    assert await every()
    words = f"{ALERTS} alerts"
    said = lambda: [shown(one) for one in h.messages("acme")]  # noqa: E731 - looked at until it is so
    board = await eventually(
        lambda: [one for one in said() if words in one.replace(",", "")] or len(h.cards("acme")) >= ALERTS,
        what=words, seen=said, within=40,
    )  # fmt: skip
    incidents = await h.read(lambda tx: tx.incidents.listed(company_ids=None, most=500))
    return {
        "incidents": sorted((one.title, one.asset_name, one.count) for one in incidents),
        "board": bool(board),
        "messages": len([one for one in h.messages("acme") if "INC-" in shown(one) or words in shown(one)])
        > 0,
    }


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_no_count_changes(database_url: str, tmp_path: Path, sqlite_template: Path):
    services = ModelServices()
    runner = web.AppRunner(services.app(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with harness(database_url, SECRET_KEY, tmp_path / "one") as h:
        without = await counted(h)
    other = tmp_path / "other.db"
    await asyncio.to_thread(shutil.copyfile, sqlite_template, other)
    async with harness(f"sqlite+aiosqlite:///{other}", SECRET_KEY, tmp_path / "two") as h:
        await h.stop()
        ai = {"anthropic_api_key": SecretStr("model-key"), "anthropic_base_url": url}
        h.settings = h.settings.model_copy(update=ai)
        await h.start()

        async def kill() -> None:
            for _ in range(200):
                if services.asked:
                    break
                await asyncio.sleep(0.02)
            await runner.cleanup()

        killed = await counted(h, kill)
    assert services.asked, "it was asked before it died"
    assert killed == without
