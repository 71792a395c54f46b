"""Reports that go out by themselves: the timer rings, and whoever wants it has it once, whatever the replicas do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.app import running
from engine.access import SYSTEM
from engine.company import Reach
from engine.jobs import Sweep
from engine.operations import configure
from engine.setting import SETTINGS, Origin
from sandbox.aws.ses import Mail
from storage.transaction import Transaction
from tests.harness import Harness, eventually, free_port
from tests.scenarios.test_reports import files_in


async def test_the_month_goes_out_once_from_two_replicas_into_the_channel_and_by_mail(h: Harness):
    await h.stop()
    sender = {"aw_email_from": "Northwind MSP <alerts@msp.example>"}
    h.settings = h.settings.model_copy(update=sender)
    await h.start()
    await h.fire("acme", "See https://evil.example/x now", severity="low")
    await h.card("acme")

    async def wanted(tx: Transaction) -> None:
        for name in ("maria", "lee", "dana", "kim"):
            user = h.users[name]
            await tx.users.change(replace(user, reach={"email": Reach.OFF, "reports": Reach.ALL}))
        where, setting = configure.Where(Origin.MSP), SETTINGS["report_msp"]
        await configure.put(
            tx, where, setting, setting.kind.read("monthly 08:00"), actor=SYSTEM, now=h.core.clock.now()
        )
        tx.jobs.put(Sweep(company_id=0, name="sla"), due_at=h.core.clock.now())

    second = h.settings.model_copy(update={"aw_port": free_port()})
    async with running(second, clock=h.clock):
        await h.write(wanted)
        await h.quiet()
        now = h.core.clock.now()
        month = (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=8, minute=0, second=5)
        h.clock.shift += month - now
        await eventually(lambda: files_in(h, "acme"), what="the month's report", within=90)

        def reports() -> list[Mail]:
            return [one for one in h.aws.mails if one.subject.startswith("[Report]")]

        await eventually(lambda: len(reports()) == 2, what="both mails", seen=reports, within=90)
        await h.quiet(2)
    assert len(files_in(h, "acme")) == 4, "the report is posted once"
    (mail,) = [one for one in reports() if one.to == ("maria@msp.example",)]
    assert mail.subject.startswith(f"[Report] Acme Corp, 1 {month - timedelta(days=2):%b}")
    assert (
        "1 alert" in mail.text and "Resolution SLA" in mail.text and 'src="cid:report-picture"' in mail.html
    )
    assert "://evil" not in mail.html and "Kim" not in mail.text
    names = [(one.name, one.content_type) for one in mail.attachments]
    assert names[-1][0].endswith(".pdf") and mail.attachments[-1].content.startswith(b"%PDF")
    (whole,) = [one for one in reports() if one.to == ("lee@msp.example",)]
    assert not whole.subject.startswith("[Report] Acme"), "an MSP admin gets the one over all companies"
