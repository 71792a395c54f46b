"""Signature Version 4: is this request really signed by credentials we know, for this service, just now?

Header-signed requests only (that is what the SDKs send). See "AWS Signature Version 4 for API
requests" in the IAM user guide.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

from multidict import CIMultiDictProxy

from sandbox.aws.identities import Identities, Identity
from sandbox.aws.wire import Refusal, Service

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW = timedelta(minutes=5)
"""How far the caller's clock may be from ours."""

_AUTHORIZATION = re.compile(
    r"^AWS4-HMAC-SHA256 +Credential=(?P<key>[^/, ]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)"
    r"/aws4_request, *SignedHeaders=(?P<headers>[a-z0-9;-]+), *Signature=(?P<signature>[0-9a-f]{64})$"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What the Authorization header says: whose key, for which region and service, over which headers."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str

    @property
    def text(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def read_scope(authorization: str) -> Scope | None:
    """The scope of an Authorization header; None when it is not one of SigV4."""
    found = _AUTHORIZATION.match(authorization.strip())
    if found is None:
        return None
    return Scope(
        access_key_id=found["key"],
        date=found["date"],
        region=found["region"],
        service=found["service"],
        signed_headers=tuple(found["headers"].split(";")),
        signature=found["signature"],
    )


@dataclass(frozen=True, slots=True)
class Signed:
    """The parts of a request that a signature covers. `path` and `query` are as sent, still percent-encoded."""

    method: str
    path: str
    query: str
    headers: CIMultiDictProxy[str] | Mapping[str, str]
    body: bytes


def verify(request: Signed, scope: Scope, identities: Identities, now: datetime) -> Identity:
    """The identity that signed this request; raises the service's own Refusal otherwise."""
    words = _WORDS[Service(scope.service)]
    identity = identities.find(scope.access_key_id)
    token = request.headers.get("X-Amz-Security-Token")
    if identity is None or not hmac.compare_digest(
        (identity.session_token or "").encode(), (token or "").encode()
    ):
        raise Refusal(words.unknown, "The security token included in the request is invalid.", words.status)
    sent = request.headers.get("X-Amz-Date", "")
    _check_date(sent, scope, now, words)
    if "host" not in scope.signed_headers or (token and "x-amz-security-token" not in scope.signed_headers):
        raise Refusal(
            words.mismatch, "'Host' or 'X-Amz-Security-Token' is not a signed header.", words.status
        )
    if not hmac.compare_digest(
        signature_of(request, scope, identity.secret_access_key, sent), scope.signature
    ):
        raise Refusal(
            words.mismatch,
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.",
            words.status,
        )
    if identity.expires_at is not None and identity.expires_at <= now:
        raise Refusal(words.expired, "The security token included in the request is expired", words.status)
    return identity


def signature_of(request: Signed, scope: Scope, secret: str, sent: str) -> str:
    """The hex signature that `secret` gives this request, sent at `sent` (YYYYMMDDTHHMMSSZ)."""
    hashed = hashlib.sha256(_canonical(request, scope).encode()).hexdigest()
    to_sign = "\n".join((ALGORITHM, sent, scope.text, hashed))
    key = f"AWS4{secret}".encode()
    for part in (scope.date, scope.region, scope.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()


def _canonical(request: Signed, scope: Scope) -> str:
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(request.query, keep_blank_values=True)
    )
    headers = "".join(
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in scope.signed_headers
    )
    return "\n".join(
        (
            request.method,
            quote(request.path, safe="/~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            headers,
            ";".join(scope.signed_headers),
            hashlib.sha256(request.body).hexdigest(),
        )
    )


@dataclass(frozen=True, slots=True)
class _Words:
    """The codes with which one service refuses a caller."""

    unknown: str
    mismatch: str
    expired: str
    status: int


_WORDS = {
    Service.STS: _Words("InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken", 403),
    Service.SSM: _Words(
        "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", 400
    ),
    Service.SES: _Words(
        "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", 403
    ),
    Service.S3: _Words("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", 403),
    Service.LOGS: _Words(
        "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", 400
    ),
}


def _check_date(sent: str, scope: Scope, now: datetime, words: _Words) -> None:
    try:
        at = datetime.strptime(sent, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Refusal(words.mismatch, "Date must be in ISO-8601 'basic format'.", words.status) from None
    if not sent.startswith(scope.date):
        raise Refusal(
            words.mismatch, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date.",
            words.status,
        )  # fmt: skip
    if at < now - SKEW:
        raise Refusal(
            words.mismatch, f"Signature expired: {sent} is now earlier than {now - SKEW:%Y%m%dT%H%M%SZ}",
            words.status,
        )  # fmt: skip
    if at > now + SKEW:
        raise Refusal(
            words.mismatch, f"Signature not yet current: {sent} is still later than {now + SKEW:%Y%m%dT%H%M%SZ}",
            words.status,
        )  # fmt: skip
