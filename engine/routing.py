"""Who should get an incident: available, skilled, and the least loaded of those. Deterministic and explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.company import User

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


def choose(
    technicians: Sequence[User],
    loads: Mapping[int, int],
    *,
    category: str,
    platform: str,
    now: datetime,
    exclude: frozenset[int] = frozenset(),
) -> Choice:
    """Availability first, then a fitting skill, then the least load; ties go to the lowest id. O(technicians)."""
    skills = wanted_skills(category, platform)
    out: list[str] = []
    best: tuple[tuple[int, int, int], User] | None = None
    for user in technicians:
        load = loads.get(user.id, 0)
        why_not = _unavailable(user, load, now, exclude)
        if why_not:
            out.append(f"{user.name} {why_not}")
            continue
        rank = (0 if not skills or user.skills & skills else 1, load, user.id)
        if best is None or rank < best[0]:
            best = (rank, user)
    if best is None:
        return Choice(
            None, "nobody is free: " + "; ".join(out[:3]) if out else "no technician serves this company"
        )
    (unskilled, load, _), user = best
    if not skills:
        fit = "any skill"
    else:
        fit = "no one free has " + "/".join(sorted(skills)) if unskilled else f"{min(user.skills & skills)} ✓"
    said = "; ".join([f"{user.name}: {fit}, {load} open", *out[:2]])
    return Choice(user, said)


def _unavailable(user: User, load: int, now: datetime, exclude: frozenset[int]) -> str:
    if user.id in exclude:
        return "said not me"
    if user.on_leave(now):
        return "on leave"
    if not user.available:
        return "unavailable"
    return f"is full ({load}/{user.workload_limit})" if load >= user.workload_limit else ""
