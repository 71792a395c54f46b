"""Whatever a value is, the script sees exactly it or it is refused, and nothing else runs.

AW_INJECTION_CASES sets how many values are made up, AW_SEED from which seed; `make bench-injection` takes 100,000.
"""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from engine.errors import Refused
from runbooks import catalogue
from runbooks.run import TargetStatus
from runbooks.runbook import Parameter, Platform, Runbook, script_for, validate_parameters
from sandbox.aws.machine import Shell
from tests.runbooks import aws as amazon
from tests.runbooks import azure as microsoft
from tests.runbooks.aws import WEB, Cloud
from tests.runbooks.azure import Azure
from tests.runbooks.injection import AROUND, COMMANDS, LETTERS, Campaign, fitting, hostile, probing

CASES = int(os.environ.get("AW_INJECTION_CASES", "2000"))
SEED = int(os.environ.get("AW_SEED", "20261124"))
LIBRARY = catalogue.load().all()


async def test_the_script_sees_exactly_the_value_or_it_is_refused(cloud: Cloud) -> None:
    campaign = Campaign(cloud.aws.machines[WEB], SEED)
    shipped = [one for one in LIBRARY if one.parameters]
    await campaign.make(CASES // 2, shipped)
    await campaign.make(CASES - CASES // 2, [probing()])
    kinds = {"text", "enum", "integer", "path", "unit"}
    assert set(campaign.seen) == set(campaign.refused) == kinds
    assert campaign.seen.total() + campaign.refused.total() == CASES
    print(
        f"{CASES} values, seed {SEED}: {campaign.seen.total()} seen exactly {dict(campaign.seen)}, "
        f"{campaign.refused.total()} refused {dict(campaign.refused)}"
    )


def wide(count: int) -> Runbook:
    """A runbook of so many parameters that take any text: as many values go over the wire at once."""
    parameters = [
        {"name": f"v{number}", "kind": "text", "pattern": "(?s).*", "description": "any", "default": "x"}
        for number in range(count)
    ]
    body = 'for one in "${!AW_@}"; do printf "%s=%s\\0" "$one" "${!one}"; done >/seen\n'
    scripts = {name: {"script": body, "verify": ":"} for name in ("linux", "windows")}
    return Runbook.model_validate(
        probing().model_dump() | {"parameters": parameters, "platforms": scripts}, strict=False
    )


def taken(book: Runbook, some: random.Random) -> dict[str, str]:
    """A value for each parameter that its check lets pass."""
    values: dict[str, str] = {}
    for one in book.parameters:
        while one.name not in values:
            text = some.choice(AROUND).format(some.choice(COMMANDS))
            text += "".join(some.choice(LETTERS) for _ in range(some.randrange(6)))
            with suppress(Refused):
                values |= {one.name: validate_parameters(book, {one.name: text})[one.name]}
    return values


def shown_to(root: Path, book: Runbook) -> dict[str, str]:
    lines = (root / "seen").read_bytes().split(b"\0")[:-1]
    said = dict(line.decode().split("=", 1) for line in lines)
    assert not (root / "canary").exists()
    return {one.name: said.pop(one.variable) for one in book.parameters} | said


async def test_values_arrive_unchanged_over_the_wire_of_aws(cloud: Cloud) -> None:
    book, some = wide(40), random.Random(SEED)
    for number in range(max(3, CASES // 10_000)):
        values = taken(book, some)
        order = amazon.order(run_id=f"01wire{number:06}")
        done = await cloud.carry_out(replace(order, script=script_for(book, Platform.LINUX, values)))
        (result,) = done.results
        assert (result.status, result.stdout, result.stderr) == (TargetStatus.SUCCEEDED, "", "")
        assert shown_to(cloud.aws.machines[WEB].folder.path, book) == values


async def test_values_arrive_unchanged_over_the_wire_of_azure(azure: Azure) -> None:
    book, some = wide(40), random.Random(SEED)
    for number in range(max(3, CASES // 10_000)):
        values = taken(book, some)
        order = microsoft.order(run_id=f"01wire{number:06}")
        done = await azure.carry_out(replace(order, script=script_for(book, Platform.LINUX, values)))
        (result,) = done.results
        assert (result.status, result.stdout, result.stderr) == (TargetStatus.SUCCEEDED, "", "")
        assert shown_to(azure.world.vm("acme-vm-01").machine.folder.path, book) == values


CLOSE = (
    "x$(touch pwned)",
    "x$(systemctl stop nginx)y",
    "x (touch pwned)",
    "a\\$(touch pwned)",
    "x-$(kill 1)",
)
"""What the name of a service may be, and a shell would run, if a script let it."""


async def test_no_shipped_script_runs_what_a_value_says(cloud: Cloud) -> None:
    """The scripts themselves, with the worst values that their own checks let pass."""
    some, slots = random.Random(SEED), asyncio.Semaphore(6)
    books = [one for one in LIBRARY if Platform.LINUX in one.platforms]
    tries = [
        (book, values) for book in books for one in book.parameters for values in hardest(book, one, some)[:3]
    ]
    assert len(tries) > 40
    await asyncio.gather(
        *(
            run_for_real(cloud, slots, book, values, verify)
            for book, values in tries
            for verify in (False, True)
        )
    )


def hardest(book: Runbook, parameter: Parameter, some: random.Random) -> list[dict[str, str]]:
    if parameter.kind in ("integer", "enum"):
        return []
    given = {
        one.name: fitting(one) for one in book.parameters if one.default is None or one.kind == "integer"
    }
    base = fitting(parameter)
    tries = [
        *CLOSE,
        "-rf",
        "--help",
        f"{base}/-rf",
        f"{base}/--",
        f"{base}*",
        f"{base}[!a]",
        f"{base}?",
        f"-{base}",
    ]
    fit = []
    for value in [*tries, *(str(hostile(some, parameter)) for _ in range(40))]:
        with suppress(Refused):
            fit.append(validate_parameters(book, given | {parameter.name: value}))
    return fit


async def run_for_real(
    cloud: Cloud, slots: asyncio.Semaphore, book: Runbook, values: dict[str, str], verify: bool
) -> None:
    machine = cloud.aws.machines[WEB]
    script = script_for(book, Platform.LINUX, values, verify=verify)
    async with slots:
        await machine.run(script, Shell.SH, directory="/", seconds=1, stop=asyncio.Event())
    root = machine.folder.path
    assert not [*root.glob("pwned*"), *root.glob("canary*")], (book.id, values)
    assert machine.unit_state("nginx") == "active", (book.id, values)
