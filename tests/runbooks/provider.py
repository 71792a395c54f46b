"""A provider in memory that answers as scripted, and a worker that does one job of a run at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from runbooks.carry_out import act
from runbooks.operations import carry
from runbooks.ports import Order, Progress
from runbooks.run import Run, TargetResult, TargetStatus
from tests.runbooks.memory import (
    NOW,
    Memory,
    later,
)
from tests.runbooks.test_request import LIBRARY, ask

SUCCEEDED, FAILED = TargetStatus.SUCCEEDED, TargetStatus.FAILED


def results(status: TargetStatus, **more: Any) -> tuple[TargetResult, ...]:
    return (TargetResult(cloud_ref="i-0a11", asset_name="acme-web-01", status=status, **more),)


def over(status: TargetStatus, **more: Any) -> Progress:
    return Progress(finished=True, results=results(status, **more))


GOING = Progress(
    finished=False, results=results(TargetStatus.IN_PROGRESS), waiting_text="Running on acme-web-01"
)


@dataclass
class Provider:
    """An executor that answers as scripted and remembers what it was asked. An exception in a script is
    raised."""

    starts: list[Any] = field(default_factory=list)
    finds: list[Any] = field(default_factory=list)
    polls: list[Any] = field(default_factory=list)
    cancels: list[Any] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)

    def _next(self, call: str, order: Order, script: list[Any], default: Any) -> Any:
        self.asked.append(f"{call} {order.step}")
        self.orders.append(order)
        answer = script.pop(0) if script else default
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def start(self, order: Order) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._next("start", order, self.starts, {"command_id": f"c-{order.step}"})
        return answer

    async def find(self, order: Order) -> Mapping[str, Any] | None:
        answer: Mapping[str, Any] | None = self._next("find", order, self.finds, None)
        return answer

    async def poll(self, order: Order, reference: Mapping[str, Any]) -> Progress:
        answer: Progress = self._next("poll", order, self.polls, over(SUCCEEDED, stdout="fine"))
        if len(answer.results) == len(order.targets) == 1:  # it speaks of the machine that it was asked about
            one = order.targets[0]
            named = replace(answer.results[0], cloud_ref=one.cloud_ref, asset_name=one.asset_name)
            return replace(answer, results=(named,))
        return answer

    async def cancel(self, order: Order, reference: Mapping[str, Any]) -> None:
        self._next("cancel", order, self.cancels, None)


async def turn(tx: Memory, run_id: str, provider: Provider, *, now: datetime = NOW) -> Run:
    """What a worker does with one job of a run."""
    tx.jobs.found.clear()
    step = await carry.next_step(tx, run_id, catalogue=LIBRARY, now=now)
    if step is not None:
        await carry.settle(tx, run_id, await act(provider, step), now=now)
    return tx.runs.found[run_id]  # type: ignore[no-any-return]


async def turns(tx: Memory, run_id: str, provider: Provider, *, most: int = 20) -> Run:
    for number in range(most):
        run = await turn(tx, run_id, provider, now=later(number))
        if run.status.finished:
            return run
    raise AssertionError(f"no end after {most} turns: {run}")


async def started(tx: Memory, provider: Provider | None = None) -> Run:
    run = await ask(tx)
    return await turn(tx, run.id, provider or Provider())


async def verifying(tx: Memory) -> Run:
    run = await started(tx)
    return await turn(tx, run.id, Provider())
