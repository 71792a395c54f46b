"""Who calls: access keys, the role sessions made by AssumeRole, and what each may do."""

from __future__ import annotations

import secrets
import string
from collections.abc import Set
from dataclasses import dataclass, field
from datetime import datetime

from sandbox.aws.wire import Refusal, Service

_LETTERS = string.ascii_uppercase + "234567"


@dataclass(frozen=True, slots=True)
class Identity:
    """One set of credentials. A session (of an assumed role) has a token and an end; a user has neither."""

    account: str
    arn: str
    user_id: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    tags: tuple[tuple[str, str], ...] = ()
    source_identity: str = ""
    denied: Set[str] = frozenset()
    """Actions such as "ssm:SendCommand" that its policy does not grant, beyond what demand() says."""

    @property
    def is_session(self) -> bool:
        return self.session_token is not None

    def demand(self, service: Service, action: str, resource: str = "*") -> None:
        """Refuses what this identity's policy does not grant: a customer's role may use Systems Manager, read what it
        put into S3 and Logs, and ask who it is; the home user may assume roles and send mail."""
        if action == "GetCallerIdentity":
            return
        theirs = (Service.SSM, Service.S3, Service.LOGS)
        granted = service in theirs if self.is_session else service in (Service.STS, Service.SES)
        if not granted or f"{service}:{action}" in self.denied:
            code = "AccessDenied" if service in (Service.STS, Service.S3) else "AccessDeniedException"
            status = 400 if service in (Service.SSM, Service.LOGS) else 403
            raise Refusal(code, unauthorized(self.arn, f"{service}:{action}", resource), status)


def unauthorized(arn: str, action: str, resource: str) -> str:
    return f"User: {arn} is not authorized to perform: {action} on resource: {resource}"


class Identities:
    """All credentials this pretend Amazon knows, by access key id."""

    def __init__(self) -> None:
        self._known: dict[str, Identity] = {}

    def add(self, identity: Identity) -> None:
        self._known[identity.access_key_id] = identity

    @property
    def known(self) -> tuple[Identity, ...]:
        return tuple(self._known.values())

    def find(self, access_key_id: str) -> Identity | None:
        return self._known.get(access_key_id)


def new_access_key_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(16))


def new_secret() -> str:
    return secrets.token_urlsafe(30)


def new_session_token() -> str:
    return "IQoJb3JpZ2luX2Vj" + secrets.token_urlsafe(180)
