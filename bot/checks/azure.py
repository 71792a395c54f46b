"""`aw check`, Azure: that our application may sign in to each company's tenant and see its subscription."""

from __future__ import annotations

from collections.abc import Sequence

from bot.checks.finding import Finding, bad, good
from engine.cloud import Provider
from engine.company import Company
from engine.errors import AlertWhispererError
from runbooks.executors.azure_arm import Arm, AzureApp


async def azure(companies: Sequence[Company], app: AzureApp) -> list[Finding]:
    arm, found = Arm(app), []
    try:
        for one in companies:
            for cloud in one.clouds:
                if cloud.provider != Provider.AZURE:
                    continue
                subject = f"Azure subscription of {one.slug}"
                path = f"/subscriptions/{cloud.subscription_id}/providers/Microsoft.Compute/virtualMachines"
                try:
                    seen = await arm.pages(cloud, path)
                except AlertWhispererError as error:
                    found.append(bad(subject, str(error), f"`aw company verify {one.slug}` says more."))
                else:
                    found.append(good(subject, f"{cloud.account} shows {len(seen)} virtual machines"))
    finally:
        await arm.close()
    return found
