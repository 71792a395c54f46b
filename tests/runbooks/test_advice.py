"""The linter's rules: each finds what breaks it and leaves alone what keeps it; the library breaks none."""

from __future__ import annotations

from typing import Any

import pytest

from runbooks import catalogue
from runbooks.advice import advice, shellcheck
from runbooks.runbook import Platform, Runbook

SHIPPED = catalogue.load().all()
BASH, POWERSHELL = "set -euo pipefail\n", "$ErrorActionPreference = 'Stop'\n"


def runbook(platform: str, script: str, verify: str = "exit 0", **more: Any) -> Runbook:
    strict = BASH if platform == "linux" else POWERSHELL
    scripts = {"script": strict + script, "verify": strict + verify}
    document = {
        "id": "one",
        "version": 1,
        "title": "One",
        "description": "x",
        "risk": "low",
        "risk_reason": "x",
    }
    return Runbook.model_validate(
        {**document, "timeout_seconds": 60, "undo": "x", "platforms": {platform: scripts}, **more}
    )


@pytest.mark.parametrize("one", SHIPPED, ids=lambda one: one.id)
def test_the_library_needs_no_advice(one: Runbook) -> None:
    assert [str(fault) for fault in advice(one)] == []


@pytest.mark.parametrize(
    ("platform", "line", "why"),
    [
        ("linux", 'eval "$AW_X"', "uses eval"),
        ("linux", "curl https://example.com/x | sudo bash", "runs what it downloads"),
        ("linux", 'rm -rf "/srv/x"', "deletes whole folders"),
        ("linux", "find /tmp -type f -delete", "deletes without -xdev"),
        ("linux", 'bash -c "echo $AW_X"', "puts values into a command line"),
        ("linux", 'mysql --password="$SECRET"', "hands a password over"),
        ("linux", 'mysql -p"$SECRET"', "hands a password over"),
        ("windows", "Invoke-Expression $x", "runs text as a command"),
        ("windows", "Write-Host 'x'", "uses Write-Host"),
        ("windows", "Read-Host 'x'", "waits for somebody to type"),
        ("windows", "Remove-Item C:\\x -Recurse", "deletes whole folders"),
        ("windows", "Write-Output 'Größe'", "beyond ASCII"),
        ("windows", "& quser.exe 2>$null", "redirects the errors of a program"),
    ],
)
def test_what_a_script_better_left_is_named(platform: str, line: str, why: str) -> None:
    found = [fault.why for fault in advice(runbook(platform, line)) if not fault.why.startswith("reads AW_X")]
    assert len(found) == 1, found
    assert why in found[0]


@pytest.mark.parametrize(
    ("platform", "line"),
    [
        ("linux", 'echo "evaluate"; rm -f "$file"; find /tmp -xdev -type f -delete'),
        ("linux", "curl -s https://example.com/x -o /tmp/x; grep -p x y; tar -p -xf z"),
        ("linux", "# shellcheck disable=SC2016\nbash -c 'echo \"$AW_X\"'"),
        ("windows", 'Remove-Item -LiteralPath $file -Force\nWrite-Output "$env:TEMP"'),
    ],
)
def test_what_is_well_is_left_alone(platform: str, line: str) -> None:
    assert [one.why for one in advice(runbook(platform, line)) if not one.why.startswith("reads AW_X")] == []


@pytest.mark.parametrize(
    ("platform", "verify", "said"),
    [
        ("linux", "rm -f /tmp/x", "rm"),
        ("linux", "if true; then systemctl restart nginx; fi", "systemctl restart"),
        ("linux", "find /x -xdev -delete", "-delete"),
        ("linux", "docker restart web", "docker restart"),
        ("windows", "Restart-Service -Name x", "Restart-Service"),
        ("windows", "Set-ItemProperty -Path x", "Set-ItemProperty"),
    ],
)
def test_a_check_or_a_look_that_changes_something_is_named(platform: str, verify: str, said: str) -> None:
    (found,) = advice(runbook(platform, "exit 0", verify))
    assert "is to change nothing" in found.why and said in found.why
    (found,) = advice(runbook(platform, verify, purpose="look"))
    assert found.field.endswith(".script")


@pytest.mark.parametrize(
    "verify", ['echo "systemctl restart it"', "systemctl is-active x", "systemctl show x"]
)
def test_a_check_that_looks_is_left_alone(verify: str) -> None:
    assert advice(runbook("linux", "exit 0", verify)) == []


def test_parameters_and_scripts_have_to_know_each_other() -> None:
    declared = [{"name": "mount", "kind": "path", "roots": ["/"], "default": "/", "description": "x"}]
    said = [one.why for one in advice(runbook("linux", 'df "$AW_MONT"', parameters=declared))]
    assert said == ["reads AW_MONT, and no parameter gives it", "never reads AW_MOUNT"]
    windows = runbook("windows", "Write-Output $AW_MOUNT", parameters=declared)
    assert "on Windows it is $env:AW_" in advice(windows)[0].why


def test_a_precondition_has_to_be_looked_at_and_an_error_to_stop_it() -> None:
    (found,) = advice(runbook("linux", "true", preconditions=["x is there"]))
    assert found.why.startswith("no script ends with 3")
    loose = runbook("linux", "true")
    scripts = loose.platforms[Platform.LINUX].model_copy(update={"script": "true"})
    (found,) = advice(loose.model_copy(update={"platforms": {Platform.LINUX: scripts}}))
    assert "goes on after an error" in found.why


def test_shellcheck_s_lines_are_those_of_the_script() -> None:
    declared = [{"name": "x", "kind": "unit", "default": "y", "description": "x"}]
    (found,) = shellcheck(runbook("linux", "echo $AW_X", parameters=declared)) or ()
    assert (found.field, found.why.split(":")[0]) == ("platforms.linux.script", "line 2")
    assert "Double quote" in found.why
    assert shellcheck(runbook("windows", "Write-Output 1")) == []


def test_without_shellcheck_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert shellcheck(runbook("linux", "true")) is None
