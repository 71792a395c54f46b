"""Who may speak for Teams: the defects of the SDK's own check, one after the other, and that ours has none of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.settings import Settings, WrongSetting
from bot.settings import read as read_settings
from bot.teams.auth import ASKED_EVERY, KEPT_FOR, TRUSTED_FOR, Unauthorised, Validator, tenant_of
from bot.teams.registration import Registration, registration
from engine.errors import Transient
from sandbox.teams.issuer import Issuer, SigningKey, signed

APP, TENANT, ELSEWHERE = "app-1", "tenant-1", "tenant-2"


@dataclass
class Door:
    """Our check, the pretend Microsoft that it asks, and a clock that tests move."""

    issuer: Issuer
    ours: Registration
    session: aiohttp.ClientSession
    slow: float = 0.0
    down: bool = False
    now: float = 0.0
    validator: Validator = field(init=False)

    def __post_init__(self) -> None:
        self.validator = Validator(self.ours, self.session, monotonic=lambda: self.now)

    @property
    def url(self) -> str:
        return f"{self.ours.sandbox}/amer/"

    def activity(self, **changes: Any) -> dict[str, Any]:
        about = {"channelId": "msteams", "serviceUrl": self.url, "channelData": {"tenant": {"id": TENANT}}}
        return {**about, **changes}

    async def check(self, token: str, **changes: Any) -> None:
        await self.validator.check(f"Bearer {token}", self.activity(**changes))

    def token(self, **claims: Any) -> str:
        return self.issuer.token(self.url, **claims)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    made: list[Door] = []

    async def metadata(request: web.Request) -> web.Response:
        await asyncio.sleep(made[0].slow)
        if made[0].down:
            raise web.HTTPServiceUnavailable
        return web.json_response(made[0].issuer.metadata(made[0].ours.sandbox))

    async def keys(request: web.Request) -> web.Response:
        return web.json_response(made[0].issuer.jwks())

    app = web.Application()
    app.router.add_get("/.well-known/openidconfiguration", metadata)
    app.router.add_get("/.well-known/keys", keys)
    server = TestServer(app)
    await server.start_server()
    url = str(server.make_url("/")).rstrip("/")
    ours = Registration(app_id=APP, password="x", tenants=(TENANT,), sandbox=url)
    async with aiohttp.ClientSession() as session:
        made.append(Door(Issuer(APP, "x", (TENANT,)), ours, session))
        yield made[0]
    await server.close()


async def test_what_microsoft_signed_for_us_is_let_in(door: Door):
    await door.check(door.token())
    await door.check(door.token(exp=int(time.time()) - 200), serviceUrl=door.url.rstrip("/"))
    assert door.issuer.fetched == 1, "the keys are kept"


NOW = int(time.time())
FORGED: dict[str, dict[str, Any]] = {
    "expired": {"exp": NOW - 400},
    "not yet": {"nbf": NOW + 4000},
    "for another bot": {"aud": "app-2"},
    "by another issuer": {"iss": "https://sts.windows.net/tenant-1/"},
    "without an end": {"exp": None},
    "without a beginning": {"nbf": None},
    "without an audience": {"aud": None},
    "without a service URL": {"serviceurl": None},
    "for another service URL": {"serviceurl": "https://smba.trafficmanager.net/emea/"},
}


@pytest.mark.parametrize("claims", FORGED.values(), ids=FORGED.keys())
async def test_a_token_that_says_something_else_is_refused(door: Door, claims: dict[str, Any]):
    with pytest.raises(Unauthorised):
        await door.check(door.token(**claims))


ABOUT: dict[str, dict[str, Any]] = {
    "another tenant": {"channelData": {"tenant": {"id": ELSEWHERE}}},
    "no tenant": {"channelData": {}},
    "two tenants": {"conversation": {"tenantId": ELSEWHERE}},
    "another channel": {"channelId": "webchat"},
    "a foreign service URL": {"serviceUrl": "https://evil.example/"},
    "no service URL": {"serviceUrl": None},
}


@pytest.mark.parametrize("changes", ABOUT.values(), ids=ABOUT.keys())
async def test_a_good_token_about_something_else_is_refused(door: Door, changes: dict[str, Any]):
    with pytest.raises(Unauthorised):
        await door.check(door.token(), **changes)


async def test_a_foreign_service_url_is_refused_even_when_the_token_agrees(door: Door):
    evil = "https://evil.example/"
    with pytest.raises(Unauthorised, match="not one of Teams"):
        await door.check(door.issuer.token(evil), serviceUrl=evil)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer garbage", "Basic eDp5", "Bearer a.b.c"])
async def test_no_token_and_garbage_are_a_clean_no(door: Door, header: str):
    with pytest.raises(Unauthorised):
        await door.validator.check(header, door.activity())


async def test_only_rs256_by_a_published_key(door: Door):
    claims = jwt.decode(door.token(), options={"verify_signature": False})
    stranger = SigningKey.new()
    impostor = replace(stranger, kid=door.issuer.key.kid)
    for token in (
        jwt.encode(claims, "", algorithm="none", headers={"kid": door.issuer.key.kid}),
        jwt.encode(claims, "secret" * 8, algorithm="HS256", headers={"kid": door.issuer.key.kid}),
        signed(stranger, claims),
        signed(impostor, claims),
        door.token()[:-8] + "AAAAAAAA",
    ):
        with pytest.raises(Unauthorised):
            await door.check(token)


async def test_a_key_for_other_channels_does_not_vouch_for_teams(door: Door):
    other = SigningKey.new(endorsements=("webchat",))
    door.issuer.keys.append(other)
    with pytest.raises(Unauthorised, match="vouch"):
        await door.check(door.issuer.token(door.url, key=other))


async def test_keys_that_changed_are_fetched_and_strangers_cannot_make_us_fetch(door: Door):
    await door.check(door.token())
    door.issuer.rotate()
    door.now += ASKED_EVERY + 1
    await door.check(door.token())
    assert door.issuer.fetched == 2
    for _ in range(20):
        with pytest.raises(Unauthorised):
            await door.check(door.issuer.token(door.url, key=SigningKey.new()))
    assert door.issuer.fetched == 2


async def test_many_at_once_ask_once(door: Door):
    door.slow = 0.05
    await asyncio.gather(*(door.check(door.token()) for _ in range(20)))
    assert door.issuer.fetched == 1


@pytest.mark.alone
async def test_waiting_for_the_keys_never_holds_up_the_loop(door: Door):
    door.slow = 0.6
    longest, last = 0.0, time.monotonic()
    asked = asyncio.ensure_future(door.check(door.token()))
    while not asked.done():
        await asyncio.sleep(0.01)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    await asked
    assert longest < 0.5


async def test_old_keys_hold_while_nobody_answers_but_not_for_ever(door: Door):
    await door.check(door.token())
    door.down = True
    door.now += KEPT_FOR + 1
    await door.check(door.token())
    door.now = TRUSTED_FOR + 2
    with pytest.raises(Transient):
        await door.check(door.token())


async def test_without_keys_microsoft_is_asked_to_come_again(door: Door):
    door.down = True
    for _ in range(3):
        with pytest.raises(Transient):
            await door.check(door.token())
    door.down = False
    door.now += ASKED_EVERY + 1
    await door.check(door.token())


async def test_without_app_id_secret_or_tenant_nobody_is_let_in(door: Door):
    for lacking in (
        replace(door.ours, app_id=""),
        replace(door.ours, password=""),
        replace(door.ours, tenants=()),
        replace(door.ours, tenants=("",)),
    ):
        with pytest.raises(ValueError, match="needed"):
            Validator(lacking, door.session)


def test_teams_is_off_and_says_what_is_missing():
    given = {
        "MICROSOFT_APP_ID": "a",
        "MICROSOFT_APP_PASSWORD": "b",
        "MICROSOFT_APP_TENANT_ID": "home, other",
    }
    on = read_settings(given)
    assert on.teams_on and on.teams_missing == ()
    assert registration(on).tenants == ("home", "other")
    for name in given:
        settings = read_settings({**given, name: ""})
        assert not settings.teams_on
        assert settings.teams_missing == (name,)
    assert Settings().teams_missing == tuple(given)
    with pytest.raises(WrongSetting, match="MICROSOFT_APP_TYPE"):
        read_settings({"MICROSOFT_APP_TYPE": "Any"})
    with pytest.raises(WrongSetting, match="AW_TEAMS_URL"):
        read_settings({"AW_TEAMS_URL": "https://evil.example"})


def test_where_our_token_may_be_sent():
    real = Registration(app_id="a", password="b", tenants=("t",))
    for good in (
        "https://smba.trafficmanager.net/amer/",
        "https://webchat.botframework.com/",
        "https://smba.infra.gcc.teams.microsoft.com/teams",
    ):
        assert real.serves(good), good
    for bad in (
        "http://smba.trafficmanager.net/amer/",
        "https://smba.trafficmanager.net.evil.example/",
        "https://evil.example/smba.trafficmanager.net",
        "https://x@smba.trafficmanager.net/",
        "https://smba.trafficmanager.net:8443/",
        "https://evilbotframework.com/",
        "https://smba.trafficmanager.net:bad/",
        "http://127.0.0.1:1/",
        "",
    ):
        assert not real.serves(bad), bad


def test_where_tokens_come_from():
    one = Registration(app_id="a", password="secret", tenants=("t1",))
    many = Registration(app_id="a", password="secret", tenants=("t1", "t2"), multi_tenant=True)
    assert one.token_url == "https://login.microsoftonline.com/t1/oauth2/v2.0/token"
    assert many.token_url == "https://login.microsoftonline.com/botframework.com/oauth2/v2.0/token"
    assert many.metadata_url == "https://login.botframework.com/v1/.well-known/openidconfiguration"
    assert (many.identity("t1", "kim"), many.identity("t2", "kim")) == ("kim", "t2/kim")
    assert "secret" not in repr(one)


def test_the_tenant_is_read_wherever_it_stands_and_never_guessed():
    assert tenant_of({"channelData": {"tenant": {"id": "t"}}, "conversation": {"tenantId": "t"}}) == "t"
    for odd in (
        {},
        {"channelData": None},
        {"channelData": {"tenant": "t"}},
        {"conversation": {"tenantId": "t"}},
    ):
        assert tenant_of(odd) == ""
