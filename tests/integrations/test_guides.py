"""The guides: a page for every tool, in the form that chat can show, and templates that their parsers read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.alert import Alert, AlertStatus
from integrations import SOURCES
from integrations.sources.decoding import decode
from tests.integrations.test_golden import OWN, identities, letters, severity

PAGES = Path(__file__).parents[2] / "docs" / "tools"
INDEX = (PAGES / "README.md").read_text("utf-8")
_TEMPLATE = re.compile(r"^```(json|text|xml) template\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def page(tool: str) -> str:
    return (PAGES / f"{tool}.md").read_text("utf-8")


def templates(tool: str) -> list[tuple[str, str]]:
    return _TEMPLATE.findall(page(tool))


WITH_TEMPLATE = [tool for tool in sorted(SOURCES) if (PAGES / f"{tool}.md").is_file() and templates(tool)]


@pytest.mark.parametrize("tool", sorted(SOURCES))
def test_every_tool_has_a_page_in_the_form_that_chat_can_show(tool: str):
    text = page(tool)
    prose = _FENCED.sub("", text)
    assert text.startswith("# ") and len(re.findall(r"^# ", prose, re.MULTILINE)) == 1
    headings = re.findall(r"^## (.+)$", prose, re.MULTILINE)
    assert headings[0].startswith("In ") and headings[-2:] == ["How the key is given", "See that it works"]
    assert f"<your address>/api/webhooks/{tool}" in text and "<your key>" in text
    assert not re.search(r"^(\||!\[|[ \t]+[-*] |###)|\]\(", prose, re.MULTILINE), "chat cannot show that"
    assert len(text) < 9_000, "short"
    assert f"]({tool}.md)" in INDEX, "docs/tools/README.md lists it"


def test_no_page_is_of_a_tool_that_is_not_taken():
    known = {*SOURCES, "README", "pagerduty-events", "heartbeat"}
    assert not {file.stem for file in PAGES.glob("*.md")} - known


@pytest.mark.parametrize("tool", sorted(SOURCES))
def test_who_has_a_template_says_what_the_tool_puts_into_it(tool: str):
    assert (OWN / tool / "template.json").is_file() == bool(templates(tool))


def filled(template: str, kind: str, values: Mapping[str, str]) -> bytes:
    """As the tool does: longest variables first, quoted for JSON where the template is JSON."""
    for variable in sorted(values, key=len, reverse=True):
        assert variable in template, f"{variable} is not in the template"
        value = json.dumps(values[variable])[1:-1] if kind == "json" else values[variable]
        template = template.replace(variable, value)
    return template.encode()


def read(tool: str, body: bytes) -> Alert:
    (alert,) = SOURCES[tool](decode(body), {})
    return alert


@pytest.mark.parametrize("tool", WITH_TEMPLATE)
def test_the_template_of_a_page_is_read_by_its_parser(tool: str):
    said: dict[str, Any] = json.loads((OWN / tool / "template.json").read_text("utf-8"))
    for kind, template in templates(tool):
        used = {name: value for name, value in said["firing"].items() if name in template}
        after = used | {name: value for name, value in said["resolved"].items() if name in template}
        firing = read(tool, filled(template, kind, used))
        assert firing.status is AlertStatus.FIRING
        assert firing.asset_name == said["asset"] and firing.asset_note is None
        assert letters(said["signature"]) in letters(firing.signature)
        assert said["severity"] is None or severity(firing) == said["severity"]
        resolved = read(tool, filled(template, kind, after))
        assert resolved.status is AlertStatus.RESOLVED
        assert identities(firing) & identities(resolved)
