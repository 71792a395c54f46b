"""The same trouble at several companies: told to the MSP, and to nobody else."""

from __future__ import annotations

import asyncio
import json
import random
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from bot import tokens
from bot.api import live
from engine.access import SYSTEM, Actor, Via
from engine.company import Company, Role, User
from engine.errors import Refused
from engine.jobs import Sweep
from engine.operations import directory, outbreaks, respond
from engine.outbreak import QUIET, MspRecord
from storage.transaction import Transaction
from tests.harness import Harness, Post, shown

CLI = Actor(user=None, via=Via.CLI)
WORDS = "Mail relay smtp.hub.example does not answer"


async def third_company(h: Harness) -> None:
    """Initech, and the MSP's own channel."""
    company = Company(id=0, slug="initech", name="Initech Tools")

    async def write(tx: Transaction) -> str:
        now = h.core.clock.now()
        issued = await directory.add_company(tx, company, with_hmac=False, actor=CLI, now=now)
        await outbreaks.set_msp(tx, MspRecord(name="Northwind", **bound(h, "msp")), actor=CLI, now=now)
        return issued.api_key

    h.keys["initech"] = await h.write(write)


def bound(h: Harness, where: str) -> dict[str, str]:
    """A channel as a record names it."""
    name = {"slack": "slack_channel", "teams": "teams_conversation"}[h.hand.name]
    return {name: h.hand.place(where)}


def channel_of(h: Harness, company: str) -> str:
    """All that stands in a company's channel, down to what nobody sees."""
    return json.dumps([one.raw for one in (*h.hand.posts(company), *h.hand.replies(company))], default=str)


async def fail(h: Harness, company: str, asset: str) -> dict[str, Any]:
    body = {"asset_name": asset, "signature": WORDS, "severity": "high", "tool_source": "kuma"}
    status, answer = await h.post(company, body)
    assert status == 202, answer
    result: dict[str, Any] = answer["results"][0]
    return result


async def look(h: Harness) -> None:
    """What the metronome does every fifteen seconds."""
    await h.write(lambda tx: _put(tx, h))


async def _put(tx: Transaction, h: Harness) -> None:
    tx.jobs.put(Sweep(company_id=0, name="outbreaks"), due_at=h.core.clock.now())


async def card(h: Harness, saying: str) -> Post:
    return await h.card("msp", kind="outbreak", saying=saying)


async def test_three_companies_are_one_outbreak_for_the_msp_alone(h: Harness):
    await third_company(h)
    for company, asset in (("acme", "acme-mail-9"), ("globex", "globex-post-1"), ("initech", "initech-mx")):
        assert (await fail(h, company, asset))["is_new"]
    await look(h)
    found = await card(h, "Outbreak: Mail relay smtp.hub.example does not answer at 3 companies")
    said = shown(found)
    assert all(name in said for name in ("Acme Corp", "Globex Health", "Initech Tools", "INC-1", "3 open"))
    assert "hardly ever begins at several companies at once" in said
    await h.command("kim", "acme", "/aw claim INC-1")
    await look(h)
    await card(h, "Kim has it")
    await h.press("lee", found, "outbreak")
    listed = await h.whispered("lee", "globex-post-1")
    assert "initech-mx" in shown(listed)
    await look(h)
    await h.quiet()
    assert len(h.messages("msp")) == 1, "one card, edited"
    for company, others in (("acme", ("Globex", "Initech")), ("globex", ("Acme", "Initech"))):
        text = channel_of(h, company)
        assert not any(name in text for name in (*others, "utbreak")), text
    for who in ("kim", "maria", "dana"):
        refused = await h.command(who, "acme", "/aw outbreaks")
        assert "Only MSP admins see across companies." in shown(refused)
    here = await h.command("lee", "acme", "/aw outbreaks")
    assert "not told in a company's channel" in shown(here)
    for number in (1, 2, 3):
        await _resolve(h, number)
    h.clock.shift += QUIET / 3
    await look(h)
    over = await card(h, "Outbreak over")
    assert "nobody" not in shown(over) and "over after" in shown(over)


async def _resolve(h: Harness, number: int) -> None:
    now = h.core.clock.now()
    await h.write(lambda tx: respond.resolve(tx, number, text="provider is back", actor=CLI, now=now))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_person_says_that_it_is_none(h: Harness):
    await third_company(h)
    for company, asset in (("acme", "a-mail"), ("globex", "g-post"), ("initech", "i-mx")):
        await fail(h, company, asset)
    await look(h)
    found = await card(h, "at 3 companies")
    await h.press("lee", found, "outbreak_dismiss")
    await card(h, "said Lee")
    for company, asset in (("acme", "a-mail-2"), ("globex", "g-post-2"), ("initech", "i-mx-2")):
        await fail(h, company, asset)
    await look(h)
    await h.quiet()
    assert len(h.messages("msp")) == 1, "left alone for a day"
    with pytest.raises(Refused, match="is over already"):
        await h.write(lambda tx: outbreaks.dismiss(tx, 1, actor=CLI, now=h.core.clock.now()))


async def test_looks_at_once_make_one_outbreak(h: Harness):
    await third_company(h)
    for company, asset in (("acme", "a-mail"), ("globex", "g-post"), ("initech", "i-mx")):
        await fail(h, company, asset)
        await fail(h, company, f"{asset}-other")

    async def once() -> None:
        await h.write(lambda tx: outbreaks.look(tx, now=h.core.clock.now()))

    await asyncio.gather(*(once() for _ in range(6)))
    await card(h, "at 3 companies")
    found = await h.read(lambda tx: tx.outbreaks.latest(most=10))
    assert len(found) == 1
    assert await h.read(lambda tx: tx.outbreaks.counts(1)) == {"incidents": 6, "companies": 3, "open": 6}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_storm_at_one_company_is_none_and_neither_is_a_channel_of_a_company_told(h: Harness):
    await third_company(h)
    for number in range(30):
        await fail(h, "acme", f"acme-host{chr(97 + number % 26)}{number}x")
    await fail(h, "globex", "g-post")
    await look(h)
    await h.quiet()
    assert not h.messages("msp")
    wrong = MspRecord(**bound(h, "acme"))
    with pytest.raises(Refused, match="That channel is Acme Corp's"):
        await h.write(lambda tx: outbreaks.set_msp(tx, wrong, actor=CLI, now=h.core.clock.now()))
    technician = Actor(user=User(id=1, name="K", email="k@x", role=Role.TECHNICIAN), via=Via.API)
    with pytest.raises(Refused, match="Only MSP admins"):
        await h.write(lambda tx: outbreaks.set_msp(tx, MspRecord(), actor=technician, now=h.core.clock.now()))


async def test_nobody_but_msp_admins_reads_of_another_company_anywhere(
    h: Harness, monkeypatch: pytest.MonkeyPatch
):
    """Names that occur nowhere else, looked for in everything that the people of one company can get."""
    monkeypatch.setattr(live, "LOOK_EVERY", 0.05)
    await third_company(h)
    draw = random.Random(20)
    marks = {company: f"zq{draw.getrandbits(48):012x}" for company in ("acme", "globex", "initech")}
    users = {one.name: one for one in await h.read(lambda tx: tx.users.all())}
    ours = {who: users[who] for who in ("Maria", "Dana")}
    async with aiohttp.ClientSession(h.url) as web:
        bearer = {who: await _bearer(h, user) for who, user in {**ours, "Lee": users["Lee"]}.items()}
        sockets = {who: await web.ws_connect("/api/ws", headers=head) for who, head in bearer.items()}
        for company, mark in marks.items():
            await fail(h, company, mark)
        await look(h)
        said = shown(await card(h, "at 3 companies"))
        assert all(name in said for name in ("Acme Corp", "Globex Health", "Initech Tools"))
        await h.quiet()
        paths = ["/api/incidents", "/api/companies", "/api/reports/acme", "/api/outbreaks"]
        paths += ["/api/outbreaks/1", *(f"/api/incidents/INC-{number}" for number in (1, 2, 3))]
        seen = {who: "".join([await _get(web, path, bearer[who]) for path in paths]) for who in bearer}
        for who, socket in sockets.items():
            seen[who] += await _heard(socket)
    asked = (
        "/aw list",
        "/aw INC-1",
        "/aw why INC-1",
        "/aw INC-2",
        "/aw why INC-3",
        "/aw outbreaks",
        "/aw report acme",
    )
    for who in ("maria", "dana"):
        for text in asked:
            seen[who.title()] += shown(await h.command(who, "acme", text))
    seen["the channel"] = channel_of(h, "acme")
    assert all(mark in seen["Lee"] for mark in marks.values()), "the test looks where they are"
    for who in ("Maria", "Dana", "the channel"):
        assert marks["acme"] in seen[who], who
        for secret in (marks["globex"], marks["initech"], "lobex", "nitech", '"OUT-1"', "3 companies"):
            assert secret not in seen[who], (who, secret)


async def _bearer(h: Harness, user: User) -> dict[str, str]:
    now = h.core.clock.now()
    minted = await h.write(lambda tx: tokens.create(tx, user, ttl=timedelta(days=1), actor=SYSTEM, now=now))
    return {"Authorization": f"Bearer {minted.token}"}


async def _get(web: aiohttp.ClientSession, path: str, headers: dict[str, str]) -> str:
    async with web.get(path, headers=headers) as answer:
        assert answer.status in (200, 403, 404), (path, await answer.text())
        return await answer.text()


async def _heard(socket: aiohttp.ClientWebSocketResponse) -> str:
    """All that comes until nothing comes any more."""
    said = ""
    while True:
        try:
            said += (await socket.receive(timeout=0.5)).data
        except TimeoutError:
            await socket.close()
            return said
