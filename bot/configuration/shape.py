"""What a configuration file may say. Everything but names may be left out; what is left out stays as it is.

Keys, signing secrets and tokens are never in it, nor is anything that happened: incidents, silences, stand-ins, leave.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from engine.cloud import Provider
from engine.company import Reach, Role
from engine.errors import Refused
from engine.notice import Transport

FORMAT: Literal["1"] = "1"
LARGEST = 20_000_000
_MOST_FAULTS = 20

Nothing = BeforeValidator(lambda value: None if value == "" else value)
"""An empty value takes away what was there."""
Text = Annotated[str | None, Nothing]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    def given(self, *names: str) -> dict[str, Any]:
        """Those of the named fields that the file says."""
        return {name: getattr(self, name) for name in names if name in self.model_fields_set}


class Msp(_Part):
    name: str = ""
    slack_channel: Text = None
    teams_conversation: Text = None
    settings: Mapping[str, str] = Field(default_factory=dict)


class Group(_Part):
    name: str
    settings: Mapping[str, str] = Field(default_factory=dict)


class CloudAccess(_Part):
    provider: Provider = Provider.AWS
    role_arn: str = ""
    external_id: str = ""
    region: str = ""
    output_bucket: str = ""
    output_prefix: str = ""
    output_log_group: str = ""
    tenant_id: str = ""
    subscription_id: str = ""
    project_id: str = ""


class Machine(_Part):
    """An asset."""

    name: str
    aliases: tuple[str, ...] = ()
    platform: str = ""
    cloud_ref: str = ""
    region: str = ""
    critical: bool = False
    depends_on: tuple[str, ...] = ()
    labels: Mapping[str, str] = Field(default_factory=dict)


class Expected(_Part):
    """A heartbeat; both as `1 d`, `90 min`."""

    name: str
    every: str
    grace: str = ""


class Client(_Part):
    """A company. `signed`: it has to sign its webhooks."""

    slug: str
    name: str = ""
    group: Text = None
    slack_channel: Text = None
    teams_conversation: Text = None
    query_key: bool = True
    signed: bool = False
    sns_topics: tuple[str, ...] = ()
    clouds: tuple[CloudAccess, ...] = ()
    settings: Mapping[str, str] = Field(default_factory=dict)
    assets: tuple[Machine, ...] = ()
    heartbeats: tuple[Expected, ...] = ()


class Person(_Part):
    """Companies by their short names; `tell` is way → how far it may be used."""

    email: str
    name: str = ""
    role: Role | None = None
    companies: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    slack_user: Text = None
    teams_user: Text = None
    workload_limit: int = Field(default=8, ge=1, le=100)
    available: bool = True
    timezone: str = "UTC"
    prefers: tuple[str, ...] = ()
    phone: Text = None
    quiet_hours: str = ""
    tell: Mapping[Transport, Reach] = Field(default_factory=dict)


class Turns(_Part):
    """A layer of a rotation; people by their addresses, in order."""

    people: tuple[str, ...]
    days: int = 7
    start: date
    at: time = time(9)
    hours: str = ""


class Plan(_Part):
    """A rotation."""

    name: str
    timezone: str = "UTC"
    companies: tuple[str, ...] = ()
    hours: str = ""
    layers: tuple[Turns, ...] = ()


class Configuration(_Part):
    alert_whisperer: Literal["1"] = Field(description="The format of the file.")
    msp: Msp = Msp()
    groups: tuple[Group, ...] = ()
    companies: tuple[Client, ...] = ()
    people: tuple[Person, ...] = ()
    rotations: tuple[Plan, ...] = ()


class _Loader(yaml.BaseLoader):
    """Every value is the text that stands there: `no`, `on` and `17:00` are what people mean by them. An anchor could
    make much out of little, and a name that stands twice would lose one of both."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.constructor.ConstructorError(problem="anchors and aliases are not read")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for name, _ in node.value:
            if name.value in seen:
                said = f"“{name.value}” stands there twice"
                raise yaml.constructor.ConstructorError(None, None, said, name.start_mark)
            seen.add(str(name.value))
        return super().construct_mapping(node, deep=deep)


def read(text: str) -> Configuration:
    """What a file says. Raises Refused naming every fault and its place."""
    try:
        document = yaml.load(text, _Loader)  # noqa: S506 - makes texts, lists and mappings only
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Refused(f"This is not YAML that can be read: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict) or "alert_whisperer" not in document:
        raise Refused(
            "This is no configuration of Alert Whisperer.",
            hint=f'It begins with `alert_whisperer: "{FORMAT}"`; `aw export` writes one.',
        )
    try:
        found = Configuration.model_validate(document)
    except ValidationError as error:
        raise Refused(_in_words(error)) from None
    _once("company", [one.slug.lower() for one in found.companies])
    _once("group", [one.name.lower() for one in found.groups])
    _once("person", [one.email.lower() for one in found.people])
    _once("rotation", [one.name.lower() for one in found.rotations])
    for client in found.companies:
        _once(f"asset of {client.slug}", [one.name.lower() for one in client.assets])
        _once(f"heartbeat of {client.slug}", [one.name for one in client.heartbeats])
    return found


def _in_words(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_input=False)
    lines = [f"{_place(one['loc'])}: {one['msg'].removeprefix('Value error, ')}" for one in faults]
    more = [f"and {len(lines) - _MOST_FAULTS} more"] if len(lines) > _MOST_FAULTS else []
    return "\n".join([*lines[:_MOST_FAULTS], *more, "Nothing was changed."])


def _place(place: tuple[int | str, ...]) -> str:
    """`companies[2].name`, counted from 1 as people do."""
    found = ""
    for part in place:
        found += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if found else part
    return found


def _once(what: str, names: list[str]) -> None:
    twice = sorted({one for one in names if names.count(one) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise Refused(f"There twice: {what} {', '.join(twice[:5])}. Nothing was changed.")


def write(found: Configuration) -> str:
    """The file, without what is empty. Reading it gives the same again."""
    document = _filled(found.model_dump(mode="json"))
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100))


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        filled = {name: _filled(one) for name, one in value.items()}
        return {name: one for name, one in filled.items() if one not in (None, "", [], {})}
    return [_filled(one) for one in value] if isinstance(value, list) else value
