"""No way leads from a model's answer to anything that acts: not by import, and there is no tool but the answer."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from engine.opinion import Question, Use
from integrations.ai.anthropic import ANSWER, Claude
from integrations.ai.prompt import prompt
from tests.rules import Module

ROOT = Path(__file__).parent.parent.parent
MAY_NOT_REACH = (
    "runbooks/executors/",
    "runbooks/operations/",
    "runbooks/carry_out",
    "runbooks/approvals",
    "runbooks/custom",
    "engine/operations/respond",
    "engine/operations/silence",
    "engine/operations/regroup",
    "engine/operations/turn",
    "engine/operations/configure",
    "engine/operations/directory",
    "bot/handlers",
    "bot/run_handlers",
    "bot/effects",
    "bot/worker",
)
AI = sorted(
    path.relative_to(ROOT).as_posix()
    for room in ("integrations/ai", "bot/ai")
    for path in (ROOT / room).glob("*.py")
)


@cache
def imported(path: str) -> frozenset[str]:
    """The files of ours that a file imports, wherever in it; what only a type checker sees left out."""
    module = Module(path, (ROOT / path).read_text("utf-8"))
    hidden = {
        line
        for node in ast.walk(module.tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    found = set()
    for line, name in module.imports:
        parts = name.split(".")
        for some in (parts, parts[:-1]):
            for candidate in ("/".join(some) + ".py", "/".join([*some, "__init__.py"])):
                if line not in hidden and some and (ROOT / candidate).is_file():
                    found.add(candidate)
    return frozenset(found)


def reached(path: str) -> set[str]:
    seen, waiting = {path}, [path]
    while waiting:
        for other in imported(waiting.pop()) - seen:
            seen.add(other)
            waiting.append(other)
    return seen


@pytest.mark.parametrize("path", AI)
def test_nothing_that_acts_can_be_reached_from_here(path: str):
    bad = [one for one in reached(path) if one.startswith(MAY_NOT_REACH)]
    assert not bad, f"{path} reaches {bad}"


def test_the_walls_are_awake():
    assert len(AI) > 8
    assert any(one.startswith(MAY_NOT_REACH) for one in reached("bot/effects.py"))
    assert {"bot/core.py", "engine/opinion.py", "storage/opinions.py"} <= reached("bot/ai/analyse.py")


def test_a_model_has_one_tool_and_it_is_the_answer():
    question = Question(use=Use.SUGGEST, seen="only 3 GB left", runbooks={"disk-clean-up": "makes room"})
    request = Claude(model="claude-haiku-5-5")._request(prompt(question, mark=lambda: "mark"))
    assert [tool["name"] for tool in request["tools"]] == [ANSWER]
    assert request["tool_choice"]["name"] == ANSWER
