"""What AWS Patch Manager found at its last scan of a company's machines. Nothing is scanned here, and nothing kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.cloud import Cloud, Provider, clouds_for, place_of
from engine.company import CompanyContext
from engine.errors import AlertWhispererError, Refused
from runbooks.executors.aws_proof import patch_states

COMPLIANT, LACKING, UNSCANNED = "compliant", "not compliant", "never scanned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patches:
    """One machine's patches; the numbers are None when it was never scanned."""

    asset: str
    state: str
    missing: int | None = None
    critical: int | None = None
    security: int | None = None
    failed: int | None = None
    pending_reboot: int | None = None
    scanned_at: datetime | None = None


@dataclass(slots=True)
class Scan:
    """What is known, and of which accounts nothing is known and why: a role may do without this one permission."""

    machines: list[Patches] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)


async def scan(context: CompanyContext, asset: str = "") -> Scan:
    """Of all its machines in AWS, or of the one with that name. Raises Refused when there is nothing to ask about."""
    found = Scan()
    for (cloud, region), names in sorted(
        _places(context, asset).items(), key=lambda one: (one[0][0].account, one[0][1])
    ):
        try:
            states = await asyncio.to_thread(patch_states, cloud, region, sorted(set(names.values())))
        except AlertWhispererError as error:
            found.refusals.append(f"{cloud.account} {region}: {error}")
            continue
        found.machines += [patches(name, states.get(instance)) for name, instance in sorted(names.items())]
    return found


def _places(context: CompanyContext, asset: str) -> dict[tuple[Cloud, str], dict[str, str]]:
    company = context.company
    chosen = list(context.assets)
    if asset:
        one = context.asset_called(asset)
        if one is None:
            raise Refused(f"{company.name} has no machine “{asset[:80]}”.", code="unknown_target")
        chosen = [one]
    places: dict[tuple[Cloud, str], dict[str, str]] = {}
    for one in chosen:
        place = place_of(one.cloud_ref)
        if place is None or place.provider is not Provider.AWS:
            continue
        clouds = clouds_for(company.clouds, place)
        if len(clouds) == 1:
            region = one.region or place.region or clouds[0].region
            places.setdefault((clouds[0], region), {})[one.name] = place.name
    hint = "Patch Manager is a part of AWS Systems Manager."
    if not any(cloud.provider == Provider.AWS for cloud in company.clouds):
        raise Refused(f"{company.name} has no AWS account.", hint=hint, code="no_cloud")
    if asset and not places:
        raise Refused(f"{chosen[0].name} is in no AWS account of {company.name}.", hint=hint, code="no_cloud")
    return places


def patches(name: str, state: Mapping[str, Any] | None) -> Patches:
    if state is None:
        return Patches(asset=name, state=UNSCANNED)
    counts = {
        "missing": state.get("MissingCount", 0),
        "critical": state.get("CriticalNonCompliantCount", 0),
        "security": state.get("SecurityNonCompliantCount", 0),
        "failed": state.get("FailedCount", 0),
        "pending_reboot": state.get("InstalledPendingRebootCount", 0),
    }
    lacking = sum(counts.values()) + state.get("OtherNonCompliantCount", 0)
    return Patches(
        asset=name,
        state=LACKING if lacking else COMPLIANT,
        scanned_at=state.get("OperationEndTime"),
        **counts,
    )
