"""The first schema: directory, alerts, incidents, clocks, timeline, cards, jobs, deliveries, runs, audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=True),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("asset_name", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("dedup_key", sa.Text(), nullable=True),
        sa.Column("correlation_key", sa.Text(), nullable=False),
        sa.Column("labels", dialect.Json, nullable=False),
        sa.Column("link", sa.Text(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", dialect.Moment(), nullable=False),
        sa.Column("last_at", dialect.Moment(), nullable=False),
        sa.Column("occurred_at", dialect.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index(
        "ix_alerts_firing_as",
        "alerts",
        ["company_id", "tool", "dedup_key"],
        unique=False,
        sqlite_where=sa.text("status = 'firing' AND dedup_key IS NOT NULL"),
        postgresql_where=sa.text("status = 'firing' AND dedup_key IS NOT NULL"),
    )
    op.create_index("ix_alerts_incident", "alerts", ["incident_id", "fingerprint"], unique=False)
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created_at", dialect.Moment(), nullable=False),
        sa.Column("expires_at", dialect.Moment(), nullable=True),
        sa.Column("last_used_at", dialect.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
    op.create_index("ix_api_keys_company_id", "api_keys", ["company_id"], unique=False)
    op.create_table(
        "assets",
        sa.Column("id", dialect.Number, nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("aliases", dialect.Json, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("cloud_ref", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("critical", sa.Boolean(), nullable=False),
        sa.Column("depends_on", dialect.Json, nullable=False),
        sa.Column("labels", dialect.Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assets")),
        sa.UniqueConstraint("company_id", "name", name=op.f("uq_assets_company_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "audit_entries",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", dialect.Moment(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", dialect.Json, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "seq", name=op.f("pk_audit_entries")),
    )
    op.create_table(
        "audit_heads",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", name=op.f("pk_audit_heads")),
    )
    op.create_table(
        "cards",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("in_thread", sa.Boolean(), nullable=False),
        sa.Column("posting_at", dialect.Moment(), nullable=True),
        sa.Column("ref", sa.Text(), nullable=True),
        sa.Column("shown", sa.Text(), nullable=True),
        sa.Column("posted_at", dialect.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cards")),
    )
    op.create_index("ix_cards_incident", "cards", ["incident_id", "kind"], unique=False)
    op.create_index("ix_cards_ref", "cards", ["platform", "channel", "ref"], unique=False)
    op.create_table(
        "companies",
        sa.Column("id", dialect.Number, nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", dialect.Moment(), nullable=False),
        sa.Column("archived_at", dialect.Moment(), nullable=True),
        sa.Column("slack_channel", sa.Text(), nullable=True),
        sa.Column("teams_conversation", sa.Text(), nullable=True),
        sa.Column("autonomy", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("window", dialect.Span(), nullable=False),
        sa.Column("reopen_window", dialect.Span(), nullable=False),
        sa.Column("rate_limit", sa.Integer(), nullable=False),
        sa.Column("sla", dialect.Json, nullable=False),
        sa.Column("cloud", dialect.Json, nullable=True),
        sa.Column("hmac_secret", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_companies")),
        sa.UniqueConstraint("slack_channel", name=op.f("uq_companies_slack_channel")),
        sa.UniqueConstraint("slug", name=op.f("uq_companies_slug")),
        sa.UniqueConstraint("teams_conversation", name=op.f("uq_companies_teams_conversation")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "dead_jobs",
        sa.Column("id", dialect.Number, nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", dialect.Json, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("at", dialect.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_jobs")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", dialect.Number, nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("headers", dialect.Json, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("at", dialect.Moment(), nullable=False),
        sa.Column("replayed_at", dialect.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letters")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_dead_letters_company_id", "dead_letters", ["company_id", "id"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("answer", dialect.Json, nullable=False),
        sa.Column("at", dialect.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "delivery_id", name=op.f("pk_deliveries")),
    )
    op.create_index("ix_deliveries_at", "deliveries", ["at"], unique=False)
    op.create_table(
        "incidents",
        sa.Column("id", dialect.Number, nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("correlation_key", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("asset_name", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("is_open", sa.SmallInteger(), nullable=False),
        sa.Column("opened_at", dialect.Moment(), nullable=False),
        sa.Column("last_alert_at", dialect.Moment(), nullable=False),
        sa.Column("opened_reason", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("firing", sa.Integer(), nullable=False),
        sa.Column("tools", dialect.Json, nullable=False),
        sa.Column("critical_asset", sa.Boolean(), nullable=False),
        sa.Column("assignee_id", sa.BigInteger(), nullable=True),
        sa.Column("assigned_reason", sa.Text(), nullable=False),
        sa.Column("claimed_at", dialect.Moment(), nullable=True),
        sa.Column("recovered_at", dialect.Moment(), nullable=True),
        sa.Column("resolved_at", dialect.Moment(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.Column("closed_at", dialect.Moment(), nullable=True),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("last_action", sa.Text(), nullable=False),
        sa.Column("last_action_at", dialect.Moment(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_incidents_assignee",
        "incidents",
        ["assignee_id", "id"],
        unique=False,
        sqlite_where=sa.text("is_open = 1"),
        postgresql_where=sa.text("is_open = 1"),
    )
    op.create_index("ix_incidents_company", "incidents", ["company_id", "is_open", "id"], unique=False)
    op.create_index(
        "ix_incidents_resolved",
        "incidents",
        ["company_id", "correlation_key", "resolved_at"],
        unique=False,
        sqlite_where=sa.text("is_open = 0"),
        postgresql_where=sa.text("is_open = 0"),
    )
    op.create_index(
        "uq_incidents_open",
        "incidents",
        ["company_id", "correlation_key"],
        unique=True,
        sqlite_where=sa.text("is_open = 1"),
        postgresql_where=sa.text("is_open = 1"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", dialect.Number, nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", dialect.Json, nullable=False),
        sa.Column("due_at", dialect.Moment(), nullable=False),
        sa.Column("generation", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("leased_until", dialect.Moment(), nullable=True),
        sa.Column("wanted_at", dialect.Moment(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("key", name=op.f("uq_jobs_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_jobs_due_at", "jobs", ["due_at"], unique=False)
    op.create_table(
        "runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=True),
        sa.Column("runbook_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("is_active", sa.SmallInteger(), nullable=False),
        sa.Column("requested_at", dialect.Moment(), nullable=False),
        sa.Column("finished_at", dialect.Moment(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("body", dialect.Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index("ix_runs_active", "runs", ["company_id", "is_active"], unique=False)
    op.create_index("ix_runs_incident", "runs", ["incident_id", "id"], unique=False)
    op.create_table(
        "sla_clocks",
        sa.Column("incident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("started_at", dialect.Moment(), nullable=False),
        sa.Column("target", dialect.Span(), nullable=False),
        sa.Column("warn_before", dialect.Span(), nullable=False),
        sa.Column("paused", dialect.Span(), nullable=False),
        sa.Column("paused_at", dialect.Moment(), nullable=True),
        sa.Column("due_at", dialect.Moment(), nullable=False),
        sa.Column("met_at", dialect.Moment(), nullable=True),
        sa.Column("warned_at", dialect.Moment(), nullable=True),
        sa.Column("breached_at", dialect.Moment(), nullable=True),
        sa.Column("next_check_at", dialect.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("incident_id", "kind", name=op.f("pk_sla_clocks")),
    )
    op.create_index(
        "ix_sla_clocks_next",
        "sla_clocks",
        ["next_check_at"],
        unique=False,
        sqlite_where=sa.text("next_check_at IS NOT NULL"),
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.create_table(
        "timeline",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("at", dialect.Moment(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timeline")),
    )
    op.create_index("ix_timeline_incident", "timeline", ["incident_id", "id"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", dialect.Moment(), nullable=False),
        sa.Column("expires_at", dialect.Moment(), nullable=False),
        sa.Column("revoked_at", dialect.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
    )
    op.create_table(
        "users",
        sa.Column("id", dialect.Number, nullable=False),
        sa.Column("company_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("companies", dialect.Json, nullable=False),
        sa.Column("skills", dialect.Json, nullable=False),
        sa.Column("slack_user", sa.Text(), nullable=True),
        sa.Column("teams_user", sa.Text(), nullable=True),
        sa.Column("workload_limit", sa.Integer(), nullable=False),
        sa.Column("available", sa.Boolean(), nullable=False),
        sa.Column("leave_from", dialect.Moment(), nullable=True),
        sa.Column("leave_until", dialect.Moment(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("open_incidents", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", dialect.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
        sa.UniqueConstraint("slack_user", name=op.f("uq_users_slack_user")),
        sa.UniqueConstraint("teams_user", name=op.f("uq_users_teams_user")),
        sqlite_autoincrement=True,
    )
