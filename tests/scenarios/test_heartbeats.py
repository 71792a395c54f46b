"""What must not stay silent: a job that does not call is an incident, once, and its next call is the recovery."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from engine.audit import AuditKind
from engine.jobs import Sweep
from tests.harness import Harness, shown
from tests.scenarios.test_main_line import kinds

HEARTBEAT = "/api/webhooks/heartbeat"


async def call(
    h: Harness, path: str, *, method: str = "POST", key: str | None = None, body: bytes = b""
) -> tuple[int, Any]:
    headers = {"X-API-Key": h.keys["acme"] if key is None else key}
    async with h.session.request(
        method, f"{h.url}{HEARTBEAT}/{path}", headers=headers, data=body or None
    ) as answer:
        return answer.status, await answer.json(content_type=None) if method != "HEAD" else None


async def test_a_missed_heartbeat_is_one_incident_and_the_next_one_its_recovery(h: Harness):
    status, said = await call(h, "nightly-backup?every=24h&grace=1h")
    assert status == 200 and (said["state"], said["every_seconds"]) == ("up", 86400)
    h.clock.shift += timedelta(hours=24, minutes=59)
    await h.quiet()
    assert h.cards("acme") == []
    h.clock.shift += timedelta(hours=1, minutes=2)
    card = await h.card("acme", saying="Heartbeat nightly-backup is late or failed")
    assert "of Acme Corp is late: expected every 24 h, last heard 26 h ago." in shown(card)
    h.clock.shift += timedelta(hours=30)
    await h.quiet()
    assert len(h.cards("acme")) == 1 and "×" not in shown(h.cards("acme")[0])
    assert (await call(h, "nightly-backup"))[1]["state"] == "up"
    await h.card("acme", saying="Resolved by monitoring")
    assert AuditKind.HEARTBEAT_ADDED in await kinds(h, "acme")


async def test_calls_at_once_and_a_lost_timer_change_nothing(h: Harness):
    answers = await asyncio.gather(*(call(h, "sync?every=15m&grace=5m") for _ in range(10)))
    assert {status for status, _ in answers} == {200}

    async def lose(tx):
        await tx.connection.execute(sa.text("DELETE FROM jobs WHERE kind = 'watch_heartbeat'"))

    await h.write(lose)
    h.clock.shift += timedelta(minutes=21)

    async def sweep(tx):
        tx.jobs.put(Sweep(company_id=0, name="sla"), due_at=h.clock.now())

    await h.write(sweep)
    await h.card("acme", saying="Heartbeat sync is late or failed")
    await h.quiet()
    assert len(h.cards("acme")) == 1


async def test_a_failure_is_an_incident_at_once_with_what_it_said(h: Harness):
    await call(h, "etl/start", method="GET")
    status, said = await call(h, "etl/3", body=b"x" * 5000 + b"disk quota exceeded")
    assert status == 200 and said["state"] == "failed"
    card = await h.card("acme", saying="Heartbeat etl is late or failed")
    assert "exit status 3." in shown(card)
    await call(h, "etl/fail")
    await h.card("acme", saying="×2")
    assert (await call(h, "etl/0", method="HEAD"))[0] == 200
    await h.card("acme", saying="Resolved by monitoring")
    assert len(h.cards("acme")) == 1


async def test_what_is_no_heartbeat_is_refused_with_what_would_be(h: Harness):
    assert (await call(h, "x", key="wrong"))[0] == 401
    for path in ("Bad.Name", "x/later", "x/256", "x?every=soon", "x?every=5s", "x?grace=1.5h"):
        status, said = await call(h, path)
        assert status == 422, path
        assert said["detail"], path
    assert (await call(h, "UPPER"))[1]["name"] == "upper"
    assert h.cards("acme") == []
