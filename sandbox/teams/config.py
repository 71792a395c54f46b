"""The pretend Teams as configured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamsPerson:
    """`id` is the object id in the directory. `installed`: has the app in their personal scope."""

    id: str
    name: str
    email: str
    tenant_id: str = ""
    guest: bool = False
    installed: bool = True

    @property
    def account(self) -> str:
        """How the bot knows them."""
        return f"29:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamsChannel:
    """`id`: `19:…@thread.tacv2`. `team`: the team's id; its general channel has the same."""

    id: str
    name: str
    team: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamsConfig:
    app_id: str
    app_secret: str
    tenant_id: str
    people: tuple[TeamsPerson, ...] = ()
    channels: tuple[TeamsChannel, ...] = ()
    rate_limits: bool = True
    bot_name: str = "Alert Whisperer"
