"""Settings from chat: shown with where they come from; a change held against the past first, then confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from bot.actions.companies import ApplySetting, KeepSetting, OnSetting, WantSetting
from bot.cards.card import Reply, Said
from bot.cards.config import change_card, done_card, kept_card, list_card, one_card
from bot.core import Core
from bot.place import Place
from bot.questions import companies_of
from bot.replay import what_if
from bot.replay.what_if import Difference, Past
from bot.words import config as config_words
from bot.words.config import GOOD_FOR, Change
from engine.access import Actor
from engine.company import Asset, Company
from engine.correlation import Rules
from engine.errors import NotFound, Refused
from engine.operations import configure
from engine.operations.configure import Where
from engine.setting import Origin, Setting
from storage.transaction import Transaction


async def handle(core: Core, action: OnSetting, place: Place, actor: Actor) -> Reply:
    match action:
        case WantSetting():
            return await _wanted(core, action, place, actor)
        case ApplySetting():
            change = config_words.unpack(action.change)
            return await core.write(lambda tx: _apply(tx, change, place, actor, core.clock.now()))
        case KeepSetting():
            change = config_words.unpack(action.change)
            return await core.read(lambda tx: _keep(tx, change, place, actor))
        case _:
            assert_never(action)


async def _wanted(core: Core, action: WantSetting, place: Place, actor: Actor) -> Reply:
    async def look(tx: Transaction) -> tuple[config_words.Said, configure.Place]:
        seen = {one.slug: one for one in await companies_of(tx, actor)}
        said = config_words.read(action.words, seen)
        here = next((one for one in seen.values() if one.id == place.company_id), None)
        company = seen.get(said.company) if said.company else here
        if said.company and company is None:
            raise NotFound(
                f"I know no company “{said.company[:40]}”.", hint=f"You see: {', '.join(seen) or 'none'}."
            )
        if company is None:
            raise Refused("Of which company?", hint="For example `/aw config acme`.", code="which")
        if said.value is not None:
            _must_be_here(company, place)
        return said, await configure.place(tx, Where(Origin.COMPANY, company.slug), actor)

    said, now_there = await core.read(look)
    company = now_there.company
    assert company is not None
    if said.setting is None:
        return Said(list_card(company, now_there.settings(), actor.user))
    if said.value is None:
        return Said(one_card(company, now_there.now(said.setting), actor.user))
    kept = None if said.unset else said.setting.read(said.value)
    own = now_there.own(said.setting)
    if kept == own:
        return Said(kept_card(company, now_there.now(said.setting)))
    after = now_there.with_value(said.setting, kept)
    change = Change(company.id, said.setting, own, kept, core.clock.now())
    seen_then = await preview(core, now_there, after, said.setting)
    return Said(change_card(company, change, now_there.now(said.setting), after.now(said.setting), seen_then))


async def preview(
    core: Core, before: configure.Place, after: configure.Place, setting: Setting
) -> tuple[Past, Difference] | None:
    """What the company's last 30 days would have looked like; None where a setting has no part in that."""
    company = before.company
    if not setting.regroups or company is None:
        return None
    seen, assets = await core.read(lambda tx: _past(tx, company, core.clock.now()))
    async with core.looking_back:
        found = [await what_if.replayed(seen, rules(place), assets) for place in (before, after)]
    return seen, what_if.difference(seen, *found)


async def _past(tx: Transaction, company: Company, now: datetime) -> tuple[Past, Sequence[Asset]]:
    seen = await what_if.past(tx, company.id, since=now - what_if.LOOK_BACK)
    return seen, await tx.companies.assets(company.id)


def rules(place: configure.Place) -> Rules:
    value = {one.setting.name: one.value for one in place.settings()}
    return Rules(window=value["window"], reopen_window=value["reopen_window"])


def _must_be_here(company: Company, place: Place) -> None:
    """In one company's channel nothing is done to another."""
    if place.company_id is not None and place.company_id != company.id:
        raise Refused("That is not of this channel's company.", hint="Ask in its own channel.", code="denied")


async def _known(tx: Transaction, change: Change, place: Place, actor: Actor) -> Company:
    company = await tx.companies.get(change.company_id)
    if company is None or (actor.user is not None and not actor.user.works_for(company.id)):
        raise NotFound("There is no such company.")
    _must_be_here(company, place)
    return company


async def _apply(tx: Transaction, change: Change, place: Place, actor: Actor, now: datetime) -> Reply:
    company = await _known(tx, change, place, actor)
    where = Where(Origin.COMPANY, company.slug)
    there = await configure.place(tx, where, actor)
    if there.own(change.setting) == change.after:  # pressed twice
        found = there.now(change.setting)
        return Said(kept_card(company, found), instead=True)
    if now - change.asked_at > GOOD_FOR:
        raise Refused("This was shown more than an hour ago.", hint="Ask for it again.", code="stale")
    before, after = await configure.put(
        tx, where, change.setting, change.after, actor=actor, now=now, shown=(change.before,)
    )
    return Said(done_card(company, before.now(change.setting), after.now(change.setting)), instead=True)


async def _keep(tx: Transaction, change: Change, place: Place, actor: Actor) -> Reply:
    company = await _known(tx, change, place, actor)
    there = await configure.place(tx, Where(Origin.COMPANY, company.slug), actor)
    return Said(kept_card(company, there.now(change.setting)), instead=True)
