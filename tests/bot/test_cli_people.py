"""`aw msp`, `aw oncall`, `aw incident board`: people and time on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.bot.shell import Shell
from tests.integrations.test_calendars import ical


@pytest.fixture
def aw(tmp_path: Path) -> Shell:
    key = Fernet.generate_key().decode()
    return Shell(
        tmp_path, {"AW_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'aw.db'}", "AW_SECRET_KEY": key}
    )


@pytest.fixture
def msp(aw: Shell) -> Shell:
    """A company, a technician, and a rotation on the MSP's own clock."""
    aw.done("company", "add", "acme", "--name", "Acme Corp")
    aw.done(
        "user",
        "add",
        "--name",
        "Kim",
        "--email",
        "kim@msp.example",
        "--role",
        "technician",
        "--company",
        "acme",
    )
    assert aw.done("msp", "set", "--timezone", "Europe/Vienna")["timezone"] == "Europe/Vienna"
    assert aw("oncall", "add", "nights", "--company", "acme").code == 0
    return aw


def test_the_msp_has_a_clock_and_companies_inherit_it(msp: Shell) -> None:
    assert msp.done("msp", "show")["timezone"] == "Europe/Vienna"
    found = {one["name"]: one for one in msp.done("config", "show", "acme")["settings"]}
    assert (found["timezone"]["words"], found["timezone"]["from"]) == ("Europe/Vienna", "msp")
    (rotation,) = msp.done("oncall", "list")
    assert rotation["timezone"] == "Europe/Vienna" and rotation["gaps"], "nobody is in it yet"
    assert "There is no time zone" in msp("msp", "set", "--timezone", "Mars/Base").err


def test_shifts_come_from_a_file_and_go_out_at_an_address(msp: Shell, tmp_path: Path) -> None:
    begin = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    event = f"SUMMARY:Kim\r\nDTSTART:{begin:%Y%m%dT%H%M%SZ}\r\nDURATION:PT8H"
    path = tmp_path / "shifts.ics"
    path.write_bytes(ical(event))
    (looked,) = msp.done("oncall", "import", "nights", str(path), "--dry-run")
    assert looked["person"] == "kim@msp.example"
    assert msp.done("oncall", "list")[0]["next"] is None, "it was only looked at"
    msp.done("oncall", "import", "nights", "-", typed=ical(event))
    assert msp.done("oncall", "list")[0]["next"] == "kim@msp.example"
    assert "cannot be read" in msp("oncall", "import", "nights", str(tmp_path / "none.ics")).err
    assert "in our own network" in msp("oncall", "import", "nights", "https://127.0.0.1/x.ics").err
    url = msp.done("oncall", "feed", "kim@msp.example")["url"]
    assert "/calendars/" in url and url == msp.done("oncall", "feed", "kim@msp.example")["url"]
    assert msp.done("oncall", "feed", "kim@msp.example", "--revoke") == {"revoked": 1}


def test_the_board(msp: Shell) -> None:
    assert msp.done("incident", "board") == []
    assert "Nothing is due." in msp("incident", "board", "--company", "acme").out
