"""The library is sound, quickly loaded, well matched; and a bad file is refused with every fault it has."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from engine.errors import NotFound
from runbooks import catalogue
from runbooks.catalogue import InvalidCatalogue
from runbooks.runbook import (
    ChoiceParameter,
    IntegerParameter,
    Parameter,
    PathParameter,
    Platform,
    Risk,
    Runbook,
    TextParameter,
    script_for,
    validate_parameters,
)

GOOD = yaml.safe_load((catalogue.LIBRARY / "log-rotation.yml").read_text())


@pytest.fixture(scope="module")
def library() -> catalogue.Catalogue:
    return catalogue.load()


def test_the_library_has_what_it_promises(library: catalogue.Catalogue) -> None:
    risks = {runbook.id: runbook.risk for runbook in library.all()}
    assert risks.items() >= {
        ("disk-clean-up", Risk.LOW),
        ("log-rotation", Risk.LOW),
        ("clear-memory-cache", Risk.MEDIUM),
        ("restart-service", Risk.HIGH),
    }
    assert set(library.get("restart-service").platforms) == {Platform.LINUX, Platform.WINDOWS}


@pytest.mark.alone
def test_the_library_loads_in_less_than_fifty_milliseconds() -> None:
    took = []
    for _ in range(5):
        begun = time.perf_counter()
        catalogue.load()
        took.append(time.perf_counter() - begun)
    assert min(took) < 0.05


@pytest.mark.parametrize(
    ("category", "signature", "platform", "expected"),
    [
        ("disk", "disk full", Platform.LINUX, "disk-clean-up"),
        ("disk", "disk c # full", Platform.WINDOWS, "disk-clean-up-windows"),
        ("log", "log file size large", Platform.LINUX, "log-rotation"),
        ("memory", "memory usage high", Platform.LINUX, "clear-memory-cache"),
        ("service", "nginx service down", Platform.LINUX, "restart-nginx"),
        ("service", "iis service stopped", Platform.WINDOWS, "restart-iis"),
        ("network", "switch port flapping", Platform.LINUX, "network-diagnostics"),
        ("disk", "disk full", None, "disk-clean-up"),
    ],
)
def test_the_best_runbook_for_an_incident(
    library: catalogue.Catalogue,
    category: str,
    signature: str,
    platform: Platform | None,
    expected: str | None,
) -> None:
    best = library.best(category, signature, platform)
    assert (best.id if best else None) == expected


def test_a_fitting_signature_ranks_above_a_mere_category(library: catalogue.Catalogue) -> None:
    matches = library.matching("log", "disk full", None)
    assert [(match.runbook.id, match.score) for match in matches] == [
        ("disk-clean-up", 2),
        ("disk-clean-up-windows", 2),
        ("log-rotation", 1),
    ]


def test_only_the_wanted_risk_is_chosen(library: catalogue.Catalogue) -> None:
    assert library.best("service", "service nginx down", Platform.LINUX, risk=Risk.LOW) is None


def test_the_system_asks_for_fixes_only_the_least_risky_first(library: catalogue.Catalogue) -> None:
    def chosen(category: str, signature: str, platform: Platform) -> str | None:
        found = library.by_itself(category, signature, platform)
        return found[0].id if found else None

    assert chosen("disk", "disk full", Platform.LINUX) == "disk-clean-up"
    assert chosen("memory", "memory usage high", Platform.LINUX) == "clear-memory-cache"
    assert chosen("memory", "memory usage high", Platform.WINDOWS) is None, (
        "a look is offered, not run by itself"
    )
    assert chosen("disk", "raid array degraded", Platform.LINUX) is None, "its words do not ask for room"
    assert chosen("service", "service nginx down", Platform.LINUX) is None, "high risk is for people"


def test_what_mends_stands_before_what_only_looks(library: catalogue.Catalogue) -> None:
    found = [match.runbook.id for match in library.matching("memory", "memory usage high", Platform.LINUX)]
    assert found.index("clear-memory-cache") < found.index("process-report")


def test_an_unknown_runbook_names_those_there_are(library: catalogue.Catalogue) -> None:
    with pytest.raises(NotFound) as missing:
        library.get("format-everything")
    assert "disk-clean-up" in missing.value.hint


def write(folder: Path, name: str = "log-rotation-two", /, **changes: object) -> Path:
    document = {**GOOD, "id": name, **changes}
    path = folder / f"{name}.yml"
    path.write_text(yaml.safe_dump({key: value for key, value in document.items() if value is not None}))
    return path


def test_runbooks_of_ones_own_join_the_library(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "notes.txt").write_text("not a runbook")
    assert catalogue.load(tmp_path).get("log-rotation-two").title == GOOD["title"]


@pytest.mark.parametrize(
    ("changes", "field", "why"),
    [
        ({"title": None}, "title", "Field required"),
        ({"risk": "harmless"}, "risk", "'low', 'medium' or 'high'"),
        ({"risck": "low"}, "risck", "Extra inputs are not permitted"),
        ({"version": 0}, "version", "greater than or equal to 1"),
        ({"timeout_seconds": 1}, "timeout_seconds", "greater than or equal to 10"),
        ({"platforms": {}}, "platforms", "at least 1"),
        (
            {"platforms": {"linux": {"script": "echo {{ssm:key}}", "verify": "true"}}},
            "platforms.linux.script",
            "{{",
        ),
        ({"platforms": {"linux": {"script": "echo"}}}, "platforms.linux.verify", "Field required"),
        (
            {"platforms": {"beos": {"script": "a", "verify": "b"}}},
            "platforms.beos.[key]",
            "'linux' or 'windows'",
        ),
        ({"matches": {"signatures": ["(open"]}}, "matches.signatures", "not a regular expression"),
        ({"parameters": [{"name": "a", "kind": "unit"}]}, "parameters.0.unit.description", "Field required"),
        (
            {"parameters": [{"name": "A", "kind": "unit", "description": "x"}]},
            "parameters.0.unit.name",
            "pattern",
        ),
        ({"parameters": [{"name": "a", "kind": "file", "description": "x"}]}, "parameters.0", "'unit'"),
        (
            {"parameters": [{"name": "a", "kind": "unit", "description": "x", "default": "a;b"}]},
            "",
            "the default of a must be the name of a service",
        ),
        ({"parameters": [{"name": "a", "kind": "unit", "description": "x"}] * 2}, "", "named twice: a"),
    ],
)
def test_a_bad_runbook_is_refused_with_file_field_and_reason(
    tmp_path: Path, changes: dict[str, object], field: str, why: str
) -> None:
    write(tmp_path, "log-rotation-two", **changes)
    with pytest.raises(InvalidCatalogue) as invalid:
        catalogue.load(tmp_path)
    assert [(fault.file, fault.field) for fault in invalid.value.faults] == [("log-rotation-two.yml", field)]
    assert why in invalid.value.faults[0].why


def test_every_fault_of_every_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, "one", title=None, risk="x")
    (tmp_path / "two.yml").write_text("a: [unclosed")
    (tmp_path / "three.yml").write_text("- a list")
    write(tmp_path, "four", id="five")
    (tmp_path / "six.yml").write_text("x: " + "y" * catalogue.LARGEST_FILE)
    (tmp_path / "seven.yml").write_text("!!python/object/apply:os.system ['true']")
    shutil.copy(catalogue.LIBRARY / "disk-clean-up.yml", tmp_path / "disk-clean-up.yml")
    _, faults = catalogue.read(tmp_path)
    said = [str(fault) for fault in faults]
    assert len(said) == 8
    for part in (
        "one.yml: title",
        "one.yml: risk",
        "two.yml: cannot be read",
        "three.yml: must be a mapping",
        "four.yml: id: must be “four”",
        "six.yml: cannot be read: is larger",
        "seven.yml: cannot be read",
        "disk-clean-up.yml: id: disk-clean-up is the id of disk-clean-up.yml already",
    ):
        assert any(part in line for line in said), part


def test_a_missing_folder_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(InvalidCatalogue, match="is not a folder"):
        catalogue.load(tmp_path / "nowhere")


SHIPPED = catalogue.load().all()


def filled(runbook: Runbook) -> dict[str, str]:
    """The parameters as somebody would give them: defaults, and what the runbook gives as an example."""
    given = {one.name: sample(one) for one in runbook.parameters if one.default is None}
    return validate_parameters(runbook, given)


def sample(parameter: Parameter) -> str:
    match parameter:
        case ChoiceParameter():
            return parameter.values[0]
        case TextParameter():
            return parameter.example
        case IntegerParameter():
            return str(parameter.minimum)
        case PathParameter():
            return parameter.roots[0]
        case _:
            return "nginx"


@pytest.mark.parametrize(
    "runbook", [one for one in SHIPPED if Platform.LINUX in one.platforms], ids=lambda one: one.id
)
@pytest.mark.parametrize("verify", [False, True], ids=["script", "verify"])
def test_the_bash_scripts_pass_shellcheck(runbook: Runbook, verify: bool) -> None:
    program = shutil.which("shellcheck")
    assert program, "shellcheck is not installed; install it (Debian package: shellcheck)"
    text = script_for(runbook, Platform.LINUX, filled(runbook), verify=verify)
    done = subprocess.run(
        [program, "--shell=bash", "-"], input=text, text=True, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout
    assert "set -euo pipefail" in text


@pytest.mark.parametrize("runbook", SHIPPED, ids=lambda one: one.id)
def test_every_shipped_script_uses_its_parameters_and_no_others(runbook: Runbook) -> None:
    declared = {parameter.variable for parameter in runbook.parameters}
    for platform, scripts in runbook.platforms.items():
        both = scripts.script + scripts.verify
        used = {word for word in _variables(both) if word.startswith("AW_")}
        assert used == declared, platform


def _variables(text: str) -> set[str]:
    letters = "".join(letter if letter.isalnum() or letter == "_" else " " for letter in text)
    return set(letters.split())
