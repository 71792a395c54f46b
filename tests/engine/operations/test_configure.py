"""Settings that are inherited, changed at each place, on both databases; who may, and who hears of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from engine.access import Actor
from engine.company import Company
from engine.errors import NotFound, Refused
from engine.operations import configure
from engine.operations.configure import Where
from engine.setting import SETTINGS, Origin
from storage.database import Database
from tests.given import World, actor

MSP, GOLD = Where(Origin.MSP), Where(Origin.GROUP, "gold")
ACME = Where(Origin.COMPANY, "acme")
WINDOW = SETTINGS["window"]


async def put(world: World, where: Where, minutes: int | None, who: Actor | None = None) -> None:
    kept = None if minutes is None else minutes * 60
    by, now = who or actor(world.root), world.core.clock.now()
    await world.core.write(lambda tx: configure.put(tx, where, WINDOW, kept, actor=by, now=now))


async def gold(world: World, *slugs: str) -> None:
    by, now = actor(world.root), world.core.clock.now()
    await world.core.write(lambda tx: configure.add_group(tx, "gold", actor=by, now=now))
    for slug in slugs:
        await world.core.write(partial(configure.regroup, slug=slug, name="gold", actor=by, now=now))


async def holds(world: World, company: Company) -> int:
    """The window that decides now, in minutes, as the cached context has it."""
    found = await world.core.read(lambda tx: tx.companies.context(company.id))
    return int(found.company.window.total_seconds() // 60)


async def test_what_is_nearest_holds_and_what_is_taken_away_is_inherited_again(world: World) -> None:
    assert await holds(world, world.acme) == 15
    await gold(world, "acme")
    await put(world, MSP, 20)
    assert (await holds(world, world.acme), await holds(world, world.globex)) == (20, 20)
    await put(world, GOLD, 10)
    assert (await holds(world, world.acme), await holds(world, world.globex)) == (10, 20)
    await put(world, ACME, 5)
    await put(world, GOLD, 8)
    assert await holds(world, world.acme) == 5
    await put(world, ACME, None)
    assert await holds(world, world.acme) == 8
    by, now = actor(world.root), world.core.clock.now()
    left = await world.core.write(lambda tx: configure.regroup(tx, "acme", None, actor=by, now=now))
    assert left == {"window": ("8 min", "20 min")}
    assert await holds(world, world.acme) == 20
    await world.core.write(lambda tx: configure.remove_group(tx, "gold", actor=by, now=now))
    await put(world, MSP, None)
    assert await holds(world, world.acme) == 15


async def test_every_replica_hears_of_a_change_above_the_company(world: World, database: Database) -> None:
    """Another process has the context cached; only the concerned companies are read anew."""
    await gold(world, "acme")
    other = Database(database.engine.url.render_as_string(hide_password=False), database.vault)
    try:

        async def seen() -> tuple[int, int, timedelta]:
            async with other.reading() as tx:
                both = await tx.companies.contexts([world.acme.id, world.globex.id])
            acme, globex = both[world.acme.id].company, both[world.globex.id].company
            return acme.version, globex.version, acme.window

        first = await seen()
        await put(world, GOLD, 7)
        second = await seen()
        assert second == (first[0] + 1, first[1], timedelta(minutes=7))
        await put(world, MSP, 9)
        third = await seen()
        assert third[:2] == (second[0] + 1, second[1] + 1)
    finally:
        await other.close()


async def test_a_change_made_with_a_company_in_hand_keeps_the_rest_inherited(world: World) -> None:
    """`change` of a company whose values are inherited does not nail them down."""
    await put(world, MSP, 20)

    async def rename(tx):
        company = await tx.companies.by_slug("acme")
        await tx.companies.change(replace(company, name="Acme Ltd", timezone="Europe/Vienna"))

    await world.core.write(rename)
    await put(world, MSP, 25)
    company = await world.core.read(lambda tx: tx.companies.by_slug("acme"))
    assert company is not None
    assert (company.window, company.timezone) == (timedelta(minutes=25), "Europe/Vienna")
    assert company.layers.company == {"timezone": "Europe/Vienna"}


async def test_an_older_copy_of_a_company_does_not_take_settings_back(world: World) -> None:
    stale = await world.core.read(lambda tx: tx.companies.by_slug("acme"))
    assert stale is not None
    await gold(world, "acme")
    await put(world, ACME, 5)
    await world.core.write(lambda tx: tx.companies.change(replace(stale, sns_topics=("arn:x",))))
    company = await world.core.read(lambda tx: tx.companies.by_slug("acme"))
    assert company is not None
    assert (company.sns_topics, company.layers.company) == (("arn:x",), {"window": 300})
    assert company.layers.group_name == "gold"


async def test_company_admins_have_their_own_company_and_nothing_above_or_beside_it(world: World) -> None:
    ada = actor(world.ada)
    await put(world, ACME, 10, ada)
    for where in (MSP, GOLD):
        with pytest.raises(Refused) as refused:
            await put(world, where, 10, ada)
        assert refused.value.code == "denied"
    with pytest.raises(NotFound) as foreign:
        await put(world, Where(Origin.COMPANY, "globex"), 10, ada)
    with pytest.raises(NotFound) as missing:
        await put(world, Where(Origin.COMPANY, "nowhere"), 10, ada)
    assert foreign.value.reason.replace("globex", "nowhere") == missing.value.reason
    with pytest.raises(Refused) as refused:
        await put(world, ACME, 12, actor(world.kim))
    assert refused.value.who == (world.ada.id, world.root.id)
    assert (await holds(world, world.acme), await holds(world, world.globex)) == (10, 15)


async def test_a_change_is_proved_with_before_and_after_and_nothing_changes_twice(world: World) -> None:
    await put(world, MSP, 20)
    await put(world, ACME, 10, actor(world.ada))
    await put(world, ACME, 10, actor(world.ada))

    async def look(tx, company_id, subject):
        found = await tx.audit.of_subject(company_id, subject)
        return [one.entry for one in found if one.entry.kind == "setting.changed"]

    (own,) = await world.core.read(lambda tx: look(tx, world.acme.id, "acme"))
    assert (own.actor, own.subject) == ("Ada", "acme")
    assert own.detail == {
        "where": "company",
        "setting": "window",
        "before": "20 min (msp)",
        "after": "10 min",
    }
    (above,) = await world.core.read(lambda tx: look(tx, 0, "msp"))
    assert above.detail["before"] == "15 min (default)"


async def test_a_stale_confirmation_changes_nothing(world: World) -> None:
    by, now = actor(world.ada), world.core.clock.now()
    await put(world, ACME, 12)
    with pytest.raises(Refused) as refused:
        await world.core.write(
            lambda tx: configure.put(tx, ACME, WINDOW, 600, actor=by, now=now, shown=(None,))
        )
    assert refused.value.code == "stale" and "12 min" in refused.value.reason
    assert await holds(world, world.acme) == 12


async def test_groups_have_sane_names_and_go_only_when_empty(world: World) -> None:
    await gold(world, "acme")
    by, now = actor(world.root), world.core.clock.now()
    for name in ("gold", "Gold Clients", "", "x" * 41):
        with pytest.raises(Refused):
            await world.core.write(partial(configure.add_group, name=name, actor=by, now=now))
    with pytest.raises(Refused) as full:
        await world.core.write(lambda tx: configure.remove_group(tx, "gold", actor=by, now=now))
    assert "acme" in full.value.reason
    with pytest.raises(NotFound):
        await world.core.write(lambda tx: configure.regroup(tx, "acme", "silver", actor=by, now=now))
