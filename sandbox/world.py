"""The world as configured, and what of it is shared: its parts, its faults, and the stream of what happens."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.azure.config import AzureConfig, AzureVm, Subscription
from sandbox.faults import Faults
from sandbox.reading import BadWorld as BadWorld
from sandbox.reading import each, made, mapping, tuples
from sandbox.teams.config import TeamsChannel, TeamsConfig, TeamsPerson
from sandbox.twilio import TwilioConfig, TwilioWorld

if TYPE_CHECKING:
    from sandbox.aws.ses import Ses
    from sandbox.aws.world import AwsWorld
    from sandbox.azure.world import AzureWorld
    from sandbox.senders import Senders
    from sandbox.slack.workspace import Workspace
    from sandbox.teams.world import TeamsWorld

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BotIdentity:
    user_id: str
    bot_id: str
    app_id: str
    name: str
    token: str
    scopes: tuple[str, ...] | None = None
    """What the app was installed with; None: everything it may ask for."""


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
    is_archived: bool = False
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
    commands: tuple[str, ...] = ("/aw",)
    """The slash commands that the app brings."""
    events: tuple[str, ...] = ("app_mention", "message.im", "app_home_opened")
    """The events that the app is subscribed to."""


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
    buckets: tuple[str, ...] = ()
    log_groups: tuple[str, ...] = ()
    """Where output can go that is too long for Systems Manager."""


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
    """What one button of the panel sends: `alerts` repeated `count` times over `over_seconds`, after `breaks`. `also`
    are other companies whose preset of the same name goes with it."""

    id: str
    title: str
    alerts: tuple[Mapping[str, Any], ...]
    count: int = 1
    over_seconds: float = 0
    breaks: tuple[Mapping[str, str], ...] = ()
    also: tuple[str, ...] = ()


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
class ClockConfig:
    """The bot's time runs so many times as fast as this world's, since a moment in seconds."""

    speed: int = 1
    since: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldConfig:
    bot_url: str
    root: Path
    clock: ClockConfig = field(default_factory=ClockConfig)
    slack: SlackConfig | None = None
    aws: AwsConfig | None = None
    azure: AzureConfig | None = None
    teams: TeamsConfig | None = None
    twilio: TwilioConfig | None = None
    model_key: str = ""
    """Whoever has it may ask the pretend model; without one there is none."""
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


class Background:
    """Work that goes on beside the calls: kept, its faults logged, and cancelled at the end."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("work in the background failed", exc_info=fault)

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class World:
    """Made from its configuration; its parts exist where they are configured."""

    def __init__(self, config: WorldConfig) -> None:
        self.config = config
        self.faults = Faults()
        self.stream = Stream()
        self._slack: Workspace | None = None
        self._aws: AwsWorld | None = None
        self._azure: AzureWorld | None = None
        self._teams: TeamsWorld | None = None
        self._twilio: TwilioWorld | None = None
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
    def azure(self) -> AzureWorld | None:
        """None when this world has no subscriptions."""
        if self._azure is None and self.config.azure is not None:
            from sandbox.azure.world import AzureWorld

            self._azure = AzureWorld(self.config.azure, self.config.root, self.faults)
        return self._azure

    @property
    def teams(self) -> TeamsWorld | None:
        """None when this world has no Teams."""
        if self._teams is None and self.config.teams is not None:
            from sandbox.teams.world import TeamsWorld

            self._teams = TeamsWorld(self.config.teams, self.config.bot_url, self.faults, self.stream)
        return self._teams

    @property
    def twilio(self) -> TwilioWorld | None:
        """None when this world has no telephones."""
        if self._twilio is None and self.config.twilio is not None:
            self._twilio = TwilioWorld(
                self.config.twilio, self.config.bot_url, self.faults, self.stream.publish
            )
        return self._twilio

    @property
    def ses(self) -> Ses:
        """The mail of this world. Raises BadWorld when it has no accounts."""
        if self.aws is None:
            raise BadWorld("aws: this world has no accounts")
        return self.aws.ses

    @property
    def senders(self) -> Senders:
        if self._senders is None:
            from sandbox.senders import Senders

            self._senders = Senders(self)
        return self._senders


def _config(source: Any) -> WorldConfig:
    whole = mapping(source, "the world", ("bot", "root"))
    slack, aws, azure, teams = (whole.get(name) for name in ("slack", "aws", "azure", "teams"))
    return WorldConfig(
        bot_url=str(mapping(whole["bot"], "bot", ("url",))["url"]).rstrip("/"),
        root=Path(str(whole["root"])),
        clock=made(ClockConfig, whole["clock"], "clock") if whole.get("clock") else ClockConfig(),
        slack=_slack(slack) if slack else None,
        aws=_aws(aws) if aws else None,
        azure=_azure(azure) if azure else None,
        teams=_teams(teams) if teams else None,
        twilio=made(TwilioConfig, tuples(whole["twilio"], "unreachable"), "twilio")
        if whole.get("twilio")
        else None,
        model_key=str(whole.get("model_key", "")),
        senders=each(whole, "", "senders", _sender),
        evening=each(whole, "", "evening", lambda one, at: made(Moment, one, at)),
    )


def _slack(source: Any) -> SlackConfig:
    whole = mapping(source, "slack", ("team", "bot", "signing_secret", "users", "channels"))
    team = mapping(whole["team"], "slack.team", ("id", "name"))
    more = {name: tuple(whole[name]) for name in ("commands", "events") if name in whole}
    return SlackConfig(
        team_id=team["id"],
        team_name=team["name"],
        bot=made(BotIdentity, tuples(whole["bot"], "scopes"), "slack.bot"),
        signing_secret=whole["signing_secret"],
        users=each(whole, "slack.", "users", lambda one, at: made(Person, one, at)),
        channels=each(
            whole, "slack.", "channels", lambda one, at: made(ChannelConfig, tuples(one, "members"), at)
        ),
        app_token=whole.get("app_token"),
        rate_limits=bool(whole.get("rate_limits", True)),
        **more,
    )


def _aws(source: Any) -> AwsConfig:
    whole = mapping(source, "aws", ("home",))

    def account(one: Any, at: str) -> Account:
        instances = each(one, f"{at}.", "instances", lambda it, where: made(Instance, it, where))
        whole = {**tuples(mapping(one, at), "buckets", "log_groups"), "instances": instances}
        return made(Account, whole, at)

    ses = tuples(whole.get("ses") or {}, "verified")
    return AwsConfig(
        home=made(HomeAccount, whole["home"], "aws.home"),
        accounts=each(whole, "aws.", "accounts", account),
        ses=made(SesConfig, ses, "aws.ses"),
    )


def _azure(source: Any) -> AzureConfig:
    def subscription(one: Any, at: str) -> Subscription:
        vms = each(one, f"{at}.", "vms", lambda it, where: made(AzureVm, it, where))
        return made(Subscription, {**mapping(one, at), "vms": vms}, at)

    subscriptions = each(source, "azure.", "subscriptions", subscription)
    return made(AzureConfig, {**mapping(source, "azure"), "subscriptions": subscriptions}, "azure")


def _teams(source: Any) -> TeamsConfig:
    people = each(source, "teams.", "people", lambda one, at: made(TeamsPerson, one, at))
    channels = each(
        source, "teams.", "channels", lambda one, at: made(TeamsChannel, tuples(one, "members"), at)
    )
    whole = {**mapping(source, "teams"), "people": people, "channels": channels}
    return made(TeamsConfig, whole, "teams")


def _sender(source: Any, at: str) -> SenderConfig:
    def preset(one: Any, where: str) -> Preset:
        return made(Preset, tuples(one, "alerts", "breaks"), where)

    presets = each(source, f"{at}.", "presets", preset)
    return made(SenderConfig, {**mapping(source, at), "presets": presets}, at)
