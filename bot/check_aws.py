"""`aw check`, AWS: who we are, and that each company's role lets us in with its external id and only with it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bot.finding import Finding, bad, good
from engine.company import Cloud, Company

_QUICK = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2, "mode": "standard"})
_SESSION = "aw-check"
_FALLBACK_REGION = "us-east-1"


async def aws(companies: Sequence[Company]) -> list[Finding]:
    return await asyncio.to_thread(_aws, companies)


def _aws(companies: Sequence[Company]) -> list[Finding]:
    import boto3

    regions = [one.cloud.region for one in companies if one.cloud is not None and one.cloud.region]
    try:
        sts = boto3.client("sts", region_name=regions[0] if regions else _FALLBACK_REGION, config=_QUICK)
        try:
            said = sts.get_caller_identity()
            found = [good("AWS", f"we are {said['Arn']}")]
            for one in companies:
                assert one.cloud is not None
                found.append(_role(sts, one, one.cloud))
            return found
        finally:
            sts.close()
    except (BotoCoreError, ClientError) as error:
        mend = "Give AWS credentials as boto3 finds them: AWS_ACCESS_KEY_ID, a profile, or an instance role."
        return [bad("AWS", f"we cannot say who we are: {error}", mend)]


def _role(sts: Any, company: Company, cloud: Cloud) -> Finding:
    """With the external id it must work; without it, it must not: else anyone we serve could be impersonated."""
    subject = f"AWS role of {company.slug}"
    try:
        sts.assume_role(RoleArn=cloud.role_arn, RoleSessionName=_SESSION, ExternalId=cloud.external_id)
    except ClientError as error:
        mend = f"Its trust policy must allow us, on the condition sts:ExternalId = {cloud.external_id}."
        return bad(subject, f"{cloud.role_arn} does not let us in: {_code(error)}", mend)
    try:
        sts.assume_role(RoleArn=cloud.role_arn, RoleSessionName=_SESSION)
    except ClientError as error:
        if _code(error) == "AccessDenied":
            return good(subject, f"{cloud.role_arn} lets us in, and only with its external id")
        return bad(subject, f"we could not try it without its external id: {_code(error)}", "Try again.")
    mend = f"Add the condition sts:ExternalId = {cloud.external_id} to its trust policy."
    return bad(subject, f"{cloud.role_arn} lets us in without any external id", mend)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))
