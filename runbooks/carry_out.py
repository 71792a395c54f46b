"""Carrying out one step at the provider, between two transactions: never a blind second send.

`act` turns every way a call can end into a value, so that the transaction after it can write what is true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from engine.errors import Ambiguous, Permanent, Transient
from runbooks.ports import Executor, Order, Progress
from runbooks.run import StepName


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Start this order. `look_first`: it may have been sent before, so it is looked up instead."""

    order: Order
    look_first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    order: Order
    reference: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    order: Order
    reference: Mapping[str, Any]


Step = Send | Poll | Cancel


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The provider took it, now or earlier."""

    step: StepName
    reference: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """Certainly nothing happened; it may be tried again."""

    step: StepName
    why: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear:
    """It may have been taken and could not be looked up just now: look again later."""

    step: StepName
    why: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """It may have been taken, and the provider knows nothing of it: a person decides."""

    step: StepName
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """Trying again cannot help."""

    step: StepName
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How the step stands; None when the provider could not be asked, `why` says why."""

    step: StepName
    progress: Progress | None
    why: str = ""
    permanent: bool = False
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelSent:
    step: StepName
    why: str = ""
    again: bool = False


Outcome = Sent | NotSent | Unclear | Lost | Denied | Seen | CancelSent


async def act(executor: Executor, step: Step) -> Outcome:
    """Do one step at the provider. No transaction may be open meanwhile."""
    if isinstance(step, Send):
        return await _send(executor, step)
    if isinstance(step, Poll):
        return await _poll(executor, step)
    return await _cancel(executor, step)


async def _send(executor: Executor, step: Send) -> Outcome:
    name = step.order.step
    if step.look_first:
        earlier = await _look(executor, step.order, "The program stopped while it was being started.")
        if not (isinstance(earlier, Lost) and name is StepName.VERIFY):
            return earlier
    try:
        return Sent(step=name, reference=await executor.start(step.order))
    except Ambiguous as error:
        return await _look(executor, step.order, str(error))
    except Transient as error:
        return NotSent(step=name, why=str(error), retry_after=error.retry_after)
    except Permanent as error:
        return Denied(step=name, why=str(error))


async def _look(executor: Executor, order: Order, why: str) -> Sent | Unclear | Lost:
    try:
        reference = await executor.find(order)
    except Transient as error:
        return Unclear(step=order.step, why=f"{why} {error}", retry_after=error.retry_after)
    except Permanent as error:
        return Lost(step=order.step, why=f"{why} {error}")
    if reference is None:
        return Lost(step=order.step, why=why)
    return Sent(step=order.step, reference=reference)


async def _poll(executor: Executor, step: Poll) -> Seen:
    name = step.order.step
    try:
        return Seen(step=name, progress=await executor.poll(step.order, step.reference))
    except Transient as error:
        return Seen(step=name, progress=None, why=str(error), retry_after=error.retry_after)
    except Permanent as error:
        return Seen(step=name, progress=None, why=str(error), permanent=True)


async def _cancel(executor: Executor, step: Cancel) -> CancelSent:
    name = step.order.step
    try:
        await executor.cancel(step.order, step.reference)
    except Transient as error:
        return CancelSent(step=name, why=str(error), again=True)
    except Permanent as error:
        return CancelSent(step=name, why=str(error))
    return CancelSent(step=name)
