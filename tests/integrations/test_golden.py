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

from engine.alert import Alert, AlertStatus, Severity, normal_asset, normal_signature
from engine.classification import classify
from integrations import SOURCES
from integrations.sources.decoding import Undecodable, decode
from integrations.sources.reading import Malformed

ROOT = Path(__file__).parents[2]
OWN = Path(__file__).parent / "payloads"
COLLECTIONS = (OWN, ROOT.parent / "shared" / "data" / "payloads")
_ACCEPTED = {"no_data": {"no_data", "firing", "info"}}
"""That there is no data may be an alarm where a customer asked for it; it is never a recovery."""
_QUIET = {Severity.LOW, Severity.INFO}


def truths(folder: Path) -> list[dict[str, Any]]:
    """The cases of a collection: one file for all, or one in the folder of each tool."""
    files = [folder / "expected.json", *sorted(folder.glob("*/expected.json"))]
    return [case for file in files if file.is_file() for case in json.loads(file.read_text("utf-8"))["cases"]]


def cases() -> Iterator[Any]:
    for folder in COLLECTIONS:
        every = truths(folder)
        for case in every:
            if case["tool"] in SOURCES:
                others = {one["case"]: one for one in every if one["tool"] == case["tool"]}
                mark = "" if folder == OWN else "+"
                yield pytest.param(folder, case, others, id=f"{case['tool']}-{case['case']}{mark}")


def parsed(folder: Path, case: dict[str, Any]) -> list[Alert]:
    file = folder / case["file"]
    return SOURCES[case["tool"]](decode(file.read_bytes()), headers_of(file))


def headers_of(file: Path) -> dict[str, str]:
    """The headers that a body came with, from the file beside it."""
    beside = file.with_suffix(".headers")
    lines = beside.read_text("utf-8").splitlines() if beside.is_file() else []
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())


def bare_asset(name: str) -> set[str]:
    """The name without case, scheme, path end and port, with its domain and without."""
    plain = re.sub(r"^[a-z][a-z0-9+.-]*://", "", name.strip().lower()).rstrip("/")
    plain = re.sub(r":\d+(?=$|/)", "", plain)
    host = plain.split("/", 1)[0]
    found = {plain, host, normal_asset(name)}
    return found if re.fullmatch(r"[\d.]+", host) else found | {host.split(".", 1)[0]}


def identities(alert: Alert) -> set[str]:
    """The names by which a recovery may find it."""
    named = {f"{normal_asset(alert.asset_name)}|{normal_signature(alert.signature)}"}
    return named | ({f"key {alert.tool} {alert.dedup_key}"} if alert.dedup_key else set())


def severity(alert: Alert) -> Severity:
    judged = classify(severity_word=alert.severity_word, signature=alert.signature, message=alert.message)
    return Severity.INFO if alert.status is AlertStatus.NOTICE else judged.severity


def differences(alert: Alert, true: dict[str, Any]) -> list[str]:
    """What of the alert is not as the truth has it."""
    found: list[str] = []
    names = true["asset"] or ()
    if names and not bare_asset(alert.asset_name) & {one for name in names for one in bare_asset(name)}:
        found.append(f"asset {alert.asset_name!r}, not one of {names}")
    wanted, said = true["signature"], normal_signature(alert.signature)
    if missing := [word for word in wanted.get("must_contain", ()) if letters(word) not in letters(said)]:
        found.append(f"signature {said!r} without {missing}")
    any_of = wanted.get("any_of", ())
    if any_of and not any(letters(word) in letters(said) for word in any_of):
        found.append(f"signature {said!r} with none of {any_of}")
    raw = alert.signature.lower()
    if spoilt := [word for word in wanted.get("must_not_contain", ()) if _contains(said, raw, word)]:
        found.append(f"signature {said!r} with {spoilt}")
    if alert.status.value not in _ACCEPTED.get(true["status"], {true["status"]}) | {
        *true.get("status_ok", ())
    }:
        found.append(f"status {alert.status}, not {true['status']}")
    if alert.status is AlertStatus.FIRING and true["severity"] and severity(alert) not in true["severity"]:
        found.append(f"severity {severity(alert)} by {alert.severity_word!r}, not one of {true['severity']}")
    if alert.status is AlertStatus.NOTICE and severity(alert) not in _QUIET:
        found.append(f"a notice of severity {severity(alert)}")
    return found


def _contains(said: str, raw: str, word: str) -> bool:
    """Words without letters are looked for as they stand: of the others only the letters are compared."""
    plain = letters(word)
    if not plain:
        return word in said
    return word.lower() in raw if len(plain) < 4 else plain in letters(said)


@pytest.mark.parametrize(("folder", "case", "others"), list(cases()))
def test_a_body_gives_the_alerts_that_are_true(folder: Path, case: dict[str, Any], others: dict[str, Any]):
    if not set(case.get("http", (202,))) & {200, 202}:
        with pytest.raises((Undecodable, Malformed)):
            parsed(folder, case)
        return
    found, true = parsed(folder, case), case["alerts"]
    needed = [one for one in true if not one.get("optional") and one["status"] != "info"]
    assert len(found) in case.get("count", [*range(len(needed), len(true) + 1)])
    if len(found) != len(true):
        true = needed
    if len(found) == len(true):
        wrong = [differences(alert, one) for alert, one in zip(found, true, strict=True)]
        assert not any(wrong), wrong
    else:
        assert all(any(not differences(alert, one) for one in true) for alert in found)
    for alert, one in zip(found, true, strict=False):
        for name in one["dedup_same_as"]:
            earlier = [identities(each) for each in parsed(folder, others[name])]
            assert any(identities(alert) & each for each in earlier), (identities(alert), earlier)


def test_every_tool_with_a_parser_has_a_body_of_its_own_here():
    assert {case["tool"] for case in truths(OWN)} == set(SOURCES)


@pytest.mark.parametrize("tool", sorted(SOURCES))
def test_our_own_bodies_hold_no_secret_that_would_be_shown(tool: str):
    """Bodies here may carry `do-not-show` where a tool sends secrets; no alert may."""
    for case in truths(OWN):
        if case["tool"] == tool and set(case.get("http", (202,))) & {200, 202}:
            assert not [alert for alert in parsed(OWN, case) if "do-not-show" in str(alert)]
