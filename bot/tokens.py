"""Bearer tokens of the REST interface: signed, limited in time, and revocable because their ids are kept."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from jwt.types import Options

from engine.access import Actor
from engine.audit import AuditKind, entry
from engine.company import User
from engine.errors import AlertWhispererError, Refused
from storage.secrets import Vault
from storage.transaction import Transaction

PURPOSE = "token"
ALGORITHM = "HS256"
ISSUER = "alert-whisperer"
LONGEST_TOKEN = 2000
LONGEST_TTL = timedelta(days=366)

_TTL = re.compile(r"^\s*(\d{1,6})\s*([smhdw])\s*$", re.IGNORECASE)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Unauthorised(AlertWhispererError):
    """The token does not say who asks; the text is the same for every cause that a stranger could learn from."""


@dataclass(frozen=True, slots=True)
class Minted:
    """A token, shown this once; `id` is its name for revoking."""

    id: str
    token: str
    expires_at: datetime


def ttl_of(text: str) -> timedelta:
    """The duration in `30d`, `12h`, `45m`. Raises Refused for anything else, for nothing and for over a year."""
    found = _TTL.match(text)
    if found is None:
        raise Refused(
            f"“{text[:40]}” is not a duration.", hint="Write `30d`, `12h` or `45m`.", code="invalid"
        )
    ttl = timedelta(**{_UNITS[found.group(2).lower()]: int(found.group(1))})
    if not timedelta(0) < ttl <= LONGEST_TTL:
        raise Refused("A token lasts from one second to 366 days.", code="invalid")
    return ttl


async def create(tx: Transaction, user: User, *, ttl: timedelta, actor: Actor, now: datetime) -> Minted:
    """A new token for this person; only its id and its end are kept."""
    token_id = secrets.token_hex(12)
    expires_at = now.replace(microsecond=0) + ttl
    claims = {
        "iss": ISSUER,
        "sub": str(user.id),
        "jti": token_id,
        "iat": int(now.timestamp()),
        "exp": int(expires_at.timestamp()),
    }
    text = jwt.encode(claims, tx.vault.derived(PURPOSE)[0], algorithm=ALGORITHM)
    await tx.tokens.add(token_id, user.id, expires_at=expires_at, now=now)
    detail = {"token": token_id, "expires_at": expires_at.isoformat()}
    tx.audit.add(
        entry(AuditKind.TOKEN_CREATED, company_id=0, actor=actor, subject=user.email, now=now, **detail)
    )
    return Minted(token_id, text, expires_at)


async def verify(tx: Transaction, token: str, *, now: datetime) -> User:
    """The person behind a token, as the directory has them now. Raises Unauthorised."""
    claims = read(token, tx.vault)
    ends = claims["exp"]
    if not isinstance(ends, int) or now >= datetime.fromtimestamp(ends, UTC):
        raise Unauthorised("This token has expired.")
    stored = await tx.tokens.get(claims["jti"])
    if stored is None or stored.revoked_at is not None or str(stored.user_id) != claims["sub"]:
        raise Unauthorised("This token is not valid.")
    user = await tx.users.get(stored.user_id)
    if user is None or now >= stored.expires_at:
        raise Unauthorised("This token is not valid.")
    return user


def read(token: str, vault: Vault) -> Mapping[str, Any]:
    """The claims of a token that one key of the ring signed, whatever its time. Raises Unauthorised."""
    options: Options = {
        "require": ["exp", "jti", "sub"],
        "verify_exp": False,
        "verify_iat": False,
    }  # time: the caller's
    if len(token) <= LONGEST_TOKEN:
        for key in vault.derived(PURPOSE):
            try:
                claims: dict[str, Any] = jwt.decode(
                    token, key, algorithms=[ALGORITHM], issuer=ISSUER, options=options
                )
            except jwt.InvalidTokenError:
                continue
            return claims
    raise Unauthorised("This token is not valid.")


async def revoke(tx: Transaction, token: str, *, actor: Actor, now: datetime) -> int:
    """End one token, named by its id or by itself; how many that were (0: it was ended before)."""
    token_id = token.strip()
    if token_id.count(".") == 2:
        try:
            token_id = read(token_id, tx.vault)["jti"]
        except Unauthorised:
            raise Refused("This is not a token of this server.") from None
    stored = await tx.tokens.get(token_id)
    if stored is None:
        raise Refused(
            f"There is no token “{token_id[:60]}”.", hint="Give the id that `token create` printed."
        )
    user = await tx.users.get(stored.user_id)
    ended = await tx.tokens.revoke(now=now, token_id=token_id)
    _prove_revoked(tx, user.email if user else str(stored.user_id), ended, actor, now, token=token_id)
    return ended


async def revoke_all(tx: Transaction, user: User, *, actor: Actor, now: datetime) -> int:
    """End every token of this person; how many that were."""
    ended = await tx.tokens.revoke(now=now, user_id=user.id)
    _prove_revoked(tx, user.email, ended, actor, now, tokens=ended)
    return ended


def _prove_revoked(
    tx: Transaction, subject: str, ended: int, actor: Actor, now: datetime, **detail: Any
) -> None:
    if ended:
        line = entry(AuditKind.TOKEN_REVOKED, company_id=0, actor=actor, subject=subject, now=now, **detail)
        tx.audit.add(line)
