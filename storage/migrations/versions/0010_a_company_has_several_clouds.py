"""A company has several clouds: what was one object becomes a list."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE companies RENAME COLUMN cloud TO clouds")
    companies = sa.table("companies", sa.column("id", sa.BigInteger()), sa.column("clouds", dialect.Json))
    connection = op.get_bind()
    for number, cloud in connection.execute(sa.select(companies.c.id, companies.c.clouds)).all():
        clouds = [cloud] if isinstance(cloud, dict) else []
        connection.execute(sa.update(companies).where(companies.c.id == number).values(clouds=clouds))
