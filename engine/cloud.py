"""Where machines live: a company's clouds, and what a machine's reference at its provider tells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Provider(StrEnum):
    AWS = "aws"
    AZURE = "azure"
    GCP = "gcp"

    @property
    def label(self) -> str:
        return _LABELS[self]

    @property
    def name_of_service(self) -> str:
        """As people call it."""
        return {"aws": "AWS", "azure": "Azure", "gcp": "Google Cloud"}[self.value]

    @property
    def executor(self) -> str:
        """The name under which the executor for it is registered."""
        return "aws_ssm" if self is Provider.AWS else self.value


_LABELS = {
    Provider.AWS: "AWS account",
    Provider.AZURE: "Azure subscription",
    Provider.GCP: "Google Cloud project",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """Where a company's machines live and how we may act there. The external id is ours and never changes.

    AWS: a role with an external id, a default region, and optionally where output goes that is too long for the API:
    a bucket with a prefix, or a group of CloudWatch Logs. Azure: a tenant and a subscription. Google Cloud: a project.
    """

    provider: str = Provider.AWS.value
    role_arn: str = ""
    external_id: str = ""
    region: str = ""
    output_bucket: str = ""
    output_prefix: str = ""
    output_log_group: str = ""
    tenant_id: str = ""
    subscription_id: str = ""
    project_id: str = ""

    @property
    def account(self) -> str:
        """The AWS account of the role, the subscription or the project; empty when it is not known."""
        if self.provider == Provider.AWS:
            parts = self.role_arn.split(":")
            return parts[4] if len(parts) > 5 else ""
        return self.subscription_id if self.provider == Provider.AZURE else self.project_id

    @property
    def label(self) -> str:
        """`AWS account 123456789012`."""
        return f"{Provider(self.provider).label} {self.account}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a machine's reference says: its provider always; account and region (zone) where they are in it."""

    provider: Provider
    name: str
    account: str = ""
    region: str = ""
    group: str = ""
    """The Azure resource group."""


_SHAPES = (
    (Provider.AWS, re.compile(r"(?P<name>m?i-\w+)")),
    (
        Provider.AWS,
        re.compile(
            r"arn:aws[a-z-]*:(?:ec2|ssm):(?P<region>[a-z0-9-]+):(?P<account>\d{12}):"
            r"(?:instance|managed-instance)/(?P<name>m?i-\w+)"
        ),
    ),
    (
        Provider.AZURE,
        re.compile(
            r"/subscriptions/(?P<account>[0-9a-f-]{36})/resourceGroups/(?P<group>[\w.()-]{1,90})"
            r"/providers/Microsoft\.Compute/virtualMachines/(?P<name>[\w.-]{1,64})",
            re.IGNORECASE,
        ),
    ),
    (
        Provider.GCP,
        re.compile(
            r"(?:(?://|https://(?:www\.)?)?(?:compute\.googleapis\.com/|googleapis\.com/)?(?:compute/v1/)?)?"
            r"projects/(?P<account>[a-z][a-z0-9-]{4,28}[a-z0-9])/zones/(?P<region>[a-z0-9-]+)"
            r"/instances/(?P<name>[a-z0-9-]{1,63}|\d+)"
        ),
    ),
)


def place_of(cloud_ref: str) -> Place | None:
    """What the reference of a machine tells; None when it is of no known shape."""
    for provider, shape in _SHAPES:
        found = shape.fullmatch(cloud_ref.strip())
        if found is not None:
            said = {
                name: value.lower() if name == "account" else value
                for name, value in found.groupdict().items()
            }
            return Place(provider=provider, **said)
    return None


def clouds_for(clouds: Sequence[Cloud], place: Place) -> tuple[Cloud, ...]:
    """The clouds in which a machine at that place can be: one is certain, several need a reference that says more."""
    return tuple(
        cloud
        for cloud in clouds
        if cloud.provider == place.provider and (not place.account or cloud.account.lower() == place.account)
    )


def cloud_at(clouds: Sequence[Cloud], executor: str, account: str) -> Cloud | None:
    """The cloud with that account that this executor works in."""
    return next(
        (one for one in clouds if Provider(one.provider).executor == executor and one.account == account),
        None,
    )
