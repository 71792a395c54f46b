"""A company is told how its alerts arrive: one message, quiet lines below it, the same guarantees as any card."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from engine.operations.intake_story import tell_company
from sandbox.faults import Fault
from tests.harness import Harness, shown
from tests.outside import COMPANIES


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
    assert line["thread_ts"] == card["ts"]

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


async def test_the_message_and_its_lines_are_posted_once_although_every_answer_is_lost(h: Harness):
    h.world.faults.add(Fault(service="slack", method="chat.postMessage", times=2, do="lost_reply"))
    await tell(h, "Limited since now.", topic="limit")
    await h.thread("acme", saying="Limited since now.")
    await h.quiet()
    assert len(lines(h, "acme")) == 1 and len(h.cards("acme", "intake")) == 1


async def test_a_message_somebody_deleted_is_posted_anew(h: Harness):
    await tell(h, "First.")
    card = await h.card("acme", kind="intake")
    await h.thread("acme", saying="First.")
    await h.quiet()
    h.world.slack.delete(COMPANIES["acme"][1], card["ts"])
    await h.post("acme", b"?")
    h.clock.shift += timedelta(seconds=40)
    again = await h.card("acme", kind="intake", saying="1 dead letter waits")
    assert again["ts"] != card["ts"]
