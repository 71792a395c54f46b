"""SES takes what the real one takes, into an inbox that can be looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from sandbox.faults import Fault
from tests.sandbox.aws_fixtures import VERIFIED, Cloud, amazon, call, cloud, refused


@pytest.fixture
async def aws(tmp_path: Path) -> AsyncIterator[Cloud]:
    async with cloud(tmp_path) as made:
        yield made


def mail(**changes: Any) -> dict[str, Any]:
    simple = {
        "Subject": {"Data": "INC-42: disk full"},
        "Body": {"Text": {"Data": "It is full."}, "Html": {"Data": "<p>It is full.</p>"}},
    }
    return {
        "FromEmailAddress": f"Alert Whisperer <{VERIFIED}>",
        "Destination": {"ToAddresses": ["kim@msp.example"]},
        "Content": {"Simple": simple},
    } | changes


async def test_a_mail_arrives_with_text_and_html(aws: Cloud) -> None:
    answer = await call(aws.client("sesv2").send_email, **mail())

    (kept,) = aws.world.mails
    assert kept.id == answer["MessageId"]
    assert (kept.sender, kept.to) == (f"Alert Whisperer <{VERIFIED}>", ("kim@msp.example",))
    assert (kept.subject, kept.text, kept.html) == ("INC-42: disk full", "It is full.", "<p>It is full.</p>")
    told = aws.told.get_nowait()
    assert (told["type"], told["mail"]["subject"]) == ("mail", "INC-42: disk full")
    async with (
        ClientSession() as session,
        session.get(aws.endpoint.removesuffix("/aws") + "/_sandbox/mail") as page,
    ):
        (shown,) = (await page.json())["mails"]
    assert {key: shown[key] for key in ("from", "to", "text")} == {
        "from": f"Alert Whisperer <{VERIFIED}>", "to": ["kim@msp.example"], "text": "It is full.",
    }  # fmt: skip


async def test_attachments_are_kept(aws: Cloud) -> None:
    content = mail()["Content"]
    content["Simple"]["Attachments"] = [
        {"FileName": "report.csv", "ContentType": "text/csv", "RawContent": b"a,b\n\x00\xff"}
    ]

    await call(aws.client("sesv2").send_email, **mail(Content=content))

    (kept,) = aws.world.mails[0].attachments
    assert (kept.name, kept.content_type, kept.content) == ("report.csv", "text/csv", b"a,b\n\x00\xff")


async def test_a_raw_mail_is_read_as_mail_programs_read_it(aws: Cloud) -> None:
    raw = EmailMessage()
    raw["From"], raw["To"], raw["Cc"], raw["Subject"] = (
        VERIFIED,
        "Kim <kim@msp.example>",
        "lee@msp.example",
        "Grüße",
    )
    raw.set_content("plain")
    raw.add_alternative("<b>rich</b>", subtype="html")
    raw.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="report.pdf")

    await call(aws.client("sesv2").send_email, Content={"Raw": {"Data": raw.as_bytes()}})

    (kept,) = aws.world.mails
    assert (kept.to, kept.cc, kept.subject) == (("kim@msp.example",), ("lee@msp.example",), "Grüße")
    assert (kept.text.strip(), kept.html.strip()) == ("plain", "<b>rich</b>")
    assert [(one.name, one.content) for one in kept.attachments] == [("report.pdf", b"%PDF")]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"FromEmailAddress": "someone@else.example"}, "MessageRejected"),
        ({"Destination": {"ToAddresses": [f"k{n}@msp.example" for n in range(51)]}}, "MessageRejected"),
        ({"Destination": {}}, "BadRequestException"),
        ({"Destination": {"ToAddresses": ["nobody"]}}, "BadRequestException"),
        ({"Content": {"Template": {"TemplateName": "x", "TemplateData": "{}"}}}, "NotFoundException"),
        ({"Content": {"Simple": {"Subject": {"Data": "x"}, "Body": {}}}}, "BadRequestException"),
        (
            {"Content": {"Simple": {"Subject": {"Data": "a\r\nBcc: b"}, "Body": {"Text": {"Data": "x"}}}}},
            "BadRequestException",
        ),
    ],
)
async def test_a_mail_is_refused(aws: Cloud, changes: dict[str, Any], code: str) -> None:
    assert (await refused(aws.client("sesv2").send_email, **mail(**changes)))[0] == code
    assert aws.world.mails == []


async def test_the_refusal_names_who_is_not_verified(aws: Cloud) -> None:
    _, status, message = await refused(aws.client("sesv2").send_email, **mail(FromEmailAddress="a@b.example"))

    assert status == 400
    assert message == (
        "Email address is not verified. The following identities failed the check in region EU-CENTRAL-1: a@b.example"
    )


async def test_in_the_ses_sandbox_recipients_are_verified_too_and_few(tmp_path: Path) -> None:
    async with cloud(tmp_path, amazon(ses_in_sandbox=True)) as aws:
        client = aws.client("sesv2")
        to_us = mail(Destination={"ToAddresses": [VERIFIED]})
        assert (await refused(client.send_email, **mail()))[0] == "MessageRejected"
        assert (await call(client.get_account))["ProductionAccessEnabled"] is False

        await call(client.send_email, **to_us)

        assert (await refused(client.send_email, **to_us))[:2] == ("TooManyRequestsException", 429)
        for number in range(199):
            at = datetime.now(UTC) - timedelta(minutes=1 + number % 60)
            aws.world.mails.append(type(aws.world.mails[0])(**_fields(aws.world.mails[0]) | {"at": at}))
        quota = (await call(client.get_account))["SendQuota"]
        assert quota == {"Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 200.0}
        assert (await refused(client.send_email, **to_us))[2] == "Daily message quota exceeded."


def _fields(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}


async def test_out_of_the_sandbox_the_account_may_send(aws: Cloud) -> None:
    answer = await call(aws.client("sesv2").get_account)

    assert answer["ProductionAccessEnabled"] is True
    assert answer["SendingEnabled"] is True
    aws.world.ses.paused = True
    assert (await refused(aws.client("sesv2").send_email, **mail()))[0] == "SendingPausedException"


async def test_a_throttled_mail_gets_through_by_the_sdk_s_own_retry(aws: Cloud) -> None:
    aws.world.faults.add(Fault(service="ses", method="SendEmail", do="ratelimited"))
    assert (await refused(aws.client("sesv2").send_email, **mail()))[:2] == ("TooManyRequestsException", 429)

    aws.world.faults.add(Fault(service="ses", method="SendEmail", do="ratelimited"))
    await call(aws.client("sesv2", attempts=3).send_email, **mail())

    assert len(aws.world.mails) == 1
