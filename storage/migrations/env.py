"""Alembic's entry. The connection and its transaction are given by `storage.database.Database.migrate`."""

from alembic import context

context.run_migrations()
