"""What this machine says of Amazon Bedrock: where it is, whether there are credentials, and why it refuses us."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import Permanent
from integrations.ai.prompt import NotAllowed


@dataclass(frozen=True, slots=True)
class Amazon:
    """The address of Bedrock's runtime as boto3 finds it (AWS_ENDPOINT_URL…, the partition), and the region."""

    url: str
    region: str


def amazon(region: str, *, must: bool) -> Amazon:
    """Blocking, and slow where boto3 has to ask the machine's own metadata: for a thread. `must`: without credentials
    this raises NotAllowed; else the SDK looks itself, as it knows keys of Bedrock's own too."""
    try:
        import boto3.session
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise NotAllowed("the package “boto3” is not installed") from None
    try:
        session = boto3.session.Session()
        if must and session.get_credentials() is None:
            raise NotAllowed("no AWS credentials were found")
        client = session.client(
            "bedrock-runtime", region_name=region or None
        )  # itself it reads no AWS_REGION
    except BotoCoreError as error:
        raise (NotAllowed if must else Permanent)(f"AWS: {type(error).__name__}") from error
    try:
        return Amazon(client.meta.endpoint_url, client.meta.region_name)
    finally:
        client.close()


def not_ours(status: int, said: str) -> str:
    """Why a refusal of Bedrock's means that the model is not there for us; empty for any other."""
    if status == 403:
        return "Bedrock refuses us (403): our role has no bedrock:InvokeModel, or the account no access to the model"
    if status == 404:
        return (
            "Bedrock knows no such model for this account (404): ask for access to it, once, in AWS's console"
        )
    if status == 400 and ("model identifier" in said or "on-demand throughput" in said):
        return "Bedrock has no model or inference profile of that name in this region (400)"
    return ""
