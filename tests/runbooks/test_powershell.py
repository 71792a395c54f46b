"""The PowerShell scripts are parsed and held against rules; PowerShell itself is not part of what runs the tests.

The grammar is tree-sitter's, so that a fault of syntax is found and a fault of behaviour is not. Every command that a
script calls has to be one that Windows Server 2016 and newer bring along, by name, or a function of the script.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from runbooks import catalogue
from runbooks.runbook import Platform, Runbook

PARSER = Parser(Language(tree_sitter_powershell.language()))
SHIPPED = [one for one in catalogue.load().all() if Platform.WINDOWS in one.platforms]
SCRIPTS = [
    pytest.param(text, id=f"{one.id}-{name}")
    for one in SHIPPED
    for name, text in (
        ("script", one.platforms[Platform.WINDOWS].script),
        ("verify", one.platforms[Platform.WINDOWS].verify),
    )
]


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CMDLETS = words("""
    Clear-DnsClientCache ForEach-Object Get-ChildItem Get-CimInstance Get-Date Get-DnsClientCache
    Get-DnsClientServerAddress Get-Item Get-ItemProperty Get-NetAdapterStatistics Get-NetIPAddress
    Get-NetRoute Get-PhysicalDisk Get-Process Get-ScheduledTask Get-ScheduledTaskInfo Get-Service
    Get-StorageReliabilityCounter Get-VirtualDisk Get-WinEvent Group-Object Join-Path Measure-Object New-Item
    New-Object Remove-Item Resolve-DnsName Restart-Service Select-Object Set-ItemProperty Set-StrictMode
    Sort-Object Start-ScheduledTask Start-Service Start-Sleep Stop-Service Test-NetConnection Test-Path
    Where-Object Write-Output
""")
PROGRAMS = frozenset({"w32tm.exe"})
VERBS = words(
    "Add Assert Clear Compare Confirm Deny Find Get Invoke Measure "
    "New Read Remove Set Start Stop Test Wait Write"
)


def nodes(text: str) -> Iterator[Node]:
    waiting = [PARSER.parse(text.encode()).root_node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.children)


def faults(text: str) -> list[str]:
    """What is wrong with a script."""
    found = []
    every = list(nodes(text))
    functions = {said(node) for node in every if node.type == "function_name"}
    for node in every:
        line = node.start_point.row + 1
        if node.type == "ERROR" or node.is_missing:
            found.append(f"line {line}: does not parse: {said(node)[:40]}")
        elif node.type == "command_name" and said(node) not in CMDLETS | PROGRAMS | functions:
            found.append(f"line {line}: {said(node)} is no command that is known to be there")
        elif node.type == "function_name" and said(node).split("-")[0] not in VERBS:
            found.append(f"line {line}: {said(node)} begins with no approved verb")
    lines = [line for line in text.splitlines() if line.strip()]
    if lines[:2] != ["Set-StrictMode -Version Latest", "$ErrorActionPreference = 'Stop'"]:
        found.append("does not begin strictly")
    return found


def said(node: Node) -> str:
    return (node.text or b"").decode()


@pytest.mark.parametrize("text", SCRIPTS)
def test_a_shipped_script_parses_and_calls_what_is_there(text: str) -> None:
    assert faults(text) == []


@pytest.mark.parametrize("one", SHIPPED, ids=lambda one: one.id)
def test_a_shipped_check_can_fail_and_says_so_on_standard_error(one: Runbook) -> None:
    verify = one.platforms[Platform.WINDOWS].verify
    assert "exit 1" in verify and "[Console]::Error.WriteLine(" in verify and "Write-Output" in verify
    script = one.platforms[Platform.WINDOWS].script
    for refusal in re.findall(r"WriteLine\(.Not started: .*\n\s*(.*)", script):
        assert refusal == "exit 3"


STRICT = "Set-StrictMode -Version Latest\n$ErrorActionPreference = 'Stop'\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("if ($true) {\n  Write-Output 'x'\n", "does not parse"),
        ("Write-Output (1 + 2", "does not parse"),
        ("foreach ($x $y) { }", "does not parse"),
        ("Write-Output 'open\n", "does not parse"),
        ("Get-Servce -Name x", "Get-Servce is no command"),
        ("gci C:\\", "gci is no command"),
        ("Invoke-Expression $x", "Invoke-Expression is no command"),
        ("function Kill-It { }", "Kill-It begins with no approved verb"),
    ],
)
def test_a_fault_is_noticed(text: str, why: str) -> None:
    assert any(why in fault for fault in faults(STRICT + text)), faults(STRICT + text)


def test_a_loose_script_is_noticed() -> None:
    assert faults("Write-Output 'x'") == ["does not begin strictly"]
