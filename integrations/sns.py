"""Messages of Amazon SNS: what they are, where their certificate may come from, and whether their signature is good.

Pure: who fetches the certificate is `bot.doors.sns`. The string to sign is that of Amazon's developer guide, "Verifying
the signatures of Amazon SNS messages", with the subject where there is one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

import orjson
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

LONGEST_AGE = timedelta(hours=2)
"""A message may be sent again for an hour; a repeat inside this time is known by its id."""
AHEAD = timedelta(minutes=5)
_HOST = re.compile(r"sns\.[a-z0-9-]{3,32}\.amazonaws\.com(?:\.cn)?")
_HASHES: Mapping[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 - version 1 is so
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ),
}  # fmt: skip
_SIGNED["UnsubscribeConfirmation"] = _SIGNED["SubscriptionConfirmation"]
_NEEDED = {"MessageId", "Message", "Timestamp", "TopicArn", "Type"}


class WrongSignature(Exception):
    """Not from SNS, or not as SNS sent it, or from another time."""


class Kind(StrEnum):
    NOTIFICATION = "Notification"
    CONFIRMATION = "SubscriptionConfirmation"
    UNSUBSCRIBED = "UnsubscribeConfirmation"


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message as it was posted. Only what is text is in `fields`."""

    kind: Kind
    fields: Mapping[str, str]

    @property
    def message_id(self) -> str:
        return self.fields["MessageId"]

    @property
    def delivery(self) -> str:
        """The name of this delivery: a repeat has the same id and says the same. Some relays reuse one id for what
        begins and what ends an alarm."""
        said = hashlib.sha256(self.message.encode("utf-8", "replace")).hexdigest()[:16]
        return f"{self.message_id[:150]}:{said}"

    @property
    def topic(self) -> str:
        return self.fields["TopicArn"]

    @property
    def message(self) -> str:
        return self.fields["Message"]

    @property
    def certificate_url(self) -> str:
        return self.fields.get("SigningCertURL", "")

    @property
    def subscribe_url(self) -> str:
        return self.fields.get("SubscribeURL", "")

    @property
    def sent_at(self) -> datetime:
        """Raises WrongSignature when it names no time."""
        try:
            at = datetime.fromisoformat(self.fields["Timestamp"])
        except ValueError as error:
            raise WrongSignature("its time cannot be read") from error
        return at if at.tzinfo else at.replace(tzinfo=UTC)

    def pack(self) -> str:
        return orjson.dumps(dict(self.fields)).decode()


def envelope(body: bytes) -> Envelope | None:
    """The SNS message in a request's body; None when it is none. One without a signature is none: it was made by
    hand, and its sender's key is all there is."""
    if b'"TopicArn"' not in body or b'"Signature"' not in body:
        return None
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, dict):
        return None
    fields = {name: value for name, value in found.items() if isinstance(value, str)}
    if not fields.keys() >= _NEEDED or fields["Type"] not in _SIGNED:
        return None
    return Envelope(Kind(fields["Type"]), fields)


def is_ours(url: str, *, sandbox: str = "") -> bool:
    """May this address be asked? https on a host of SNS itself, nothing hidden in it; or below the sandbox's."""
    if sandbox and url.startswith(f"{sandbox}/"):
        return True
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and parts.username is None
        and parts.password is None
        and port is None
        and not parts.fragment
        and _HOST.fullmatch(parts.netloc) is not None
        and url.isascii()
        and url.isprintable()
    )


def is_certificate(url: str, *, sandbox: str = "") -> bool:
    return is_ours(url, sandbox=sandbox) and url.endswith(".pem") and "?" not in url


def check(message: Envelope, certificate: x509.Certificate, *, now: datetime) -> None:
    """Raises WrongSignature."""
    key = certificate.public_key()
    algorithm = _HASHES.get(message.fields.get("SignatureVersion", ""))
    if algorithm is None or not isinstance(key, rsa.RSAPublicKey):
        raise WrongSignature("it is signed in a way that SNS does not use")
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise WrongSignature("its certificate does not hold now")
    try:
        signature = base64.b64decode(message.fields.get("Signature", ""), validate=True)
        key.verify(signature, signed(message), padding.PKCS1v15(), algorithm)
    except (binascii.Error, ValueError, InvalidSignature) as error:
        raise WrongSignature("its signature does not fit") from error
    if not -AHEAD <= now - message.sent_at <= LONGEST_AGE:
        raise WrongSignature("it is from another time")


def signed(message: Envelope) -> bytes:
    """What SNS signs: the fields that there are, in their order, a line each for name and value."""
    names = [name for name in _SIGNED[message.kind] if name in message.fields]
    return "".join(f"{name}\n{message.fields[name]}\n" for name in names).encode("utf-8", "surrogatepass")
