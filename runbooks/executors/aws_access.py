"""Whether AWS knows us, and lets us into a company's role with its external id and only with it. boto3, blocking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.cloud import Cloud
from engine.errors import Permanent

_SESSION = "aw-check"
_FALLBACK_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class RoleAccess:
    """The error codes of AssumeRole with and without the external id; empty when it let us in."""

    with_id: str
    without_id: str


def try_roles(clouds: Sequence[Cloud]) -> tuple[str, list[RoleAccess]]:
    """(our own ARN, the access to each role). Raises Permanent when AWS does not know us or cannot be reached."""
    import boto3.session
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    quick = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2, "mode": "standard"})
    region = next((cloud.region for cloud in clouds if cloud.region), _FALLBACK_REGION)
    try:
        sts = boto3.session.Session().client("sts", region_name=region, config=quick)
        try:
            arn = str(sts.get_caller_identity()["Arn"])
            return arn, [_access(sts, cloud, ClientError) for cloud in clouds]
        finally:
            sts.close()
    except (BotoCoreError, ClientError) as error:
        raise Permanent(str(error)) from error


def _access(sts: Any, cloud: Cloud, refusal: type[Exception]) -> RoleAccess:
    def tried(**more: str) -> str:
        try:
            sts.assume_role(RoleArn=cloud.role_arn, RoleSessionName=_SESSION, **more)
        except refusal as error:
            return str(getattr(error, "response", {}).get("Error", {}).get("Code", "unknown"))
        return ""

    with_id = tried(ExternalId=cloud.external_id)
    return RoleAccess(with_id, tried() if not with_id else "")
