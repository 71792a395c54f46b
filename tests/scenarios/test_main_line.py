"""A webhook becomes a card, a press becomes a run: the product's one sentence, from the outside."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from engine.audit import AuditKind
from tests.harness import Harness, delivery_id, shown


async def kinds(h: Harness, company: str) -> list[AuditKind]:
    async def look(tx):
        found = await tx.companies.by_slug(company)
        return [one.entry.kind async for one in tx.audit.chain(found.id)]

    found: list[AuditKind] = await h.read(look)
    return found


async def test_an_alert_becomes_one_card_in_its_companys_channel(h: Harness):
    result = await h.fire("acme", "Certificate expires in 3 days")
    card = await h.card("acme", saying="Certificate expires")
    assert card.incident == result["incident_id"]
    assert "Acme Corp" in shown(card)
    assert h.messages("globex") == []


async def test_the_same_alert_fifty_times_at_once_is_one_alert_and_one_card(h: Harness):
    headers = {"X-Delivery-ID": delivery_id()}
    body = {"asset_name": "acme-mail-01", "signature": "Queue stuck", "severity": "high"}
    answers = await asyncio.gather(*(h.post("acme", body, headers=headers) for _ in range(50)))
    assert {status for status, _ in answers} == {202}
    assert len({answer["results"][0]["alert_id"] for _, answer in answers}) == 1
    await h.card("acme", saying="Queue stuck")
    await h.quiet()
    assert len(h.cards("acme")) == 1
    assert "×" not in shown(h.cards("acme")[0])


async def test_repeats_edit_the_one_message(h: Harness):
    first = await h.fire("acme", "Replication lag", asset_name="acme-db-09")
    await h.card("acme", saying="Replication lag")
    for _ in range(4):
        again = await h.fire("acme", "Replication lag", asset_name="acme-db-09")
        assert again["incident_id"] == first["incident_id"]
        assert again["deduplicated"] is True
    await h.card("acme", saying="×5")
    assert len(h.cards("acme")) == 1


@pytest.mark.every_pair
async def test_low_risk_heals_by_itself_and_says_so(h: Harness):
    h.aws.break_machine("i-0aaaaaaaaaaaaaaa1", "fill-disk")
    await h.fire("acme", "Disk / 97% full")
    await h.thread("acme", saying="Clean up disk space")
    card = await h.card("acme", saying="✅ Clean up disk space")
    await h.quiet()
    assert len(h.aws.commands) == 2, "the run and its verify step"
    await h.fire("acme", "Disk / 97% full", status="resolved")
    card = await h.card("acme", saying="Resolved by")
    assert "disk-clean-up" in shown(card)
    h.clock.shift += timedelta(hours=24, minutes=5)
    h.core.nudge.set()
    await h.card("acme", saying="(verified, held 24 h)")
    found = await kinds(h, "acme")
    for kind in (
        AuditKind.INCIDENT_OPENED,
        AuditKind.RUN_REQUESTED,
        AuditKind.RUN_STARTED,
        AuditKind.RUN_FINISHED,
        AuditKind.INCIDENT_RESOLVED,
    ):
        assert kind in found, kind


@pytest.mark.every_pair
async def test_high_risk_waits_for_the_right_person_and_really_restarts_the_service(h: Harness):
    h.aws.break_machine("i-0bbbbbbbbbbbbbbb1", "stop-unit:acme-app")
    await h.fire("globex", "Service acme-app down", labels={"service": "acme-app"})
    card = await h.card("globex", saying="Service acme-app down")
    await h.press("kim", card, "claim")
    card = await h.card("globex", saying="in the hands of Kim")
    await h.press("kim", card, "run")
    form = await h.form("kim")
    assert "restart" in form.title.lower()
    assert form.questions["unit"].value == "acme-app"
    await h.submit("kim")
    approval = await h.card("globex", kind="approval", saying="high risk")
    assert "acme-app" in shown(approval)

    await h.press("kim", approval, "approve")
    await h.whispered("kim", "Only MSP admins can approve")
    await h.press("lee", approval, "approve")
    await h.thread("globex", saying="Lee approved")
    decided = await h.card("globex", kind="approval", saying="Approved by Lee")
    assert not decided.buttons
    await h.card("globex", saying="✅ Restart a service")
    machine = h.aws.machines["i-0bbbbbbbbbbbbbbb1"].snapshot()
    states = {unit["name"].removesuffix(".service"): unit["state"] for unit in machine["units"]}
    assert states["acme-app"] == "active"

    await h.command("kim", "globex", "/aw resolve 1 restarted the app")
    done = await h.card("globex", saying="Resolved by Kim")
    assert len(shown(done).splitlines()) - len(done.buttons) <= 4, "what is over is short"


@pytest.mark.every_pair
async def test_two_people_claim_at_once_and_one_wins(h: Harness):
    await h.fire("acme", "Printer on fire", asset_name="acme-printer")
    card = await h.card("acme", saying="Printer on fire")
    await asyncio.gather(h.press("kim", card, "claim"), h.press("bob", card, "claim"))
    card = await h.card("acme", saying="in the hands of")
    winner = "Kim" if "in the hands of Kim" in shown(card) else "Bob"
    loser = "bob" if winner == "Kim" else "kim"
    await h.whispered(loser, f"{winner} claimed this")
    assert (await kinds(h, "acme")).count(AuditKind.INCIDENT_CLAIMED) == 1


async def test_recovery_closes_what_nobody_touched_and_asks_otherwise(h: Harness):
    await h.fire("acme", "Ping lost", asset_name="acme-fw")
    await h.fire("acme", "Toner low", asset_name="printer-7")
    await h.card("acme", count=2)
    toner = await h.card("acme", saying="Toner low")
    await h.press("kim", toner, "claim")
    await h.card("acme", saying="in the hands of Kim")
    for signature, asset in (("Ping lost", "acme-fw"), ("Toner low", "printer-7")):
        await h.fire("acme", signature, asset_name=asset, status="resolved")
    gone = await h.card("acme", saying="Resolved by monitoring")
    assert "Ping lost" in shown(gone)
    asked = await h.card("acme", saying="waiting for its owner")
    assert "Toner low" in shown(asked)


async def test_it_comes_back_under_the_same_number(h: Harness):
    first = await h.fire("acme", "Link flap", asset_name="acme-sw")
    await h.fire("acme", "Link flap", asset_name="acme-sw", status="resolved")
    await h.card("acme", saying="Resolved by monitoring")
    again = await h.fire("acme", "Link flap", asset_name="acme-sw")
    assert again["incident_id"] == first["incident_id"]
    await h.card("acme", saying="came back 1×")
    assert len(h.cards("acme")) == 1


async def test_a_late_response_warns_and_breaches_once(h: Harness):
    await h.fire("acme", "Router down", asset_name="acme-rt", severity="critical")
    await h.card("acme", saying="Router down")
    h.clock.shift += timedelta(minutes=16)
    h.core.nudge.set()
    await h.thread("acme", saying="left to respond")
    h.clock.shift += timedelta(minutes=16)
    h.core.nudge.set()
    await h.thread("acme", saying="SLA breached: the time to respond")
    await h.card("acme", saying="Respond was due")
    await h.quiet()
    assert (await kinds(h, "acme")).count(AuditKind.SLA_BREACHED) == 1
