"""A source that falls silent is one incident with its evidence, and its next word the end; nothing was configured."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from bot.doors.hearing import WRITE_EVERY
from engine.jobs import JudgeSources, Sweep
from engine.operations import sources
from tests.harness import Harness, eventually, shown
from tests.scenarios.test_intake_story import acme_id


async def nights(h: Harness, tool: str, count: int, *, last: datetime) -> None:
    """A history of so many nights, the last one then."""
    company_id = await acme_id(h)

    async def write(tx):
        for number in range(count):
            tx.sources.heard(company_id, tool, 3 + number % 4, at=last - timedelta(days=number))

    await h.write(write)


async def counts_of(h: Harness, company_id: int, *, total: int) -> dict[str, int]:
    """Messages by source, once so many are written down."""
    found: dict[str, int] = {}

    async def enough() -> bool:
        counts = await h.read(lambda tx: tx.sources.counts(company_id))
        found.update({tool: sum(hours.values()) for tool, hours in counts.items()})
        return sum(found.values()) >= total

    await eventually(enough, what=f"{total} counted", seen=lambda: found)
    return found


async def look(h: Harness) -> None:
    company_id = await acme_id(h)

    async def put(tx):
        tx.jobs.put(JudgeSources(company_id=company_id), due_at=h.clock.now())

    await h.write(put)
    await h.quiet()


async def test_two_missing_nights_are_one_incident_until_it_speaks_again(h: Harness):
    now = h.clock.now()
    await nights(h, "veeam", 30, last=now.replace(hour=2, minute=14) - timedelta(days=1))
    await look(h)
    assert h.cards("acme") == []
    h.clock.shift += timedelta(days=2, hours=12)
    await look(h)
    card = await h.card("acme", saying="Veeam has fallen silent")
    assert "Acme Corp's Veeam usually sends 3–6 a night; 0 for two nights. It last spoke" in shown(card)
    intake = await h.card("acme", kind="intake", saying="is silent")
    assert "usually 3–6 a night" in shown(intake)
    h.clock.shift += timedelta(days=3)
    await look(h)
    await look(h)
    assert len(h.cards("acme")) == 1 and "×" not in shown(h.cards("acme")[0])

    await h.fire("acme", "Job nightly-sql warning", tool_source="veeam", severity="low")
    await asyncio.sleep(WRITE_EVERY + 0.3)

    async def sweep(tx):
        tx.jobs.put(Sweep(company_id=0, name="sla"), due_at=h.clock.now())

    await h.write(sweep)
    await h.card("acme", saying="Resolved by monitoring")
    await h.thread("acme", saying="Veeam speaks again.")


async def test_the_door_counts_who_spoke_and_repeats_count_once(h: Harness):
    body = [
        {"asset_name": "acme-db", "signature": f"Fault {sign}", "tool_source": tool}
        for sign, tool in (("a", "zabbix"), ("b", "zabbix"), ("c", "datto"))
    ]
    for _ in range(3):
        assert (await h.post("acme", body, headers={"X-Delivery-ID": "once"}))[0] == 202
    company_id = await acme_id(h)
    assert await counts_of(h, company_id, total=3) == {"zabbix": 2, "datto": 1}
    await h.post("acme", body)
    await h.stop()  # what was heard last is written down
    await h.start()
    counts = await h.read(lambda tx: tx.sources.counts(company_id))
    assert {tool: sum(hours.values()) for tool, hours in counts.items()} == {"zabbix": 4, "datto": 2}
    last = await h.read(lambda tx: tx.sources.last_heard(company_id))
    assert set(last) == {"zabbix", "datto"}


async def test_good_news_of_one_asset_that_stops_is_noticed_while_others_go_on(h: Harness):
    morning = h.clock.now().replace(hour=2, minute=14)
    await nights(h, "veeam", 30, last=morning)
    await nights(h, "veeam@acme-db", 27, last=morning - timedelta(days=3))
    await nights(h, "veeam@acme-nas", 30, last=morning)
    await look(h)
    card = await h.card("acme", saying="Veeam about acme-db has fallen silent")
    assert "Acme Corp's Veeam about acme-db usually sends" in shown(card)
    await h.quiet()
    assert len(h.cards("acme")) == 1
    await h.fire(
        "acme", "Backup done", tool_source="veeam", asset_name="ACME-DB.example.com", status="resolved"
    )
    await asyncio.sleep(WRITE_EVERY + 0.3)
    await look(h)
    await h.card("acme", saying="Resolved by monitoring")
    h.clock.shift += timedelta(days=4)
    await look(h)
    await h.card("acme", saying="Veeam has fallen silent")
    await h.quiet()
    assert len(h.cards("acme")) == 2, "a tool that is silent as a whole is one incident"


async def test_only_good_news_is_counted_by_asset(h: Harness):
    for status in (
        "firing",
        "resolved",
        "resolved",
    ):  # the first recovery ends something, the second is good news
        await h.fire("acme", "Backup", tool_source="datto", asset_name="acme-nas", status=status)
    company_id = await acme_id(h)
    assert await counts_of(h, company_id, total=4) == {"datto": 3, "datto@acme-nas": 1}


async def test_what_is_new_is_said_to_have_no_rhythm_yet(h: Harness):
    await h.fire("acme", "Fan slow", tool_source="prtg")
    await counts_of(h, await acme_id(h), total=1)
    await look(h)
    await h.post("acme", b"?")
    await h.card("acme", kind="intake", saying="no rhythm yet")


async def test_a_holiday_that_the_whole_region_keeps_is_no_silence(h: Harness):
    now = h.clock.now()
    midnight = now.replace(hour=0, minute=0)
    ended = midnight - timedelta(days=(midnight.weekday() - 4) % 7 or 7)  # a Friday before today

    async def write(tx):
        for company in await tx.companies.all():
            for tool in ("rmm", "backup"):
                for number in range(42):
                    day = ended - timedelta(days=number)
                    if day.weekday() < 5:
                        tx.sources.heard(company.id, tool, 2, at=day + timedelta(hours=10))
                        tx.sources.heard(company.id, tool, 2, at=day + timedelta(hours=15))

    await h.write(write)
    every = await h.read(lambda tx: tx.companies.all())

    async def all_look() -> None:
        for company in every:

            async def put(tx, company=company):
                tx.jobs.put(JudgeSources(company_id=company.id), due_at=h.clock.now())

            await h.write(put)
        await h.quiet()

    async def at(day: int, hour: int) -> None:
        h.clock.shift += ended + timedelta(days=day, hours=hour) - h.clock.now()

    await at(1, 0)
    await all_look()
    await at(5, 20)  # Wednesday: nobody has spoken since Friday
    await all_look()
    assert h.cards("acme") == [] and h.cards("globex") == []

    async def others(tx):
        for company in every:
            for tool in ("rmm", "backup"):
                if (company.slug, tool) != ("acme", "rmm"):
                    for day in (3, 4, 5):
                        tx.sources.heard(company.id, tool, 1, at=ended + timedelta(days=day, hours=11))

    await h.write(others)
    await all_look()
    await h.card("acme", saying="Rmm has fallen silent")
    assert len(h.cards("acme")) == 1 and h.cards("globex") == []


def test_companies_are_looked_at_soon_after_the_hour_and_not_all_at_once():
    now = datetime.fromisoformat("2026-11-24T12:59:00+00:00")
    looks = {sources.next_look(company_id, now) for company_id in range(1, 200)}
    assert len(looks) > 150
    assert all(timedelta(minutes=6) <= at - now < timedelta(minutes=17) for at in looks)
