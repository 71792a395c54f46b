"""Reports that go out by themselves: each once, however many replicas and whatever the timers do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from bot.core import Core
from engine.access import SYSTEM
from engine.operations import configure, reporting
from engine.report_jobs import DeliverReport
from engine.setting import SETTINGS, Origin
from tests import given

FIRST = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)


async def waiting(core: Core) -> list[tuple[DeliverReport, datetime]]:
    after = datetime(2030, 1, 1, tzinfo=UTC)
    async with core.database.transaction() as tx:
        found = await tx.jobs.claim(after, lease=timedelta(seconds=1), most=50, kinds=[DeliverReport.kind])
    jobs = [(one.job(), one.due_at) for one in found]
    return [(job, due_at) for job, due_at in jobs if isinstance(job, DeliverReport)]


async def test_a_month_is_reported_once_and_the_week_to_the_msp(core: Core) -> None:
    acme = await core.write(lambda tx: given.company(tx, "acme"))
    for minute in (0, 1, 5):  # a second replica, a timer that rings again, a sweep
        now = FIRST + timedelta(minutes=minute)
        await core.write(partial(reporting.send, company_id=acme.id, now=now))
    ((job, due_at),) = await waiting(core)
    assert (job.company_id, job.days, job.user_id, due_at) == (acme.id, 30, None, FIRST)
    assert datetime.fromtimestamp(job.until, UTC) == datetime(2026, 12, 1, tzinfo=UTC)

    monday = datetime(2026, 12, 7, 8, 0, tzinfo=UTC)
    await core.write(lambda tx: reporting.send(tx, reporting.MSP, now=monday))
    assert (reporting.MSP, 7) in {(one.company_id, one.days) for one, _ in await waiting(core)}


async def test_what_is_off_or_too_old_is_not_sent(core: Core) -> None:
    acme = await core.write(lambda tx: given.company(tx, "acme"))
    late = FIRST + reporting.STILL_WANTED
    await core.write(lambda tx: reporting.send(tx, acme.id, now=late))
    where, setting = configure.Where(Origin.MSP), SETTINGS["report"]
    await core.write(lambda tx: configure.put(tx, where, setting, "", actor=SYSTEM, now=late))
    await core.write(lambda tx: reporting.send(tx, acme.id, now=FIRST))
    assert await waiting(core) == []
