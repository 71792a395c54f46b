"""Google Cloud: nothing runs there, and why.

Google Cloud offers no call that runs a given script on a given machine once and tells its exit code and output. OS
Config offers patch jobs, and policies that it applies again and again by itself; start-up scripts run at every boot.
None of these can keep the promises of a run (one start, its output, a check afterwards), so every run is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import Permanent
from runbooks.ports import Order, Progress

REASON = (
    "Google Cloud has no way to run a script on a machine once and tell how it ended, so nothing runs there from here. "
    "Use its own console or gcloud compute ssh; docs/clouds.md says more."
)


class GcpRefusal:
    """An `Executor` that starts nothing."""

    async def start(self, order: Order) -> Mapping[str, Any]:
        raise Permanent(REASON)

    async def find(self, order: Order) -> Mapping[str, Any] | None:
        return None

    async def poll(self, order: Order, reference: Mapping[str, Any]) -> Progress:
        raise Permanent(REASON)

    async def cancel(self, order: Order, reference: Mapping[str, Any]) -> None:
        raise Permanent(REASON)
