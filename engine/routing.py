"""Who should get an incident: available, skilled, and the least loaded of those. Deterministic and explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.alert import Severity
from engine.company import CompanyContext, User
from engine.incident import Incident

_SKILLS_FOR = {
    "disk": ("linux", "windows", "storage"),
    "memory": ("linux", "windows"),
    "cpu": ("linux", "windows"),
    "log": ("linux", "windows"),
    "service": ("linux", "windows", "apps"),
    "availability": ("linux", "windows", "network"),
    "database": ("database", "sql"),
    "network": ("network",),
    "backup": ("backup", "storage"),
    "certificate": ("security", "web"),
    "security": ("security",),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen technician (None when nobody is free) and why, in one line: `Kim: linux ✓, 1 open; Bob on leave`."""

    user: User | None
    reason: str


def wanted_skills(category: str, platform: str) -> frozenset[str]:
    """The skills that help with a category on a platform (`linux`, `windows` or unknown)."""
    skills = set(_SKILLS_FOR.get(category, ()))
    if platform and platform.lower() in skills:
        skills -= {"linux", "windows"} - {platform.lower()}
    elif platform and not skills:
        skills = {platform.lower()}
    return frozenset(skills)


WEIGHTS = {Severity.CRITICAL: 8, Severity.HIGH: 4, Severity.MEDIUM: 2}
"""What an open incident weighs in its owner's load; anything milder weighs 1."""
RISKS = (1, 2, 3)
"""How often it weighs that by how its promises stand: good, about to break, broken (`engine.sla.risk`)."""


@dataclass(frozen=True, slots=True)
class Load:
    """`open` incidents in somebody's name, what they weigh together, and how many of them are `at_risk`: a promise is
    broken or about to be."""

    open: int = 0
    weight: int = 0
    at_risk: int = 0

    def plus(self, severity: Severity) -> Load:
        return Load(self.open + 1, self.weight + weight(severity), self.at_risk)


NOTHING = Load()


def weight(severity: Severity, risk: int = 0) -> int:
    return WEIGHTS.get(severity, 1) * RISKS[risk]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an incident asks of who gets it. `skilled`: nobody without a fitting skill. `urgent`: also who is full.
    `on_call` are those on call for it now; they come first. `excluded` says of those in `exclude` why."""

    company_id: int
    skills: frozenset[str]
    skilled: bool = False
    urgent: bool = False
    on_call: frozenset[int] = frozenset()
    exclude: frozenset[int] = frozenset()
    excluded: str = "said not me"


def wanted(context: CompanyContext, incident: Incident, now: datetime, **more: Any) -> Wanted:
    asset = context.asset_called(incident.asset_name)
    return Wanted(
        company_id=context.company.id,
        skills=wanted_skills(incident.category, asset.platform if asset else ""),
        skilled=context.company.value("routing_skills") == "required",
        on_call=context.on_call(now),
        **more,
    )


def choose(technicians: Sequence[User], loads: Mapping[int, Load], want: Wanted, *, now: datetime) -> Choice:
    """Availability first, then who is on call, a fitting skill, who prefers the company, and the least load by weight
    of severity and risk; ties go to the lowest id. O(technicians)."""
    out: list[str] = []
    best: tuple[tuple[bool, bool, bool, int, int, int], User] | None = None
    for user in technicians:
        load = loads.get(user.id, NOTHING)
        why_not = _unavailable(user, load, want, now)
        if why_not:
            if len(out) < 3:
                out.append(f"{user.name} {why_not}")
            continue
        rank = (
            user.id not in want.on_call,
            bool(want.skills) and not user.skills & want.skills,
            want.company_id not in user.prefers,
            load.weight,
            load.open,
            user.id,
        )
        if best is None or rank < best[0]:
            best = (rank, user)
    if best is None:
        return Choice(
            None, "nobody is free: " + "; ".join(out) if out else "no technician serves this company"
        )
    user = best[1]
    return Choice(user, "; ".join([_said(user, loads.get(user.id, NOTHING), want), *out[:2]]))


def _said(user: User, load: Load, want: Wanted) -> str:
    """`Kim: on call, linux ✓, 1 open, prefers it`"""
    fitting = user.skills & want.skills
    if not want.skills:
        fit = "any skill"
    else:
        fit = f"{min(fitting)} ✓" if fitting else "no one free has " + "/".join(sorted(want.skills))
    late = f" ({load.at_risk} late or nearly)" if load.at_risk else ""
    parts = [*(["on call"] if user.id in want.on_call else []), fit, f"{load.open} open{late}"]
    if want.company_id in user.prefers:
        parts.append("prefers this company")
    return f"{user.name}: {', '.join(parts)}"


def _unavailable(user: User, load: Load, want: Wanted, now: datetime) -> str:
    if user.id in want.exclude:
        return want.excluded
    if user.on_leave(now):
        return "on leave"
    if not user.available:
        return "unavailable"
    if want.skilled and want.skills and not user.skills & want.skills:
        return "has none of the skills"
    if want.urgent or load.open < user.workload_limit:
        return ""
    return f"is full ({load.open}/{user.workload_limit})"
