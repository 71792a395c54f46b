"""The shape of the "aws" part of a world's configuration, as this room reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class HomeConfig(Protocol):
    """The MSP's own account and its one user."""

    @property
    def account(self) -> str: ...
    @property
    def access_key_id(self) -> str: ...
    @property
    def secret_access_key(self) -> str: ...


class InstanceConfig(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def platform(self) -> str: ...
    @property
    def ping(self) -> str: ...
    @property
    def template(self) -> str: ...


class AccountConfig(Protocol):
    """A customer's account, in one region, with the role that the home account may assume."""

    @property
    def id(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def role_arn(self) -> str: ...
    @property
    def external_id(self) -> str: ...
    @property
    def instances(self) -> Sequence[InstanceConfig]: ...


class SesConfig(Protocol):
    @property
    def verified(self) -> Sequence[str]: ...
    @property
    def sandboxed(self) -> bool: ...


class AwsConfig(Protocol):
    @property
    def home(self) -> HomeConfig: ...
    @property
    def accounts(self) -> Sequence[AccountConfig]: ...
    @property
    def ses(self) -> SesConfig | None: ...
