"""A fault nobody foresaw: a short code that a person can read out and the log can be searched for."""

from __future__ import annotations

import secrets
from typing import Any

import structlog

log = structlog.get_logger()


def fault_code(error: BaseException, **where: Any) -> str:
    """Log the fault whole, under a new code such as `AW-7F3K2Q`; the code."""
    code = "AW-" + "".join(secrets.choice("23456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(6))
    log.error("unexpected fault", code=code, exc_info=error, **where)
    return code
