"""The world as configured, and what of it is shared: its parts, its faults, and the stream of what happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.faults import Faults

if TYPE_CHECKING:
    from sandbox.aws.world import AwsWorld
    from sandbox.senders import Senders
    from sandbox.slack.workspace import Workspace


class BadWorld(ValueError):
    """The world's file cannot be used; the text names the place and what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotIdentity:
    user_id: str
    bot_id: str
    app_id: str
    name: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    id: str
    name: str
    real_name: str
    email: str
    tz: str = "UTC"
    label: str = ""
    is_restricted: bool = False
    team_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelConfig:
    id: str
    name: str
    topic: str = ""
    is_private: bool = False
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackConfig:
    team_id: str
    team_name: str
    bot: BotIdentity
    signing_secret: str
    users: tuple[Person, ...]
    channels: tuple[ChannelConfig, ...]
    app_token: str | None = None
    rate_limits: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeAccount:
    account: str
    access_key_id: str
    secret_access_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    id: str
    name: str
    platform: str = "Linux"
    ping: str = "Online"
    template: str = "web-server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    id: str
    name: str
    region: str
    role_arn: str
    external_id: str
    instances: tuple[Instance, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SesConfig:
    verified: tuple[str, ...] = ()
    sandboxed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsConfig:
    home: HomeAccount
    accounts: tuple[Account, ...] = ()
    ses: SesConfig = field(default_factory=SesConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What one button of the panel sends: `alerts` repeated `count` times over `over_seconds`, after `breaks`."""

    id: str
    title: str
    alerts: tuple[Mapping[str, Any], ...]
    count: int = 1
    over_seconds: float = 0
    breaks: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderConfig:
    company: str
    name: str
    url: str
    api_key: str
    presets: tuple[Preset, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A part of the evening: this preset, so many seconds after the bot is ready."""

    after_seconds: float
    company: str
    preset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldConfig:
    bot_url: str
    root: Path
    slack: SlackConfig | None = None
    aws: AwsConfig | None = None
    senders: tuple[SenderConfig, ...] = ()
    evening: tuple[Moment, ...] = ()


class Stream:
    """What happens in the world, to everybody who listens. `to` narrows a change to one person."""

    def __init__(self) -> None:
        self._listeners: dict[asyncio.Queue[dict[str, Any]], str] = {}

    def listen(self, person: str) -> asyncio.Queue[dict[str, Any]]:
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(maxsize=2000)
        self._listeners[queue] = person
        return queue

    def leave(self, queue: asyncio.Queue[dict[str, Any]]) -> None:
        self._listeners.pop(queue, None)

    def publish(self, change: dict[str, Any], *, to: str | None = None) -> None:
        for queue, person in list(self._listeners.items()):
            if to is not None and person != to:
                continue
            if queue.full():  # a page that stopped reading; it reads the state anew when it comes back
                self.leave(queue)
            else:
                queue.put_nowait(change)


class World:
    """Made from its configuration; its parts exist where they are configured."""

    def __init__(self, config: WorldConfig) -> None:
        self.config = config
        self.faults = Faults()
        self.stream = Stream()
        self._slack: Workspace | None = None
        self._aws: AwsWorld | None = None
        self._senders: Senders | None = None

    @classmethod
    def load(cls, source: Mapping[str, Any] | Path) -> World:
        """From a mapping or a JSON file. Raises BadWorld."""
        if not isinstance(source, Path):
            return cls(_config(source))
        try:
            return cls(_config(json.loads(source.read_text("utf-8"))))
        except (OSError, json.JSONDecodeError) as error:
            raise BadWorld(f"{source}: {error}") from error

    @property
    def slack(self) -> Workspace:
        if self._slack is None:
            from sandbox.slack.workspace import Workspace

            if self.config.slack is None:
                raise BadWorld("slack: this world has no workspace")
            self._slack = Workspace(self.config.slack, self.config.bot_url, self.faults, self.stream)
        return self._slack

    @property
    def aws(self) -> AwsWorld | None:
        """None when this world has no accounts."""
        if self._aws is None and self.config.aws is not None:
            from sandbox.aws.world import AwsWorld

            self._aws = AwsWorld(self.config.aws, self.config.root, self.faults, self.stream.publish)
        return self._aws

    @property
    def senders(self) -> Senders:
        if self._senders is None:
            from sandbox.senders import Senders

            self._senders = Senders(self)
        return self._senders


def _config(source: Mapping[str, Any]) -> WorldConfig:
    try:
        slack, aws = source.get("slack"), source.get("aws")
        return WorldConfig(
            bot_url=str(source["bot"]["url"]).rstrip("/"),
            root=Path(source["root"]),
            slack=_slack(slack) if slack else None,
            aws=_aws(aws) if aws else None,
            senders=tuple(_sender(one) for one in source.get("senders", ())),
            evening=tuple(Moment(**one) for one in source.get("evening", ())),
        )
    except KeyError as error:
        raise BadWorld(f"{error.args[0]} is missing") from error
    except TypeError as error:
        raise BadWorld(str(error)) from error


def _slack(one: Mapping[str, Any]) -> SlackConfig:
    return SlackConfig(
        team_id=one["team"]["id"],
        team_name=one["team"]["name"],
        bot=BotIdentity(**one["bot"]),
        signing_secret=one["signing_secret"],
        users=tuple(Person(**user) for user in one["users"]),
        channels=tuple(
            ChannelConfig(**{**c, "members": tuple(c.get("members", ()))}) for c in one["channels"]
        ),
        app_token=one.get("app_token"),
        rate_limits=bool(one.get("rate_limits", True)),
    )


def _aws(one: Mapping[str, Any]) -> AwsConfig:
    ses = one.get("ses") or {}
    return AwsConfig(
        home=HomeAccount(**one["home"]),
        accounts=tuple(
            Account(**{**a, "instances": tuple(Instance(**i) for i in a.get("instances", ()))})
            for a in one.get("accounts", ())
        ),
        ses=SesConfig(verified=tuple(ses.get("verified", ())), sandboxed=bool(ses.get("sandboxed", False))),
    )


def _sender(one: Mapping[str, Any]) -> SenderConfig:
    presets = tuple(
        Preset(**{**p, "alerts": tuple(p["alerts"]), "breaks": tuple(p.get("breaks", ()))})
        for p in one.get("presets", ())
    )
    return SenderConfig(**{**one, "presets": presets})
