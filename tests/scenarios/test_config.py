"""A setting changed in chat: what the past would have looked like first, a yes bound to the value, and proof."""

from __future__ import annotations

from tests.harness import Harness, shown


async def test_a_window_is_changed_after_a_look_at_the_past(h: Harness):
    await h.fire("acme", "Disk full", tool_source="zabbix")
    await h.fire("acme", "Disk full", tool_source="datadog")
    await h.command("maria", "acme", "/aw config acme window 10")
    asked = await h.whispered("maria", "window of Acme Corp: 15 min → 10 min?")
    assert "The last 30 days (2 alerts): 1 incident as it is, 1 with it." in shown(asked)
    assert (await _window(h), await _window(h, "globex")) == (15, 15), "asking changes nothing"
    await h.command("kim", "acme", "/aw config acme window 10")
    await h.whispered("kim", "Only company admins and MSP admins can change company settings here.")
    assert await _window(h) == 15
    await h.press("maria", asked, "config_apply")
    await h.whispered("maria", "window of Acme Corp is 10 min now; it was 15 min.")
    assert (await _window(h), await _window(h, "globex")) == (10, 15)
    await h.command("maria", "acme", "/aw config window")
    await h.whispered("maria", "from: set here")
    await h.command("maria", "acme", "/aw config globex window 10")
    await h.whispered("maria", "There is no setting “globex”.")

    async def proofs(tx):
        return [one.entry for one in await tx.audit.of_subject((await _company(tx)).id, "acme")]

    (proof,) = [one for one in await h.read(proofs) if one.kind == "setting.changed"]
    assert (proof.actor, proof.via) == ("Maria", h.hand.name)
    assert proof.detail["before"] == "15 min (default)" and proof.detail["after"] == "10 min"


async def _company(tx, slug: str = "acme"):
    return await tx.companies.by_slug(slug)


async def _window(h: Harness, slug: str = "acme") -> int:
    company = await h.read(lambda tx: _company(tx, slug))
    return int(company.window.total_seconds() // 60)
