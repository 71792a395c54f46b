"""Alembic migrations; they run and are tested on SQLite and on PostgreSQL."""
