"""`aw export` and `aw import`, as a shell sees them: out of one installation, into another, and back over itself."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from bot.configuration import shape
from engine.cloud import Cloud
from engine.company import Asset, Company, User
from engine.errors import Refused
from engine.heartbeat import Heartbeat
from engine.oncall import Layer, Rotation
from engine.outbreak import MspRecord
from engine.setting import SETTINGS
from tests.bot.shell import Shell

KEY = Fernet.generate_key().decode()


def shell(folder: Path) -> Shell:
    folder.mkdir(exist_ok=True)
    settings = {"AW_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'aw.db'}", "AW_SECRET_KEY": KEY}
    return Shell(folder, settings)


@pytest.fixture
def aw(tmp_path: Path) -> Shell:
    """An installation in which everything is said that a file can say."""
    one = shell(tmp_path / "first")
    one.done("msp", "set", "--name", "Peak IT", "--slack-channel", "C0MSP")
    one.done("config", "set", "window", "20", "--msp")
    one.done("group", "add", "gold")
    one.done("config", "set", "sla_critical_response", "10m", "--group", "gold")
    role = "arn:aws:iam::123456789012:role/AlertWhisperer"
    one.done("company", "add", "acme", "--name", "Acme Corp", "--slack-channel", "C0ACME", "--hmac",
             "--aws-role-arn", role, "--aws-region", "eu-central-1", "--timezone", "Europe/Vienna")  # fmt: skip
    one.done("company", "add", "globex", "--name", "Globex")
    one.done("group", "put", "gold", "acme")
    one.done("config", "set", "runbooks", "restart-service=propose/2", "--company", "acme")
    one.done("asset", "add", "acme", "web-01", "--alias", "10.0.0.7", "--platform", "linux", "--critical",
             "--depends-on", "db-01", "--label", "site=vienna", "--instance", "i-0abc1234")  # fmt: skip
    one.done("asset", "add", "acme", "db-01")
    assert one("company", "heartbeat", "add", "acme", "nightly-backup", "--every", "1d").code == 0
    one.done("user", "add", "--name", "Kim", "--email", "kim@msp.example", "--role", "technician", "--company",
             "acme", "--company", "globex", "--skill", "linux", "--slack-user", "U0KIM", "--timezone",
             "Europe/Vienna", "--phone", "+436601234567", "--quiet-hours", "22:00-07:00", "--tell",
             "sms=off")  # fmt: skip
    one.done("user", "set", "kim@msp.example", "--prefers", "acme", "--unavailable")
    one.done("user", "add", "--name", "Ada", "--email", "ada@msp.example", "--role", "msp_admin")
    assert one("oncall", "add", "nights", "--timezone", "Europe/Vienna", "--company", "acme").code == 0
    assert one("oncall", "layer", "nights", "--person", "kim@msp.example", "--start", "2026-11-02", "--at",
               "17:00", "--hours", "mon-fri 17:00-08:00").code == 0  # fmt: skip
    return one


def exported(aw: Shell) -> str:
    said = aw("export")
    assert said.code == 0, said.err
    return said.out


def test_a_second_installation_becomes_the_same(aw: Shell, tmp_path: Path) -> None:
    text = exported(aw)
    for word in (
        "Acme Corp",
        "sla_critical_response: 10 min",
        "nightly-backup",
        "kim@msp.example",
        "'17:00:00'",
    ):
        assert word in text
    other = shell(tmp_path / "second")
    done = other.done("import", "-", typed=text)
    assert done["changed"] == {"msp": ["name", "slack_channel", "window"]}
    assert {"company acme", "asset acme/web-01", "heartbeat acme/nightly-backup", "person kim@msp.example",
            "rotation nights", "group gold"} <= set(done["added"])  # fmt: skip
    keys = {one["company"]: one for one in done["secrets"]}
    assert keys["acme"]["api_key"].startswith("aw_") and keys["acme"]["hmac_secret"]
    assert keys["globex"]["hmac_secret"] is None
    assert exported(other) == text
    again = other.done("import", "-", typed=text)
    assert (again["added"], again["changed"], again["secrets"]) == ([], {}, [])
    assert other("audit", "verify").code == 0


def test_no_secret_is_in_it(aw: Shell) -> None:
    made = aw.done("company", "add", "initech", "--hmac")
    text = exported(aw)
    assert "initech" in text
    for secret in (made["api_key"], made["hmac_secret"], made["api_key"].split("_")[2]):
        assert secret not in text


def test_what_differs_is_changed_and_nothing_is_removed(aw: Shell) -> None:
    text = """
alert_whisperer: "1"
companies:
  - slug: acme
    name: Acme Corporation
    slack_channel: ""
    settings: {window: 10 min}
    assets:
      - {name: WEB-01, platform: windows}
people:
  - {email: Kim@msp.example, skills: [linux, network]}
"""
    dry = aw.done("import", "-", "--dry-run", typed=text)
    changed = {
        "company acme": ["name", "slack_channel", "window"],
        "asset acme/web-01": ["platform"],
        "person Kim@msp.example": ["skills"],
    }
    assert (dry["dry_run"], dry["changed"], dry["added"]) == (True, changed, [])
    assert aw.done("company", "show", "acme")["name"] == "Acme Corp"
    assert aw.done("import", "-", typed=text)["changed"] == changed
    company = aw.done("company", "show", "acme")
    assert (company["name"], company["slack_channel"], company["window_minutes"]) == (
        "Acme Corporation",
        None,
        10,
    )
    assert (company["timezone"], company["hmac"]) == ("Europe/Vienna", "on")
    web = next(one for one in aw.done("asset", "list", "acme") if one["name"] == "web-01")
    assert (web["platform"], web["aliases"], web["critical"]) == ("windows", ["10.0.0.7"], True)
    kim = next(one for one in aw.done("user", "list") if one["name"] == "Kim")
    assert (kim["skills"], kim["slack_user"]) == (["linux", "network"], "U0KIM")
    kinds = [json.loads(line)["kind"] for line in aw("audit", "export").out.splitlines()]
    assert {"company.changed", "asset.changed", "user.changed", "setting.changed"} <= set(kinds)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("companies: []", "begins with `alert_whisperer"),
        ("alert_whisperer: '2'", "alert_whisperer: Input should be '1'"),
        ("alert_whisperer: [", "not YAML"),
        ("alert_whisperer: '1'\nmsp: &a {name: x}\ngroups: [*a]", "anchors and aliases are not read"),
        ("alert_whisperer: '1'\nmsp: {name: x, name: y}", "“name” stands there twice"),
        ("alert_whisperer: '1'\ncompanies: [{slug: a, chanel: C1}]", "companies[1].chanel: Extra inputs"),
        ("alert_whisperer: '1'\ncompanies: [{slug: a}, {slug: A}]", "There twice: company a"),
        ("alert_whisperer: '1'\ncompanies: [{slug: 'Ö'}]", "cannot be a company's short name"),
        ("alert_whisperer: '1'\ncompanies: [{slug: a, settings: {window: never}}]", "company a: “never” cannot be"),
        ("alert_whisperer: '1'\ncompanies: [{slug: a, settings: {windw: 1}}]", "window"),
        ("alert_whisperer: '1'\npeople: [{email: a@b.example}]", "has to say a role"),
        ("alert_whisperer: '1'\npeople: [{email: a@b.example, role: boss}]", "people[1].role"),
        ("alert_whisperer: '1'\npeople: [{email: a@b.example, role: msp_admin, timezone: Mars}]", "time zone “Mars”"),
        ("alert_whisperer: '1'\npeople: [{email: a@b.example, role: technician, companies: [x]}]",
         "company called “x”"),
        ("alert_whisperer: '1'\nrotations: [{name: n, layers: [{people: [x@y.example], start: 2026-01-01}]}]",
         "Nobody has the address x@y.example"),
        ("alert_whisperer: '1'\nrotations: [{name: n, hours: whenever}]", "are no hours"),
        ("alert_whisperer: '1'\ncompanies: [{slug: a, heartbeats: [{name: b, every: soon}]}]", "no length of time"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_and_nothing_is_changed(tmp_path: Path, text: str, said: str) -> None:
    aw = shell(tmp_path / "bare")
    good = (
        "\ngroups: [{name: silver}]"
        if "groups" not in text and text.startswith("alert_whisperer: '1'")
        else ""
    )
    answer = aw("import", "-", typed=text + good)
    assert answer.code == 1 and said in answer.err, answer.err
    assert aw.done("group", "list") == [] and aw.done("company", "list") == []


def test_a_file_is_written_and_read_by_its_name(aw: Shell, tmp_path: Path) -> None:
    path = tmp_path / "aw.yml"
    said = aw("export", "--out", str(path))
    assert said.code == 0 and "2 companies, 2 people, 2 assets" in said.out
    said = aw("import", str(path))
    assert said.code == 0 and "0 added, 0 changed" in said.out
    assert aw("import", str(tmp_path / "missing.yml")).code == 1


def test_everything_is_either_in_the_file_or_left_out_on_purpose() -> None:
    """A field that is added to one of these has to be thought of here."""
    apart: dict[type, tuple[type[BaseModel], set[str]]] = {
        MspRecord: (shape.Msp, set()),
        Company: (shape.Client, {"id", "version", "archived_at", "group_id", "layers", "autonomy", "timezone", "window",
                                 "reopen_window", "rate_limit", "burst", "sla"}),  # of these `settings` tells
        Asset: (shape.Machine, {"id", "company_id"}),
        Cloud: (shape.CloudAccess, set()),
        Heartbeat: (shape.Expected, {"company_id", "state", "since", "last_at", "started_at"}),
        User: (shape.Person, {"id", "leave_from", "leave_until", "reach"}),  # `reach` is `tell`
        Rotation: (shape.Plan, {"id", "overrides"}),
        Layer: (shape.Turns, set()),
    }  # fmt: skip
    for kept, (said, left_out) in apart.items():
        names = {one.name for one in fields(kept)}
        assert names - left_out == names & set(said.model_fields), kept
        assert left_out <= names, kept


def _values() -> st.SearchStrategy[tuple[str, Any]]:
    spans = st.integers(1, 90 * 86400)
    return st.sampled_from(sorted(SETTINGS)).flatmap(
        lambda name: st.one_of(st.just(SETTINGS[name].default), spans).map(lambda kept: (name, kept))
    )


@given(_values())
def test_a_setting_as_it_is_said_is_read_as_it_is_kept(one: tuple[str, Any]) -> None:
    name, kept = one
    setting = SETTINGS[name]
    if not setting.kind.holds(kept):
        return
    try:
        back = setting.read(setting.words(kept))
    except Refused:
        assert kept != setting.default  # outside of its bounds
        return
    assert back == kept


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_comes_back_as_it_was(name: str, label: str) -> None:
    client = shape.Client(slug="acme", name=name, assets=(shape.Machine(name="a", labels={"x": label}),))
    made = shape.Configuration(alert_whisperer="1", companies=(client,))
    if not all(one.isprintable() for one in (name, label)):
        return
    assert yaml.safe_load(shape.write(made))
    back = shape.read(shape.write(made)).companies[0]
    assert back.name == client.name
    assert back.assets[0].labels.get("x", "") == client.assets[0].labels["x"]
