"""Parameters are checked, and whatever they say, the machine sees one value in one variable and runs
nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Refused
from runbooks.runbook import Platform, Runbook, platform_of, quote_powershell, script_for, validate_parameters
from tests.runbooks import powershell

MARK = "script-ran-unchanged"


def runbook(*parameters: dict[str, object], script: str = f"echo {MARK}") -> Runbook:
    return Runbook.model_validate(
        {
            "id": "try-it",
            "version": 1,
            "title": "Try it",
            "description": "For tests.",
            "risk": "low",
            "risk_reason": "It only prints.",
            "timeout_seconds": 30,
            "parameters": [{"description": "a value", **parameter} for parameter in parameters],
            "platforms": {name: {"script": script, "verify": "exit 0"} for name in ("linux", "windows")},
            "undo": "Nothing to undo.",
        }
    )


TEXT: dict[str, object] = {"name": "value", "kind": "text", "pattern": "(?s).*"}
KINDS: dict[str, dict[str, object]] = {
    "enum": {"name": "value", "kind": "enum", "values": ["soft", "hard"]},
    "text": {"name": "value", "kind": "text", "pattern": "[a-z]{1,5}", "example": "abc"},
    "integer": {"name": "value", "kind": "integer", "minimum": 1, "maximum": 99},
    "path": {"name": "value", "kind": "path", "roots": ["/var/log", "/srv"]},
    "unit": {"name": "value", "kind": "unit"},
}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("enum", "soft"),
        ("text", "abc"),
        ("integer", "1"),
        ("integer", 99),
        ("path", "/var/log"),
        ("path", "/var/log/nginx/access.log"),
        ("path", "/srv/www/a_b-c+d@e"),
        ("unit", "nginx"),
        ("unit", "getty@tty1.service"),
        ("unit", "MSSQL$ACME"),
        ("unit", "Print Spooler (x64)"),
        ("unit", "dev-disk-by\\x2duuid.swap"),
    ],
)
def test_a_fitting_value_is_taken_as_it_is(kind: str, value: object) -> None:
    assert validate_parameters(runbook(KINDS[kind]), {"value": value}) == {"value": str(value)}


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("enum", "Soft", "must be one of soft, hard"),
        ("text", "ABC", "for example abc"),
        ("text", "abc\n", "control character"),
        ("integer", "0", "whole number from 1 to 99"),
        ("integer", "100", "whole number"),
        ("integer", "08", "whole number"),
        ("integer", "1e1", "whole number"),
        ("integer", "٣", "whole number"),
        pytest.param("integer", "9" * 5000, "longer than", id="long"),
        pytest.param("integer", 10**5000, "whole number", id="huge"),
        pytest.param("unit", 10**18, "too large", id="huge unit"),
        pytest.param("text", -(10**18), "too large", id="huge text"),
        ("integer", True, "must be text or a whole number"),
        ("integer", 1.5, "must be text or a whole number"),
        ("integer", ["1"], "must be text or a whole number"),
        ("path", "var/log", "absolute path"),
        ("path", "/var/log/../../etc", "absolute path"),
        ("path", "/var/log/.", "absolute path"),
        ("path", "/var/logs", "must be inside"),
        ("path", "/var/log/$(id)", "absolute path"),
        ("path", "/var/log/a b", "absolute path"),
        ("path", "/var/log/*", "absolute path"),
        ("unit", "-rf", "name of a service"),
        ("unit", "nginx*", "name of a service"),
        ("unit", "nginx;id", "name of a service"),
        ("unit", "nginx ", "name of a service"),
        ("text", "{{ssm:password}}", "{{"),
        ("text", "a\x00b", "control character"),
        ("text", "a\u2028b", "control character"),
        pytest.param("text", "a\ud800", "control character", id="surrogate"),
        ("text", "x" * 257, "longer than 256"),
    ],
)
def test_an_unfit_value_is_refused_with_the_reason(kind: str, value: object, why: str) -> None:
    with pytest.raises(Refused) as refused:
        validate_parameters(runbook(KINDS[kind]), {"value": value})
    assert "value: " in refused.value.reason
    assert why in refused.value.reason


def test_every_fault_is_named_at_once_and_control_characters_are_not_repeated() -> None:
    book = runbook(KINDS["integer"], {**KINDS["path"], "name": "folder"}, {**KINDS["unit"], "name": "unit"})
    with pytest.raises(Refused) as refused:
        validate_parameters(book, {"value": "no", "folder": "no", "shell\x1b": "no"})
    for part in ("value: ", "folder: ", "unit: is needed", "no such parameter"):
        assert part in refused.value.reason
    assert "\x1b" not in refused.value.reason


@pytest.mark.parametrize(
    ("given_values", "labels", "expected"),
    [
        ({}, {}, "7"),
        ({"value": ""}, {}, "7"),
        ({}, {"days": "9"}, "9"),
        ({"value": "3"}, {"days": "9"}, "3"),
    ],
)
def test_what_is_given_wins_over_the_label_and_the_label_over_the_default(
    given_values: dict[str, str], labels: dict[str, str], expected: str
) -> None:
    book = runbook({**KINDS["integer"], "default": 7, "label": "days"})
    assert validate_parameters(book, given_values, labels=labels) == {"value": expected}


def test_a_label_is_checked_like_any_other_value() -> None:
    book = runbook({**KINDS["unit"], "label": "service"})
    with pytest.raises(Refused, match="name of a service"):
        validate_parameters(book, {}, labels={"service": "nginx; reboot"})


ANY_TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=60)
NASTY = st.sampled_from(
    [
        "'; touch pwned; '",
        "$(touch pwned)",
        "`touch pwned`",
        "a\ntouch pwned",
        "\\'",
        "''",
        "-n",
        "!!",
        "\r\n",
        "%s",
        "~",
        "*",
    ]
)


@settings(max_examples=120, deadline=None)
@given(st.one_of(ANY_TEXT, NASTY, st.tuples(NASTY, ANY_TEXT, NASTY).map("".join)))
def test_bash_sees_exactly_the_value_and_runs_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, value: str
) -> None:
    body = 'printf "%s" "$AW_VALUE" >seen; printf "%s" "$#" >count; ls >files; exit 0'
    text = script_for(runbook(TEXT, script=body), Platform.LINUX, {"value": value})
    folder = tmp_path_factory.mktemp("machine")
    (folder / "script").write_text(text, encoding="utf-8", newline="")
    done = subprocess.run(
        ["/bin/bash", "script"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=True,
        timeout=20,
    )
    assert (folder / "seen").read_bytes().decode("utf-8") == value
    assert (folder / "files").read_text().split() == ["count", "files", "script", "seen"]
    assert done.stdout == done.stderr == b""
    shutil.rmtree(folder)


@given(ANY_TEXT)
def test_the_script_itself_is_never_changed(value: str) -> None:
    body = "echo one\necho two\n"
    for platform in Platform:
        text = script_for(runbook(TEXT, script=body), platform, {"value": value})
        assert text.endswith("\n" + body)


@settings(max_examples=300)
@given(
    st.text(
        st.sampled_from(
            [*"'\u2018\u2019\u201a\u201b", "\u00d2", "$", "(", ")", "`", "a", '"', ";", " ", "🔧"]
        ),
        max_size=30,
    )
    | ANY_TEXT
)
def test_powershell_sees_exactly_the_value_however_it_reads_the_file(value: str) -> None:
    source = quote_powershell(value) + "\n"
    assert source.isascii()
    assert powershell.assigned(f"$env:AW_VALUE = {source}rest") == ({"AW_VALUE": value}, "rest")


def test_a_windows_script_starts_with_its_assignments() -> None:
    text = script_for(runbook(TEXT), Platform.WINDOWS, {"value": "it's \u2019 x"})
    assert text == f"$env:AW_VALUE = 'it''s ' + [char]0x2019 + ' x'\necho {MARK}"
    assert quote_powershell("") == "''"
    assert quote_powershell("🔧") == "'' + [char]0xd83d + [char]0xdd27"


def test_a_script_for_an_unknown_platform_is_refused() -> None:
    book = runbook().model_copy(update={"platforms": {Platform.LINUX: runbook().platforms[Platform.LINUX]}})
    with pytest.raises(Refused, match="runs on linux only, not on windows"):
        script_for(book, Platform.WINDOWS, {})


@pytest.mark.parametrize(
    ("word", "platform"),
    [
        ("linux", Platform.LINUX),
        ("Ubuntu 24.04 LTS", Platform.LINUX),
        ("Amazon Linux 2023", Platform.LINUX),
        ("Windows Server 2022", Platform.WINDOWS),
        ("win2019", Platform.WINDOWS),
        ("Microsoft Windows", Platform.WINDOWS),
        ("Darwin", None),
        ("", None),
        ("router", None),
    ],
)
def test_the_platform_is_read_from_the_inventory(word: str, platform: Platform | None) -> None:
    assert platform_of(word) is platform


def test_parameters_cannot_name_a_variable_the_shell_lives_by(tmp_path: Path) -> None:
    text = script_for(
        runbook({"name": "path", "kind": "text", "pattern": ".*"}), Platform.LINUX, {"path": str(tmp_path)}
    )
    assert f"export AW_PATH={tmp_path}" in text.splitlines()
