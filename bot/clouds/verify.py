"""`aw company verify`: that a company's clouds let us in and no further, proven without changing anything there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from bot.checks.aws import role_finding
from bot.checks.finding import Finding, bad, good, off
from engine.cloud import Cloud, Provider, clouds_for, place_of
from engine.company import Asset, CompanyContext
from engine.errors import AlertWhispererError, Permanent
from runbooks.executors.aws_access import try_roles
from runbooks.executors.aws_proof import RegionProof, prove
from runbooks.executors.azure_arm import VIEW, Arm, AzureApp
from runbooks.executors.gcp import REASON

ACTIONS_IN_AZURE = (
    "Microsoft.Compute/virtualMachines/read",
    "Microsoft.Compute/virtualMachines/runCommands/read",
    "Microsoft.Compute/virtualMachines/runCommands/write",
    "Microsoft.Compute/virtualMachines/runCommands/delete",
)
PERMISSIONS = {"api-version": "2022-04-01"}
_TEMPLATE = "Apply the template of `aw company access {slug}` again."
_AGENT = "Install or start the SSM agent and give the instance the role AmazonSSMManagedInstanceCore."


async def company(context: CompanyContext, app: AzureApp) -> list[Finding]:
    """Everything that can be found out about each of its clouds."""
    if not context.company.clouds:
        mend = f"`aw company cloud add {context.company.slug} …`"
        return [bad("Clouds", "none is configured, so nothing can run", mend)]
    found: list[Finding] = []
    for cloud in context.company.clouds:
        assets = [asset for asset in context.assets if _is_in(asset, cloud, context)]
        match Provider(cloud.provider):
            case Provider.AWS:
                found += await _aws(context.company.slug, cloud, assets)
            case Provider.AZURE:
                found += await _azure(context.company.slug, cloud, assets, app)
            case Provider.GCP:
                found.append(off(cloud.label, REASON))
    return found


def _is_in(asset: Asset, cloud: Cloud, context: CompanyContext) -> bool:
    place = place_of(asset.cloud_ref)
    return place is not None and clouds_for(context.company.clouds, place) == (cloud,)


async def _aws(slug: str, cloud: Cloud, assets: Sequence[Asset]) -> list[Finding]:
    try:
        arn, (access,) = await asyncio.to_thread(try_roles, [cloud])
    except Permanent as error:
        mend = "Give AWS credentials as boto3 finds them: AWS_ACCESS_KEY_ID, a profile, or an instance role."
        return [bad(cloud.label, f"we cannot say who we are: {error}", mend)]
    found = [good(cloud.label, f"we are {arn}"), role_finding(slug, cloud, access)]
    if access.with_id:
        return found
    wanted = {asset.region or _region(asset) or cloud.region for asset in assets} | {cloud.region}
    for region in sorted(one for one in wanted if one):
        try:
            proof = await asyncio.to_thread(prove, cloud, region)
        except AlertWhispererError as error:
            found.append(bad(f"{cloud.account} {region}", str(error), _TEMPLATE.format(slug=slug)))
            continue
        found += _region_findings(slug, cloud, region, proof)
        found += [
            finding
            for asset in assets
            if (asset.region or _region(asset) or cloud.region) == region
            and (finding := _machine(asset, proof)) is not None
        ]
    found.append(
        off(
            "ssm:SendCommand",
            "cannot be tried without running something: the first run proves it, and says so if it is missing",
        )
    )
    if cloud.output_bucket:
        text = f"{cloud.output_bucket}: reading there cannot be tried before a long output was written"
        found.append(off("s3:GetObject", text))
    return found


def _region_findings(slug: str, cloud: Cloud, region: str, proof: RegionProof) -> list[Finding]:
    subject, mend = f"{cloud.account} {region}", _TEMPLATE.format(slug=slug)
    online = sum(one.get("PingStatus") == "Online" for one in proof.machines.values())
    found = [good(subject, f"Systems Manager knows {len(proof.machines)} machines, {online} online")]
    missing = [one for one in proof.proofs if one.why_not]
    allowed = [one.action for one in proof.proofs if not one.why_not]
    if allowed:
        found.append(good(subject, f"we may call {', '.join(allowed)}"))
    for one in missing:
        optional = one.action == "ssm:DescribeInstancePatchStates"
        make = off if optional else bad
        found.append(make(one.action, one.why_not, mend))
    if proof.unnamed:
        text = f"{' and '.join(proof.unnamed)} not allowed: the approver stands in the session's name only"
        found.append(off(subject, text, mend))
    return found


def _machine(asset: Asset, proof: RegionProof) -> Finding | None:
    place = place_of(asset.cloud_ref)
    said = proof.machines.get(place.name if place else asset.cloud_ref)
    if said is None:
        return bad(asset.name, f"{asset.cloud_ref} is not managed by Systems Manager", _AGENT)
    if said.get("PingStatus") != "Online":
        return bad(asset.name, f"{asset.cloud_ref} is {said.get('PingStatus')}", "Start it or its agent.")
    return None


def _region(asset: Asset) -> str:
    place = place_of(asset.cloud_ref)
    return place.region if place else ""


async def _azure(slug: str, cloud: Cloud, assets: Sequence[Asset], app: AzureApp) -> list[Finding]:
    arm, mend = Arm(app), _TEMPLATE.format(slug=slug)
    scope = f"/subscriptions/{cloud.subscription_id}"
    try:
        await arm.token(cloud)
        found = [good(cloud.label, f"we sign in to the tenant {cloud.tenant_id or app.tenant_id}")]
        machines = await arm.pages(cloud, f"{scope}/providers/Microsoft.Compute/virtualMachines")
        found.append(good(cloud.label, f"Azure shows {len(machines)} virtual machines"))
        path = f"{scope}/providers/Microsoft.Authorization/permissions"
        granted = await arm.pages(cloud, path, PERMISSIONS)
        lacking = [action for action in ACTIONS_IN_AZURE if not _grants(granted, action)]
        if lacking:
            found.append(bad(cloud.label, f"we may not do {', '.join(lacking)}", mend))
        else:
            found.append(good(cloud.label, f"we may do {', '.join(ACTIONS_IN_AZURE)}"))
        for asset in assets:
            finding = await _virtual_machine(arm, cloud, asset)
            if finding is not None:
                found.append(finding)
        return found
    except AlertWhispererError as error:
        return [bad(cloud.label, str(error), mend)]
    finally:
        await arm.close()


async def _virtual_machine(arm: Arm, cloud: Cloud, asset: Asset) -> Finding | None:
    said = await arm.get(cloud, asset.cloud_ref, VIEW, absent=True)
    if said is None:
        return bad(asset.name, f"{asset.cloud_ref} is not there", "Correct its cloud reference.")
    statuses = said.get("properties", {}).get("instanceView", {}).get("statuses", ())
    codes = [str(one.get("code", "")) for one in statuses]
    if "PowerState/running" not in codes:
        return bad(asset.name, "it is not running in Azure", "Start it.")
    return None


def _grants(granted: Sequence[dict[str, Any]], action: str) -> bool:
    """Whether one of the roles allows the action and does not take it away again."""

    def named(patterns: Sequence[str]) -> bool:
        return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)

    return any(named(one.get("actions", ())) and not named(one.get("notActions", ())) for one in granted)
