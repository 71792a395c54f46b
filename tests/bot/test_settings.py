"""Settings: read once from the environment, wrong ones named without their values, one key kept where none is given."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from bot.settings import KEY_FILE, NAMES, Settings, WrongSetting, child_environment, read
from storage.secrets import Vault


def test_without_any_variable_it_works_on_this_machine_only() -> None:
    found = read({})
    assert found == Settings()
    assert found.aw_host == "127.0.0.1" and found.public_url == "http://127.0.0.1:8080"
    assert not found.slack_on and not found.socket_mode


def test_each_variable_is_read_and_an_empty_one_counts_as_not_set() -> None:
    found = read(
        {
            "AW_PORT": "9000",
            "AW_PUBLIC_URL": "https://aw.example/",
            "AW_HOST": "",
            "AW_LOG_LEVEL": "debug",
            "AW_RUNBOOK_DIR": "/srv/runbooks",
            "SLACK_BOT_TOKEN": "xoxb-1",
            "SLACK_APP_TOKEN": "xapp-1",
            "SLACK_API_URL": "http://127.0.0.1:9/api",
            "PATH": "/usr/bin",
        }
    )
    assert (found.aw_port, found.public_url, found.aw_host) == (9000, "https://aw.example", "127.0.0.1")
    assert found.aw_log_level == "DEBUG" and found.aw_runbook_dir == Path("/srv/runbooks")
    assert found.slack_on and found.socket_mode and found.slack_api_url == "http://127.0.0.1:9/api/"


def test_the_process_environment_is_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AW_PORT", "9001")
    assert read().aw_port == 9001
    assert child_environment({"AW_PORT": "9002"})["AW_PORT"] == "9002"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AW_PORT", "http"),
        ("AW_PORT", "70000"),
        ("AW_PORT", "-1"),
        ("AW_LOG_LEVEL", "LOUD"),
        ("AW_LOG_FORMAT", "xml"),
        ("AW_DATABASE_URL", "mysql://root:hunter2@db/x"),
        ("AW_DATABASE_URL", "postgresql://root:hunter2@db/x"),
        ("AW_SECRET_KEY", "hunter2"),
        ("AW_SLA_SWEEP_SECONDS", "0"),
        ("SLACK_API_URL", "ftp://hunter2"),
    ],
)
def test_a_wrong_one_is_named_and_its_value_is_not_said(name: str, value: str) -> None:
    with pytest.raises(WrongSetting) as wrong:
        read({name: value})
    assert str(wrong.value).startswith(f"{name}: ")
    assert "hunter2" not in str(wrong.value)


def test_every_wrong_one_is_named_at_once() -> None:
    with pytest.raises(WrongSetting) as wrong:
        read({"AW_PORT": "x", "AW_LOG_FORMAT": "y", "AW_SECRET_KEY": "z"})
    assert [line.split(":")[0] for line in str(wrong.value).splitlines()] == [
        "AW_PORT",
        "AW_SECRET_KEY",
        "AW_LOG_FORMAT",
    ]


def test_secrets_do_not_show() -> None:
    key = Fernet.generate_key().decode()
    found = read({"AW_SECRET_KEY": key, "SLACK_BOT_TOKEN": "xoxb-hunter2", "SLACK_SIGNING_SECRET": "hunter2"})
    shown = repr(found) + str(found) + found.model_dump_json()
    assert key not in shown and "hunter2" not in shown


def test_several_keys_for_a_rotation_newest_first() -> None:
    new, old = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    assert read({"AW_SECRET_KEY": f" {new} , {old},"}).secret_keys() == [new, old]


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("sqlite+aiosqlite:////srv/aw/data.db", "/srv/aw"),
        ("sqlite+aiosqlite:///data.db?x=1", "."),
        ("sqlite+aiosqlite:///:memory:", "."),
        ("postgresql+asyncpg://aw@db/aw", "."),
    ],
)
def test_the_kept_key_lies_beside_the_database(url: str, folder: str) -> None:
    assert read({"AW_DATABASE_URL": url}).key_file == Path(folder) / KEY_FILE


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    found = read({"AW_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/data/aw.db"})
    (key,) = found.secret_keys()
    assert found.secret_keys() == [key]
    assert Vault([key]).open(Vault([key]).seal(b"x")) == b"x"
    assert stat.S_IMODE(found.key_file.stat().st_mode) == 0o600


def test_processes_that_start_together_agree_on_the_key(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/aw.db"
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: read({"AW_DATABASE_URL": url}).secret_keys()[0], range(32)))
    assert len(set(keys)) == 1 and keys[0]


def _asked(**given: str) -> dict[str, str]:
    return read(given).ai_providers


def test_who_is_asked_follows_from_what_is_set_up():
    keys = {"ANTHROPIC_API_KEY": "a", "GEMINI_API_KEY": "g"}
    assert _asked() == {}
    assert _asked(**keys) == {"anthropic": "", "gemini": ""}
    assert _asked(**keys, AW_AI="off") == {}
    assert _asked(**keys, AW_AI="gemini") == {"gemini": ""}
    named = "eu.anthropic.claude-haiku-5-5,gemini-3.6-flash"
    wanted = {"bedrock": "eu.anthropic.claude-haiku-5-5", "anthropic": "", "gemini": "gemini-3.6-flash"}
    assert _asked(**keys, AW_AI_MODEL=named) == wanted
    assert list(_asked(**keys, AW_AI="both")) == ["anthropic", "gemini"]


def test_bedrock_is_first_where_aws_is_set_up_in_a_geography_of_its_own():
    key, here = {"ANTHROPIC_API_KEY": "a"}, {"AWS_REGION": "eu-central-1"}
    assert list(_asked(**key, **here)) == ["bedrock", "anthropic"]
    assert read(here).bedrock_by_chance and read({"AWS_DEFAULT_REGION": "us-east-1"}).bedrock_by_chance
    assert _asked(**here, AW_AI="bedrock") == {"bedrock": ""}
    assert not read(here | {"AW_AI": "bedrock"}).bedrock_by_chance, "somebody said so"
    assert not read(here | {"AW_AI_MODEL": "eu.anthropic.claude-haiku-5-5"}).bedrock_by_chance
    assert list(_asked(**key, **here, AW_AI_MODEL="claude-haiku-5-5")) == ["anthropic"], "another's is named"
    assert _asked(**here, AW_AI="off") == {}
    for far in ("sa-east-1", "ca-central-1", "ap-south-1", "us-gov-west-1", "cn-north-1"):
        assert _asked(AWS_REGION=far) == {}, "no profile keeps the data there: only a named one is asked"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"AW_AI": "both", "GEMINI_API_KEY": "g"}, "needs two"),
        ({"AW_AI": "bedrock", "AW_AI_MODEL": "claude-haiku-5-5"}, "AW_AI_MODEL"),
        ({"AW_AI": "bedrock", "AWS_REGION": "sa-east-1"}, "AW_AI_MODEL"),
        ({"AW_AI": "anthropic"}, "ANTHROPIC_API_KEY"),
        ({"AW_AI": "clever"}, "use auto, both"),
        ({"AW_AI_MODEL": "claude-haiku-5-5,claude-opus-5-5"}, "at most one model of each"),
        ({"AW_AI_STREAM": "perhaps"}, "use on or off"),
    ],
)
def test_ai_that_cannot_work_is_said(given: dict[str, str], said: str):
    with pytest.raises(WrongSetting, match=said):
        read(given)
