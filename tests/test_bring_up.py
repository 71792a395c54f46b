"""What `make test` does about programs that are not there: install them where it may, else stop with one line."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parent.parent / "tools" / "bring-up"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The script's names, with one thing needed, which is not there; what it installs is kept in `installed`."""
    names = runpy.run_path(str(SCRIPT))
    live: dict[str, Any] = names["main"].__globals__
    live["installed"] = []
    live["NEEDS"] = {"test": [live["Need"]("a teapot", ["teapot"], lambda: bool(live["installed"]))]}
    live["as_root"] = list
    live["on_path"] = lambda *_: True
    live["install"] = lambda packages, _prefix: live["installed"].extend(packages) or True
    monkeypatch.setattr(sys, "argv", ["bring-up"])
    return live


def test_what_is_missing_is_installed_and_said(
    script: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    assert script["main"]() == 0
    assert script["installed"] == ["teapot"]
    assert "missing: a teapot; installing with apt-get: teapot" in capfd.readouterr().err
    assert script["main"]() == 0
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("hindrance", ["nobody lets us", "no apt-get"])
def test_where_it_may_not_install_it_stops_with_one_line(
    script: dict[str, Any], hindrance: str, capfd: pytest.CaptureFixture[str]
) -> None:
    if hindrance == "nobody lets us":
        script["as_root"] = lambda: None
    else:
        script["on_path"] = lambda *_: False
    assert script["main"]() == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line == "bring-up: please install a teapot (Debian's packages: teapot), then run make again"
    assert script["installed"] == []


def test_an_installation_that_changes_nothing_is_not_believed(
    script: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    script["install"] = lambda _packages, _prefix: True
    assert script["main"]() == 1
    assert "please install a teapot" in capfd.readouterr().err


def test_here_everything_is_there() -> None:
    """These tests would not run otherwise; and asking again costs next to nothing."""
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, timeout=10)
    assert (done.returncode, done.stderr) == (0, "")
