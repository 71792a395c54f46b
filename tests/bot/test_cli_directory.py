"""`aw company`, `user`, `asset` and `token`, as a shell sees them."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from engine.operations.directory import KEY_FORM
from engine.signing import SigningSecret
from tests.bot.shell import Shell

KEY = Fernet.generate_key().decode()
ARN = "arn:aws:iam::123456789012:role/AlertWhisperer"


@pytest.fixture
def aw(tmp_path: Path) -> Shell:
    settings = {"AW_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'aw.db'}", "AW_SECRET_KEY": KEY}
    return Shell(tmp_path, settings)


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    """`aw` on an empty database of each kind."""
    if request.param == "sqlite":
        yield Shell(
            tmp_path, {"AW_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'aw.db'}", "AW_SECRET_KEY": KEY}
        )
        return
    server = request.getfixturevalue("postgres")
    name = server.create()
    yield Shell(tmp_path, {"AW_DATABASE_URL": server.url_of(name), "AW_SECRET_KEY": KEY})
    server.drop(name)


def test_a_company_a_technician_and_a_token_on_an_empty_database(both: Shell) -> None:
    words = (
        "--name",
        "Acme Corp",
        "--slack-channel",
        "C0ACME",
        "--hmac",
        "--cloud",
        "aws",
        "--aws-role-arn",
        ARN,
    )
    company = both.done(
        "company", "add", "acme", *words, "--aws-external-id", "ours-1", "--aws-region", "eu-west-1"
    )
    assert {name: company[name] for name in ("slug", "name")} == {"slug": "acme", "name": "Acme Corp"}
    assert KEY_FORM.match(company["api_key"])
    assert len(company["hmac_secret"]) >= 32
    assert company["webhook_url"] == "http://127.0.0.1:8080/api/webhooks/alerts"
    user = both.done(
        *("user", "add", "--name", "Kim", "--email", "kim@msp.example", "--role", "technician"),
        *("--company", "acme", "--skill", "linux", "--skill", "Database", "--slack-user", "U0KIM"),
    )
    assert (user["companies"], user["skills"]) == (["acme"], ["database", "linux"])
    token = both.done("token", "create", "--user", "KIM@msp.example", "--ttl", "12h")
    assert token["token"].count(".") == 2
    assert token["expires_at"].endswith("+00:00")
    shown = both.done("company", "show", "ACME")
    assert (shown["aws_role_arn"], shown["aws_external_id"], shown["people"][0]["name"]) == (
        ARN,
        "ours-1",
        "Kim",
    )
    assert both.done("token", "revoke", token["id"]) == {"revoked": 1}


def test_what_is_shown_once_is_not_shown_again(aw: Shell) -> None:
    made = aw.done("company", "add", "acme", "--hmac")
    said = aw("company", "show", "acme").out + aw("company", "list", "--json").out
    stored = (aw.folder / "aw.db").read_bytes()
    for secret in (made["api_key"], made["hmac_secret"]):
        assert secret not in said
        assert secret.encode() not in stored


def test_a_key_is_made_and_kept_private_when_none_is_given(aw: Shell, tmp_path: Path) -> None:
    plain = Shell(tmp_path, {"AW_DATABASE_URL": aw.settings["AW_DATABASE_URL"]})
    plain.done("company", "add", "acme")
    assert stat.S_IMODE((tmp_path / "alert-whisperer.key").stat().st_mode) == 0o600
    assert [one["slug"] for one in plain.done("company", "list")] == ["acme"]


def test_settings_change_and_the_rest_stays(aw: Shell) -> None:
    aw.done("company", "add", "acme", "--name", "Acme Corp", "--slack-channel", "C0ACME")
    changed = aw.done(
        "company", "set", "Acme", "--window", "5", "--autonomy", "OBSERVE", "--timezone", "Europe/Vienna"
    )
    assert (changed["window_minutes"], changed["autonomy"], changed["slack_channel"]) == (
        5,
        "observe",
        "C0ACME",
    )
    assert aw.done("company", "set", "acme", "--slack-channel", "")["slack_channel"] is None
    cloud = aw.done("company", "set", "acme", "--aws-role-arn", ARN)
    assert cloud["cloud"] == "aws"
    again = aw.done("company", "set", "acme", "--aws-region", "eu-west-1")
    assert (again["aws_role_arn"], again["aws_external_id"]) == (ARN, cloud["aws_external_id"])


def test_a_rotated_key_and_an_archived_company(aw: Shell) -> None:
    first = aw.done("company", "add", "acme")["api_key"]
    rotated = aw.done("company", "rotate-key", "acme", "--overlap", "2h")
    assert rotated["api_key"] != first
    assert aw.done("company", "archive", "acme")["archived_at"]
    assert aw.done("company", "list") == []
    assert [one["slug"] for one in aw.done("company", "list", "--archived")] == ["acme"]
    assert "no company called" in aw.refused("company", "show", "acme")


def test_keys_are_listed_but_never_shown_and_end_one_by_one(aw: Shell) -> None:
    first = aw.done("company", "add", "acme")["api_key"]
    rotated = aw.done("company", "rotate-key", "acme", "--overlap", "24h", "--ttl", "90d")
    assert rotated["expires_at"] > rotated["old_keys_until"]
    new, old = aw.done("company", "keys", "acme")
    assert (old["id"], new["id"]) == (first.split("_")[1], rotated["api_key"].split("_")[1])
    assert set(new) == {"id", "created_at", "last_used_at", "expires_at", "active"}
    assert old["active"] and old["expires_at"] == rotated["old_keys_until"] and old["last_used_at"] is None
    said = aw("company", "keys", "acme").out
    assert old["id"] in said and first not in said
    assert aw.done("company", "revoke-key", "acme", old["id"])["revoked"] == old["id"]
    assert [one["active"] for one in aw.done("company", "keys", "acme")] == [True, False]
    assert "aw company keys acme" in aw.refused("company", "revoke-key", "acme", old["id"])


def test_signing_is_switched_and_its_secret_rotated(aw: Shell) -> None:
    aw.done("company", "add", "acme")
    assert "--hmac on" in aw.refused("company", "rotate-secret", "acme")
    on = aw.done("company", "set", "acme", "--hmac", "on")
    assert on["standard_webhooks_secret"] == SigningSecret(on["hmac_secret"]).whsec
    assert aw.done("company", "set", "acme", "--hmac", "on")["hmac_secret"] is None, "shown once"
    assert aw.done("company", "show", "acme")["hmac"] == "on"
    rotated = aw.done("company", "rotate-secret", "acme", "--overlap", "0")
    assert rotated["hmac_secret"] != on["hmac_secret"] and rotated["old_secret_until"]
    said = aw("company", "rotate-secret", "acme").out
    assert "whsec_" in said and "The old one holds until" in said
    assert aw.done("company", "set", "acme", "--hmac", "off")["hmac"] == "off"
    assert aw.done("company", "show", "acme")["hmac"] == "off"


def test_limits_and_doors_are_set_and_shown(aw: Shell) -> None:
    made = aw.done("company", "add", "acme") and aw.done("company", "show", "acme")
    assert (made["rate_limit"], made["burst"], made["refused_requests"]) == (1000, 9000, 0)
    narrow = aw.done("company", "set", "acme", "--rate-limit", "50")
    assert (narrow["rate_limit"], narrow["burst"]) == (50, 0)
    wide = aw.done("company", "set", "acme", "--burst", "200")
    assert (wide["rate_limit"], wide["burst"]) == (50, 200)
    both = aw.done("company", "set", "acme", "--rate-limit", "60", "--burst", "5", "--query-key", "off")
    assert (both["rate_limit"], both["burst"], both["query_key"]) == (60, 5, "off")
    topics = ("--sns-topic", "arn:aws:sns:eu-central-1:123456789012:alarms")
    assert aw.done("company", "set", "acme", *topics)["sns_topics"] == [topics[1]]
    assert aw.done("company", "set", "acme", "--sns-topic", "")["sns_topics"] == []
    aw.done("company", "add", "globex", "--rate-limit", "7")
    assert aw.done("company", "show", "globex")["burst"] == 0
    for wrong in (("--rate-limit", "0"), ("--rate-limit", "1001"), ("--burst", "-1"), ("--hmac", "maybe")):
        assert aw("company", "set", "acme", *wrong).code == 2


def test_a_technician_without_a_company_is_warned_about(aw: Shell) -> None:
    words = ("user", "add", "--name", "Kim", "--email", "kim@msp.example", "--role", "technician", "--json")
    said = aw(*words)
    assert said.code == 0
    assert said.json["companies"] == []
    assert "serves no company" in said.err
    aw.done("company", "add", "acme")
    assert aw.done("user", "set", "kim@msp.example", "--company", "acme")["companies"] == ["acme"]
    assert aw.done("user", "set", "kim@msp.example", "--no-company", "--unavailable")["available"] is False
    (listed,) = aw.done("user", "list")
    assert (listed["companies"], listed["open_incidents"]) == ([], 0)


REFUSALS = [
    (("company", "add", "Acme Corp"), "short name"),
    (("company", "add", "acme"), "already"),
    (("company", "add", "acme2", "--cloud", "aws", "--aws-role-arn", "nonsense"), "ARN"),
    (("company", "add", "acme2", "--timezone", "Mars/Olympus"), "time zone"),
    (("company", "add", "acme2", "--slack-channel", "C0ACME"), "belongs to"),
    (("company", "show", "nobody"), "`aw company list`"),
    (("company", "rotate-key", "acme", "--overlap", "soon"), "duration"),
    (("user", "add", "--name", "Kim", "--email", "kim", "--role", "technician"), "e-mail"),
    (("user", "add", "--name", "Ada", "--email", "a@b", "--role", "company_admin"), "--company"),
    (("user", "set", "nobody@msp.example"), "nobody"),
    (("token", "create", "--user", "nobody@msp.example"), "nobody"),
    (("token", "revoke", "zzz"), "no token"),
    (("token", "revoke"), "--user"),
    (("asset", "add", "acme", "web-01", "--label", "mount"), "name=value"),
    (("asset", "list", "nobody"), "no company called"),
    (("asset", "import", "acme", "nowhere.csv"), "nowhere.csv"),
]


def test_refusals_are_one_clear_line(aw: Shell) -> None:
    aw.done("company", "add", "acme", "--slack-channel", "C0ACME")
    for words, expected in REFUSALS:
        said = aw.refused(*words)
        assert expected in said, (words, said)
        assert said.startswith("aw: ")
        assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("bogus",),
        ("company", "add"),
        ("user", "add", "--role", "boss"),
        ("company", "set", "a", "--window", "0"),
    ],
)
def test_wrong_usage_is_exit_code_2(aw: Shell, words: tuple[str, ...]) -> None:
    assert "Usage:" in aw.refused(*words, code=2)


def test_assets_one_by_one_and_from_files(aw: Shell) -> None:
    aw.done("company", "add", "acme")
    one = aw.done(
        *("asset", "add", "ACME", "acme-web-01", "--instance", "i-0a11c0ffee0000001", "--platform", "Linux"),
        *("--critical", "--alias", "10.0.0.1", "--label", "mount=/", "--depends-on", "acme-db-01"),
    )
    assert (one["platform"], one["cloud_ref"], one["labels"]) == (
        "linux",
        "i-0a11c0ffee0000001",
        {"mount": "/"},
    )
    csv = "name,aliases,Critical,labels,depends_on\nacme-db-01,db;10.0.0.2,yes,mount=/var;role=db,\nacme-web-01,,,,\n"
    assert aw.done("asset", "import", "acme", "-", typed=csv) == {
        "added": ["acme-db-01"],
        "known": ["acme-web-01"],
    }
    document = {
        "assets": [
            {"name": "acme-app-01", "critical": True, "depends_on": ["acme-db-01"], "labels": {"a": "b"}}
        ]
    }
    (aw.folder / "assets.json").write_text(json.dumps(document), encoding="utf-8")
    assert aw.done("asset", "import", "acme", "assets.json")["added"] == ["acme-app-01"]
    listed = {one["name"]: one for one in aw.done("asset", "list", "acme")}
    assert listed["acme-db-01"]["aliases"] == ["db", "10.0.0.2"]
    assert listed["acme-db-01"]["labels"] == {"mount": "/var", "role": "db"}
    assert listed["acme-app-01"]["critical"] is True


def test_a_faulty_file_adds_nothing_and_names_every_fault(aw: Shell) -> None:
    aw.done("company", "add", "acme")
    csv = "name,critical\ngood-01,yes\n,no\nbad-01,perhaps\nGOOD-01,no\n"
    said = aw.refused("asset", "import", "acme", "-", typed=csv)
    for words in (
        "line 3: has no name",
        "line 4: critical is",
        "line 5: GOOD-01 is in the file twice",
        "Nothing was added",
    ):
        assert words in said
    assert aw.done("asset", "list", "acme") == []
    assert "colour" in aw.refused("asset", "import", "acme", "-", typed="name,colour\nweb,red\n")
    assert "not JSON" in aw.refused("asset", "import", "acme", "-", typed="[{]")
    assert "not UTF-8" in aw.refused("asset", "import", "acme", "-", typed=b"name\n\xff\xfe\n")


def test_a_missing_dependency_is_warned_about(aw: Shell) -> None:
    aw.done("company", "add", "acme")
    said = aw("asset", "add", "acme", "web-01", "--depends-on", "db-01")
    assert said.code == 0
    assert "depends on db-01" in said.err


def test_heartbeats_are_expected_listed_and_removed(aw: Shell) -> None:
    aw.done("company", "add", "acme")
    made = aw.done("company", "heartbeat", "add", "acme", "Nightly", "--every", "24h", "--grace", "2h")
    assert (made["name"], made["state"], made["every_seconds"]) == ("nightly", "new", 86400)
    assert made["url"].endswith("/api/webhooks/heartbeat/nightly")
    changed = aw.done("company", "heartbeat", "add", "acme", "nightly", "--every", "1h")
    assert (changed["every_seconds"], changed["grace_seconds"]) == (3600, 900)
    assert [one["name"] for one in aw.done("company", "heartbeat", "list", "acme")] == ["nightly"]
    assert "curl" in aw("company", "heartbeat", "add", "acme", "weekly", "--every", "7d").out
    assert "not a time" in aw.refused("company", "heartbeat", "add", "acme", "x", "--every", "soon")
    assert "cannot be" in aw.refused("company", "heartbeat", "add", "acme", "a b")
    assert "no company" in aw.refused("company", "heartbeat", "list", "nobody")
    aw.done("company", "heartbeat", "remove", "acme", "nightly")
    assert "no heartbeat" in aw.refused("company", "heartbeat", "remove", "acme", "nightly")


def test_a_company_with_several_clouds(aw: Shell) -> None:
    tenant, subscription = "11111111-2222-3333-4444-555555555555", "01234567-89AB-CDEF-0123-456789abcdef"
    other = "arn:aws:iam::555555555555:role/AlertWhisperer"
    first = aw.done("company", "add", "acme", "--cloud", "aws", "--aws-role-arn", ARN)["aws_external_id"]
    azure = ("--tenant", tenant, "--subscription", subscription)
    aw.done("company", "cloud", "add", "acme", "azure", *azure)
    found = aw.done("company", "cloud", "add", "acme", "aws", "--role-arn", other, "--region", "eu-west-1")
    assert [(one["cloud"], one["account"]) for one in found] == [
        ("aws", "123456789012"),
        ("azure", subscription.lower()),
        ("aws", "555555555555"),
    ]
    assert found[2]["external_id"] == first, "one for the company, whichever of its accounts"
    changed = aw.done(
        "company", "cloud", "add", "acme", "aws", "--role-arn", other, "--output-bucket", "acme-out"
    )
    assert (changed[2]["region"], changed[2]["output_bucket"]) == ("eu-west-1", "acme-out")
    assert "several AWS accounts" in aw.refused("company", "set", "acme", "--aws-region", "eu-west-1")
    left = aw.done("company", "cloud", "remove", "acme", "555555555555")
    assert left == aw.done("company", "cloud", "list", "acme")
    assert len(left) == 2
    assert "no cloud with the account" in aw.refused("company", "cloud", "remove", "acme", "555555555555")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("azure", "--tenant", "x"), "not the id of an Azure tenant"),
        (("gcp", "--project", "-"), "not the id of a Google Cloud project"),
        (("aws", "--role-arn", ARN, "--output-bucket", "No Such"), "not the name of an S3 bucket"),
        (("aws", "--role-arn", ARN, "--external-id", "?"), "would be refused by AWS"),
    ],
)
def test_a_cloud_that_cannot_be_is_refused(aw: Shell, given: tuple[str, ...], words: str) -> None:
    aw.done("company", "add", "acme")
    assert words in aw.refused("company", "cloud", "add", "acme", *given)


def test_further_names_of_assets_are_listed_and_decided(aw: Shell) -> None:
    aw("company", "add", "acme", "--name", "Acme")
    assert "No further name" in aw("asset", "alias", "list", "acme").out
    assert "10.0.3.7 is fs-01" in aw("asset", "alias", "accept", "acme", "10.0.3.7", "fs-01").out
    (one,) = aw("asset", "alias", "list", "acme", "--json").json
    assert (one["name"], one["asset"], one["verdict"]) == ("10.0.3.7", "fs-01", "accepted")
    assert "10.0.3.7 is not fs-01" in aw("asset", "alias", "refuse", "acme", "10.0.3.7").out
    assert "alias.refused" in aw("audit", "export", "--company", "acme").out


def test_how_a_person_is_told_things_is_set_and_checked(aw: Shell) -> None:
    words = ("user", "add", "--name", "Kim", "--email", "kim@msp.example", "--role", "msp_admin")
    assert aw.done(*words, "--phone", "+43 660 123-4567")["phone"] == "+436601234567"
    change = ("user", "set", "kim@msp.example")
    told = aw.done(*change, "--quiet-hours", "22:00-07:00", "--tell", "email=urgent", "--tell", "voice=all")
    assert (told["quiet_hours"], told["tell"]) == ("22:00-07:00", {"email": "urgent", "voice": "all"})
    assert aw.done(*change, "--tell", "voice=off")["tell"] == {"email": "urgent", "voice": "off"}
    cleared = aw.done(*change, "--phone", "", "--quiet-hours", "", "--tell", "")
    assert (cleared["phone"], cleared["quiet_hours"], cleared["tell"]) == (None, "", {})
    assert "country" in aw.refused(*change, "--phone", "0660 1234567")
    assert "no hours" in aw.refused(*change, "--quiet-hours", "at night")
    assert "WAY=REACH" in aw.refused(*change, "--tell", "pigeon=all")


def test_a_company_has_a_contact(aw: Shell) -> None:
    aw.done("company", "add", "acme", "--name", "Acme Corp")
    change = ("company", "set", "acme", "--contact-email")
    assert aw.done(*change, "IT@Acme.example")["contact_email"] == "it@acme.example"
    assert "e-mail address" in aw.refused(*change, "it at acme")
    assert aw.done(*change, "")["contact_email"] is None


def test_a_rotation_is_planned_and_leaves_as_a_calendar(aw: Shell, tmp_path: Path) -> None:
    aw.done("user", "add", "--name", "Kim", "--email", "kim@msp.example", "--role", "msp_admin")
    assert (
        aw("oncall", "add", "nights", "--timezone", "Europe/Vienna", "--hours", "mon-fri 17:00-08:00").code
        == 0
    )
    assert (
        aw(
            "oncall", "layer", "nights", "--person", "kim@msp.example", "--every", "daily", "--at", "17:00"
        ).code
        == 0
    )
    (plan,) = aw.done("oncall", "list")
    assert plan["name"] == "nights"  # the first turn begins at 17:00 of today: before that she is the next
    assert (plan["now"] or plan["next"]) == "kim@msp.example" and bool(plan["next"]) == bool(plan["next_at"])
    out = tmp_path / "nights.ics"
    assert aw("oncall", "export", "nights", "--out", str(out)).code == 0
    text = out.read_text()
    assert text.startswith("BEGIN:VCALENDAR") and "SUMMARY:nights: Kim" in text
    assert (
        aw("oncall", "override", "nights", "kim@msp.example", "2099-12-24T18:00", "2099-12-25T08:00").code
        == 0
    )
    assert aw("oncall", "remove", "nights").code == 0
    assert aw.done("oncall", "list") == []
