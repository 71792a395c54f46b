"""The settings of a company: one registry, and how a value is inherited: MSP → company group → company.

To add one, add a line to SETTINGS and read it with `company.value("its_name")`. Values are kept as JSON knows them (a
span as whole seconds), and a value that is not set anywhere is the default of this version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from engine import escalation, hours
from engine.alert import Severity
from engine.errors import Refused
from engine.report_times import ReportTime
from engine.setting_kinds import (
    Address,
    Choice,
    EscalationChain,
    HourlyRate,
    Hours,
    Kind,
    Number,
    RunbookIds,
    RunbookRules,
    Severities,
    Span,
    Zone,
)
from engine.sla import DEFAULT_TARGETS, ClockKind

_LONGEST = 500


class Origin(StrEnum):
    """Where a value comes from, the farthest first."""

    DEFAULT = "default"
    MSP = "msp"
    GROUP = "group"
    COMPANY = "company"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """`means` is one plain sentence. `regroups`: it decides which alerts are one incident, so a change is shown on the
    company's own past first. `msp_only`: a company's admins cannot change it."""

    name: str
    kind: Kind
    default: Any
    means: str
    regroups: bool = False
    msp_only: bool = False

    def read(self, words: str) -> Any:
        """The value behind what somebody typed, as it is kept. Raises Refused saying what may stand there."""
        said = " ".join(words.split())
        try:
            if len(said) > _LONGEST:
                raise ValueError
            return self.kind.read(
                said if isinstance(self.kind, Zone | Hours | EscalationChain) else said.lower()
            )
        except ValueError:
            raise Refused(
                f"“{said[:60]}” cannot be {self.name}.", hint=f"It takes {self.kind.expects}.", code="invalid"
            ) from None

    def words(self, kept: Any) -> str:
        return self.kind.words(kept)


def _minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


_DAY = 1440
_TARGET = Span(_minutes(0), _minutes(60 * _DAY), zero="off")
_FIRST = {ClockKind.RESPONSE: "taken in hand", ClockKind.RESOLUTION: "solved"}


def sla_name(severity: Severity, kind: ClockKind) -> str:
    return f"sla_{severity.value}_{kind.value}"


def _targets() -> Sequence[Setting]:
    return [
        Setting(
            name=sla_name(severity, kind),
            kind=_TARGET,
            default=int(target.total_seconds()),
            means=f"How soon a {severity.value} incident has to be {_FIRST[kind]}.",
        )
        for severity, both in DEFAULT_TARGETS.items()
        for kind, target in zip(ClockKind, both, strict=True)
    ]


SETTINGS: Mapping[str, Setting] = {
    one.name: one
    for one in (
        Setting(
            name="window",
            kind=Span(_minutes(1), _minutes(_DAY)),
            default=900,
            means="How long the same problem may be silent and still be one burst.",
            regroups=True,
        ),
        Setting(
            name="reopen_window",
            kind=Span(_minutes(0), _minutes(7 * _DAY), zero="never"),
            default=3600,
            means="How long after it is resolved a problem comes back under its old number.",
            regroups=True,
        ),
        Setting(
            name="close_after",
            kind=Span(_minutes(10), _minutes(90 * _DAY), zero="never"),
            default=72_000,
            means="How long nothing may be heard of an incident whose tool never reports an end, until it closes.",
        ),
        Setting(
            name="autonomy",
            kind=Choice(("observe", "propose", "act")),
            default="act",
            means="How far runbooks may go by themselves: watch, offer a button, or run what is low risk.",
        ),
        Setting(
            name="runbooks",
            kind=RunbookRules(),
            default={},
            means="Single runbooks that may go less far or farther, and how many people have to agree to them.",
        ),
        Setting(
            name="ai",
            kind=Choice(("on", "off")),
            default="on",
            means="Whether a model may be asked about its alerts, where one is set up.",
        ),
        Setting(
            name="ai_tokens",
            kind=Number(0, 100_000_000),
            default=300_000,
            means="How many tokens of a model its alerts may cost a day (UTC).",
        ),
        Setting(
            name="summaries",
            kind=Choice(("on", "off")),
            default="on",
            means="Whether a report that is sent begins with a few marked lines on what stands out.",
        ),
        Setting(
            name="run_hours",
            kind=Hours(),
            default=hours.ALWAYS,
            means="The hours in which a runbook may run by itself.",
        ),
        Setting(
            name="run_targets",
            kind=Number(1, 50),
            default=50,
            means="How many machines one run may touch at most.",
        ),
        Setting(
            name="runs_per_hour",
            kind=Number(1, 1000),
            default=60,
            means="How many runs may start within any one hour.",
        ),
        Setting(
            name="break_glass",
            kind=RunbookIds(),
            default=[],
            means="Which runbooks a person may start in a critical incident when nobody who could agree is there.",
            msp_only=True,
        ),
        Setting(
            name="timezone",
            kind=Zone(),
            default="UTC",
            means="The clock that its maintenance windows and times are on.",
        ),
        Setting(
            name="rate_limit",
            kind=Number(1, 1000),
            default=1000,
            means="How many alert requests a minute are taken in.",
        ),
        Setting(
            name="burst",
            kind=Number(0, 100_000),
            default=9000,
            means="How many more of them are taken in at once in a storm.",
        ),
        *_targets(),
        Setting(
            name="sla_warning",
            kind=Span(_minutes(0), _minutes(_DAY), zero="off"),
            default=1800,
            means="How long before a target is missed people are warned, at most half of the target.",
        ),
        Setting(
            name="sla_hours",
            kind=Hours(),
            default=hours.ALWAYS,
            means="The business hours in which the time of a promise counts.",
        ),
        Setting(
            name="sla_around_the_clock",
            kind=Severities(),
            default=[],
            means="The severities whose promises count at any hour.",
        ),
        Setting(
            name="routing_skills",
            kind=Choice(("preferred", "required")),
            default="preferred",
            means="Whether an incident may go to somebody without a fitting skill when nobody free has one.",
        ),
        Setting(
            name="contact_email",
            kind=Address(),
            default="",
            means="Who is mailed when what a person worked on is resolved.",
        ),
        Setting(
            name="hourly_rate",
            kind=HourlyRate(),
            default="",
            means="What an hour of work costs it.",
        ),
        Setting(
            name="time_gap",
            kind=Span(_minutes(5), _minutes(_DAY)),
            default=1800,
            means="How much of a silence of an incident's owner counts as work at most.",
        ),
        Setting(
            name="report",
            kind=ReportTime(),
            default="monthly 08:00",
            means="When its own channel gets the report of the month or week that is over.",
        ),
        Setting(
            name="report_msp",
            kind=ReportTime(),
            default="weekly mon 08:00",
            means="When the MSP's own channel gets the report over all companies; what is set for the MSP counts.",
            msp_only=True,
        ),
        Setting(
            name="escalation",
            kind=EscalationChain(),
            default=escalation.DEFAULT,
            means="Who is called when a promise is broken, step by step: when, and whom.",
        ),
        Setting(
            name="escalation_repeat",
            kind=Number(0, 20),
            default=2,
            means="How often the last step is told again while nobody takes it.",
        ),
        Setting(
            name="escalation_silence",
            kind=Span(_minutes(0), _minutes(7 * _DAY), zero="never"),
            default=14400,
            means="How long nothing may be heard of who took it before calling goes on.",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Layers:
    """What is set explicitly, by name, at each place that a company inherits from, and at the company itself."""

    msp: Mapping[str, Any] = field(default_factory=dict)
    group: Mapping[str, Any] = field(default_factory=dict)
    company: Mapping[str, Any] = field(default_factory=dict)
    group_name: str = ""

    def at(self, origin: Origin) -> Mapping[str, Any]:
        return {Origin.MSP: self.msp, Origin.GROUP: self.group, Origin.COMPANY: self.company}.get(origin, {})


@dataclass(frozen=True, slots=True)
class Resolved:
    """A setting's value for one company and where it comes from."""

    setting: Setting
    kept: Any
    origin: Origin

    @property
    def words(self) -> str:
        return self.setting.words(self.kept)

    @property
    def value(self) -> Any:
        return self.setting.kind.typed(self.kept)


_NEAREST_FIRST = (Origin.COMPANY, Origin.GROUP, Origin.MSP)


def resolve(setting: Setting, layers: Layers) -> Resolved:
    """The nearest place that says something sensible, else the default."""
    for origin in _NEAREST_FIRST:
        kept = layers.at(origin).get(setting.name)
        if kept is not None and setting.kind.holds(kept):
            return Resolved(setting, kept, origin)
    return Resolved(setting, setting.default, Origin.DEFAULT)


def resolved(layers: Layers) -> list[Resolved]:
    return [resolve(setting, layers) for setting in SETTINGS.values()]


def setting_called(name: str) -> Setting:
    """Raises Refused naming the nearest one."""
    plain = name.strip().lower().replace("-", "_")
    found = SETTINGS.get(plain) or SETTINGS.get({"reopen": "reopen_window", "tz": "timezone"}.get(plain, ""))
    if found is None:
        near = _near(plain)
        hint = f"Did you mean `{near}`?" if near else f"There are: {', '.join(SETTINGS)}."
        raise Refused(f"There is no setting “{name[:40]}”.", hint=hint, code="invalid")
    return found


def _near(name: str) -> str:
    return next(iter(get_close_matches(name, SETTINGS, n=1)), "")
