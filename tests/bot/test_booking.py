"""Drafted time is booked once, by who had it in hand, and stays what it is."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.actions.incidents import Resolve
from bot.actions.people import BookAllTime, BookTime, ChangeTime, ShowTime
from bot.cards.card import Asked, Done, Said
from bot.handlers.dispatch import handle
from bot.place import Place
from bot.shift.booking import minutes_of
from bot.timesheet import lines
from engine.access import Actor, Via
from engine.audit import AuditKind
from engine.company import User, configured
from engine.errors import NotFound, Refused
from engine.operations import booking, directory, respond
from engine.timesheet import Entry
from storage.transaction import Transaction
from tests import given
from tests.bot.rest import serving
from tests.clock import TestClock

OPERATOR = Actor(user=None, via=Via.CLI, label="root (command line)")


async def rated(world: given.World, rate: str = "120.00 EUR") -> None:
    async def act(tx: Transaction) -> None:
        company = await directory.company_called(tx, "acme")
        await tx.companies.configure(configured(company, hourly_rate=rate))

    await world.core.write(act)


async def worked(
    world: given.World, clock: TestClock, number: int, minutes: int, *, end: bool = True
) -> None:
    kim = given.actor(world.kim)
    await world.tell(given.alert(f"box-{number}", f"Trouble {'abcdefg'[number]}"))
    await world.core.write(lambda tx: respond.claim(tx, number, actor=kim, now=clock.now()))
    clock.advance(minutes=minutes)
    if end:
        await world.core.write(
            lambda tx: respond.resolve(tx, number, text="done", actor=kim, now=clock.now())
        )


async def book(world: given.World, clock: TestClock, number: int, who: User, **more: object) -> Entry:
    actor = given.actor(who)
    return await world.core.write(
        lambda tx: booking.book(tx, number, actor=actor, now=clock.now(), **more)  # type: ignore[arg-type]
    )


async def sheet(world: given.World, clock: TestClock) -> list[dict[str, object]]:
    acme = (await world.core.read(lambda tx: tx.companies.context(world.acme.id))).company
    since = clock.now() - timedelta(days=30)
    return await world.core.read(lambda tx: lines(tx, acme, since, clock.now() + timedelta(seconds=1)))


async def test_what_is_booked_is_frozen(world: given.World, clock: TestClock) -> None:
    await rated(world)
    await worked(world, clock, 1, 50)
    entry = await book(world, clock, 1, world.kim, seen=30)
    assert (entry.minutes, entry.drafted, entry.idle, entry.cost) == (30, 30, 20, Decimal("60.00"))
    await rated(world, "500 USD")
    (line,) = await sheet(world, clock)
    assert (line["confirmed"], line["booked_minutes"], line["cost"], line["currency"]) == (
        True,
        30,
        "60.00",
        "EUR",
    )
    kim = given.actor(world.kim)
    await world.core.write(lambda tx: respond.reopen(tx, 1, reason="no", actor=kim, now=clock.now()))
    clock.advance(minutes=7)
    (line,) = await sheet(world, clock)
    assert line["booked_minutes"] == 30, "what was booked stays while it is open again"
    await world.core.write(lambda tx: respond.resolve(tx, 1, actor=kim, now=clock.now()))
    first, again = await sheet(world, clock)
    assert (first["booked_minutes"], again["confirmed"], again["minutes"]) == (30, False, 7), (
        "only what is new"
    )


async def test_only_the_owner_or_an_msp_admin_books(world: given.World, clock: TestClock) -> None:
    await worked(world, clock, 1, 10)
    for other in (world.bob, world.ada, world.vera):
        with pytest.raises(Refused, match="was in Kim's hands") as refused:
            await book(world, clock, 1, other)
        assert refused.value.code == "denied"
    with pytest.raises(NotFound):
        await book(world, clock, 1, world.eve)
    with pytest.raises(Refused, match="somebody else's"):
        await world.core.write(
            lambda tx: booking.book_all(tx, world.kim.id, actor=given.actor(world.bob), now=clock.now())
        )
    assert (await book(world, clock, 1, world.root)).booked_by == "Root"


async def test_other_minutes_need_a_reason_and_a_bill_ends_it(world: given.World, clock: TestClock) -> None:
    await worked(world, clock, 1, 10)
    with pytest.raises(Refused, match="25 min in place of 10 min needs a reason"):
        await book(world, clock, 1, world.kim, minutes=25)
    await book(world, clock, 1, world.kim, minutes=25, note="on the phone")
    with pytest.raises(Refused, match="needs a reason"):
        await book(world, clock, 1, world.kim, minutes=20)
    await book(world, clock, 1, world.kim, minutes=20, note="typo")
    since, until = clock.now() - timedelta(days=1), clock.now() + timedelta(days=1)

    async def export(tx: Transaction) -> int:
        return await booking.export(tx, world.acme, since=since, until=until, actor=OPERATOR, now=clock.now())

    assert [await world.core.write(export) for _ in range(2)] == [1, 0]
    with pytest.raises(Refused, match="is on a bill already: 20 min") as refused:
        await book(world, clock, 1, world.kim, minutes=5, note="less")
    assert refused.value.code == "exported"
    (line,) = await sheet(world, clock)
    assert (line["minutes"], line["booked_minutes"], line["note"]) == (10, 20, "typo") and line["exported_at"]
    found = await world.core.read(lambda tx: tx.audit.latest(world.acme.id, most=50))
    kinds = [one.entry.kind for one in sorted(found, key=lambda one: one.seq)]
    wanted = [AuditKind.TIME_BOOKED, AuditKind.TIME_CHANGED, AuditKind.TIME_EXPORTED]
    assert [one for one in kinds if one.startswith("time.")] == wanted


async def test_a_draft_that_moved_is_not_booked_unseen_and_two_presses_book_once(
    world: given.World, clock: TestClock
) -> None:
    await worked(world, clock, 1, 10)
    with pytest.raises(Refused, match="10 min are drafted on INC-1 now, not 8 min"):
        await book(world, clock, 1, world.kim, seen=8)
    made = await asyncio.gather(*(book(world, clock, 1, world.kim, seen=10) for _ in range(4)))
    assert len(set(made)) == 1 and len(await sheet(world, clock)) == 1
    await worked(world, clock, 2, 5, end=False)
    with pytest.raises(Refused, match="INC-2 is open"):
        await book(world, clock, 2, world.kim)
    with pytest.raises(Refused, match="cannot be booked"):
        await book(world, clock, 1, world.kim, minutes=booking.LONGEST + 1, note="x")


async def test_in_chat_one_press_for_each_and_one_for_all(world: given.World, clock: TestClock) -> None:
    kim = given.actor(world.kim)
    for number, minutes in ((1, 20), (2, 25), (3, 5)):
        await worked(world, clock, number, minutes)
    shown = await handle(world.core, ShowTime(), actor=kim, place=Place())
    assert isinstance(shown, Said) and shown.card.summary == "50 min are not booked yet."
    after = await handle(world.core, BookTime(2, "25"), actor=kim, place=Place())
    assert (
        isinstance(after, Said)
        and after.instead
        and "25 min on INC-2 booked. 25 min are" in after.card.summary
    )
    asked = await handle(world.core, ChangeTime(1), actor=kim, place=Place())
    assert isinstance(asked, Asked) and asked.form.fields[0].value == "20"
    sent = asked.form.action.filled({"minutes": "1 h 10", "text": "a call"})
    assert await handle(world.core, sent, actor=kim, place=Place()) == Done("1 h 10 min on INC-1 booked.")
    with pytest.raises(Refused, match="5 min are drafted now, not 50 min"):
        await handle(world.core, BookAllTime("50"), actor=kim, place=Place())
    last = await handle(world.core, BookAllTime("5"), actor=kim, place=Place())
    assert isinstance(last, Said) and last.card.summary == "5 min booked. All your time is booked."
    with pytest.raises(NotFound):
        await handle(world.core, ShowTime("inc-1"), actor=kim, place=Place(company_id=world.globex.id))


async def test_who_resolves_is_offered_it_where_time_is_billed(world: given.World, clock: TestClock) -> None:
    kim, ada = given.actor(world.kim), given.actor(world.ada)
    await worked(world, clock, 1, 10, end=False)
    assert isinstance(await handle(world.core, Resolve(1, "ok"), actor=kim, place=Place()), Done)
    await rated(world)
    await worked(world, clock, 2, 10, end=False)
    offered = await handle(world.core, Resolve(2, "ok"), actor=kim, place=Place())
    assert isinstance(offered, Said) and offered.card.summary.startswith(
        "INC-2 is resolved. 10 min on INC-2 for Acme"
    )
    await worked(world, clock, 3, 10, end=False)
    form = await handle(world.core, Resolve(3).filled({"text": "ok"}), actor=kim, place=Place())
    assert isinstance(form, Asked) and form.form.submit == "Book it"
    again = await handle(world.core, Resolve(3, "ok"), actor=ada, place=Place())
    assert isinstance(again, Done), "nobody is offered somebody else's time"


async def test_one_reminder_a_day_of_all_of_it_in_chat_alone(world: given.World, clock: TestClock) -> None:
    await rated(world)
    for number in (1, 2):
        await worked(world, clock, number, 10)
        incident = await world.core.read(lambda tx, number=number: tx.incidents.get(number))  # type: ignore[misc]
        await world.core.write(lambda tx, it=incident: booking.remind_later(tx, it, now=clock.now()))  # type: ignore[misc]
    for _ in range(2):
        await world.core.write(lambda tx: booking.remind(tx, world.kim.id, now=clock.now()))
    found = await world.core.read(lambda tx: tx.notices.waiting("chat", f"user {world.kim.id}"))
    (told,) = [one for one in found if one.kind == "time"]
    assert told.text.startswith("20 min on 2 incidents are not booked yet.")
    assert not [
        one
        for one in await world.core.read(lambda tx: tx.notices.waiting("email", f"user {world.kim.id}"))
        if one.kind == "time"
    ]


async def test_by_rest(world: given.World, clock: TestClock) -> None:
    await worked(world, clock, 1, 10)
    async with serving(world.core) as api:
        (draft,) = (await api.call(world.kim, "GET", "/api/time"))["drafts"]
        assert (draft["incident"], draft["minutes"], draft["confirmed"]) == ("INC-1", 10, False)
        await api.call(world.bob, "POST", "/api/incidents/INC-1/time", status=403)
        await api.call(world.kim, "POST", "/api/incidents/INC-1/time", {"minutes": 12}, status=422)
        made = await api.call(
            world.kim, "POST", "/api/incidents/INC-1/time", {"minutes": 12, "reason": "a call"}
        )
        assert (made["confirmed"], made["booked_minutes"], made["note"]) == (True, 12, "a call")
        assert (await api.call(world.kim, "GET", "/api/time"))["drafts"] == []


@pytest.mark.parametrize(("said", "minutes"), [("38", 38), ("38 min", 38), ("1 h 20", 80), ("2h", 120)])
def test_minutes_as_people_write_them(said: str, minutes: int) -> None:
    assert minutes_of(said) == minutes


@pytest.mark.parametrize("said", ["", "soon", "-5", "1.5"])
def test_no_minutes(said: str) -> None:
    with pytest.raises(Refused, match="no minutes"):
        minutes_of(said)
