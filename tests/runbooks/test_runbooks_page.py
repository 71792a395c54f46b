"""docs/runbooks.md says of every shipped runbook what its file says, and its example is a runbook."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from runbooks import catalogue
from runbooks.advice import advice
from runbooks.runbook import Platform, Purpose, Runbook

PAGE = (Path(__file__).parents[2] / "docs" / "runbooks.md").read_text("utf-8")


def row(one: Runbook) -> str:
    systems = " and ".join(platform.value.capitalize() for platform in one.platforms)
    does = "looks" if one.purpose is Purpose.LOOK else "mends"
    return f"| `{one.id}` | {one.title} | {does} | {one.risk.value} | {systems} |"


def test_the_table_is_the_library() -> None:
    table = [
        line for line in PAGE.splitlines() if re.match(r"\| `[a-z0-9-]+` \| .* \| (looks|mends) \|", line)
    ]
    expected = [row(one) for one in catalogue.load().all()]
    assert table == expected, "\n".join(expected)


def test_the_example_is_a_runbook_without_a_fault() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert advice(Runbook.model_validate(yaml.safe_load(example))) == []


def test_every_field_of_a_runbook_is_explained() -> None:
    for field in Runbook.model_fields:
        assert re.search(rf"`{field}`|^{field}:", PAGE, re.MULTILINE), field


def test_every_bash_script_has_a_test_that_runs_it() -> None:
    folder = Path(__file__).parent
    text = "".join(file.read_text("utf-8") for file in folder.glob("test_library*.py"))
    untested = [
        one.id
        for one in catalogue.load().all()
        if Platform.LINUX in one.platforms and f'"{one.id}"' not in text
    ]
    assert untested == []
