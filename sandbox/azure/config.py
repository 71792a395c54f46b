"""The pretend Azure as configured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureVm:
    name: str
    resource_group: str
    location: str = "germanywestcentral"
    platform: str = "Linux"
    template: str = "web-server"
    power: str = "running"
    agent: str = "Ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    id: str
    tenant_id: str
    vms: tuple[AzureVm, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureConfig:
    """The application that may sign in to every tenant here, and the customers' subscriptions."""

    client_id: str
    client_secret: str
    subscriptions: tuple[Subscription, ...] = ()
