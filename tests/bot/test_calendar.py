"""Shifts from a calendar elsewhere, calendars that read ours, and rotations by REST."""

from __future__ import annotations

from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.actions.people import OnCall
from bot.cards.card import Done
from bot.handlers.dispatch import handle
from bot.place import Place
from bot.shift import calendar
from engine.access import SYSTEM
from engine.errors import Refused
from engine.oncall import Layer, Override, Rotation
from engine.operations import oncall
from tests import given
from tests.bot.rest import serving
from tests.integrations.test_calendars import ical

EVENT = "SUMMARY:{who}\r\nDTSTART:2026030{day}T200000Z\r\nDURATION:PT10H"


@pytest.fixture
async def nights(world, clock) -> Rotation:
    layer = Layer((world.kim.id,), 7, (clock.now() - timedelta(days=9)).date())
    plan = Rotation(id=0, name="nights", companies=frozenset({world.acme.id}), layers=(layer,))
    await world.core.write(lambda tx: oncall.put(tx, plan, actor=SYSTEM, now=clock.now()))
    return await fresh(world)


async def fresh(world) -> Rotation:
    found: list[Rotation] = await world.core.read(lambda tx: tx.rotations.all())
    return found[0]


async def test_shifts_go_before_the_layers_and_what_people_say_before_them(world, clock, nights):
    root = given.actor(world.root)
    body = ical(EVENT.format(who="Bob", day=5), EVENT.format(who="Kim", day=6))
    looked = await calendar.take_in(world.core, "nights", body, actor=root, only_look=True)
    assert not looked.kept and len(looked.shifts) == 2 and not (await fresh(world)).overrides
    await calendar.take_in(world.core, "nights", body, actor=root)
    evening = clock.now() + timedelta(days=1, hours=12)
    assert (await fresh(world)).at(evening) == world.bob.id
    await world.core.write(
        lambda tx: tx.rotations.stand_in(
            nights.id, Override(world.root.id, evening, evening + timedelta(hours=1)), now=clock.now()
        )
    )
    await calendar.take_in(world.core, "nights", ical(EVENT.format(who="Bob", day=5)), actor=root)
    plan = await fresh(world)
    assert plan.at(evening) == world.root.id, "a person's word, though the calendar came again"
    assert plan.at(evening + timedelta(hours=2)) == world.bob.id
    assert len(plan.overrides) == 2, "those taken in before are gone"


async def test_all_or_nothing_by_whom_it_may_be(world, nights):
    body = ical(EVENT.format(who="Bob", day=5), EVENT.format(who="Somebody", day=6))
    with pytest.raises(
        Refused, match="Of 1 entries it is not clear whose they are: “Somebody” on 2026-03-06"
    ):
        await calendar.take_in(world.core, "nights", body, actor=given.actor(world.root))
    with pytest.raises(Refused, match="does not work for"):
        await calendar.take_in(
            world.core, "nights", ical(EVENT.format(who="Eve", day=5)), actor=given.actor(world.root)
        )
    with pytest.raises(Refused, match="Only MSP admins"):
        await calendar.take_in(world.core, "nights", body, actor=given.actor(world.kim))
    assert not (await fresh(world)).overrides


async def test_a_calendar_program_reads_until_it_is_revoked(world, clock, nights):
    app = web.Application()
    app.add_routes(calendar.routes(world.core))

    async def shared(user, words: str) -> str:
        reply = await handle(world.core, OnCall(words), actor=given.actor(user), place=Place())
        assert isinstance(reply, Done)
        return next(word for word in reply.text.split() if word.startswith("http"))

    mine, all_of_it = await shared(world.kim, "calendar"), await shared(world.bob, "calendar nights")
    assert mine == await shared(world.kim, "calendar"), "the same again"
    async with TestServer(app) as server:
        from aiohttp import ClientSession

        async with ClientSession() as session:

            async def read(url: str) -> tuple[int, str]:
                path = url[url.index("/calendars") :]
                async with session.get(server.make_url(path)) as answer:
                    return answer.status, await answer.text()

            status, text = await read(mine)
            assert status == 200 and "SUMMARY:nights: Kim" in text and "mailto:kim@msp.example" in text
            assert "SUMMARY:nights: Kim" in (await read(all_of_it))[1]
            assert (await read(await shared(world.bob, "calendar")))[1].count("BEGIN:VEVENT") == 0
            forged = mine[:-6] + ("00" if mine[-6:-4] != "00" else "11") + ".ics"
            assert (await read(forged))[0] == 404
            await handle(world.core, OnCall("calendar off"), actor=given.actor(world.kim), place=Place())
            gone = await read(mine)
            assert gone == await read(forged) and gone[0] == 404
            assert mine != await shared(world.kim, "calendar"), "a new one is another"
    for user, words, why in (
        (world.vera, "calendar", "Only technicians and MSP admins have shifts"),
        (world.eve, "calendar nights", "There is no rotation"),
    ):
        with pytest.raises(Refused, match=why):
            await shared(user, words)


async def test_rotations_by_rest(world, clock):
    async with serving(world.core) as rest:
        made = {"name": "days", "timezone": "Europe/Vienna", "companies": ["acme"], "hours": "mon-fri 08-18"}
        await rest.post(world.kim, "/api/rotations", made, status=403)
        await rest.post(world.root, "/api/rotations", made, status=201)
        await rest.post(world.root, "/api/rotations", made, status=422)
        await rest.post(world.root, "/api/rotations", made | {"name": "x", "timezone": "Mars"}, status=422)
        layer = {"people": ["kim@msp.example", world.bob.id], "days": 1, "start": "2026-03-01", "at": "08:00"}
        said = await rest.post(world.root, "/api/rotations/days/layers", layer, status=201)
        assert [one["name"] for one in said["layers"][0]["people"]] == ["Kim", "Bob"]
        assert said["now"]["name"] in ("Kim", "Bob") and len(said["coming"]) == 20
        (now,) = (await rest.get(world.ada, "/api/oncall?company=acme"))["on_call"]
        assert now["rotation"] == "days" and now["person"] == said["now"]
        begin = clock.now() - timedelta(minutes=1)
        stands = {
            "person": world.bob.id,
            "begin": begin.isoformat(),
            "end": (begin + timedelta(hours=2)).isoformat(),
        }
        said = await rest.post(world.bob, "/api/rotations/days/overrides", stands, status=201)
        assert said["now"]["name"] == "Bob"
        await rest.post(world.kim, "/api/rotations/days/overrides", stands, status=403)
        await rest.post(world.eve, "/api/rotations/days/overrides", stands, status=404)
        body = {"calendar": ical(EVENT.format(who="Bob", day=5)).decode()}
        said = await rest.post(world.root, "/api/rotations/days/import", body | {"dry_run": True})
        assert not said["kept"] and said["shifts"][0]["person"]["name"] == "Bob"
        inside = {"url": "https://169.254.169.254/latest"}
        refused = await rest.post(world.root, "/api/rotations/days/import", inside, status=422)
        assert "in our own network" in refused["detail"]
        await rest.post(world.root, "/api/rotations/days/import", body | inside, status=422)
        await rest.get(world.vera, "/api/oncall?company=acme", status=403)
        await rest.get(world.vera, "/api/rotations", status=403)
        assert (await rest.get(world.eve, "/api/rotations"))["rotations"] == []
        await rest.call(world.kim, "DELETE", "/api/rotations/days", status=403)
        await rest.call(world.root, "DELETE", "/api/rotations/days")
        assert (await rest.get(world.root, "/api/rotations"))["rotations"] == []
