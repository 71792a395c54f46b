"""Every table. Each carries `company_id` (0 is the MSP itself), so that all of them can be spread by company."""

from __future__ import annotations

import sqlalchemy as sa

from storage.dialect import Json, Moment, Number, Span

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Column, Text, Integer = sa.Column, sa.Text, sa.Integer


def _company() -> sa.Column[int]:
    return Column("company_id", sa.BigInteger, nullable=False)


companies = sa.Table(
    "companies",
    metadata,
    Column("id", Number, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default="0"),
    Column("created_at", Moment, nullable=False),
    Column("archived_at", Moment),
    Column("slack_channel", Text, unique=True),
    Column("teams_conversation", Text, unique=True),
    Column("group_id", sa.BigInteger),
    Column("settings", Json, nullable=False, server_default="{}"),
    Column("query_key", sa.Boolean, nullable=False, server_default=sa.true()),
    Column("sns_topics", Json),
    Column("clouds", Json),
    Column("hmac_secret", sa.LargeBinary),
    Column("heard_by", Text),
    sqlite_autoincrement=True,
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    _company(),
    Column("digest", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("last_used_at", Moment),
    sa.Index("ix_api_keys_company_id", "company_id"),
)

users = sa.Table(
    "users",
    metadata,
    Column("id", Number, primary_key=True),
    Column("company_id", sa.BigInteger, nullable=False, server_default="0"),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("companies", Json, nullable=False),
    Column("skills", Json, nullable=False),
    Column("slack_user", Text, unique=True),
    Column("teams_user", Text, unique=True),
    Column("workload_limit", Integer, nullable=False),
    Column("available", sa.Boolean, nullable=False),
    Column("leave_from", Moment),
    Column("leave_until", Moment),
    Column("timezone", Text, nullable=False),
    Column("prefers", Json, nullable=False, server_default="[]"),
    Column("quiet_hours", Text, nullable=False, server_default=sa.text("''")),
    Column("phone", Text),
    Column("reach", Json, nullable=False, server_default="{}"),
    Column("open_incidents", Integer, nullable=False, server_default="0"),
    Column("load_weight", Integer, nullable=False, server_default="0"),
    Column("load_at_risk", Integer, nullable=False, server_default="0"),
    Column("created_at", Moment, nullable=False),
    sqlite_autoincrement=True,
)

assets = sa.Table(
    "assets",
    metadata,
    Column("id", Number, primary_key=True),
    _company(),
    Column("name", Text, nullable=False),
    Column("aliases", Json, nullable=False),
    Column("platform", Text, nullable=False),
    Column("cloud_ref", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("critical", sa.Boolean, nullable=False),
    Column("depends_on", Json, nullable=False),
    Column("labels", Json, nullable=False),
    sa.UniqueConstraint("company_id", "name"),
    sqlite_autoincrement=True,
)

incidents = sa.Table(
    "incidents",
    metadata,
    Column("id", Number, primary_key=True),
    _company(),
    Column("correlation_key", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("asset_name", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("is_open", sa.SmallInteger, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("last_alert_at", Moment, nullable=False),
    Column("opened_reason", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("firing", Integer, nullable=False),
    Column("tools", Json, nullable=False),
    Column("critical_asset", sa.Boolean, nullable=False),
    Column("assignee_id", sa.BigInteger),
    Column("assigned_reason", Text, nullable=False),
    Column("claimed_at", Moment),
    Column("recovered_at", Moment),
    Column("resolved_at", Moment),
    Column("resolved_by", Text, nullable=False),
    Column("resolution", Text, nullable=False),
    Column("closed_at", Moment),
    Column("reopened", Integer, nullable=False),
    Column("last_action", Text, nullable=False),
    Column("last_action_at", Moment),
    Column("snoozed_until", Moment),
    Column("snoozed_by", Text),
    Column("waiting_since", Moment),
    Column("waiting_for", Text, nullable=False, server_default=sa.text("''")),
    Column("held", Integer, nullable=False, server_default="0"),
    Column("merged_into", sa.BigInteger),
    Column("related", Json, nullable=False, server_default="[]"),
    Column("cause", Text, nullable=False, server_default=sa.text("''")),
    Column("confidence", Integer, nullable=False, server_default="0"),
    Column("asked_at", Moment),
    Column("track", Text, nullable=False, server_default=sa.text("''")),
    Column("risk", Integer, nullable=False, server_default="0"),
    Column("revision", Integer, nullable=False),
    sqlite_autoincrement=True,
)
_open = sa.text("is_open = 1")
open_incident = sa.Index(
    "uq_incidents_open",
    incidents.c.company_id,
    incidents.c.correlation_key,
    unique=True,
    sqlite_where=_open,
    postgresql_where=_open,
)
sa.Index(
    "ix_incidents_resolved",
    incidents.c.company_id,
    incidents.c.correlation_key,
    incidents.c.resolved_at,
    sqlite_where=sa.text("is_open = 0"),
    postgresql_where=sa.text("is_open = 0"),
)
sa.Index(
    "ix_incidents_assignee",
    incidents.c.assignee_id,
    incidents.c.id,
    sqlite_where=_open,
    postgresql_where=_open,
)
sa.Index("ix_incidents_company", incidents.c.company_id, incidents.c.is_open, incidents.c.id)

alerts = sa.Table(
    "alerts",
    metadata,
    Column("id", Text, primary_key=True),
    _company(),
    Column("incident_id", sa.BigInteger),
    Column("fingerprint", Text, nullable=False),
    Column("asset_name", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("tool", Text, nullable=False),
    Column("dedup_key", Text),
    Column("correlation_key", Text, nullable=False),
    Column("labels", Json, nullable=False),
    Column("link", Text),
    Column("count", Integer, nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("occurred_at", Moment),
    Column("held_by", sa.BigInteger),
    sa.Index("ix_alerts_incident", "incident_id", "fingerprint"),
    sa.Index("ix_alerts_company_id", "company_id", "id"),
)
_firing = sa.text("status = 'firing' AND dedup_key IS NOT NULL")
sa.Index(
    "ix_alerts_firing_as",
    alerts.c.company_id,
    alerts.c.tool,
    alerts.c.dedup_key,
    sqlite_where=_firing,
    postgresql_where=_firing,
)

_held = sa.text("held_by IS NOT NULL")
for _column in (alerts.c.fingerprint, alerts.c.correlation_key):
    sa.Index(
        f"ix_alerts_held_{_column.name}",
        alerts.c.held_by,
        _column,
        sqlite_where=_held,
        postgresql_where=_held,
    )

sla_clocks = sa.Table(
    "sla_clocks",
    metadata,
    Column("incident_id", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    _company(),
    Column("started_at", Moment, nullable=False),
    Column("target", Span, nullable=False),
    Column("warn_before", Span, nullable=False),
    Column("hours", Text, nullable=False, server_default=sa.text("''")),
    Column("pauses", Json, nullable=False, server_default="[]"),
    Column("paused_at", Moment),
    Column("due_at", Moment, nullable=False),
    Column("met_at", Moment),
    Column("warned_at", Moment),
    Column("breached_at", Moment),
    Column("next_check_at", Moment),
)
_awaited = sa.text("next_check_at IS NOT NULL")
sa.Index("ix_sla_clocks_next", sla_clocks.c.next_check_at, sqlite_where=_awaited, postgresql_where=_awaited)
_runs = sa.text("met_at IS NULL AND paused_at IS NULL")
sa.Index(
    "ix_sla_clocks_due",
    sla_clocks.c.due_at,
    sla_clocks.c.company_id,
    sqlite_where=_runs,
    postgresql_where=_runs,
)

timeline = sa.Table(
    "timeline",
    metadata,
    Column("id", Text, primary_key=True),
    _company(),
    Column("incident_id", sa.BigInteger, nullable=False),
    Column("at", Moment, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("told", sa.Boolean, nullable=False),
    sa.Index("ix_timeline_incident", "incident_id", "id"),
)

cards = sa.Table(
    "cards",
    metadata,
    Column("id", Text, primary_key=True),
    _company(),
    Column("incident_id", sa.BigInteger),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("in_thread", sa.Boolean, nullable=False),
    Column("posting_at", Moment),
    Column("ref", Text),
    Column("shown", Text),
    Column("posted_at", Moment),
    Column("board", Text),
    Column("counted_from", Integer, nullable=False, server_default="0"),
    Column("deferred", sa.Boolean, nullable=False, server_default=sa.false()),
    Column("urgent", sa.Boolean, nullable=False, server_default=sa.false()),
    Column("pressed_at", Moment),
    sa.Index("ix_cards_incident", "incident_id", "kind"),
    sa.Index("ix_cards_ref", "platform", "channel", "ref"),
)
sa.Index(
    "ix_cards_company",
    cards.c.company_id,
    cards.c.kind,
    sqlite_where=sa.text("incident_id IS NULL"),
    postgresql_where=sa.text("incident_id IS NULL"),
)
sa.Index(
    "ix_cards_board",
    cards.c.board,
    sqlite_where=sa.text("board IS NOT NULL"),
    postgresql_where=sa.text("board IS NOT NULL"),
)

jobs = sa.Table(
    "jobs",
    metadata,
    Column("id", Number, primary_key=True),
    _company(),
    Column("key", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("payload", Json, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("generation", sa.BigInteger, nullable=False, server_default="1"),
    Column("leased_until", Moment),
    Column("wanted_at", Moment),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    sa.Index("ix_jobs_due_at", "due_at", "id", "company_id"),
    sqlite_autoincrement=True,
)

dead_jobs = sa.Table(
    "dead_jobs",
    metadata,
    Column("id", Number, primary_key=True),
    _company(),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", Json, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("at", Moment, nullable=False),
    sqlite_autoincrement=True,
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("delivery_id", Text, primary_key=True),
    Column("answer", Json, nullable=False),
    Column("at", Moment, nullable=False),
    sa.Index("ix_deliveries_at", "at"),
)

dead_letters = sa.Table(
    "dead_letters",
    metadata,
    Column("id", Number, primary_key=True),
    _company(),
    Column("tool", Text, nullable=False),
    Column("headers", Json, nullable=False),
    Column("body", sa.LargeBinary, nullable=False),
    Column("error", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("replayed_at", Moment),
    Column("outcome", Text),
    sa.Index("ix_dead_letters_company_id", "company_id", "id"),
    sqlite_autoincrement=True,
)

runs = sa.Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    _company(),
    Column("incident_id", sa.BigInteger),
    Column("runbook_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("is_active", sa.SmallInteger, nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("revision", Integer, nullable=False),
    Column("body", Json, nullable=False),
    Column("approved_at", Moment),
    sa.Index("ix_runs_incident", "incident_id", "id"),
    sa.Index("ix_runs_approved", "company_id", "approved_at"),
    sa.Index("ix_runs_active", "company_id", "is_active"),
)

audit_entries = sa.Table(
    "audit_entries",
    metadata,
    Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("actor_id", sa.BigInteger),
    Column("via", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Json, nullable=False),
    Column("hash", Text, nullable=False),
)

audit_heads = sa.Table(
    "audit_heads",
    metadata,
    Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("seq", sa.BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)
