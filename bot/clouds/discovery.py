"""Which machines a company's clouds show, and which of them the inventory knows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.cloud import Cloud, Provider, place_of
from engine.company import CompanyContext
from runbooks.executors.aws_proof import machines_in
from runbooks.executors.azure_arm import Arm, AzureApp


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A machine as its cloud shows it. `asset`: what the inventory calls it; empty when it does not know it."""

    cloud: Cloud
    name: str
    platform: str
    state: str
    region: str
    cloud_ref: str
    asset: str = ""

    def document(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "platform": self.platform,
            "state": self.state,
            "cloud": self.cloud.provider,
            "account": self.cloud.account,
            "region": self.region,
            "cloud_ref": self.cloud_ref,
            "asset": self.asset or None,
        }


async def machines(context: CompanyContext, app: AzureApp) -> list[Found]:
    """Everything that Systems Manager and Azure show, by name. Raises Transient or Permanent."""
    found: list[Found] = []
    for cloud in context.company.clouds:
        match Provider(cloud.provider):
            case Provider.AWS:
                for region in sorted(_regions(cloud, context)):
                    seen = await asyncio.to_thread(machines_in, cloud, region)
                    found += [_of_aws(cloud, region, one, context) for one in seen.values()]
            case Provider.AZURE:
                found += await _of_azure(cloud, context, app)
            case Provider.GCP:
                continue
    return sorted(found, key=lambda one: (one.name, one.cloud_ref))


def _regions(cloud: Cloud, context: CompanyContext) -> Iterable[str]:
    """The account's own region, and those that assets name."""
    known = {cloud.region, *(asset.region for asset in context.assets)}
    return {region for region in known if region}


def _of_aws(cloud: Cloud, region: str, said: Mapping[str, Any], context: CompanyContext) -> Found:
    instance = str(said["InstanceId"])
    several = sum(one.provider == Provider.AWS for one in context.company.clouds) > 1
    kind = ("ssm", "managed-instance") if instance.startswith("mi-") else ("ec2", "instance")
    partition = cloud.role_arn.split(":")[1]
    arn = f"arn:{partition}:{kind[0]}:{region}:{cloud.account}:{kind[1]}/{instance}"
    asset = context.asset_called(arn) or context.asset_called(instance)
    return Found(
        cloud=cloud,
        name=str(said.get("ComputerName") or said.get("Name") or instance).split(".")[0].lower(),
        platform=str(said.get("PlatformType", "")).lower(),
        state=str(said.get("PingStatus", "")),
        region=region,
        cloud_ref=arn if several else instance,
        asset=asset.name if asset else "",
    )


async def _of_azure(cloud: Cloud, context: CompanyContext, app: AzureApp) -> list[Found]:
    arm = Arm(app)
    path = f"/subscriptions/{cloud.subscription_id}/providers/Microsoft.Compute/virtualMachines"
    try:
        seen = await arm.pages(cloud, path)
    finally:
        await arm.close()
    known = {_same(asset.cloud_ref): asset.name for asset in context.assets if place_of(asset.cloud_ref)}
    return [
        Found(
            cloud=cloud,
            name=str(one.get("name", "")).lower(),
            platform=_system(one),
            state="",
            region=str(one.get("location", "")),
            cloud_ref=str(one["id"]),
            asset=known.get(_same(str(one["id"])), ""),
        )
        for one in seen
    ]


def _system(said: Mapping[str, Any]) -> str:
    disk = said.get("properties", {}).get("storageProfile", {}).get("osDisk", {})
    return str(disk.get("osType", "")).lower()


def _same(reference: str) -> str:
    """Azure writes its ids in any case."""
    return reference.lower()
