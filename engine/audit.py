"""What is kept for proof (AuditEntry) and what is told to people (TimelineEntry)."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from engine.access import Actor


class AuditKind(StrEnum):
    INCIDENT_OPENED = "incident.opened"
    INCIDENT_REOPENED = "incident.reopened"
    INCIDENT_ASSIGNED = "incident.assigned"
    INCIDENT_CLAIMED = "incident.claimed"
    INCIDENT_UNCLAIMED = "incident.unclaimed"
    INCIDENT_NOTED = "incident.noted"
    INCIDENT_RESOLVED = "incident.resolved"
    INCIDENT_RECOVERED = "incident.recovered"
    INCIDENT_FLAPPING = "incident.flapping"
    INCIDENT_UNLIKE = "incident.unlike"
    INCIDENT_UNHEARD = "incident.unheard"
    INCIDENT_SEVERITY = "incident.severity_raised"
    INCIDENT_MERGED = "incident.merged"
    INCIDENT_SPLIT = "incident.split"
    INCIDENT_MOVED = "incident.moved"
    INCIDENT_HELD = "incident.held"
    INCIDENT_RESUMED = "incident.resumed"
    INCIDENT_SNOOZED = "incident.snoozed"
    INCIDENT_WOKEN = "incident.woken"
    SILENCE_ADDED = "silence.added"
    SILENCE_ENDED = "silence.ended"
    SILENCE_EXPIRED = "silence.expired"
    MAINTENANCE_ADDED = "maintenance.added"
    MAINTENANCE_ENDED = "maintenance.ended"
    MAINTENANCE_EXPIRED = "maintenance.expired"
    MAINTENANCE_CLOSED = "maintenance.closed"
    INCIDENT_SPLIT_OUT = "incident.split_out"
    SLA_WARNED = "sla.warned"
    SLA_BREACHED = "sla.breached"
    SLA_EXPLAINED = "sla.explained"
    INCIDENT_ESCALATED = "incident.escalated"
    RUN_REQUESTED = "run.requested"
    RUN_APPROVED = "run.approved"
    RUN_REJECTED = "run.rejected"
    RUN_LOOKED_AT = "run.looked_at"
    RUN_REMINDED = "run.reminded"
    RUN_EXPIRED = "run.expired"
    RUN_VOIDED = "run.voided"
    RUN_STARTING = "run.starting"
    RUN_STARTED = "run.started"
    RUN_FINISHED = "run.finished"
    RUN_MEASURED = "run.measured"
    GLASS_BROKEN = "run.glass_broken"
    REVIEW_REMINDED = "run.review_reminded"
    REVIEW_SIGNED = "run.review_signed"
    RUN_CANCELLED = "run.cancel_requested"
    REFUSED = "refused"
    COMPANY_ADDED = "company.added"
    COMPANY_CHANGED = "company.changed"
    COMPANY_ARCHIVED = "company.archived"
    SETTING_CHANGED = "setting.changed"
    GROUP_ADDED = "group.added"
    GROUP_REMOVED = "group.removed"
    MSP_CHANGED = "msp.changed"
    OUTBREAK_FOUND = "outbreak.found"
    OUTBREAK_OVER = "outbreak.over"
    KEY_ROTATED = "key.rotated"
    KEY_REVOKED = "key.revoked"
    SECRET_ROTATED = "secret.rotated"
    USER_ADDED = "user.added"
    USER_CHANGED = "user.changed"
    ROTATION_CHANGED = "rotation.changed"
    CALENDAR_SHARED = "calendar.shared"
    CALENDAR_REVOKED = "calendar.revoked"
    FILE_READ = "file.read"
    ASK_MADE = "ask.made"
    ASK_ENDED = "ask.ended"
    ASSET_ADDED = "asset.added"
    ASSET_CHANGED = "asset.changed"
    ALIAS_ACCEPTED = "alias.accepted"
    ALIAS_REFUSED = "alias.refused"
    TOKEN_CREATED = "token.created"
    TOKEN_REVOKED = "token.revoked"
    DEAD_LETTER_REPLAYED = "deadletter.replayed"
    TEST_SENT = "test.sent"
    MAIL_BOUNCED = "mail.bounced"
    MAIL_CLEARED = "mail.cleared"
    TIME_BOOKED = "time.booked"
    TIME_CHANGED = "time.changed"
    TIME_EXPORTED = "time.exported"
    ARTICLE_WRITTEN = "article.written"
    ARTICLE_EDITED = "article.edited"
    ARTICLE_SHARED = "article.shared"
    ARTICLE_RETIRED = "article.retired"
    HEARTBEAT_ADDED = "heartbeat.added"
    HEARTBEAT_REMOVED = "heartbeat.removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what, when, to what, through which door. `company_id` 0 is the MSP itself."""

    company_id: int
    at: datetime
    kind: AuditKind
    actor: str
    actor_id: int | None
    via: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)


def entry(
    kind: AuditKind, *, company_id: int, actor: Actor, subject: str, now: datetime, **detail: Any
) -> AuditEntry:
    return AuditEntry(
        company_id=company_id,
        at=now,
        kind=kind,
        actor=actor.name,
        actor_id=actor.id,
        via=actor.via.value,
        subject=subject,
        detail=detail,
    )


GENESIS = "0" * 64


def canonical(item: AuditEntry, seq: int) -> str:
    """The exact text that is chained: every field, in a fixed order, time in microseconds since the epoch."""
    return json.dumps(
        [
            seq,
            item.company_id,
            int(item.at.timestamp() * 1_000_000),
            item.kind.value,
            item.actor,
            item.actor_id,
            item.via,
            item.subject,
            item.detail,
        ],
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        default=str,
    )


def link(key: bytes, previous: str, item: AuditEntry, seq: int) -> str:
    """The next hash of a company's chain: HMAC-SHA256(key, previous hash + canonical entry), in hex."""
    text = f"{previous}\n{canonical(item, seq)}"
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


class TimelineKind(StrEnum):
    OPENED = "opened"
    ALERT = "alert"
    ASSIGNED = "assigned"
    CLAIMED = "claimed"
    NOTE = "note"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    RECOVERED = "recovered"
    MERGED = "merged"
    SPLIT = "split"
    QUIET = "quiet"
    SLA = "sla"
    BREACHED = "breached"
    LATE = "late"
    ESCALATED = "escalated"
    RUN = "run"
    APPROVAL = "approval"
    REMINDER = "reminder"
    GLASS = "glass"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One line of an incident's story. `told` lines are written into the card's thread; `body` is long output."""

    id: str
    company_id: int
    incident_id: int
    at: datetime
    kind: TimelineKind
    text: str
    actor: str
    body: str = ""
    told: bool = True
