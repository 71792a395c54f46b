"""A runbook: one recipe with typed parameters, a script and a verify script for each platform it knows.

Parameters never touch script text. They are checked here, and handed over as quoted environment assignments
in front of an unchanged script.
"""

from __future__ import annotations

import re
import shlex
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from engine.classification import CATEGORIES
from engine.errors import Refused

BY_SIGNATURE = 2
"""What a fitting signature weighs in a score; a fitting category weighs 1."""

LONGEST_VALUE = 256
"""Characters of one parameter value. Longer ones are refused whatever their kind."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PATH = re.compile(r"/(?:[A-Za-z0-9._@+-]+/?)*")
_UNIT = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.@:$\\() -]{0,126}[A-Za-z0-9_.@)])?")
_WHOLE_NUMBER = re.compile(r"-?[1-9][0-9]{0,17}|0")


class Risk(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Purpose(StrEnum):
    """A `look` changes nothing on the machine: it is offered, never run by itself, and is no fix when it succeeds."""

    FIX = "fix"
    LOOK = "look"


class Platform(StrEnum):
    LINUX = "linux"
    WINDOWS = "windows"


_LINUX_WORDS = (
    "linux",
    "ubuntu",
    "debian",
    "centos",
    "rhel",
    "red hat",
    "rocky",
    "alma",
    "amazon",
    "suse",
    "fedora",
)


def platform_of(text: str) -> Platform | None:
    """The platform behind an inventory's word (`Ubuntu 24.04`, `Windows Server 2022`), or None."""
    plain = text.strip().lower()
    if plain.startswith("win") or "windows" in plain:
        return Platform.WINDOWS
    return Platform.LINUX if any(word in plain for word in _LINUX_WORDS) else None


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)


class _Parameter(_Strict, ABC):
    """`label` names the asset label (of the company's inventory) that gives the value when nobody does."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    description: str = Field(min_length=1, max_length=300)
    default: str | None = None
    label: str | None = None

    @field_validator("default", mode="before")
    @classmethod
    def _default_as_text(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @property
    def variable(self) -> str:
        """The environment variable the script reads. The prefix keeps it away from PATH."""
        return f"AW_{self.name.upper()}"

    @property
    @abstractmethod
    def limits(self) -> str:
        """What a value may be, in words."""

    @abstractmethod
    def fault(self, value: str) -> str | None:
        """Why this value cannot be used, in words that follow the parameter's name; None when it can."""


class ChoiceParameter(_Parameter):
    kind: Literal["enum"]
    values: tuple[str, ...] = Field(min_length=1)

    @property
    def limits(self) -> str:
        return f"one of {', '.join(self.values)}"

    def fault(self, value: str) -> str | None:
        return None if value in self.values else f"must be one of {', '.join(self.values)}"


class TextParameter(_Parameter):
    kind: Literal["text"]
    pattern: str = Field(min_length=1, max_length=200)
    example: str = ""

    @property
    def limits(self) -> str:
        return f"text, for example {self.example}" if self.example else f"text that fits {self.pattern}"

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        return compiled_or_fault(value)

    @model_validator(mode="after")
    def _example_fits(self) -> TextParameter:
        if self.example and not re.fullmatch(self.pattern, self.example):
            raise ValueError(f"the example “{self.example}” does not fit the pattern")
        return self

    def fault(self, value: str) -> str | None:
        if re.fullmatch(self.pattern, value):
            return None
        return f"does not look right{f', for example {self.example}' if self.example else ''}"


class IntegerParameter(_Parameter):
    kind: Literal["integer"]
    minimum: int
    maximum: int

    @property
    def limits(self) -> str:
        return f"{self.minimum} to {self.maximum}"

    def fault(self, value: str) -> str | None:
        if _WHOLE_NUMBER.fullmatch(value) and self.minimum <= int(value) <= self.maximum:
            return None
        return f"must be a whole number from {self.minimum} to {self.maximum}"


class PathParameter(_Parameter):
    """An absolute POSIX path of plain characters below one of `roots`."""

    kind: Literal["path"]
    roots: tuple[str, ...] = Field(min_length=1)

    @property
    def limits(self) -> str:
        return f"a path inside {' or '.join(self.roots)}"

    def fault(self, value: str) -> str | None:
        if not _PATH.fullmatch(value) or any(part in ("..", ".") for part in value.split("/")):
            return "must be an absolute path of letters, digits and . _ @ + -"
        inside = any(f"{value.rstrip('/')}/".startswith(f"{root.rstrip('/')}/") for root in self.roots)
        return None if inside else f"must be inside {' or '.join(self.roots)}"


class UnitParameter(_Parameter):
    """The name of a systemd unit or of a Windows service."""

    kind: Literal["unit"]

    @property
    def limits(self) -> str:
        return "the name of a service"

    def fault(self, value: str) -> str | None:
        return None if _UNIT.fullmatch(value) else "must be the name of a service, for example nginx"


Parameter = Annotated[
    ChoiceParameter | TextParameter | IntegerParameter | PathParameter | UnitParameter,
    Field(discriminator="kind"),
]


class Scripts(_Strict):
    """What runs on one platform. `verify` changes nothing and exits 0 only when the goal is met."""

    script: str = Field(min_length=1, max_length=30_000)
    verify: str = Field(min_length=1, max_length=30_000)

    @field_validator("script", "verify")
    @classmethod
    def _inert(cls, value: str) -> str:
        if "{{" in value:
            raise ValueError("holds “{{”, which AWS Systems Manager would replace before running it")
        if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", value):
            raise ValueError("holds a control character")
        return value


class Matches(_Strict):
    """Which incidents this is meant for: by category, by a pattern over the normalised signature, or both.

    `only_by_signature`: the category alone is not enough, as for the restart of one certain program.
    """

    categories: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    only_by_signature: bool = False

    @field_validator("categories")
    @classmethod
    def _known(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if value not in CATEGORIES:
                raise ValueError(f"“{value}” is no category; there are {', '.join(sorted(CATEGORIES))}")
        return values

    @field_validator("signatures")
    @classmethod
    def _compile(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(compiled_or_fault(value) for value in values)

    def score(self, category: str, signature: str) -> int:
        """0 when this is not meant for it; a fitting signature weighs twice a fitting category."""
        text = signature[:300].lower()
        by_signature = any(re.search(pattern, text) for pattern in self.signatures)
        if self.only_by_signature and not by_signature:
            return 0
        return BY_SIGNATURE * by_signature + (category in self.categories)


class Runbook(_Strict):
    """`version` grows with every change of the scripts; `undo` says in plain words how to take it back."""

    id: str = Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)
    version: int = Field(ge=1)
    title: str = Field(min_length=3, max_length=80)
    description: str = Field(min_length=1, max_length=1000)
    risk: Risk
    risk_reason: str = Field(min_length=1, max_length=300)
    purpose: Purpose = Purpose.FIX
    matches: Matches = Matches()
    preconditions: tuple[str, ...] = ()
    timeout_seconds: int = Field(ge=10, le=7200)
    output_limit: int = Field(default=20_000, ge=500, le=24_000)
    parameters: tuple[Parameter, ...] = ()
    platforms: dict[Platform, Scripts] = Field(min_length=1)
    undo: str = Field(min_length=1, max_length=500)

    @model_validator(mode="after")
    def _sound_parameters(self) -> Runbook:
        names = [parameter.name for parameter in self.parameters]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"parameters named twice: {', '.join(doubled)}")
        for parameter in self.parameters:
            if parameter.default is not None and (why := _fault(parameter, parameter.default)):
                raise ValueError(f"the default of {parameter.name} {why}")
        return self

    @model_validator(mode="after")
    def _can_be_offered(self) -> Runbook:
        if self.matches.only_by_signature and not self.matches.signatures:
            raise ValueError("matches.only_by_signature needs signatures, or nothing would ever match")
        return self

    @model_validator(mode="after")
    def _a_look_is_low(self) -> Runbook:
        if self.purpose is Purpose.LOOK and self.risk is not Risk.LOW:
            raise ValueError("a look changes nothing, so that its risk is low; otherwise it is a fix")
        return self

    @property
    def timeout(self) -> timedelta:
        return timedelta(seconds=self.timeout_seconds)


def compiled_or_fault(pattern: str) -> str:
    """The pattern itself when it compiles; raises ValueError with the reason otherwise."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"“{pattern}” is not a regular expression: {error}") from error
    return pattern


def validate_parameters(
    runbook: Runbook, given: Mapping[str, object], *, labels: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Every parameter of the runbook as checked text: the given one, else the asset's label, else the default.

    Raises Refused naming every fault at once.
    """
    faults = [f"{name}: this runbook has no such parameter" for name in given if name not in _names(runbook)]
    values: dict[str, str] = {}
    for parameter in runbook.parameters:
        raw = given.get(parameter.name)
        if raw is None or raw == "":
            raw = (
                (labels or {}).get(parameter.label, parameter.default)
                if parameter.label
                else parameter.default
            )
        if raw is None:
            faults.append(f"{parameter.name}: is needed ({parameter.description})")
            continue
        if isinstance(raw, bool) or not isinstance(raw, str | int):
            faults.append(f"{parameter.name}: must be text or a whole number")
            continue
        if isinstance(raw, int) and abs(raw) >= 10**18:
            faults.append(f"{parameter.name}: is too large a whole number")
            continue
        value = str(raw)
        why = _fault(parameter, value)
        if why:
            faults.append(f"{parameter.name}: {why}")
        values[parameter.name] = value
    if faults:
        listed = "; ".join(_printable(fault) for fault in faults[:20])
        raise Refused(f"{runbook.title} cannot run like this: {listed}.", code="bad_parameters")
    return values


def _names(runbook: Runbook) -> frozenset[str]:
    return frozenset(parameter.name for parameter in runbook.parameters)


def _fault(parameter: _Parameter, value: str) -> str | None:
    if len(value) > LONGEST_VALUE:
        return f"is longer than {LONGEST_VALUE} characters"
    if _CONTROL.search(value):
        return "holds a control character or a line break"
    if "{{" in value:
        return "holds “{{”, which AWS Systems Manager would replace"
    return parameter.fault(value)


def _printable(text: str) -> str:
    return _CONTROL.sub("�", text)[:300]


def script_for(
    runbook: Runbook, platform: Platform, parameters: Mapping[str, str], *, verify: bool = False
) -> str:
    """The exact text that runs: the interpreter line, an assignment per parameter, the script unchanged.

    `parameters` come from `validate_parameters`. Raises Refused when the runbook does not know the platform.
    """
    scripts = runbook.platforms.get(platform)
    if scripts is None:
        known = " and ".join(one.value for one in runbook.platforms)
        raise Refused(
            f"{runbook.title} runs on {known} only, not on {platform.value}.", code="wrong_platform"
        )
    body = scripts.verify if verify else scripts.script
    named = {parameter.variable: parameters[parameter.name] for parameter in runbook.parameters}
    if platform is Platform.WINDOWS:
        return "\n".join(
            [*(f"$env:{name} = {quote_powershell(value)}" for name, value in named.items()), body]
        )
    assignments = (f"export {name}={shlex.quote(value)}" for name, value in named.items())
    return "\n".join(["#!/bin/bash", *assignments, body])


_ASCII_OR_ONE = re.compile("[ -~]+|[^ -~]")


def quote_powershell(value: str) -> str:
    """An expression of ASCII alone that PowerShell reads as this value.

    Windows PowerShell 5.1 reads a file without a mark in the machine's old code page, where a part of an innocent
    letter (`Ò` in UTF-8) is a typographic quote, which it takes for the end of a string. So letters beyond ASCII are
    given by number. The expression begins with a string: `+` then joins, and does not add.
    """
    parts = [_powershell_part(one) for one in _ASCII_OR_ONE.findall(value)]
    return " + ".join(parts if parts and parts[0][0] == "'" else ["''", *parts])


def _powershell_part(text: str) -> str:
    if text.isascii() and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    units = text.encode("utf-16-be", "surrogatepass").hex(" ", 2).split()
    return " + ".join(f"[char]0x{unit}" for unit in units)
