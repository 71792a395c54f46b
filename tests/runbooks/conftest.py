"""Fixtures of the tests of runbooks."""

from __future__ import annotations

from tests.runbooks.aws import cloud
from tests.runbooks.azure import azure

__all__ = ["azure", "cloud"]
