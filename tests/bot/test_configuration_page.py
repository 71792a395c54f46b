"""docs/configuration.md and the code name the same variables with the same defaults."""

from __future__ import annotations

import re
from pathlib import Path

from bot.settings import NAMES, Settings

PAGE = (Path(__file__).parent.parent.parent / "docs" / "configuration.md").read_text()
ROWS = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", PAGE, re.MULTILINE))


def test_every_variable_is_described_and_no_other():
    assert set(ROWS) == set(NAMES)


def test_the_defaults_are_the_codes():
    for name, described in ROWS.items():
        default = Settings.model_fields[name.lower()].default
        value = default.get_secret_value() if hasattr(default, "get_secret_value") else default
        if value in ("", None):
            assert "`" not in described or name in ("AW_PUBLIC_URL", "AW_SECRET_KEY"), name
        else:
            assert described == f"`{value}`", name
