"""A pretend Amazon on loopback for tests, and real boto3 clients that call it from threads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3.session
from aiohttp import web
from aiohttp.test_utils import TestServer
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.aws.app import mount
from sandbox.aws.commands import Pace
from sandbox.aws.isolation import Wall
from sandbox.aws.world import AwsWorld
from sandbox.world import Account, AwsConfig, HomeAccount, Instance, SesConfig, World, WorldConfig

REGION = "eu-central-1"
HOME, ACME, GLOBEX = "111111111111", "222222222222", "333333333333"
ROLE = f"arn:aws:iam::{ACME}:role/AlertWhisperer"
GLOBEX_ROLE = f"arn:aws:iam::{GLOBEX}:role/AlertWhisperer"
EXTERNAL_ID = "aw-acme-7f3a91"
WEB, DB, APP, WINDOWS, AWAY, OTHER = (
    "i-0a11aaaaaaaaaaaa1",
    "i-0a11aaaaaaaaaaaa2",
    "i-0a11aaaaaaaaaaaa3",
    "i-0a11aaaaaaaaaaaa4",
    "i-0a11aaaaaaaaaaaa5",
    "i-0b22bbbbbbbbbbbb1",
)
KEY_ID, SECRET = "AKIAHOMEHOMEHOMEHOME", "home-secret-home-secret"
VERIFIED = "alerts@msp.example"


def amazon(*, ses_in_sandbox: bool = False) -> AwsConfig:
    """A home account, Acme with five machines, and Globex with one."""
    linux = {
        WEB: ("acme-web-01", "web-server"),
        DB: ("acme-db-01", "db-server"),
        APP: ("acme-app-01", "app-server"),
    }
    return AwsConfig(
        home=HomeAccount(account=HOME, access_key_id=KEY_ID, secret_access_key=SECRET),
        accounts=(
            Account(
                id=ACME,
                name="Acme",
                region=REGION,
                role_arn=ROLE,
                external_id=EXTERNAL_ID,
                instances=(
                    *(Instance(id=one, name=name, template=kind) for one, (name, kind) in linux.items()),
                    Instance(id=WINDOWS, name="acme-win-01", platform="Windows", template="windows-server"),
                    Instance(id=AWAY, name="acme-away-01", ping="ConnectionLost"),
                ),
            ),
            Account(
                id=GLOBEX,
                name="Globex",
                region=REGION,
                role_arn=GLOBEX_ROLE,
                external_id="aw-globex-11aa22",
                instances=(Instance(id=OTHER, name="globex-web-01"),),
            ),
        ),
        ses=SesConfig(verified=(VERIFIED,), sandboxed=ses_in_sandbox),
    )


class Cloud:
    """A running pretend Amazon: its world, its address, what it published, and boto3 calls in threads."""

    def __init__(self, world: AwsWorld, told: asyncio.Queue[dict[str, Any]]) -> None:
        self.world = world
        self.told = told
        self.endpoint = ""
        self._session = boto3.session.Session()
        self._clients: list[Any] = []

    def client(
        self,
        service: str,
        *,
        key_id: str = KEY_ID,
        secret: str = SECRET,
        token: str | None = None,
        region: str = REGION,
        attempts: int = 1,
        read_timeout: float = 10,
    ) -> Any:
        config = Config(
            connect_timeout=3,
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
        )
        client = self._session.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=config,
        )
        self._clients.append(client)
        return client

    async def assume(self, **more: Any) -> dict[str, Any]:
        """The answer of AssumeRole into Acme's role."""
        wanted = {"RoleArn": ROLE, "RoleSessionName": "kim+RUN-7", "ExternalId": EXTERNAL_ID} | more
        wanted = {name: value for name, value in wanted.items() if value is not None}
        answer: dict[str, Any] = await call(self.client("sts").assume_role, **wanted)
        return answer

    async def ssm(self, *, region: str = REGION, attempts: int = 1, **assumed: Any) -> Any:
        """A Systems Manager client in Acme's account."""
        given = (await self.assume(**assumed))["Credentials"]
        return self.client(
            "ssm",
            key_id=given["AccessKeyId"],
            secret=given["SecretAccessKey"],
            token=given["SessionToken"],
            region=region,
            attempts=attempts,
        )

    async def run(
        self,
        script: str,
        instance: str = WEB,
        *,
        ssm: Any = None,
        document: str = "AWS-RunShellScript",
        **more: Any,
    ) -> dict[str, Any]:
        """Sends a script and waits for its end: the answer of GetCommandInvocation."""
        ssm = ssm or await self.ssm()
        sent = await send(ssm, script, instance, DocumentName=document, **more)
        return await ended(ssm, sent["CommandId"], instance)

    def close(self) -> None:
        for client in self._clients:
            client.close()


async def call(method: Callable[..., Any], **arguments: Any) -> Any:
    """One boto3 call, in a thread: the service lives on this loop."""
    return await asyncio.to_thread(method, **arguments)


async def refused(method: Callable[..., Any], **arguments: Any) -> tuple[str, int, str]:
    """A boto3 call that must be refused: its code, HTTP status and message."""
    try:
        answer = await call(method, **arguments)
    except ClientError as error:
        said = error.response
        return said["Error"]["Code"], said["ResponseMetadata"]["HTTPStatusCode"], said["Error"]["Message"]
    raise AssertionError(f"not refused: {answer}")


async def send(ssm: Any, script: str, *instances: str, **more: Any) -> dict[str, Any]:
    """SendCommand; the member Command of its answer. `seconds` sets executionTimeout."""
    parameters = {"commands": script.split("\n"), "executionTimeout": [str(more.pop("seconds", 30))]}
    arguments = {"DocumentName": "AWS-RunShellScript", "Parameters": parameters} | more
    answer = await call(ssm.send_command, InstanceIds=list(instances), **arguments)
    command: dict[str, Any] = answer["Command"]
    return command


async def ended(ssm: Any, command_id: str, instance: str = WEB, within: float = 20) -> dict[str, Any]:
    """Polls as a client has to, until the invocation has ended."""
    return await until(
        ssm, command_id, instance, ("Success", "Failed", "TimedOut", "Cancelled"), within=within
    )


async def until(
    ssm: Any, command_id: str, instance: str, statuses: tuple[str, ...], within: float = 20
) -> dict[str, Any]:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            answer: dict[str, Any] = await call(
                ssm.get_command_invocation, CommandId=command_id, InstanceId=instance
            )
        except ssm.exceptions.InvocationDoesNotExist:
            answer = {"Status": "not listed"}
        if answer["Status"] in statuses:
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError(f"still {answer['Status']} after {within} s")


def processes_with(mark: str) -> list[str]:
    """Processes of this host that have `mark` in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if mark in line:
            found.append(line)
    return found


async def grown(mark: str, least: int) -> bool:
    for _ in range(200):
        if len(processes_with(mark)) >= least:
            return True
        await asyncio.sleep(0.02)
    return False


async def gone(mark: str) -> bool:
    for _ in range(200):
        if not processes_with(mark):
            return True
        await asyncio.sleep(0.02)
    return False


@asynccontextmanager
async def cloud(
    root: Path, config: AwsConfig | None = None, *, walls: tuple[Wall, ...] = tuple(Wall)
) -> AsyncIterator[Cloud]:
    """A quick pretend Amazon on loopback; nothing is left of it afterwards."""
    whole = World(WorldConfig(bot_url="http://127.0.0.1:1", root=root, aws=config or amazon()))
    world = whole.aws
    assert world is not None
    world.pace = Pace(listed_after=timedelta(seconds=0.05), picked_up_after=timedelta(seconds=0.02))
    made = Cloud(world, whole.stream.listen(""))
    app = web.Application()
    mount(app, whole)
    await world.start(walls)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    made.endpoint = str(server.make_url("/aws"))
    try:
        yield made
    finally:
        made.close()
        await server.close()
