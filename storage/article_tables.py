"""The knowledge base. Its words are kept beside it to be searched, as each database does that (`storage.dialect`)."""

from __future__ import annotations

import sqlalchemy as sa

from storage.dialect import Moment, Number
from storage.tables import metadata

Column, Text = sa.Column, sa.Text

articles = sa.Table(
    "articles",
    metadata,
    Column("id", Number, primary_key=True),
    Column("company_id", sa.BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Column("fix", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("incident_id", sa.BigInteger),
    Column("author", Text, nullable=False),
    Column("updated_by", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("retired_at", Moment),
    Column("revision", sa.Integer, nullable=False),
    sa.Index("ix_articles_company", "company_id", "signature"),
    sa.Index(
        "uq_articles_incident",
        "company_id",
        "incident_id",
        unique=True,
        sqlite_where=sa.text("incident_id IS NOT NULL AND retired_at IS NULL"),
        postgresql_where=sa.text("incident_id IS NOT NULL AND retired_at IS NULL"),
    ),
    sqlite_autoincrement=True,
)
