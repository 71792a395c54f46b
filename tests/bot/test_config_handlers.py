"""`/aw config` and its REST calls: where a value comes from, what a change would have done, nothing before a yes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.actions.companies import ApplySetting, KeepSetting, WantSetting
from bot.cards.card import Actions, Said
from bot.commands import parse
from bot.handlers.dispatch import handle
from bot.place import Place
from bot.replay import what_if
from bot.words import config as config_words
from bot.words.config import Change
from engine.access import Actor
from engine.alert import AlertStatus, Severity, StoredAlert
from engine.correlation import Rules
from engine.errors import NotFound, Refused
from engine.operations import configure
from engine.operations.configure import Where
from engine.setting import SETTINGS, Origin
from tests import given
from tests.bot.rest import serving
from tests.clock import START
from tests.given import World, actor


async def heard(world: World, *minutes: int) -> None:
    """The same problem of one machine from another tool at each of these moments; a number never comes back."""
    root, at = actor(world.root), 0
    acme, reopen = Where(Origin.COMPANY, "acme"), SETTINGS["reopen_window"]
    start = world.core.clock.now()
    await world.core.write(lambda tx: configure.put(tx, acme, reopen, 0, actor=root, now=start))
    for moment in minutes:
        world.core.clock.advance(minutes=moment - at)  # type: ignore[attr-defined]
        at = moment
        await world.tell(given.alert(signature="Disk full", tool=f"tool-{moment}"))


def said(reply: Any) -> str:
    assert isinstance(reply, Said)
    return repr(reply.card)


def buttons(reply: Any) -> list[Any]:
    assert isinstance(reply, Said)
    return [one.action for row in reply.card.elements if isinstance(row, Actions) for one in row.buttons]


async def ask(world: World, words: str, who: Actor | None = None, place: Place | None = None) -> Any:
    (action,) = parse(f"config {words}")
    return await handle(world.core, action, actor=who or actor(world.ada), place=place or Place())


async def press(world: World, action: Any, who: Actor | None = None, place: Place | None = None) -> Any:
    return await handle(world.core, action, actor=who or actor(world.ada), place=place or Place())


async def window(world: World) -> int:
    context = await world.core.read(lambda tx: tx.companies.context(world.acme.id))
    return int(context.company.window.total_seconds() // 60)


async def test_each_value_says_where_it_comes_from(world: World) -> None:
    text = said(await ask(world, "acme"))
    assert all(name in text for name in SETTINGS) and "default" in text
    one = said(await ask(world, "window", place=Place(company_id=world.acme.id)))
    assert "15 min" in one and SETTINGS["window"].means in one


async def test_nothing_changes_before_a_yes_that_is_bound_to_the_value(world: World) -> None:
    reply = await ask(world, "acme window 10")
    apply, keep = buttons(reply)
    assert isinstance(apply, ApplySetting) and isinstance(keep, KeepSetting)
    assert "The last 30 days: no alerts to try it on." in said(reply)
    assert await window(world) == 15
    assert "Nothing is changed: window of Acme stays 15 min." in said(await press(world, keep))
    assert "window of Acme is 10 min now; it was 15 min." in said(await press(world, apply))
    assert await window(world) == 10
    assert "stays 10 min" in said(await press(world, apply)), "a second press is a silent success"
    other = buttons(await ask(world, "acme window 20"))[0]
    await press(world, buttons(await ask(world, "acme window 30"))[0])
    with pytest.raises(Refused) as stale:
        await press(world, other)
    assert stale.value.code == "stale" and "30 min" in stale.value.reason
    back = buttons(await ask(world, "acme window unset"))[0]
    await press(world, back)
    assert await window(world) == 15


async def test_an_old_confirmation_is_refused(world: World) -> None:
    apply = buttons(await ask(world, "acme autonomy observe"))[0]
    world.core.clock.advance(minutes=61)  # type: ignore[attr-defined]
    with pytest.raises(Refused) as refused:
        await press(world, apply)
    assert refused.value.code == "stale"


async def test_a_company_admin_sees_and_changes_only_their_own(world: World) -> None:
    root, now = actor(world.root), world.core.clock.now()
    await world.core.write(lambda tx: configure.add_group(tx, "globex-family", actor=root, now=now))
    await world.core.write(lambda tx: configure.regroup(tx, "acme", "globex-family", actor=root, now=now))
    group = Where(Origin.GROUP, "globex-family")
    await world.core.write(lambda tx: configure.put(tx, group, SETTINGS["window"], 600, actor=root, now=now))
    mine = said(await ask(world, "acme"))
    assert "10 min" in mine and "its group" in mine and "globex" not in mine
    assert "group globex-family" in said(await ask(world, "acme", root))
    with pytest.raises(NotFound) as foreign:
        await ask(world, "globex")
    with pytest.raises(Refused) as unknown:
        await ask(world, "globex window 10")
    assert "globex" in foreign.value.reason and "Globex" not in unknown.value.reason + unknown.value.hint
    with pytest.raises(Refused) as refused:
        await ask(world, "acme window 10", actor(world.kim))
    assert refused.value.code == "denied"
    theirs = Change(world.globex.id, SETTINGS["window"], None, 600, now)
    for act in (ApplySetting(theirs.pack()), KeepSetting(theirs.pack())):
        with pytest.raises(NotFound):
            await press(world, act)
        with pytest.raises(Refused):  # from another company's channel not even an MSP admin
            await press(world, act, root, Place(company_id=world.acme.id))


@pytest.mark.parametrize(
    "packed", ["", "1~window", "1~windw~0~null~600", "1~window~0~null~1", "x~window~0~null~600"]
)
def test_a_button_that_was_tampered_with_is_refused(packed: str) -> None:
    with pytest.raises(Refused):
        config_words.unpack(packed)


def test_the_words_of_a_change() -> None:
    slugs = {"acme"}
    assert parse("config acme window 10") == [WantSetting("acme window 10")]
    assert config_words.read("", slugs) == config_words.Said("")
    assert config_words.read("Acme", slugs) == config_words.Said("acme")
    assert config_words.read("nowhere", slugs).company == "nowhere"
    assert config_words.read("acme window 1h 30m", slugs).value == "1h 30m"
    assert config_words.read("window unset", slugs).unset


async def test_the_past_is_played_again_under_both_values(world: World) -> None:
    """Three alerts, 12 minutes apart: one incident of 15 minutes' window, three of 10."""
    await heard(world, 0, 12, 24)
    reply = await ask(world, "acme window 10")
    text = said(reply)
    assert "The last 30 days (3 alerts): 1 incident as it is, 3 with it." in text
    assert (
        "INC-1 (web-01: Disk full): 1 → 3 incidents, opened 4 Mar 09:00, 4 Mar 09:12, 4 Mar 09:24 UTC" in text
    )
    assert "An incident ends as it did, or after silence" in text
    assert await window(world) == 15
    unlike = await ask(world, "acme window 20")
    assert "Nothing would have been grouped differently." in said(unlike)


async def test_repeats_are_spread_and_said_to_be(world: World) -> None:
    for _ in range(3):
        await world.tell(given.alert())
        world.core.clock.advance(minutes=12)  # type: ignore[attr-defined]
    now = world.core.clock.now()
    seen = await world.core.read(lambda tx: what_if.past(tx, world.acme.id, since=now - what_if.LOOK_BACK))
    assert (len(seen.rows), seen.alerts, len(seen.events), seen.repeated) == (1, 3, 3, True)
    assert "Repeats are only counted here" in said(await ask(world, "acme window 10"))
    rules = Rules(window=timedelta(minutes=10), reopen_window=timedelta(0))
    few = await what_if.replayed(seen, rules, ())
    assert len(set(few)) == 3


async def test_too_many_alerts_are_cut_and_said_to_be(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(what_if, "MOST_EVENTS", 2)
    await heard(world, 0, 12, 24)
    assert "2 alerts, the newest that I look at" in said(await ask(world, "acme window 10"))


async def test_settings_by_rest(world: World) -> None:
    await heard(world, 0, 12, 24)
    async with serving(world.core) as rest:
        path = "/api/companies/acme/settings"
        shown = await rest.get(world.ada, path)
        assert {one["name"] for one in shown["settings"]} == set(SETTINGS)
        preview = await rest.post(world.ada, f"{path}/window/preview", {"value": "10"})
        assert (preview["past"]["incidents_before"], preview["past"]["incidents_after"]) == (1, 3)
        assert preview["past"]["split"] == 2 and preview["past"]["joined"] == 0
        assert await window(world) == 15
        assert (await rest.post(world.ada, f"{path}/autonomy/preview", {"value": "observe"}))["past"] is None
        changed = await rest.put(world.ada, f"{path}/window", {"value": 10})
        assert (changed["before"]["origin"], changed["after"]["words"]) == ("default", "10 min")
        assert await window(world) == 10
        await rest.put(world.ada, f"{path}/window", {"value": None})
        await rest.put(world.ada, f"{path}/window", {"value": "2d"}, status=422)
        await rest.put(world.ada, "/api/companies/globex/settings/window", {"value": 10}, status=404)
        await rest.put(world.kim, f"{path}/window", {"value": 10}, status=403)
        await rest.put(world.ada, "/api/msp/settings/window", {"value": 10}, status=403)
        await rest.get(world.ada, "/api/msp/settings", status=403)
        await rest.get(world.ada, "/api/groups", status=403)
        above = await rest.put(world.root, "/api/msp/settings/window", {"value": "20"})
        assert above["after"]["origin"] == "msp" and await window(world) == 20
        assert await rest.get(world.root, "/api/groups") == {"groups": []}


def _stored(number: int) -> StoredAlert:
    words: dict[str, Any] = dict.fromkeys(("fingerprint", "asset_name", "asset", "signature", "title"), "x")
    return StoredAlert(
        **words,
        message="x",
        id=f"a{number}",
        company_id=1,
        incident_id=number,
        severity=Severity.HIGH,
        status=AlertStatus.FIRING,
        tool="zabbix",
        dedup_key=None,
        correlation_key="x|x",
        labels={},
        link=None,
        count=1,
        first_at=START,
        last_at=START,
        occurred_at=None,
    )


def _seen(*rows: int) -> what_if.Past:
    """Events a minute apart, each of one of these stored alerts; each alert of the incident of its number."""
    stored = [_stored(number) for number in range(1, max(rows) + 2)]
    events = [
        what_if.Event(row, START + timedelta(minutes=place), given.alert()) for place, row in enumerate(rows)
    ]
    return what_if.Past(stored, events, START, len(rows), False, False)


@pytest.mark.parametrize(
    ("before", "after", "joined", "split", "named"),
    [
        ([1, 1, 2], [5, 5, 6], 0, 0, []),
        ([1, 2, 3], [7, 7, 3], 1, 0, ["INC-1, INC-2"]),
        ([1, 1, 1], [1, 2, 3], 0, 2, ["INC-1, INC-2, INC-3"]),
        ([1, 1, 2, 2], [1, 2, 2, 3], 0, 1, ["INC-1, INC-2, INC-3 and 1 more"]),
        ([1, 1, 2, 2], [1, 2, 2, 1], 0, 0, ["INC-1, INC-2, INC-3 and 1 more"]),
        ([1, 0, 2], [1, 2, 2], 0, 0, []),
    ],
)
def test_what_two_rules_do_differently_is_counted(
    before: list[int], after: list[int], joined: int, split: int, named: list[str]
) -> None:
    found = what_if.difference(_seen(*range(len(before))), before, after)
    assert (found.joined, found.split) == (joined, split)
    assert [one.label for one in found.examples] == named
    mirrored = what_if.difference(_seen(*range(len(before))), after, before)
    assert (mirrored.joined, mirrored.split) == (split, joined)
