"""What `make test` does about programs that are not there: install them where it may, else stop with one line."""

from __future__ import annotations

import json
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
    live["browser_packages"] = lambda: True
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


def test_what_the_browser_loads_is_installed_once_and_a_failure_is_said(
    script: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    names = runpy.run_path(str(SCRIPT))
    names["browser_packages"].__globals__["BROWSER"] = tmp_path
    packages = json.dumps({"packages": {"": {}, "node_modules/x": {"integrity": "sha512-x"}}})
    (tmp_path / "package-lock.json").write_text(packages)
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho no such package\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert not names["browser_packages"]()
    said = capfd.readouterr().err
    assert "no such package" in said and "failed: npm ci in tests/browser" in said
    npm.write_text("#!/bin/sh\nmkdir -p node_modules\ncp package-lock.json node_modules/.package-lock.json\n")
    assert names["browser_packages"]()
    npm.unlink()
    assert names["browser_packages"](), "what is there is not fetched again"
