"""The REST interface: the same operations as in chat, for scripts and dashboards, by bearer token."""

from bot.api.endpoints import attach, routes

__all__ = ["attach", "routes"]
