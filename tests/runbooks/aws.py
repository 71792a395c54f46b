"""The sandbox's AWS behind the executor with the real boto3, and orders for it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from engine.cloud import Cloud as Place
from runbooks.executors.aws_ssm import AwsSsm
from runbooks.ports import Order, Progress
from runbooks.run import StepName, Target
from runbooks.runbook import Platform
from sandbox.aws.app import mount
from sandbox.aws.world import AwsWorld
from sandbox.faults import Fault
from sandbox.world import Account, AwsConfig, HomeAccount, Instance, World, WorldConfig

ACCOUNT, REGION, EXTERNAL_ID = "222222222222", "eu-central-1", "aw-acme-7f3a"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/AlertWhisperer"
WEB, OFF, WIN = "i-0a1100000000000a1", "i-0a1100000000000a2", "i-0a1100000000000a3"
SECOND, GONE = "i-0a1100000000000a4", "i-0a1100000000000a5"


CONFIG = AwsConfig(
    home=HomeAccount(
        account="111111111111", access_key_id="AKIAIOSFODNN7EXAMPLE", secret_access_key="s" * 40
    ),
    accounts=(
        Account(
            id=ACCOUNT,
            name="Acme",
            region=REGION,
            role_arn=ROLE,
            external_id=EXTERNAL_ID,
            buckets=("acme-output",),
            log_groups=("/acme/output",),
            instances=(
                Instance(id=WEB, name="acme-web-01"),
                Instance(id=SECOND, name="acme-web-03"),
                Instance(id=OFF, name="acme-web-02", ping="ConnectionLost"),
                Instance(id=WIN, name="acme-win-01", platform="Windows", template="windows-server"),
                Instance(id=GONE, name="acme-web-05", ping="Inactive"),
            ),
        ),
    ),
)


@dataclass
class Cloud:
    aws: AwsWorld
    executor: AwsSsm

    def fault(self, method: str, do: str, **more: Any) -> None:
        service = "sts" if method == "AssumeRole" else "ssm"
        self.aws.faults.add(Fault(service=service, method=method, do=do, **more))

    @property
    def commands(self) -> list[Any]:
        return list(self.aws.commands)

    async def until_over(self, order: Order, reference: Mapping[str, Any]) -> Progress:
        for _ in range(200):
            seen = await self.executor.poll(order, reference)
            if seen.finished:
                return seen
            await asyncio.sleep(0.1)
        raise AssertionError("the command does not end")

    async def carry_out(self, order: Order) -> Progress:
        return await self.until_over(order, await self.executor.start(order))


@pytest.fixture
async def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cloud]:
    world = World(WorldConfig(bot_url="http://127.0.0.1:9", root=tmp_path / "world", aws=CONFIG))
    app = web.Application()
    mount(app, world)
    runner = web.AppRunner(app)
    await runner.setup()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.getsockname()[1]}/aws")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s" * 40)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    executor = AwsSsm(looks=(0, 0.2, 0.4), polls_a_second=50)
    assert world.aws is not None
    yield Cloud(world.aws, executor)
    executor.close()
    await runner.cleanup()


PLACE = Place(role_arn=ROLE, external_id=EXTERNAL_ID, region=REGION)


def order(script: str = "echo hello", **changes: Any) -> Order:
    target = Target(asset_name="acme-web-01", cloud_ref=WEB, platform=Platform.LINUX, region=REGION)
    values: dict[str, Any] = {
        "run_id": "01kb0000000000000000000000",
        "step": StepName.MAIN,
        "executor": "aws_ssm",
        "account": ACCOUNT,
        "cloud": PLACE,
        "region": REGION,
        "session_name": "aw-01kb0000000000000000000000-Max",
        "session_tags": {"aw-approved-by": "Max"},
        "approver": "Max",
        "targets": (target,),
        "platform": Platform.LINUX,
        "script": f"#!/bin/bash\n{script}",
        "timeout": timedelta(seconds=60),
    }
    return Order(**values | changes)


def on(name: str, ref: str, platform: Platform = Platform.LINUX) -> dict[str, Any]:
    target = Target(asset_name=name, cloud_ref=ref, platform=platform, region=REGION)
    return {"targets": (target,), "platform": platform}
