"""The routes every installation has besides its doors: alive, ready, measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from aiohttp import web
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Gauge,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bot.core import Core
from engine.allowance import Refused
from engine.suppression import QuietKind
from storage.database import newest_version

STARTED = time.monotonic()


def routes(core: Core, *, worker_healthy: Callable[[], bool]) -> list[web.RouteDef]:
    registry = CollectorRegistry()
    waiting = Gauge("aw_jobs_waiting", "Jobs that wait or run", registry=registry)
    refused = _Refused()
    registry.register(refused)
    quiet = Gauge("aw_quiet_rules", "Silences and windows that are not over", ["kind"], registry=registry)
    held = Gauge("aw_alerts_held", "Alerts that they have ever held", ["kind"], registry=registry)
    unchecked = Gauge(
        "aw_sns_unchecked", "SNS messages taken on their key alone since start", registry=registry
    )
    up = Gauge("aw_uptime_seconds", "Seconds since start", registry=registry)

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_request: web.Request) -> web.Response:
        """200 when this replica can take alerts and its worker works; 503 naming what is missing otherwise."""
        checks = {
            "database": await _database(core),
            "worker": "ok" if worker_healthy() else "cannot claim jobs",
        }
        good = all(value == "ok" for value in checks.values())
        body = {"status": "ok" if good else "not ready", "checks": checks}
        return web.json_response(body, status=200 if good else 503)

    async def metrics(_request: web.Request) -> web.Response:
        async with core.database.reading() as tx:
            waiting.set(await tx.jobs.waiting())
            refused.counted = await tx.allowances.all_refused()
            totals = await tx.quiet.totals()
        for kind in QuietKind:
            unfinished, alerts = totals.get(kind.value, (0, 0))
            quiet.labels(kind.value).set(unfinished)
            held.labels(kind.value).set(alerts)
        unchecked.set(core.sns.unchecked)
        up.set(time.monotonic() - STARTED)
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)]


class _Refused(Collector):
    """What was turned away over the limits, of each company that ever was over its own."""

    def __init__(self) -> None:
        self.counted: Sequence[tuple[str, Refused]] = ()

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "aw_requests_refused", "Requests refused over the limit", labels=["company"]
        )
        alerts = CounterMetricFamily(
            "aw_alerts_refused", "Alerts in those that were read", labels=["company"]
        )
        for slug, one in self.counted:
            requests.add_metric([slug], one.total_requests)
            alerts.add_metric([slug], one.total_alerts)
        yield from (requests, alerts)


async def _database(core: Core) -> str:
    try:
        version = await core.database.schema_version()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what readiness has to say
        return f"cannot be reached: {error.__class__.__name__}"
    return "ok" if version == newest_version() else f"schema {version}, this program needs {newest_version()}"
