"""A storm: one board instead of hundreds of cards, nothing lost, nothing refused, a recap that adds up."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.app import Running, running
from storage.tables import alerts, incidents
from storage.transaction import Transaction
from tests.conftest import SECRET_KEY
from tests.harness import Harness, Post, eventually, harness, shown
from tests.ports import free_port

SEVERITIES = ("high", "high", "high", "critical")


@pytest.fixture
async def h(chat: str, database_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    """A world whose chat refuses what comes too soon, as the real one does."""
    folder = tmp_path / "machines"
    async with harness(database_url, SECRET_KEY, folder, rate_limits=True, chats=(chat,)) as made:
        yield made


def asset(number: int) -> str:
    return f"{'abcd'[number // 10]}{'klmnopqrst'[number % 10]}box"


def an_alert(number: int, **changes: Any) -> dict[str, Any]:
    """Forty assets that have nothing to do with each other, five problems; every fourth alert is critical."""
    return {
        "asset_name": asset(number * 7 % 40),
        "signature": f"check {'abcde'[number % 5]} failed",
        "severity": SEVERITIES[number % 4],
        "message": "it is not as it should be",
        "tool_source": "zabbix",
    } | changes


async def storm(h: Harness, count: int = 500, *, seconds: float = 4.0, company: str = "acme") -> None:
    """So many alerts, evenly, each in a request of its own."""

    async def one(number: int) -> None:
        await asyncio.sleep(seconds * number / count)
        status, answer = await h.post(company, an_alert(number))
        assert status == 202, answer

    await asyncio.gather(*(one(number) for number in range(count)))


def writes(h: Harness, company: str = "acme") -> int:
    return sum(h.hand.calls(call, company) for call in ("post", "edit"))


def board(h: Harness, company: str = "acme") -> Post | None:
    found = h.cards(company, "storm")
    return found[-1] if found else None


async def board_saying(h: Harness, words: str, company: str = "acme", within: float = 25.0) -> Post:
    def look() -> Post | None:
        found = board(h, company)
        return found if found is not None and words in shown(found) else None

    seen = lambda: shown(board(h, company))  # noqa: E731
    message: Post = await eventually(look, what=f"a board saying {words!r}", seen=seen, within=within)
    return message


async def recount(h: Harness, company_id: int = 1) -> dict[str, int]:
    """What the rows themselves say, whatever the board says."""

    async def look(tx: Any) -> dict[str, int]:
        everything = sa.select(alerts.c.count, alerts.c.status).where(alerts.c.company_id == company_id)
        found = (await tx.connection.execute(everything)).all()
        rows = sa.select(incidents.c.is_open, incidents.c.count).where(incidents.c.company_id == company_id)
        listed = (await tx.connection.execute(rows)).all()
        return {
            "alerts": sum(row[0] for row in found),
            "counted": sum(row[1] for row in listed),
            "incidents": len(listed),
            "open": sum(row[0] for row in listed),
        }

    numbers: dict[str, int] = await h.read(look)
    return numbers


async def pass_time(h: Harness, **span: float) -> None:
    h.clock.shift += timedelta(**span)
    h.core.nudge.set()


async def test_five_hundred_alerts_are_one_board_and_every_one_is_counted(h: Harness):
    await storm(h)
    message = await board_saying(h, "500 alerts")
    assert await recount(h) == {"alerts": 500, "counted": 500, "incidents": 40, "open": 40}
    assert "in 40 incidents" in shown(message) and "🔴 10 critical" in shown(message)
    assert len(h.cards("acme", "storm")) == 1 and len(h.messages("acme")) <= 3
    assert writes(h) <= 20
    assert h.hand.refused() == 0


async def test_the_first_critical_has_a_card_and_the_others_stand_at_the_top(h: Harness):
    await storm(h)
    message = await board_saying(h, "500 alerts")
    own = [one for one in h.cards("acme") if shown(one).startswith("🔴")]
    assert len(own) == 1
    named = re.findall(r"🔴 (INC-\d+)", shown(message))
    assert len(named) == 5 and "(+ 35 more)" in shown(message)


async def test_three_in_quick_succession_have_a_card_each_and_the_fourth_makes_a_board(h: Harness):
    for number in range(3):
        await h.fire("acme", f"Door {'abc'[number]} open", asset_name=f"door-{number}", severity="low")
    await h.card("acme", count=3)
    assert board(h) is None
    await h.fire("acme", "Window open", asset_name="window-1", severity="low")
    message = await board_saying(h, "Window open")
    assert "4 alerts in 4 incidents" in shown(message), "the swell that became it is counted"
    assert len(h.cards("acme")) == 3


async def test_who_presses_for_all_has_all_and_the_board_says_so_at_once(h: Harness):
    await storm(h, 200, seconds=1.0)
    message = await board_saying(h, "200 alerts")
    await h.press("kim", message, "claim_all")
    after = await board_saying(h, "Kim has 40")
    assert "Claim all" not in shown(after) and "Split one out" in shown(after)

    async def claims(tx: Any) -> int:
        found = [one.entry async for one in tx.audit.chain(1) if one.entry.kind.value == "incident.claimed"]
        return len({entry.subject for entry in found if entry.actor == "Kim"})

    assert await h.read(claims) == 40
    await h.press("bob", message, "claim_all")
    await h.whispered("bob", "Nothing is left to claim")
    assert h.hand.refused() == 0


async def test_one_of_the_board_gets_a_card_of_its_own_and_works_like_any(h: Harness):
    await storm(h, 200, seconds=1.0)
    message = await board_saying(h, "200 alerts")
    await h.press("bob", message, "split_out")
    number, label = next(iter((await h.form("bob")).questions["number"].options.items()))
    assert label.startswith(f"INC-{number} · critical")
    await h.submit("bob", number=number)
    card = await h.card("acme", saying=f"INC-{number} ·")
    await h.press("bob", card, "claim")
    await h.card("acme", saying="in the hands of Bob")
    await board_saying(h, "Bob has 1")
    await h.press("kim", message, "storm_list")
    listed = await h.whispered("kim", "Acme Corp's storm board: 40 open")
    assert "these are the worst 25; 15 more" in shown(listed) and f"INC-{number}" in shown(listed)


async def test_on_the_board_or_not_it_is_found_by_its_number(h: Harness):
    await storm(h, 100, seconds=0.5)
    await board_saying(h, "100 alerts")
    await h.command("kim", "acme", "/aw INC-40")
    await h.whispered("kim", "INC-40 ·")
    await h.command("kim", "acme", "/aw claim 40")
    await board_saying(h, "Kim has 1")


async def test_a_board_is_for_those_who_may(h: Harness):
    await storm(h, 60, seconds=0.3)
    message = await board_saying(h, "60 alerts")
    await h.press("dana", message, "claim_all")
    await h.whispered("dana", "can claim")
    await h.press("dana", message, "split_out")
    await h.whispered("dana", "Only technicians")
    await h.fire("globex", "Elsewhere", asset_name="globex-1")
    other = await h.card("globex", saying="Elsewhere")
    await h.press("kim", other, "claim_all", value=message.card.split(":")[1])
    await h.whispered("kim", "There is no such storm here")
    claimed = sa.select(sa.func.count()).where(incidents.c.claimed_at.is_not(None))

    async def look(tx: Any) -> int:
        return int((await tx.connection.execute(claimed)).scalar_one())

    assert await h.read(look) == 0


async def test_the_chat_says_slow_down_and_nothing_is_lost_or_said_twice(h: Harness):
    for call in ("post", "edit"):
        h.hand.fail(call, "ratelimited", times=2, retry_after=2)
    await storm(h, 300, seconds=3.0)
    await board_saying(h, "300 alerts")
    await h.quiet()
    assert len(h.cards("acme", "storm")) == 1 and len(h.messages("acme")) <= 3
    assert (await recount(h))["counted"] == 300


@pytest.mark.parametrize("do", ["status", "reset"])
async def test_whatever_becomes_of_the_first_posts_there_is_one_board(h: Harness, do: str):
    await one_board(h, do)


@pytest.mark.only(
    "slack", why="a bot cannot look into a channel of Teams; test_teams_trouble.py says what it does"
)
async def test_although_the_first_answers_are_lost_there_is_one_board(h: Harness):
    await one_board(h, "lost_reply")


async def one_board(h: Harness, do: str) -> None:
    h.hand.fail("post", do, times=2)
    await storm(h, 100, seconds=0.5)
    await board_saying(h, "100 alerts")
    await h.quiet()
    assert len(h.cards("acme", "storm")) == 1 and len(h.messages("acme")) <= 3


async def test_a_kill_in_the_middle_costs_nothing(h: Harness):
    await storm(h, 150, seconds=0.7)
    await h.stop()
    h.clock.shift += timedelta(minutes=1)
    await h.start()
    await storm(h, 150, seconds=0.7)
    await board_saying(h, "300 alerts")
    assert len(h.cards("acme", "storm")) == 1 and len(h.messages("acme")) <= 3


async def test_the_recap_adds_up_and_only_the_worst_that_is_left_gets_cards(h: Harness):
    await storm(h, 400, seconds=2.0)
    message = await board_saying(h, "400 alerts")
    await h.press("kim", h.cards("acme")[0], "claim")
    for number in range(40):
        if number % 4 < 2:  # half of them recover, nothing critical
            await h.fire("acme", **an_alert(number, status="resolved"))
    before = len(h.messages("acme"))
    await pass_time(h, minutes=4)
    await asyncio.sleep(0.5)
    assert "is over" not in shown(board(h)), "it is quiet, but not for long enough"
    await pass_time(h, minutes=1.5)
    recap = await board_saying(h, "is over")
    assert recap.id == message.id, "the board itself becomes the recap"
    found = await recount(h)
    assert f"{found['counted']} alerts became {found['incidents']} incidents" in shown(recap)
    assert f"{found['open']} still open" in shown(recap) and "Kim has 1" in shown(recap)
    await h.card("acme", count=len(h.cards("acme")) + 4)
    await eventually(
        lambda: len(h.messages("acme")) == before + 5, what="five cards for the worst that is left"
    )
    await asyncio.sleep(1.5)
    assert len(h.messages("acme")) == before + 5
    new = h.messages("acme")[before:]
    assert all(shown(one).startswith("🔴") for one in new), "worst first"
    assert not any("Resolved" in shown(one) for one in new), "nothing is posted for what recovered"
    await h.fire("acme", "A calm day again", asset_name="acme-new", severity="low")
    await h.card("acme", saying="A calm day again")
    assert h.hand.refused() == 0


async def test_what_comes_back_all_at_once_is_a_storm_of_its_own(h: Harness):
    everything = [an_alert(number) for number in range(40)]
    await h.post("acme", everything)
    await board_saying(h, "40 alerts")
    await h.post("acme", [one | {"status": "resolved"} for one in everything])
    await board_saying(h, "40 recovered")
    await pass_time(h, minutes=6)
    first = await board_saying(h, "nothing is open any more")
    await pass_time(h, minutes=10)
    await h.post("acme", everything)
    second = await board_saying(h, "39 alerts in 39 incidents")
    await h.card("acme", saying="came back 1×")
    assert second.id != first.id and len(h.cards("acme", "storm")) == 2
    assert "40 alerts became 40 incidents" in shown(h.cards("acme", "storm")[0]), (
        "the first recap stays as it was"
    )


async def flapping(tx: Transaction) -> bool:
    return any("flapping" in one.text for one in await tx.timeline.of_incident(1, told_only=True))


async def test_what_piles_up_in_a_thread_is_told_as_one_line(h: Harness):
    await h.fire("acme", "Link flaps", asset_name="acme-sw", severity="low")
    await h.card("acme", saying="Link flaps")
    h.hand.fail("reply", "ratelimited", retry_after=1, times=99)  # for as long as eight deliveries take
    for status in ("resolved", "firing") * 4:
        await h.fire("acme", "Link flaps", asset_name="acme-sw", severity="low", status=status)
    await eventually(partial(h.read, flapping), what="a story that says so")
    tries = h.hand.calls("post")
    await eventually(lambda: h.hand.calls("post") >= tries + 2, what="a try with all of it")
    h.world.faults.clear()
    await h.thread("acme", saying="updates from monitoring; the last: 🔁 flapping")
    await h.quiet()
    assert len(h.cards("acme")) == 1
    assert len(h.replies("acme")) < 4, "eight lines, together or nearly so"


async def test_an_approval_that_somebody_asks_for_brings_its_incidents_card_along(h: Harness):
    h.aws.break_machine("i-0bbbbbbbbbbbbbbb1", "stop-unit:acme-app")
    others = [an_alert(number, severity="low") for number in range(8)]
    service = an_alert(0, asset_name="globex-app-01", signature="Service acme-app down", severity="low")
    _, answer = await h.post("globex", [*others, service | {"labels": {"service": "acme-app"}}])
    label = answer["results"][-1]["incident_id"]
    await board_saying(h, "9 alerts", "globex")
    assert h.cards("globex") == []
    await h.command("kim", "globex", f"/aw run restart-service {label} unit=acme-app")
    await h.card("globex", saying=f"{label} ·")
    approval = await h.card("globex", kind="approval", saying="high risk")
    assert approval.thread == h.cards("globex")[0].id


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_two_replicas_share_one_board_and_one_budget(h: Harness):
    async with another(h) as second:
        other = f"http://127.0.0.1:{second.port}"

        async def one(number: int) -> None:
            await asyncio.sleep(4.0 * number / 500)
            url = f"{other if number % 2 else h.url}/api/webhooks/alerts"
            async with h.session.post(
                url, json=an_alert(number), headers={"X-API-Key": h.keys["acme"]}
            ) as answer:
                assert answer.status == 202, await answer.text()

        await asyncio.gather(*(one(number) for number in range(500)))
        await board_saying(h, "500 alerts")
        assert len(h.cards("acme", "storm")) == 1 and len(h.messages("acme")) <= 3
        assert h.hand.refused() == 0
        assert (await recount(h))["counted"] == 500


@asynccontextmanager
async def another(h: Harness) -> AsyncIterator[Running]:
    """A second replica on the same database."""
    settings = h.settings.model_copy(update={"aw_port": free_port()})
    async with running(settings, clock=h.clock) as replica:
        yield replica
