"""Recorded and documented bodies with their truth, for every tool that has a parser.

The bodies here are our own; where the larger collection lies beside the repository (`../shared/data/payloads`), its
bodies of our tools are compared too, each as a case of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.alert import Alert, AlertStatus, normal_asset, normal_signature
from engine.classification import classify
from integrations import SOURCES
from integrations.sources.reading import load

ROOT = Path(__file__).parents[2]
COLLECTIONS = (Path(__file__).parent / "payloads", ROOT.parent / "shared" / "data" / "payloads")


def cases() -> Iterator[Any]:
    for folder in COLLECTIONS:
        if not (folder / "expected.json").is_file():
            continue
        every = json.loads((folder / "expected.json").read_text("utf-8"))["cases"]
        for case in every:
            if case["tool"] in SOURCES:
                others = {one["case"]: one for one in every if one["tool"] == case["tool"]}
                yield pytest.param(folder, case, others, id=f"{case['tool']}-{case['case']}")


def parsed(folder: Path, case: dict[str, Any]) -> list[Alert]:
    file = folder / case["file"]
    lines = file.with_suffix(".headers").read_text("utf-8").splitlines()
    headers = dict(line.split(": ", 1) for line in lines if ": " in line)
    return SOURCES[case["tool"]](load(file.read_bytes()), headers)


def letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())


def identities(alert: Alert) -> set[str]:
    """The names by which a recovery may find it."""
    named = {f"{normal_asset(alert.asset_name)}|{normal_signature(alert.signature)}"}
    return named | ({f"key {alert.dedup_key}"} if alert.dedup_key else set())


@pytest.mark.parametrize(("folder", "case", "others"), list(cases()))
def test_a_body_gives_the_alerts_that_are_true(folder: Path, case: dict[str, Any], others: dict[str, Any]):
    found = parsed(folder, case)
    assert len(found) in case.get("count", [len(case["alerts"])])
    for alert, true in zip(found, case["alerts"], strict=True):
        if true["asset"] is not None:
            assert normal_asset(alert.asset_name) in {normal_asset(name) for name in true["asset"]}
        said = normal_signature(alert.signature)
        wanted = true["signature"]
        assert all(letters(word) in letters(said) for word in wanted.get("must_contain", ()))
        assert not [word for word in wanted.get("must_not_contain", ()) if word.lower() in said]
        assert alert.status.value == true["status"]
        if true["severity"] and alert.status is AlertStatus.FIRING:
            judged = classify(
                severity_word=alert.severity_word, signature=alert.signature, message=alert.message
            )
            assert judged.severity.value in true["severity"]
        for name in true["dedup_same_as"]:
            earlier = [identities(one) for one in parsed(folder, others[name])]
            assert any(identities(alert) & one for one in earlier)


def test_every_tool_with_a_parser_of_its_own_has_a_body_here():
    expected = json.loads((COLLECTIONS[0] / "expected.json").read_text("utf-8"))
    assert {case["tool"] for case in expected["cases"]} == set(SOURCES)
