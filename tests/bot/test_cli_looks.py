"""The looking commands, replay, and how the command line behaves as a program."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.bot.shell import Shell, environment
from tests.ports import free_port

COMMANDS = (
    *("serve", "demo", "migrate", "check", "replay", "send-test-alert", "test", "guide", "openapi"),
    *("export", "import", "report"),
    *("company", "user", "asset", "incident", "runbook", "token", "audit", "deadletter"),
)


@pytest.fixture
def aw(tmp_path: Path) -> Shell:
    key = Fernet.generate_key().decode()
    settings = {"AW_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'aw.db'}", "AW_SECRET_KEY": key}
    return Shell(tmp_path, settings | {"AW_PORT": str(free_port())})  # not the one that somebody's server has


def test_the_help_names_every_command_and_imports_nothing_heavy() -> None:
    code = "import sys\nfrom bot.__main__ import main\ntry:\n    main()\nfinally:\n    print(sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, env=environment(), timeout=30
    )
    for command in COMMANDS:
        assert f"  {command} " in done.stdout
    loaded = done.stdout.splitlines()[-1]
    for heavy in (
        "sqlalchemy",
        "aiohttp",
        "boto3",
        "slack_sdk",
        "pydantic",
        "rich",
        "cryptography",
        "asyncio",
    ):
        assert f"'{heavy}'" not in loaded, f"{heavy} is imported for the help"


def test_a_test_alert_an_incident_and_their_audit(aw: Shell) -> None:
    aw.done("company", "add", "acme", "--name", "Acme Corp")
    sent = aw.done("send-test-alert", "acme", "--leave-open", "--severity", "P2")
    assert (sent["incident_id"], sent["is_new"], sent["card"]) == ("INC-1", True, None)
    assert sent["via"] == "database" and "no server answers" in sent["hops"][0]["text"]
    (listed,) = aw.done("incident", "list", "--company", "ACME")
    assert (listed["id"], listed["severity"], listed["title"]) == ("INC-1", "high", "Test alert")
    for spelling in ("INC-1", "inc1", "1"):
        shown = aw.done("incident", "show", spelling)
        assert shown["alerts"][0]["labels"] == {"test": "true"}
        assert [line["kind"] for line in shown["story"]] == ["opened"]
    assert aw.done("send-test-alert", "acme")["is_new"] is False
    assert aw.done("incident", "list") == []
    assert [one["status"] for one in aw.done("incident", "list", "--status", "ALL")] == ["resolved"]
    assert "no status" in aw.refused("incident", "list", "--status", "broken")
    assert "INC-99" in aw.refused("incident", "show", "99")
    assert "not an incident" in aw.refused("incident", "show", "web-01")


def test_the_audit_is_whole_until_somebody_changes_a_line(aw: Shell) -> None:
    aw.done("company", "add", "acme")
    aw.done("company", "set", "acme", "--window", "5")
    aw.done("user", "add", "--name", "Lee", "--email", "lee@msp.example", "--role", "msp_admin")
    verified = aw.done("audit", "verify")
    assert verified["ok"]
    assert {one["company"]: one["entries"] for one in verified["chains"]} == {"msp": 1, "acme": 2}
    lines = [json.loads(line) for line in aw("audit", "export", "--company", "acme").out.splitlines()]
    assert [(line["seq"], line["kind"]) for line in lines] == [(1, "company.added"), (2, "company.changed")]
    with sqlite3.connect(aw.folder / "aw.db") as database:
        database.execute("UPDATE audit_entries SET actor = 'nobody' WHERE kind = 'company.changed'")
    database.close()
    said = aw("audit", "verify", "--json")
    assert said.code == 1
    (broken,) = [one for one in said.json["chains"] if not one["ok"]]
    assert (broken["company"], broken["broken_at"]) == ("acme", 2)
    assert aw("audit", "verify", "--company", "MSP").code == 0


@pytest.mark.parametrize(
    ("change", "broken_at"),
    [
        ("DELETE FROM audit_entries WHERE company_id = 1 AND seq = 3", 3),
        ("DELETE FROM audit_entries WHERE company_id = 1 AND seq = 1", 1),
        ("UPDATE audit_heads SET seq = 2 WHERE company_id = 1", 4),
    ],
)
def test_a_line_that_is_taken_away_shows(aw: Shell, change: str, broken_at: int) -> None:
    aw.done("company", "add", "acme")
    for minutes in ("5", "6"):
        aw.done("company", "set", "acme", "--window", minutes)
    with sqlite3.connect(aw.folder / "aw.db") as database:
        database.execute(change)
    database.close()
    (broken,) = [one for one in aw("audit", "verify", "--json").json["chains"] if not one["ok"]]
    assert broken["broken_at"] == broken_at


def test_a_dead_letter_is_shown_and_replayed_once(aw: Shell) -> None:
    aw.done("company", "add", "acme")
    body = json.dumps({"asset_name": "web-01", "signature": "Disk full"}).encode()
    with sqlite3.connect(aw.folder / "aw.db") as database:
        columns = "(company_id, tool, headers, body, error, at)"
        insert = f"INSERT INTO dead_letters {columns} VALUES (1, 'alerts', '{{}}', ?, ?, 0)"  # noqa: S608
        database.execute(insert, (body, "an older version could not"))
        database.execute(insert, (b"{", "not JSON"))
    database.close()
    assert [one["id"] for one in aw.done("deadletter", "list")] == [2, 1]
    assert aw.done("deadletter", "show", "1")["body"] == body.decode()
    replayed = aw.done("deadletter", "replay", "1")
    assert replayed["results"][0]["incident_id"] == "INC-1"
    assert replayed["outcome"] == "1 alert: INC-1" and replayed["again"] is False
    again = aw.done("deadletter", "replay", "1")
    assert (again["outcome"], again["again"], again["accepted"]) == ("1 alert: INC-1", True, 0)
    assert "still cannot" in aw.refused("deadletter", "replay", "2")
    assert "no dead letter" in aw.refused("deadletter", "show", "99")


def test_many_dead_letters_are_replayed_at_once_and_each_says_what_became_of_it(aw: Shell) -> None:
    aw.done("company", "add", "acme")
    aw.done("company", "add", "globex")
    good = json.dumps({"asset_name": "web-01", "signature": "Disk full"}).encode()
    letters = [(1, "alerts", good), (1, "alerts", b"{"), (2, "alerst", good), (1, "nosuch", b"[]")]
    with sqlite3.connect(aw.folder / "aw.db") as database:
        insert = "INSERT INTO dead_letters (company_id, tool, headers, body, error, at) VALUES (?, ?, '{}', ?, '', 0)"
        database.executemany(insert, letters)
    database.close()
    assert "Which dead letters?" in aw.refused("deadletter", "replay")
    assert "Which dead letters?" in aw.refused("deadletter", "replay", "1", "--all")
    assert [one["id"] for one in aw.done("deadletter", "list", "--tool", "alerts", "--waiting")] == [2, 1]
    hint = aw.refused("deadletter", "replay", "3")
    assert "no tool" in hint and "--as alerts" in hint
    assert aw.done("deadletter", "replay", "3", "--as", "alerts")["outcome"] == "1 alert: INC-1"
    said = aw("deadletter", "replay", "--all", "--json")
    assert said.code == 1, "what still cannot be understood shows in the exit code"
    assert {one["number"]: bool(one["fault"]) for one in said.json} == {1: False, 2: True, 4: True}
    assert aw.done("deadletter", "replay", "--tool", "nosuch", "--as", "alerts")[0]["outcome"].endswith(
        "no alert in it"
    )
    assert [one["id"] for one in aw.done("deadletter", "list", "--waiting")] == [2]
    assert "Nothing waits." in aw("deadletter", "replay", "--all", "--company", "globex").out
    text = aw("deadletter", "replay", "1", "2").out
    assert "✓ 1: 1 alert" in text and "replayed already" in text and "✗ 2" in text


def test_the_runbooks_and_their_faults(aw: Shell) -> None:
    listed = {one["id"]: one for one in aw.done("runbook", "list")}
    assert listed["disk-clean-up"]["risk"] == "low"
    assert (
        "AW_THRESHOLD_PERCENT" in aw.done("runbook", "show", "Disk-Clean-Up")["platforms"]["linux"]["verify"]
    )
    assert aw("runbook", "lint").code == 0
    folder = aw.folder / "runbooks"
    folder.mkdir()
    (folder / "broken.yml").write_text("id: broken\nrisk: enormous\n", encoding="utf-8")
    said = aw("runbook", "lint", "runbooks", "--json")
    assert said.code == 1
    assert {fault["file"] for fault in said.json["faults"]} == {"broken.yml"}
    assert "There is no runbook" in aw.refused("runbook", "show", "nothing")


def test_a_replay_from_a_file_and_from_a_pipe_is_the_same(aw: Shell) -> None:
    rows = [
        {
            "timestamp": 1_790_000_000 + 60 * n,
            "company": "acme",
            "asset_name": "web",
            "signature": "ab"[n % 2],
        }
        for n in range(50)
    ]
    text = "\n".join(json.dumps(row) for row in rows) + "\n"
    (aw.folder / "alerts.jsonl").write_text(text, encoding="utf-8")
    summary = aw.done("replay", "alerts.jsonl", "--out", "out.jsonl", "--compare", "window=1,reopen=0")
    assert (summary["alerts"], summary["incidents"], summary["noise_reduction_percent"]) == (50, 2, 96.0)
    assert summary["compared"]["incidents"] == 50
    assert summary["alerts_per_second"] > 0
    piped = aw("replay", "-", "--out", "-", typed=text)
    assert piped.out == (aw.folder / "out.jsonl").read_text("utf-8")
    assert [json.loads(line)["alert"] for line in piped.out.splitlines()] == list(range(50))
    assert "overwrite" in aw.refused("replay", "alerts.jsonl", "--out", "alerts.jsonl")
    assert "nothing.jsonl" in aw.refused("replay", "nothing.jsonl")
    assert "window=15" in aw.refused("replay", "-", "--compare", "size=3")
    assert not (aw.folder / "aw.db").exists()


def test_the_database_is_made_once_and_another_versions_is_left_alone(aw: Shell) -> None:
    version = aw.done("migrate")["version"]
    assert aw.done("migrate") == {"version": version}
    with sqlite3.connect(aw.folder / "aw.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    assert "newer than this program" in aw.refused("company", "list")
    assert "newer than this program" in aw.refused("migrate")


def test_wrong_settings_are_all_named_and_no_secret_is_repeated(aw: Shell) -> None:
    settings = {"AW_PORT": "eighty", "AW_LOG_LEVEL": "loud", "AW_SECRET_KEY": "not-a-key"}
    said = aw("company", "list", settings=settings)
    assert said.code == 1
    for name in settings:
        assert f"aw: {name}: " in said.err
    assert "not-a-key" not in said.err
    assert "Traceback" not in said.err


def test_a_database_that_cannot_be_reached_is_one_line(aw: Shell) -> None:
    for url in (
        "postgresql+asyncpg://nobody@127.0.0.1:1/nothing",
        f"sqlite+aiosqlite:///{aw.folder}/no/where.db",
    ):
        said = aw("company", "list", settings={"AW_DATABASE_URL": url})
        assert said.code == 1
        assert said.err.startswith("aw: The database cannot be used")
        assert "Traceback" not in said.err


def test_the_openapi_document_is_printed(aw: Shell) -> None:
    document = aw("openapi").json
    assert "/api/incidents" in document["paths"]


def test_ctrl_c_is_quiet(aw: Shell) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "replay", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=aw.folder,
        env=environment(**aw.settings),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # a shell in the background makes its children deaf to Ctrl-C
    assert process.stdin is not None
    process.stdin.write(b'{"asset_name": "a", "signature": "b"}\n')
    process.stdin.flush()
    time.sleep(2.0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert (out, err) == (b"", b"")


def test_a_reader_that_leaves_early_is_no_fault(aw: Shell) -> None:
    text = b'{"asset_name": "a", "signature": "b"}\n' * 20_000
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "bot", "replay", "-", "--out", "-"],
        input=text,
        stdout=writing,
        stderr=subprocess.PIPE,
        cwd=aw.folder,
        env=environment(**aw.settings),
        timeout=60,
    )
    os.close(writing)
    assert b"Traceback" not in done.stderr
    assert done.returncode == 1


def test_a_guide_is_printed_with_the_address_of_this_server(aw: Shell) -> None:
    listed = aw("guide")
    assert "zabbix" in listed.out and "workflow" in listed.out
    shown = aw("guide", "zabbix")
    assert shown.out.startswith("# Zabbix") and "<your address>" not in shown.out
    assert "zabbix" in aw.refused("guide", "zabix")
