"""What a channel can take, the storms it went through, the cards that a storm's board shows instead; jobs are
claimed fairly by company."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("board", sa.Text()),
        sa.Column("counted_from", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("deferred", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("urgent", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("pressed_at", dialect.Moment()),
    ):
        op.add_column("cards", column)
    op.drop_index("ix_jobs_due_at", "jobs")
    op.create_index("ix_jobs_due_at", "jobs", ["due_at", "id", "company_id"])
    on_board = sa.text("board IS NOT NULL")
    op.create_index("ix_cards_board", "cards", ["board"], sqlite_where=on_board, postgresql_where=on_board)
    op.create_table(
        "channels",
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("turn_at", dialect.Moment(), nullable=False, server_default="0"),
        sa.Column("swell_at", dialect.Moment(), nullable=False, server_default="0"),
        sa.Column("swell", dialect.Json, nullable=False),
        sa.Column("critical_at", dialect.Moment()),
        sa.Column("storm_id", sa.Text()),
        sa.PrimaryKeyConstraint("platform", "channel", name=op.f("pk_channels")),
    )
    op.create_table(
        "storms",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("began_at", dialect.Moment(), nullable=False),
        sa.Column("over_at", dialect.Moment()),
        sa.Column("samples", dialect.Json, nullable=False),
        sa.Column("tally", dialect.Json),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_storms")),
    )
