"""`aw config` and `aw group`, as a shell sees them."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.bot.shell import Shell

KEY = Fernet.generate_key().decode()


@pytest.fixture
def aw(tmp_path: Path) -> Shell:
    settings = {"AW_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'aw.db'}", "AW_SECRET_KEY": KEY}
    return Shell(tmp_path, settings)


def window(aw: Shell, slug: str = "acme") -> tuple[str, str]:
    shown = aw.done("config", "show", slug)
    one = next(one for one in shown["settings"] if one["name"] == "window")
    return one["words"], one["from"]


def test_settings_are_inherited_from_the_msp_and_the_group(aw: Shell) -> None:
    aw.done("company", "add", "acme")
    assert window(aw) == ("15 min", "default")
    assert aw.done("config", "set", "window", "20", "--msp")["after"]["words"] == "20 min"
    aw.done("group", "add", "gold")
    aw.done("config", "set", "window", "10m", "--group", "gold")
    moved = aw.done("group", "put", "gold", "acme")
    assert moved["changed"] == {"window": {"before": "20 min", "after": "10 min"}}
    assert window(aw) == ("10 min", "group")
    assert aw.done("group", "list") == [{"name": "gold", "companies": ["acme"], "settings": {"window": 600}}]
    aw.done("config", "set", "window", "5", "--company", "acme")
    assert window(aw) == ("5 min", "company")
    assert aw.done("company", "show", "acme")["window_minutes"] == 5
    aw.done("config", "unset", "window", "--company", "acme")
    assert window(aw) == ("10 min", "group")
    aw.done("group", "take", "acme")
    aw.done("group", "remove", "gold")
    assert window(aw) == ("20 min", "msp")
    said = aw("config", "show", "acme")
    assert said.code == 0 and "20 min" in said.out and "MSP" in said.out


def test_what_is_given_to_company_set_holds_even_where_it_is_the_default(aw: Shell) -> None:
    aw.done("company", "add", "acme")
    aw.done("company", "set", "acme", "--window", "15", "--rate-limit", "60")
    aw.done("config", "set", "window", "20", "--msp")
    assert window(aw) == ("15 min", "company")
    shown = {one["name"]: one for one in aw.done("config", "show", "acme")["settings"]}
    assert (shown["rate_limit"]["value"], shown["burst"]["value"], shown["burst"]["from"]) == (
        60,
        0,
        "company",
    )


def test_what_cannot_be_is_refused_in_one_line(aw: Shell) -> None:
    aw.done("company", "add", "acme")
    for words, hint in (
        (("set", "window", "2d", "--company", "acme"), "1 min to 1 d"),
        (("set", "windw", "5", "--company", "acme"), "`window`"),
        (("set", "window", "5"), "--msp"),
        (("show",), "--company"),
        (("set", "window", "5", "--group", "gold"), "aw group list"),
        (("show", "nowhere"), "aw company list"),
    ):
        said = aw("config", *words)
        assert said.code == 1 and hint in said.err, said


def test_the_policy_of_one_runbook_is_set_and_taken_away(aw: Shell) -> None:
    aw.done("company", "add", "acme")

    def of_one() -> dict[str, object]:
        (row,) = aw.done("runbook", "policy", "acme", "disk-clean-up")
        return {name: row[name] for name in ("mode", "set_for", "approvals")}

    assert of_one() == {"mode": "act", "set_for": "the company", "approvals": 0}
    aw.done("runbook", "policy", "acme", "disk-clean-up", "propose", "--approvals", "2")
    assert of_one() == {"mode": "propose", "set_for": "this runbook", "approvals": 2}
    aw.done("runbook", "policy", "acme", "disk-clean-up", "act")
    assert of_one() == {"mode": "act", "set_for": "this runbook", "approvals": 2}
    aw.done("runbook", "policy", "acme", "disk-clean-up", "company")
    assert of_one()["set_for"] == "the company"
    said = aw("runbook", "policy", "acme", "disk-clean-up", "maybe")
    assert said.code == 1 and "is no mode" in said.err
