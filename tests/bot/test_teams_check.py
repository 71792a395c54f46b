"""`aw check`, Teams: what is missing, what Microsoft refuses, and a channel without the app, each with its mend."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from bot import settings
from bot.checks.finding import Finding, Outcome
from bot.teams.check import teams
from engine.company import Company
from sandbox.app import create
from sandbox.faults import Do, Fault
from sandbox.world import World
from tests.outside import TEAMS_APP, TEAMS_SECRET, TEAMS_TENANT, teams_channel, world_config

ACME = Company(id=1, slug="acme", name="Acme Corp", teams_conversation=teams_channel("acme"))


@dataclass
class Outside:
    world: World
    settings: Mapping[str, str]
    service: str

    async def found(self, *companies: Company, service: str | None = None, **changes: str) -> list[Finding]:
        chosen = settings.read({**self.settings, **changes})
        return await teams(chosen, companies, self.service if service is None else service)


@pytest.fixture
async def outside(tmp_path: Path) -> AsyncIterator[Outside]:
    world = World.load(world_config(tmp_path, bot_url="http://127.0.0.1:1", teams=True) | {"aws": None})
    async with TestServer(create(world)) as server:
        address = str(server.make_url("/")).rstrip("/")
        given = {
            "MICROSOFT_APP_ID": TEAMS_APP,
            "MICROSOFT_APP_PASSWORD": TEAMS_SECRET,
            "MICROSOFT_APP_TENANT_ID": TEAMS_TENANT,
            "AW_TEAMS_URL": f"{address}/teams",
        }
        yield Outside(world, given, f"{address}/teams/amer/")


def wrong(found: list[Finding]) -> dict[str, Finding]:
    assert all(one.mend for one in found if one.outcome is not Outcome.GOOD)
    return {one.subject: one for one in found if one.outcome is Outcome.BAD}


async def test_a_whole_registration_is_well(outside: Outside):
    found = await outside.found(ACME)
    assert wrong(found) == {}
    assert [one.subject for one in found if one.outcome is Outcome.GOOD] == [
        "Teams",
        "Teams requests",
        "Teams channel of acme",
    ]


async def test_nothing_set_is_off_and_a_part_is_a_problem(outside: Outside):
    nothing = dict.fromkeys(outside.settings, "")
    (found,) = await outside.found(ACME, **nothing)
    assert found.outcome is Outcome.OFF and "MICROSOFT_APP_ID is not set" in found.text
    found_bad = wrong(await outside.found(ACME, MICROSOFT_APP_PASSWORD="", MICROSOFT_APP_TENANT_ID=""))
    assert set(found_bad) == {"MICROSOFT_APP_PASSWORD", "MICROSOFT_APP_TENANT_ID"}


@pytest.mark.parametrize(
    ("changes", "mend"),
    [
        ({"MICROSOFT_APP_PASSWORD": "wrong"}, "Copy the secret's Value again"),
        ({"MICROSOFT_APP_ID": "00000000-0000-0000-0000-000000000000"}, "Check MICROSOFT_APP_ID"),
        ({"MICROSOFT_APP_TENANT_ID": "nowhere"}, "Directory (tenant) ID"),
    ],
)
async def test_what_microsofts_sign_in_refuses_is_named(outside: Outside, changes: dict[str, str], mend: str):
    found = wrong(await outside.found(ACME, **changes))
    assert "AADSTS" in found["Teams"].text and mend in found["Teams"].mend
    assert "wrong" not in str(found)


async def test_a_sign_in_that_cannot_be_reached_is_a_finding(outside: Outside):
    found = wrong(await outside.found(ACME, AW_TEAMS_URL="http://127.0.0.1:1/teams"))
    assert "cannot be reached" in found["Teams"].text and "proxy" in found["Teams"].mend


async def test_channels_that_are_gone_closed_or_silent_are_named(outside: Outside):
    lost = replace(ACME, slug="lost", teams_conversation="19:nowhere@thread.tacv2")
    globex = replace(ACME, slug="globex", teams_conversation=teams_channel("globex"))
    assert outside.world.teams is not None
    outside.world.teams.state.conversations[teams_channel("globex")].blocked = True
    found = wrong(await outside.found(ACME, globex, lost))
    assert set(found) == {"Teams channel of globex", "Teams channel of lost"}
    assert "MessageWritesBlocked" in found["Teams channel of globex"].text
    assert "--teams-conversation" in found["Teams channel of lost"].mend
    outside.world.faults.add(Fault(service="teams", method="getPagedMembers", do=Do.STATUS, status=503))
    assert "503" in wrong(await outside.found(ACME))["Teams channel of acme"].text


async def test_before_teams_has_spoken_and_before_a_channel_is_bound_it_says_what_comes_next(
    outside: Outside,
):
    off = {one.subject: one for one in await outside.found(ACME, service="") if one.outcome is Outcome.OFF}
    assert "mention it once" in off["Teams service"].mend
    off = {one.subject: one for one in await outside.found() if one.outcome is Outcome.OFF}
    assert "--teams-conversation" in off["Teams channels"].mend


async def test_an_address_that_microsoft_does_not_call_is_named():
    given = {"MICROSOFT_APP_ID": "a", "MICROSOFT_APP_PASSWORD": "b", "MICROSOFT_APP_TENANT_ID": "c"}
    from bot.teams import check

    assert check._door(settings.read(given)).outcome is Outcome.BAD
    given["AW_PUBLIC_URL"] = "https://aw.example.com"
    assert "https://aw.example.com/api/messages" in check._door(settings.read(given)).text
