"""Companies, keys, people and assets: adding and changing them, each with its proof."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from engine import signing
from engine.access import Actor
from engine.audit import AuditKind, entry
from engine.cloud import Cloud, Provider
from engine.company import Asset, Company, Role, User
from engine.errors import NotFound, Refused
from engine.ports import Transaction
from engine.run_jobs import RecheckRuns
from engine.signing import SigningSecret

_SLUG = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$")
_MAIL = re.compile(r"^[^@\s]{1,64}@[^@\s]{1,190}$")
_EXTERNAL_ID = re.compile(r"^[\w+=,.@:/-]{2,1224}$", re.ASCII)
_BUCKET = re.compile(r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
_LOG_GROUP = re.compile(r"^[\w./#-]{1,512}$", re.ASCII)
_UUID = re.compile(r"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
_PROJECT = re.compile(r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$")
_ROLE_ARN = re.compile(r"^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}$")
KEY_FORM = re.compile(r"^aw_([0-9a-z]{12})_([A-Za-z0-9_-]{43})$")


@dataclass(frozen=True, slots=True)
class Issued:
    """A company with the secrets that are shown this once."""

    company: Company
    api_key: str
    hmac_secret: str | None


def new_key() -> tuple[str, str, str]:
    """(key id, whole key, digest to store). 256 bits of chance, so that a plain SHA-256 is enough to keep."""
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    key_id = "".join(secrets.choice(alphabet) for _ in range(12))
    whole = f"aw_{key_id}_{secrets.token_urlsafe(32)}"
    return key_id, whole, key_digest(whole)


def key_digest(whole: str) -> str:
    return hashlib.sha256(whole.encode()).hexdigest()


async def add_company(
    tx: Transaction, company: Company, *, with_hmac: bool, actor: Actor, now: datetime
) -> Issued:
    """A new company with its first key. The external ids for its AWS accounts are made here when none are given."""
    if not _SLUG.match(company.slug):
        raise Refused(
            f"“{company.slug}” cannot be a company's short name.",
            hint="Use up to 40 lower-case letters, digits and hyphens, such as `acme` or `acme-west`.",
        )
    if await tx.companies.by_slug(company.slug) is not None:
        raise Refused(f"There is a company called {company.slug} already.", hint="Pick another short name.")
    await _channel_is_free(tx, company)
    hmac_secret = new_secret() if with_hmac else None
    company = replace(company, clouds=_checked_clouds(company.clouds))
    stored = await tx.companies.add(company, hmac_secret=hmac_secret, now=now)
    key_id, whole, digest = new_key()
    await tx.companies.add_key(key_id, stored.id, digest, now=now)
    _prove(tx, AuditKind.COMPANY_ADDED, stored.id, stored.slug, actor, now, name=stored.name, key=key_id)
    return Issued(stored, whole, hmac_secret)


def _checked_clouds(clouds: Sequence[Cloud]) -> tuple[Cloud, ...]:
    """Each one checked and no account twice; accounts of AWS that have no external id get the company's."""
    ours = next((one.external_id for one in clouds if one.external_id), "") or f"aw-{secrets.token_hex(16)}"
    checked = tuple(_checked_cloud(one, ours) for one in clouds)
    seen: set[tuple[str, str]] = set()
    for cloud in checked:
        if (cloud.provider, cloud.account) in seen:
            raise Refused(f"{cloud.label} is there twice.", hint="Remove it first, or change it.")
        seen.add((cloud.provider, cloud.account))
    return checked


def _checked_cloud(cloud: Cloud, external_id: str) -> Cloud:
    match cloud.provider:
        case Provider.AWS:
            if not _ROLE_ARN.match(cloud.role_arn):
                raise Refused(
                    f"“{cloud.role_arn}” is not the ARN of an IAM role.",
                    hint="It looks like arn:aws:iam::123456789012:role/AlertWhisperer.",
                )
            if not _EXTERNAL_ID.match(cloud.external_id or external_id):
                raise Refused(
                    "That external id would be refused by AWS.",
                    hint="2 to 1,224 letters, digits and any of +=,.@:/-",
                )
            if cloud.output_bucket and not _BUCKET.match(cloud.output_bucket):
                raise Refused(f"“{cloud.output_bucket}” is not the name of an S3 bucket.")
            if cloud.output_log_group and not _LOG_GROUP.match(cloud.output_log_group):
                raise Refused(f"“{cloud.output_log_group}” is not the name of a log group.")
            return cloud if cloud.external_id else replace(cloud, external_id=external_id)
        case Provider.AZURE:
            for name, value in (("tenant", cloud.tenant_id), ("subscription", cloud.subscription_id)):
                if not _UUID.match(value) and (value or name == "subscription"):
                    raise Refused(
                        f"“{value}” is not the id of an Azure {name}.",
                        hint="It looks like 01234567-89ab-cdef-0123-456789abcdef.",
                    )
            return replace(
                cloud, tenant_id=cloud.tenant_id.lower(), subscription_id=cloud.subscription_id.lower()
            )
        case Provider.GCP:
            if not _PROJECT.match(cloud.project_id):
                raise Refused(f"“{cloud.project_id}” is not the id of a Google Cloud project.")
            return cloud
        case _:
            raise Refused(f"Cloud “{cloud.provider}” is not known.", hint="Use aws, azure or gcp.")


async def _channel_is_free(tx: Transaction, company: Company) -> None:
    for platform, channel in (("slack", company.slack_channel), ("teams", company.teams_conversation)):
        other = await tx.companies.by_channel(platform, channel) if channel else None
        if other is not None and other.id != company.id:
            raise Refused(
                f"That channel belongs to {other.name} already.", hint="Each company needs its own."
            )


async def change_company(
    tx: Transaction, company: Company, *, actor: Actor, now: datetime, **what: Any
) -> Company:
    await _channel_is_free(tx, company)
    company = replace(company, clouds=_checked_clouds(company.clouds))
    await tx.companies.change(company)
    tx.jobs.put(RecheckRuns(company_id=0), due_at=now)
    _prove(tx, AuditKind.COMPANY_CHANGED, company.id, company.slug, actor, now, **what)
    return company


async def archive_company(tx: Transaction, slug: str, *, actor: Actor, now: datetime) -> Company:
    company = await company_called(tx, slug)
    archived = replace(company, archived_at=now)
    await tx.companies.change(archived)
    tx.jobs.put(RecheckRuns(company_id=0), due_at=now)
    await tx.companies.expire_keys(company.id, at=now, keep="")
    _prove(tx, AuditKind.COMPANY_ARCHIVED, company.id, slug, actor, now)
    return archived


async def rotate_key(
    tx: Transaction,
    slug: str,
    *,
    overlap: timedelta,
    actor: Actor,
    now: datetime,
    ttl: timedelta | None = None,
) -> tuple[Company, str]:
    """A new key, which ends after `ttl` if one is given; the old ones hold for `overlap` more."""
    company = await company_called(tx, slug)
    key_id, whole, digest = new_key()
    ends = {"expires_at": now + ttl} if ttl else {}
    await tx.companies.add_key(key_id, company.id, digest, now=now, **ends)
    await tx.companies.expire_keys(company.id, at=now + overlap, keep=key_id)
    kind, detail = AuditKind.KEY_ROTATED, {name: at.isoformat() for name, at in ends.items()}
    _prove(tx, kind, company.id, company.slug, actor, now, key=key_id, overlap=str(overlap), **detail)
    return company, whole


async def revoke_key(tx: Transaction, slug: str, key_id: str, *, actor: Actor, now: datetime) -> Company:
    """End one key at once."""
    company = await company_called(tx, slug)
    if not await tx.companies.expire_key(company.id, key_id, at=now):
        raise NotFound(
            f"{company.name} has no key “{key_id[:40]}” that still holds.",
            hint=f"`aw company keys {company.slug}` lists them.",
        )
    _prove(tx, AuditKind.KEY_REVOKED, company.id, company.slug, actor, now, key=key_id)
    return company


async def set_signing(
    tx: Transaction, company: Company, *, on: bool, actor: Actor, now: datetime
) -> SigningSecret | None:
    """Whether the company has to sign its webhooks; the new secret where it has to from now on."""
    if on == bool(await tx.companies.signing(company.id)):
        return None
    fresh = SigningSecret(new_secret()) if on else None
    await tx.companies.sign(company.id, [fresh] if fresh else [])
    word = "on" if on else "off"
    _prove(tx, AuditKind.COMPANY_CHANGED, company.id, company.slug, actor, now, hmac=word)
    return fresh


async def take_topic(tx: Transaction, company_id: int, topic: str, *, actor: Actor, now: datetime) -> bool:
    """From now on messages of this SNS topic are taken. False when they are already."""
    company = (await tx.companies.context(company_id)).company
    if topic in company.sns_topics:
        return False
    topics = (*company.sns_topics, topic)
    shown = {"sns_topics": list(topics)}
    await change_company(tx, replace(company, sns_topics=topics), actor=actor, now=now, **shown)
    return True


async def rotate_secret(
    tx: Transaction, slug: str, *, overlap: timedelta, actor: Actor, now: datetime
) -> tuple[Company, SigningSecret]:
    """A new signing secret; the old one holds beside it for `overlap` more."""
    company = await company_called(tx, slug)
    before = await tx.companies.signing(company.id)
    if not before:
        raise Refused(
            f"{company.name} does not sign its webhooks.", hint=f"`aw company set {company.slug} --hmac on`."
        )
    after = signing.rotated(before, new_secret(), until=now + overlap, now=now)
    await tx.companies.sign(company.id, after)
    _prove(tx, AuditKind.SECRET_ROTATED, company.id, company.slug, actor, now, overlap=str(overlap))
    return company, after[0]


def new_secret() -> str:
    return secrets.token_urlsafe(32)


async def company_called(tx: Transaction, slug: str) -> Company:
    company = await tx.companies.by_slug(slug.strip().lower())
    if company is None or company.archived_at is not None:
        raise NotFound(f"There is no company called “{slug}”.", hint="`aw company list` names them.")
    return company


async def add_user(tx: Transaction, user: User, *, actor: Actor, now: datetime) -> User:
    if not _MAIL.match(user.email):
        raise Refused(f"“{user.email}” is not an e-mail address.")
    if not user.name.strip():
        raise Refused("A person needs a name.")
    _must_belong(user)
    if await tx.users.by_email(user.email) is not None:
        raise Refused(f"{user.email} is known already.", hint="Change that person with `aw user set`.")
    await _chat_ids_are_free(tx, user)
    stored = await tx.users.add(user, now=now)
    _prove(tx, AuditKind.USER_ADDED, 0, stored.email, actor, now, role=stored.role.value)
    return stored


def _must_belong(user: User) -> None:
    if user.role in (Role.COMPANY_ADMIN, Role.CLIENT_VIEWER) and not user.companies:
        role = user.role.value.replace("_", " ")
        raise Refused(f"A {role} belongs to a company.", hint="Add `--company SLUG`.")


async def _chat_ids_are_free(tx: Transaction, user: User) -> None:
    for platform, chat_id in (("slack", user.slack_user), ("teams", user.teams_user)):
        other = await tx.users.by_chat(platform, chat_id) if chat_id else None
        if other is not None and other.id != user.id:
            raise Refused(f"That {platform.title()} account is linked to {other.name} already.")


async def change_user(tx: Transaction, user: User, *, actor: Actor, now: datetime, **what: Any) -> User:
    _must_belong(user)
    await _chat_ids_are_free(tx, user)
    await tx.users.change(user)
    tx.jobs.put(RecheckRuns(company_id=0), due_at=now)  # what they asked for may be no longer theirs to ask
    _prove(tx, AuditKind.USER_CHANGED, 0, user.email, actor, now, **what)
    return user


async def add_asset(tx: Transaction, asset: Asset, *, actor: Actor, now: datetime) -> Asset:
    if not asset.name.strip():
        raise Refused("An asset needs a name.")
    context = await tx.companies.context(asset.company_id)
    if any(known.name.lower() == asset.name.lower() for known in context.assets):
        raise Refused(f"{context.company.name} has an asset called {asset.name} already.")
    stored = await tx.companies.add_asset(asset)
    tx.jobs.put(RecheckRuns(company_id=0), due_at=now)
    _prove(tx, AuditKind.ASSET_ADDED, asset.company_id, asset.name, actor, now, cloud_ref=asset.cloud_ref)
    return stored


async def change_asset(
    tx: Transaction, asset: Asset, *, actor: Actor, now: datetime, fields: Sequence[str]
) -> Asset:
    """Another form of one that is there, under the same name. `fields` are those that differ."""
    await tx.companies.change_asset(asset)
    tx.jobs.put(RecheckRuns(company_id=0), due_at=now)  # an approval names the machine as it was
    kind, detail = AuditKind.ASSET_CHANGED, {name: str(getattr(asset, name)) for name in fields}
    _prove(tx, kind, asset.company_id, asset.name, actor, now, **detail)
    return asset


def _prove(
    tx: Transaction,
    kind: AuditKind,
    company_id: int,
    subject: str,
    actor: Actor,
    now: datetime,
    **detail: Any,
) -> None:
    tx.audit.add(entry(kind, company_id=company_id, actor=actor, subject=subject, now=now, **detail))
