"""SES v2: SendEmail into an inbox that people and tests can look at, and GetAccount."""

from __future__ import annotations

import base64
import binascii
import email.policy
import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import getaddresses, parseaddr
from typing import Any

from sandbox.aws.wire import Refusal

LARGEST_MESSAGE = 40 * 1024 * 1024
MOST_RECIPIENTS = 50
SIMULATOR = "@simulator.amazonses.com"
SEND = ("POST", "/v2/email/outbound-emails")
ACCOUNT = ("GET", "/v2/email/account")
OPERATIONS = {SEND: "SendEmail", ACCOUNT: "GetAccount"}


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it was accepted."""

    id: str
    at: datetime
    sender: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    reply_to: tuple[str, ...]
    subject: str
    text: str
    html: str
    attachments: tuple[Attachment, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "at": self.at.isoformat(),
            "from": self.sender,
            "to": list(self.to),
            "cc": list(self.cc),
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "attachments": [
                {"name": one.name, "content_type": one.content_type, "size": len(one.content)}
                for one in self.attachments
            ],
        }


class Ses:
    """`verified`: addresses and domains. `sandboxed`: recipients must be verified too, 1 mail a second, 200 a day.
    `feedback`: what SES publishes to the SNS topic of the identity, as those messages are."""

    def __init__(
        self,
        verified: Iterable[str],
        *,
        sandboxed: bool,
        now: Callable[[], datetime],
        received: Callable[[Mail], None],
    ) -> None:
        self.mails: list[Mail] = []
        self.feedback: list[dict[str, Any]] = []
        self.paused = False
        self._verified = {one.casefold() for one in verified}
        self._sandboxed = sandboxed
        self._now = now
        self._received = received

    @property
    def _rate(self) -> tuple[int, int]:
        """Mails a second and in 24 hours."""
        return (1, 200) if self._sandboxed else (14, 50_000)

    def answer(self, operation: str, raw: bytes, region: str) -> dict[str, Any]:
        if operation == "GetAccount":
            return self._account()
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            raise Refusal("SerializationException", "The body is not JSON.") from None
        mail = self._compose(body)
        self._check(mail, region)
        self.mails.append(mail)
        self.feedback += simulated(mail)
        self._received(mail)
        return {"MessageId": mail.id}

    def _account(self) -> dict[str, Any]:
        rate, daily = self._rate
        return {
            "DedicatedIpAutoWarmupEnabled": False,
            "EnforcementStatus": "HEALTHY",
            "ProductionAccessEnabled": not self._sandboxed,
            "SendQuota": {
                "Max24HourSend": float(daily),
                "MaxSendRate": float(rate),
                "SentLast24Hours": float(self._sent_within(timedelta(hours=24))),
            },
            "SendingEnabled": not self.paused,
        }

    def _sent_within(self, span: timedelta) -> int:
        since = self._now() - span
        return sum(mail.at > since for mail in self.mails)

    def _check(self, mail: Mail, region: str) -> None:
        recipients = [*mail.to, *mail.cc, *mail.bcc]
        if not recipients:
            raise Refusal("BadRequestException", "Missing required header 'To'.")
        if len(recipients) > MOST_RECIPIENTS:
            raise Refusal("MessageRejected", f"Recipient count exceeds {MOST_RECIPIENTS}.")
        bad = [one for one in recipients if "@" not in parseaddr(one)[1]]
        if bad:
            raise Refusal("BadRequestException", f"Invalid email address {bad[0]}.")
        if self.paused:
            raise Refusal("SendingPausedException", "Sending is paused for this account.")
        held = [mail.sender, *(recipients if self._sandboxed else [])]
        failed = [one for one in held if not self._is_verified(parseaddr(one)[1])]
        if failed:
            raise Refusal(
                "MessageRejected",
                "Email address is not verified. The following identities failed the check in region "
                f"{region.upper()}: {', '.join(failed)}",
            )
        rate, daily = self._rate
        if self._sent_within(timedelta(hours=24)) >= daily:
            raise Refusal("TooManyRequestsException", "Daily message quota exceeded.", 429)
        if self._sent_within(timedelta(seconds=1)) >= rate:
            raise Refusal("TooManyRequestsException", "Maximum sending rate exceeded.", 429)

    def _is_verified(self, address: str) -> bool:
        address = address.casefold()
        if address.endswith(SIMULATOR):
            return True
        return address in self._verified or address.rpartition("@")[2] in self._verified

    def _compose(self, body: Mapping[str, Any]) -> Mail:
        content = body.get("Content") or {}
        kinds = [kind for kind in ("Simple", "Raw", "Template") if content.get(kind)]
        if len(kinds) != 1:
            raise Refusal("BadRequestException", "Content must be exactly one of Simple, Raw and Template.")
        if kinds == ["Template"]:
            raise Refusal("NotFoundException", "Template does not exist", 404)
        destination = body.get("Destination") or {}
        to, cc, bcc = (tuple(destination.get(f"{name}Addresses") or ()) for name in ("To", "Cc", "Bcc"))
        sender = body.get("FromEmailAddress") or ""
        if kinds == ["Raw"]:
            return self._raw(_blob(content["Raw"].get("Data")), sender, to, cc, bcc)
        if not sender:
            raise Refusal("BadRequestException", "FromEmailAddress is required.")
        simple = content["Simple"]
        parts = simple.get("Body") or {}
        subject, text, html = (
            str((part or {}).get("Data") or "")
            for part in (simple.get("Subject"), parts.get("Text"), parts.get("Html"))
        )
        if not text and not html:
            raise Refusal("BadRequestException", "A message needs a text or an HTML body.")
        if any(sign in subject for sign in "\r\n"):
            raise Refusal("BadRequestException", "Subject must not have line breaks.")
        attachments = tuple(
            Attachment(
                name=str(one.get("FileName") or "attachment"),
                content_type=str(one.get("ContentType") or "application/octet-stream"),
                content=_blob(one.get("RawContent")),
            )
            for one in simple.get("Attachments") or ()
        )
        size = len(text.encode()) + len(html.encode()) + sum(len(one.content) for one in attachments)
        _check_size(size)
        return Mail(
            id=self._new_id(),
            at=self._now(),
            sender=sender,
            to=to,
            cc=cc,
            bcc=bcc,
            reply_to=tuple(body.get("ReplyToAddresses") or ()),
            subject=subject,
            text=text,
            html=html,
            attachments=attachments,
            headers=tuple((str(one["Name"]), str(one["Value"])) for one in simple.get("Headers") or ()),
        )

    def _raw(
        self, data: bytes, sender: str, to: tuple[str, ...], cc: tuple[str, ...], bcc: tuple[str, ...]
    ) -> Mail:
        _check_size(len(data))
        message = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(data)
        if not (to or cc or bcc):
            to, cc, bcc = (_addresses(message, name) for name in ("To", "Cc", "Bcc"))
        return Mail(
            id=self._new_id(),
            at=self._now(),
            sender=sender or str(message.get("From", "")),
            to=to,
            cc=cc,
            bcc=bcc,
            reply_to=_addresses(message, "Reply-To"),
            subject=str(message.get("Subject", "")),
            text=_body(message, "plain"),
            html=_body(message, "html"),
            attachments=tuple(_attachment(part) for part in message.iter_attachments()),
            headers=tuple((name, str(value)) for name, value in message.items()),
        )

    def _new_id(self) -> str:
        return f"0107{uuid.uuid4().hex[:12]}-{uuid.uuid4()}-000000"


def simulated(mail: Mail) -> list[dict[str, Any]]:
    """What the mailbox simulator has SES tell of this mail: a hard bounce, one of the suppression list, a complaint;
    nothing of `success@` and `ooto@`, which are delivered. A label (`bounce+kim@`) changes nothing."""
    told = []
    stamp = f"{mail.at:%Y-%m-%dT%H:%M:%S}.000Z"
    for address in [*mail.to, *mail.cc, *mail.bcc]:
        local, _, domain = parseaddr(address)[1].casefold().rpartition("@")
        about = {"timestamp": stamp, "source": mail.sender, "messageId": mail.id, "destination": [address]}
        kind = local.partition("+")[0] if f"@{domain}" == SIMULATOR else ""
        if kind in ("bounce", "suppressionlist"):
            said = (
                "smtp; 550 5.1.1 user unknown" if kind == "bounce" else "Amazon SES did not send the message"
            )
            person = {"emailAddress": address, "action": "failed", "status": "5.1.1", "diagnosticCode": said}
            bounce = {
                "bounceType": "Permanent",
                "bounceSubType": "General" if kind == "bounce" else "Suppressed",
                "bouncedRecipients": [person],
                "timestamp": stamp,
                "feedbackId": uuid.uuid4().hex,
                "reportingMTA": "dns; a.smtp-out.amazonses.com",
            }
            told.append({"notificationType": "Bounce", "bounce": bounce, "mail": about})
        elif kind == "complaint":
            complaint = {
                "complainedRecipients": [{"emailAddress": address}],
                "timestamp": stamp,
                "feedbackId": uuid.uuid4().hex,
                "complaintFeedbackType": "abuse",
                "userAgent": "Amazon SES Mailbox Simulator",
            }
            told.append({"notificationType": "Complaint", "complaint": complaint, "mail": about})
    return told


def _blob(data: object) -> bytes:
    try:
        return base64.b64decode(str(data or ""), validate=True)
    except (binascii.Error, ValueError):
        raise Refusal("SerializationException", "A blob is not base64.") from None


def _check_size(size: int) -> None:
    if size > LARGEST_MESSAGE:
        raise Refusal(
            "BadRequestException", f"Message length is more than {LARGEST_MESSAGE} bytes long: {size}."
        )


def _addresses(message: EmailMessage, name: str) -> tuple[str, ...]:
    return tuple(address for _, address in getaddresses([str(one) for one in message.get_all(name, [])]))


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part is not None else ""


def _attachment(part: Any) -> Attachment:
    content = part.get_payload(decode=True)
    return Attachment(
        name=part.get_filename() or "attachment",
        content_type=part.get_content_type(),
        content=content if isinstance(content, bytes) else b"",
    )
