"""Fixtures of the tests of runbooks."""

from __future__ import annotations

from tests.runbooks.aws import cloud

__all__ = ["cloud"]
