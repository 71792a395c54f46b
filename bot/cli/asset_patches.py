"""`aw asset patches`: what AWS Patch Manager found at its last scan of a company's machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bot.cli import terminal
from bot.cli.opened import with_core
from bot.cli.words import Json, Slug, family
from engine.cloud import Cloud, Provider, clouds_for, place_of
from engine.errors import Refused

if TYPE_CHECKING:
    from bot.core import Core
    from engine.company import CompanyContext
    from storage.transaction import Transaction

app = family("Assets: patches.")


@app.command("patches")
def patches(slug: Slug, as_json: Json = False) -> None:
    """Show which machines lack patches, as AWS Patch Manager found them at its last scan."""

    async def act(core: Core) -> list[dict[str, Any]]:
        async def look(tx: Transaction) -> CompanyContext:
            from engine.operations import directory

            return await tx.companies.context((await directory.company_called(tx, slug)).id)

        return await _found(await core.read(look))

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    headings = ("ASSET", "STATE", "MISSING", "CRITICAL", "SECURITY", "FAILED", "REBOOT", "SCANNED")
    names = ("asset", "state", "missing", "critical", "security", "failed", "pending_reboot", "scanned_at")
    rows = [[one[name] for name in names] for one in found]
    terminal.say_table(headings, rows, nothing="No machine of this company is in AWS.")


async def _found(context: CompanyContext) -> list[dict[str, Any]]:
    import asyncio

    from runbooks.executors.aws_proof import patch_states

    places: dict[tuple[Cloud, str], dict[str, str]] = {}
    for asset in context.assets:
        place = place_of(asset.cloud_ref)
        if place is None or place.provider is not Provider.AWS:
            continue
        clouds = clouds_for(context.company.clouds, place)
        if len(clouds) == 1:
            region = asset.region or place.region or clouds[0].region
            places.setdefault((clouds[0], region), {})[asset.name] = place.name
    if not places and not any(cloud.provider == Provider.AWS for cloud in context.company.clouds):
        raise Refused(
            f"{context.company.name} has no AWS account.",
            hint="Patch Manager is a part of AWS Systems Manager.",
        )
    found: list[dict[str, Any]] = []
    for (cloud, region), names in sorted(places.items(), key=lambda one: (one[0][0].account, one[0][1])):
        states = await asyncio.to_thread(patch_states, cloud, region, sorted(set(names.values())))
        found += [document(name, states.get(instance)) for name, instance in sorted(names.items())]
    return found


def document(name: str, state: Mapping[str, Any] | None) -> dict[str, Any]:
    """One machine's patches: compliant, not compliant, or never scanned."""
    if state is None:
        empty = ("missing", "critical", "security", "failed", "pending_reboot", "scanned_at")
        return {"asset": name, "state": "never scanned"} | dict.fromkeys(empty)
    counts = {
        "missing": state.get("MissingCount", 0),
        "critical": state.get("CriticalNonCompliantCount", 0),
        "security": state.get("SecurityNonCompliantCount", 0),
        "failed": state.get("FailedCount", 0),
        "pending_reboot": state.get("InstalledPendingRebootCount", 0),
    }
    lacking = sum(counts.values()) + state.get("OtherNonCompliantCount", 0)
    ended = state.get("OperationEndTime")
    return {
        "asset": name,
        "state": "not compliant" if lacking else "compliant",
        **counts,
        "scanned_at": ended.isoformat() if ended else None,
    }
