"""Settings are inherited: what a company's columns held beside the defaults becomes its own settings."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_SECOND = 1_000_000
_PLAIN: dict[str, Any] = {"autonomy": "act", "timezone": "UTC", "rate_limit": 1000, "burst": 9000}
_SPANS = {"window": 900, "reopen_window": 3600}
_TARGETS = {
    "critical": (1800, 14400),
    "high": (7200, 28800),
    "medium": (28800, 86400),
    "low": (86400, 172800),
}
"""The defaults at the time of this step."""


def upgrade() -> None:
    op.create_table(
        "company_groups",
        sa.Column("id", dialect.Number, nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("settings", dialect.Json, nullable=False, server_default="{}"),
        sa.Column("created_at", dialect.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_company_groups"),
        sa.UniqueConstraint("name", name="uq_company_groups_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "msp_settings",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("settings", dialect.Json, nullable=False, server_default="{}"),
        sa.PrimaryKeyConstraint("company_id", name="pk_msp_settings"),
    )
    op.add_column("companies", sa.Column("group_id", sa.BigInteger(), nullable=True))
    op.add_column("companies", sa.Column("settings", dialect.Json, nullable=False, server_default="{}"))
    names = ("id", *_PLAIN, *_SPANS)
    companies = sa.table(
        "companies",
        *(sa.column(name) for name in names),
        sa.column("sla", dialect.Json),
        sa.column("settings", dialect.Json),
    )
    columns = [companies.c[name] for name in (*names, "sla")]
    connection = op.get_bind()
    for row in connection.execute(sa.select(*columns)).mappings().all():
        statement = sa.update(companies).where(companies.c.id == row["id"]).values(settings=_own(row))
        connection.execute(statement)
    for name in (*_PLAIN, *_SPANS, "sla"):
        op.drop_column("companies", name)


def _own(row: Any) -> dict[str, Any]:
    found = {name: row[name] for name in _PLAIN}
    found |= {name: row[name] // _SECOND for name in _SPANS}
    usual = _PLAIN | _SPANS | {"sla_warning": 1800, "sla_hours": "", "sla_around_the_clock": []}
    sla = row["sla"]
    found |= {
        "sla_warning": sla["warning"],
        "sla_hours": sla.get("hours", ""),
        "sla_around_the_clock": sla.get("around_the_clock", []),
    }
    for severity, both in _TARGETS.items():
        given = sla["targets"].get(severity, (0, 0))
        for kind, default, seconds in zip(("response", "resolution"), both, given, strict=True):
            usual[f"sla_{severity}_{kind}"] = default
            found[f"sla_{severity}_{kind}"] = seconds
    return {name: value for name, value in found.items() if value != usual[name]}
