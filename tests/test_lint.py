"""The checks that run nothing, as tests, so that one summary holds everything. `make lint` runs them alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CHECKS = {
    "ruff check": ("ruff", "check", "--no-fix", "--output-format=concise"),
    "ruff format": ("ruff", "format", "--check"),
    "mypy": ("mypy", "--no-error-summary"),
}


@pytest.mark.parametrize("check", CHECKS)
def test_lint(check: str) -> None:
    done = subprocess.run([sys.executable, "-m", *CHECKS[check]], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.fail(f"{check} says:\n{done.stdout}{done.stderr}", pytrace=False)
