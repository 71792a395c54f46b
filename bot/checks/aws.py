"""`aw check`, AWS: who we are, and that each company's role lets us in with its external id and only with it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.checks.finding import Finding, bad, good
from engine.cloud import Cloud, Provider
from engine.company import Company
from engine.errors import Permanent
from runbooks.executors.aws_access import RoleAccess, try_roles


async def aws(companies: Sequence[Company]) -> list[Finding]:
    clouds = [
        (one.slug, cloud) for one in companies for cloud in one.clouds if cloud.provider == Provider.AWS
    ]
    try:
        arn, access = await asyncio.to_thread(try_roles, [cloud for _, cloud in clouds])
    except Permanent as error:
        mend = "Give AWS credentials as boto3 finds them: AWS_ACCESS_KEY_ID, a profile, or an instance role."
        return [bad("AWS", f"we cannot say who we are: {error}", mend)]
    roles = [role_finding(slug, cloud, one) for (slug, cloud), one in zip(clouds, access, strict=True)]
    return [good("AWS", f"we are {arn}"), *roles]


def role_finding(slug: str, cloud: Cloud, access: RoleAccess) -> Finding:
    """With the external id it must work; without it, it must not: else anyone we serve could be impersonated."""
    subject, condition = f"AWS role of {slug}", f"sts:ExternalId = {cloud.external_id}"
    if access.with_id:
        mend = f"Its trust policy must allow us, on the condition {condition}."
        return bad(subject, f"{cloud.role_arn} does not let us in: {access.with_id}", mend)
    if access.without_id == "AccessDenied":
        return good(subject, f"{cloud.role_arn} lets us in, and only with its external id")
    if access.without_id:
        text = f"we could not try it without its external id: {access.without_id}"
        return bad(subject, text, "Try again.")
    mend = f"Add the condition {condition} to its trust policy."
    return bad(subject, f"{cloud.role_arn} lets us in without any external id", mend)
