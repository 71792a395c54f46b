"""Mail, end to end: who gets one, when, how many, and what happens when it cannot be delivered."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from engine.access import Actor, Via
from engine.company import configured
from engine.notice import GATHER, SETTLED
from engine.operations import clocks, directory, respond
from sandbox.aws.ses import Mail
from sandbox.faults import Do, Fault
from storage.transaction import Transaction
from tests.harness import Harness, eventually


async def with_mail(h: Harness, **changes: Any) -> None:
    await h.stop()
    given = {"aw_email_from": "Northwind MSP <alerts@msp.example>"} | changes
    h.settings = h.settings.model_copy(update=given)
    await h.start()


async def mailed(h: Harness, saying: str) -> Mail:
    found: Mail = await eventually(
        lambda: next((one for one in h.aws.mails if saying in one.subject), None),
        what=f"mail saying {saying!r}",
        seen=lambda: [one.subject for one in h.aws.mails],
    )
    return found


async def test_a_critical_is_mailed_at_once_and_the_rest_as_one_mail(h: Harness):
    await with_mail(h)
    await h.fire("acme", message="see https://evil.example")
    await h.card("acme")
    mail = await mailed(h, "[Critical] New incident assigned – acme-web-01")
    (to,) = mail.to
    assert to in ("kim@msp.example", "bob@msp.example") and "Acme Corp" in mail.text
    assert "https[:]//evil" in mail.text and "://evil" not in mail.html
    assert "Globex" not in mail.text + mail.html
    for number in range(6):
        await h.fire("acme", f"Memory low {'abcdef'[number]}", asset_name=f"box-{number}", severity="medium")
    await h.quiet()
    assert len(h.aws.mails) == 1, "what is not urgent waits for the rest"
    h.clock.shift += GATHER + timedelta(seconds=1)
    await mailed(h, "notices, first")
    await h.quiet()
    told = h.aws.mails[1:]
    assert len({one.to for one in told}) == len(told), "one mail for each person, whatever happened"
    assert sum(one.text.count("* INC-") or 1 for one in told) == 6


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_mail_whose_answer_is_lost_comes_again_as_the_same(h: Harness):
    await with_mail(h)
    h.world.faults.add(Fault(service="ses", times=1, do=Do.LOST_REPLY))
    await h.fire("acme")
    await eventually(lambda: len(h.aws.mails) >= 2, what="the repeat", seen=lambda: h.aws.mails)
    assert len({dict(one.headers)["Message-ID"] for one in h.aws.mails}) == 1
    h.aws.ses.paused = True
    await h.fire("globex")
    await h.card("globex")

    async def outcome() -> list[str]:
        return [one.outcome for one in await h.read(lambda tx: tx.notices.of_incident(2))]

    async def known() -> bool:
        return any(await outcome())

    await eventually(known, what="what became of the mail")
    assert await outcome() == ["Amazon SES has paused sending for this account."]


async def test_the_clients_contact_hears_of_what_a_person_solved_and_of_nobody_else(h: Harness):
    await with_mail(h)

    async def same_contact(tx: Transaction) -> None:
        for slug in ("acme", "globex"):
            company = await directory.company_called(tx, slug)
            await tx.companies.configure(configured(company, contact_email="it@client.example"))

    await h.write(same_contact)
    kim = Actor(user=h.users["kim"], via=Via.SLACK)

    async def solve(number: int, tx: Transaction) -> None:
        await respond.claim(tx, number, actor=kim, now=h.core.clock.now())
        await respond.resolve(tx, number, text="cleaned", actor=kim, now=h.core.clock.now())

    for number, company in ((1, "acme"), (2, "globex"), (3, "acme")):
        await h.fire(company, f"Trouble {'xyz'[number - 1]}", severity="high")
        await h.write(partial(solve, number))
    await h.write(lambda tx: respond.reopen(tx, 3, reason="no", actor=kim, now=h.core.clock.now()))
    await h.quiet()
    assert not [one for one in h.aws.mails if one.to == ("it@client.example",)], "what comes back was no end"
    h.clock.shift += SETTLED + timedelta(seconds=1)
    await mailed(h, "[Resolved] INC-1")
    await mailed(h, "[Resolved] INC-2")
    await h.quiet()
    told = [one for one in h.aws.mails if one.to == ("it@client.example",)]
    assert len(told) == 2 and "cleaned" in told[0].text and "on duty" not in told[0].text
    for one in told:
        assert ("Acme" in one.text) != ("Globex" in one.text), "each company's own"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_breach_says_to_which_level_it_went(h: Harness):
    await with_mail(h)
    await h.fire("acme")
    await mailed(h, "[Critical] New incident assigned")
    h.clock.shift += timedelta(minutes=31)
    await h.write(lambda tx: clocks.check(tx, 1, now=h.core.clock.now()))
    mail = await mailed(h, "[SLA BREACH] INC-1 – acme-web-01")
    assert "too late to respond" in mail.subject + mail.text
    h.clock.shift += timedelta(hours=5)
    await h.write(lambda tx: clocks.check(tx, 1, now=h.core.clock.now()))
    await mailed(h, "escalated to level 2")
