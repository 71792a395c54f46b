"""STS: AssumeRole, which enforces the external id, and GetCallerIdentity."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from sandbox.aws.identities import (
    Identities,
    Identity,
    new_access_key_id,
    new_secret,
    new_session_token,
    unauthorized,
)
from sandbox.aws.wire import Refusal, violation

LONGEST_SESSION = 3600
"""Seconds: the role's MaxSessionDuration, which is also the cap for chained roles."""

_ACTION_VERSION = "2011-06-15"
_SESSION_NAME = re.compile(r"[\w+=,.@-]*")
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]*")
_TAG_TEXT = re.compile(r"[\w\s.:/=+\-@]*")


@dataclass(frozen=True, slots=True)
class Role:
    """A role in a customer's account: its trust policy names the home account and demands an external id."""

    arn: str
    account: str
    external_id: str
    denied: set[str] = field(default_factory=set)
    """Actions that its policies leave out: of its sessions ("ssm:SendCommand"), or "sts:TagSession" and
    "sts:SetSourceIdentity" of its trust policy. May be changed at any time. With "external id" in it, the trust policy
    does not demand one."""


class Sts:
    """The service. `roles`: by ARN; sessions it makes go into `identities`."""

    def __init__(self, identities: Identities, roles: Mapping[str, Role], home_account: str) -> None:
        self._identities = identities
        self._roles = roles
        self._home_account = home_account

    def answer(self, body: bytes, caller: Identity, now: datetime) -> tuple[str, dict[str, Any]]:
        """The action named in a form body and its result."""
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        action = form.get("Action", "")
        if action == "GetCallerIdentity":
            return action, {"Arn": caller.arn, "UserId": caller.user_id, "Account": caller.account}
        if action == "AssumeRole":
            return action, self._assume_role(form, caller, now)
        raise Refusal(
            "InvalidAction", f"Could not find operation {action} for version {form.get('Version', _ACTION_VERSION)}"
        )  # fmt: skip

    def _assume_role(self, form: Mapping[str, str], caller: Identity, now: datetime) -> dict[str, Any]:
        arn, name = form.get("RoleArn", ""), form.get("RoleSessionName", "")
        _check_text("roleArn", arn, 20, 2048, re.compile(r"[\t\n\r\x20-\uFFFD]+"))
        _check_text("roleSessionName", name, 2, 64, _SESSION_NAME)
        if not re.fullmatch(r"arn:aws:iam::\d{12}:role/.+", arn):
            raise Refusal("ValidationError", f"{arn} is invalid")
        external_id = form.get("ExternalId")
        if external_id is not None:
            _check_text("externalId", external_id, 2, 1224, _EXTERNAL_ID)
        seconds = _duration(form.get("DurationSeconds"))
        tags = _tags(form)
        identity = form.get("SourceIdentity", "")
        if "SourceIdentity" in form:
            _check_text("sourceIdentity", identity, 2, 64, _SESSION_NAME)
        role = self._roles.get(arn)
        trusted = not caller.is_session and caller.account == self._home_account
        if role is None or not trusted or not _knows(role, external_id):
            raise Refusal("AccessDenied", unauthorized(caller.arn, "sts:AssumeRole", arn), 403)
        for given, action in ((tags, "sts:TagSession"), (identity, "sts:SetSourceIdentity")):
            if given and action in role.denied:
                raise Refusal("AccessDenied", unauthorized(caller.arn, action, arn), 403)
        return self._open(role, name, seconds, tags, identity, now)

    def _open(
        self,
        role: Role,
        name: str,
        seconds: int,
        tags: tuple[tuple[str, str], ...],
        identity: str,
        now: datetime,
    ) -> dict[str, Any]:
        role_id = "AROA" + role.account.rjust(17, "A")[:17]
        session = Identity(
            account=role.account,
            arn=f"arn:aws:sts::{role.account}:assumed-role/{role.arn.rsplit('/', 1)[1]}/{name}",
            user_id=f"{role_id}:{name}",
            access_key_id=new_access_key_id("ASIA"),
            secret_access_key=new_secret(),
            session_token=new_session_token(),
            expires_at=(now + timedelta(seconds=seconds)).replace(microsecond=0),
            tags=tags,
            source_identity=identity,
            denied=role.denied,
        )
        self._identities.add(session)
        return {
            "Credentials": {
                "AccessKeyId": session.access_key_id,
                "SecretAccessKey": session.secret_access_key,
                "SessionToken": session.session_token,
                "Expiration": session.expires_at,
            },
            "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
            "PackedPolicySize": min(99, 2 * len(tags)),
            **({"SourceIdentity": identity} if identity else {}),
        }


def _knows(role: Role, external_id: str | None) -> bool:
    if external_id is None and "external id" in role.denied:
        return True
    return secrets.compare_digest((external_id or "").encode(), role.external_id.encode())


def _check_text(field: str, value: str, least: int, most: int, pattern: re.Pattern[str]) -> None:
    if len(value) < least:
        raise violation(field, value, f"have length greater than or equal to {least}")
    if len(value) > most:
        raise violation(field, value, f"have length less than or equal to {most}")
    if not pattern.fullmatch(value):
        raise violation(field, value, f"satisfy regular expression pattern: {pattern.pattern}")


def _duration(text: str | None) -> int:
    if text is None:
        return LONGEST_SESSION
    if not text.isascii() or not text.isdigit():
        raise Refusal("MalformedInput", "DurationSeconds is not a number")
    seconds = int(text)
    if seconds < 900:
        raise violation("durationSeconds", seconds, "have value greater than or equal to 900")
    if seconds > 43200:
        raise violation("durationSeconds", seconds, "have value less than or equal to 43200")
    if seconds > LONGEST_SESSION:
        raise Refusal(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
    return seconds


def _tags(form: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    tags: list[tuple[str, str]] = []
    while (key := form.get(f"Tags.member.{len(tags) + 1}.Key")) is not None:
        number = len(tags) + 1
        value = form.get(f"Tags.member.{number}.Value", "")
        _check_text(f"tags.{number}.member.key", key, 1, 128, _TAG_TEXT)
        _check_text(f"tags.{number}.member.value", value, 0, 256, _TAG_TEXT)
        tags.append((key, value))
    if len(tags) > 50:
        raise violation("tags", f"[{len(tags)} tags]", "have length less than or equal to 50")
    if len({key.casefold() for key, _ in tags}) < len(tags):
        raise Refusal(
            "InvalidParameterValue",
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        )
    return tuple(tags)
