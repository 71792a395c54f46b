"""A company is told how its alerts arrive: one message, quiet lines below it, the same guarantees as any card."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import orjson
import pytest
import sqlalchemy as sa

from engine.operations.intake_story import tell_company
from storage.tables import dead_letters
from storage.transaction import Transaction
from tests.harness import Harness, shown


async def acme_id(h: Harness) -> int:
    found: int = (await h.read(lambda tx: tx.companies.by_slug("acme"))).id
    return found


def lines(h: Harness, company: str) -> list[str]:
    return [shown(one) for one in h.cards(company, "intake_line")]


async def tell(h: Harness, text: str, **more: str) -> None:
    company_id = await acme_id(h)
    await h.write(lambda tx: tell_company(tx, company_id, text, now=h.clock.now(), **more))


async def test_what_cannot_be_read_is_told_once_and_counted(h: Harness):
    status, answer = await h.post("acme", b"{not json", tool="alertmanager")
    assert (status, answer["dead_letter"]) == (400, 1)
    card = await h.card("acme", kind="intake", saying="Acme Corp: alert intake")
    line = await h.thread("acme", saying="Alertmanager sent something I could not read")
    assert "Kept as dead letter 1" in shown(line) and "aw deadletter replay 1" in shown(line)
    assert line.thread == card.id

    await asyncio.gather(*(h.post("acme", b"{not json", tool="alertmanager") for _ in range(20)))
    await h.post("acme", {"nothing": "known"})
    await h.thread("acme", saying="A tool (generic shape) sent something I could not read")
    h.clock.shift += timedelta(seconds=40)
    await h.thread("acme", saying="×21")
    await h.card("acme", kind="intake", saying="22 dead letters wait")
    assert len(lines(h, "acme")) == 2, "one line per tool and reason"
    assert len(h.cards("acme", "intake")) == 1
    assert h.messages("globex") == []


async def test_lines_without_a_topic_stand_for_themselves(h: Harness):
    await asyncio.gather(*(tell(h, f"Something happened, {number}.") for number in range(3)))
    for number in range(3):
        await h.thread("acme", saying=f"Something happened, {number}.")
    await h.quiet()
    assert len(lines(h, "acme")) == 3 and len(h.cards("acme", "intake")) == 1


@pytest.mark.only(
    "slack", why="a bot cannot look into a channel of Teams; test_teams_trouble.py says what it does"
)
async def test_the_message_and_its_lines_are_posted_once_although_every_answer_is_lost(h: Harness):
    h.hand.fail("post", "lost_reply", times=2)
    await tell(h, "Limited since now.", topic="limit")
    await h.thread("acme", saying="Limited since now.")
    await h.quiet()
    assert len(lines(h, "acme")) == 1 and len(h.cards("acme", "intake")) == 1


async def test_a_message_somebody_deleted_is_posted_anew(h: Harness):
    await tell(h, "First.")
    card = await h.card("acme", kind="intake")
    await h.thread("acme", saying="First.")
    await h.quiet()
    h.hand.delete(card)
    await h.post("acme", b"?")
    h.clock.shift += timedelta(seconds=40)
    again = await h.card("acme", kind="intake", saying="1 dead letter waits")
    assert again.id != card.id


async def test_an_admin_reads_a_dead_letter_and_replays_it_with_a_button(h: Harness):
    body = orjson.dumps({"asset_name": "acme-nas", "signature": "Pool degraded"})
    await h.post("acme", body, tool="alertmanager")
    await h.post("acme", b"<xml/>")
    await h.command("kim", "acme", "/aw deadletter")
    await h.whispered("kim", "Only company admins and MSP admins")
    await h.command("maria", "acme", "/aw deadletter")
    listed = await h.whispered("maria", "Dead letters that wait")
    assert shown(listed).index("2 alerts") < shown(listed).index("1 alertmanager")
    await h.command("maria", "acme", "/aw deadletter 1")
    one = await h.whispered("maria", "Dead letter 1 from alertmanager")
    assert "Pool degraded" in shown(one)
    await h.press("maria", one, "replay")
    await h.whispered("maria", "Dead letter 1 still cannot be understood")

    async def mend(tx: Transaction) -> None:
        await tx.connection.execute(sa.update(dead_letters).values(tool="alerts"))

    await h.write(mend)
    await h.press("maria", one, "replay")
    await h.whispered("maria", "1 alert: INC-1")
    await h.card("acme", saying="Pool degraded")
    await h.press("maria", one, "replay")
    await h.whispered("maria", "It had been replayed before")
    await h.card("acme", kind="intake", saying="1 dead letter waits")
    await h.command("lee", "globex", "/aw deadletter 2")
    await h.whispered("lee", "There is no dead letter 2")
