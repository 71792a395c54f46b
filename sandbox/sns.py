"""Amazon SNS on loopback: a small authority, a certificate, topics that sign what they send, and the confirmation.

The messages have the form and the headers that SNS gives them, with a subject and without; both versions of signature.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

_ORDER = ("Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type")
_DAY = dt.timedelta(days=1)


@dataclass
class Sns:
    """`url`: where its routes are served. `failing`: the status it answers to everything, when not 0."""

    url: str = ""
    failing: int = 0
    confirmed: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._authority = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._certificate = self._issued()

    def _issued(self) -> bytes:
        now = dt.datetime.now(dt.UTC)
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sandbox authority")])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 3650 * _DAY)
            .not_valid_after(now + 3650 * _DAY)
            .sign(self._authority, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/sns/SimpleNotificationService-5ab0.pem", self._give_certificate),
            web.get("/sns/", self._confirm),
        ]

    async def _give_certificate(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        return web.Response(status=self.failing or 200, body=b"" if self.failing else self._certificate)

    async def _confirm(self, request: web.Request) -> web.Response:
        if self.failing:
            return web.Response(status=self.failing)
        topic = request.query.get("TopicArn", "")
        if (
            request.query.get("Action") != "ConfirmSubscription"
            or self.tokens.get(request.query.get("Token", "")) != topic
        ):
            return web.Response(
                status=400, text="<ErrorResponse><Code>InvalidParameter</Code></ErrorResponse>"
            )
        self.confirmed.append(topic)
        arn = f"{topic}:{uuid.uuid4()}"
        return web.Response(
            content_type="text/xml",
            text="<ConfirmSubscriptionResponse><ConfirmSubscriptionResult>"
            f"<SubscriptionArn>{arn}</SubscriptionArn>"
            "</ConfirmSubscriptionResult></ConfirmSubscriptionResponse>",
        )

    def subscription(self, topic: str, *, at: dt.datetime, version: str = "1") -> dict[str, Any]:
        """The message that SNS sends before any other."""
        token = secrets.token_hex(64)
        self.tokens[token] = topic
        query = urlencode({"Action": "ConfirmSubscription", "TopicArn": topic, "Token": token})
        return self.signed(
            {
                "Type": "SubscriptionConfirmation",
                "MessageId": str(uuid.uuid4()),
                "Token": token,
                "TopicArn": topic,
                "Message": f"You have chosen to subscribe to the topic {topic}.\nTo confirm, visit SubscribeURL.",
                "SubscribeURL": f"{self.url}/?{query}",
            },
            at,
            version,
        )

    def notification(
        self, topic: str, message: Any, *, at: dt.datetime, subject: str | None = None, version: str = "1"
    ) -> dict[str, Any]:
        body = message if isinstance(message, str) else json.dumps(message)
        fields = {"Type": "Notification", "MessageId": str(uuid.uuid4()), "TopicArn": topic, "Message": body}
        if subject is not None:
            fields["Subject"] = subject
        return self.signed(fields, at, version)

    def signed(self, fields: dict[str, Any], at: dt.datetime, version: str = "1") -> dict[str, Any]:
        stamp = at.astimezone(dt.UTC)
        whole = {**fields, "Timestamp": f"{stamp:%Y-%m-%dT%H:%M:%S}.{stamp.microsecond // 1000:03d}Z"}
        text = "".join(f"{name}\n{whole[name]}\n" for name in _ORDER if name in whole)
        algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303 - version 1 is so
        signature = self._key.sign(text.encode(), padding.PKCS1v15(), algorithm)
        return {
            **whole,
            "SignatureVersion": version,
            "Signature": base64.b64encode(signature).decode(),
            "SigningCertURL": f"{self.url}/SimpleNotificationService-5ab0.pem",
        }

    async def post(self, url: str, message: dict[str, Any]) -> tuple[int, Any]:
        """Deliver it as SNS does; the status and the answer."""
        headers = {
            "Content-Type": "text/plain; charset=UTF-8",
            "User-Agent": "Amazon Simple Notification Service Agent",
            "x-amz-sns-message-type": message["Type"],
            "x-amz-sns-message-id": message["MessageId"],
            "x-amz-sns-topic-arn": message["TopicArn"],
        }
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=json.dumps(message, indent=2), headers=headers) as answer,
        ):
            return answer.status, await answer.json(content_type=None)
