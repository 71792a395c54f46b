"""Fixtures of the tests of runbooks."""

from __future__ import annotations

from tests.runbooks.aws import cloud
from tests.runbooks.azure import azure
from tests.runbooks.machine import machine

__all__ = ["azure", "cloud", "machine"]
