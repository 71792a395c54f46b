"""The database: SQLAlchemy Core tables, frozen dataclasses in and out, no identity map. SQLite and PostgreSQL alike."""
