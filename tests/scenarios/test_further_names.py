"""An address that alerts carry beside a machine's name is taken for it, shown, and corrected by a person for good."""

from __future__ import annotations

from datetime import timedelta

from engine.jobs import LearnHistory
from tests.harness import Harness, shown


async def learn(h: Harness) -> None:
    company = await h.read(lambda tx: tx.companies.by_slug("acme"))

    async def put(tx):
        tx.jobs.put(LearnHistory(company_id=company.id), due_at=h.clock.now())

    await h.write(put)
    await h.quiet()


async def test_an_address_is_learned_shown_and_corrected_by_a_person(h: Harness):
    for words in ("Fan slow", "Door open", "Queue stuck", "Light on", "Printer gone"):
        await h.fire("acme", words, asset_name="fs-01", severity="low", labels={"ip": "10.0.3.7"})
        h.clock.shift += timedelta(hours=1)
    await learn(h)
    one = await h.fire("acme", "Mirror broken", asset_name="10.0.3.7")
    again = await h.fire("acme", "Mirror broken", asset_name="FS-01.acme.example")
    assert again["incident_id"] == one["incident_id"]
    await h.command("kim", "acme", "/aw alias")
    listed = await h.whispered("kim", "is taken for")
    assert "10.0.3.7 is taken for fs-01 (seen together 5 times, by zabbix)" in shown(listed)
    await h.command("kim", "acme", "/aw alias refuse 10.0.3.7")
    await h.whispered("kim", "Only company admins and MSP admins can change company settings")
    await h.command("maria", "acme", "/aw alias refuse 10.0.3.7")
    await h.answered("maria", "10.0.3.7 is not fs-01 (said by Maria)")
    other = await h.fire("acme", "Roof leaks", asset_name="10.0.3.7")
    apart = await h.fire("acme", "Roof leaks", asset_name="fs-01")
    assert other["incident_id"] != apart["incident_id"]
    await learn(h)
    await h.command("maria", "acme", "/aw alias accept 10.0.3.7 FS-01")
    await h.answered("maria", "10.0.3.7 is fs-01 (said by Maria)")
    last = await h.fire("acme", "Window open", asset_name="10.0.3.7")
    assert (await h.fire("acme", "Window open", asset_name="fs-01"))["incident_id"] == last["incident_id"]
    company = await h.read(lambda tx: tx.companies.by_slug("acme"))
    proofs = await h.read(lambda tx: tx.audit.of_subject(company.id, "10.0.3.7"))
    assert {one.entry.kind.value for one in proofs} == {"alias.refused", "alias.accepted"}
    assert {one.entry.actor for one in proofs} == {"Maria"}
