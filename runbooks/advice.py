"""What a runbook file may say and better would not: rules for a linter, beyond what a file has to be to be usable.

Text only, nothing is run; ShellCheck looks at bash besides where it is installed. What makes a file unusable is not
here but in runbooks/runbook.py.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runbooks.catalogue import Fault
from runbooks.runbook import Platform, Purpose, Runbook

STRICT_BASH = "set -euo pipefail"
STRICT_POWERSHELL = "$ErrorActionPreference = 'Stop'"


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    why: str


def _rules(*pairs: tuple[str, str]) -> tuple[_Rule, ...]:
    return tuple(_Rule(re.compile(pattern, re.MULTILINE), why) for pattern, why in pairs)


_ANY = _rules(
    (
        r"\b(?:curl|wget|Invoke-WebRequest|iwr)\b[^\n|]*\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b",
        "runs what it downloads",
    ),
    (
        r"(?i)(?:--password[= ]|\s-p)[\"']?\$",
        "hands a password over in the arguments, where every user can read it",
    ),
)
_BASH = _rules(
    (r"(?:^|[;&|(]\s*)\s*eval\b", "uses eval, which runs a value as a command"),
    (r"\bbash -c \"|\bsh -c \"", "puts values into a command line; hand them over in the environment"),
    (
        r"(?:^|[;&|]\s*)\s*rm\s+(?:-\w+\s+)*-\w*[rR]\w*\b",
        "deletes whole folders; let find select with -xdev and -delete",
    ),
    (
        r"\bfind\b(?!.*-xdev)[^\n]*-delete\b",
        "deletes without -xdev, so that it may come to other file systems",
    ),
)
_POWERSHELL = _rules(
    (r"(?i)\b(?:Invoke-Expression|iex)\b|\[scriptblock\]::Create", "runs text as a command"),
    (r"(?i)\bWrite-Host\b", "uses Write-Host, whose text is lost; use Write-Output"),
    (r"(?i)\bRead-Host\b", "waits for somebody to type; nobody does"),
    (r"(?i)-EncodedCommand\b", "hides what it runs"),
    (r"(?i)\bRemove-Item\b[^\n]*-Recurse\b", "deletes whole folders, and on old versions behind links"),
    (r"[^\x00-\x7f]", "has characters beyond ASCII, which Windows PowerShell 5.1 reads wrongly"),
    (r"\$AW_", "reads $AW_…; on Windows it is $env:AW_…"),
)
_REDIRECTED = re.compile(r"2>(?:&1|\s*\$null)")
_LENIENT = re.compile(r"\$ErrorActionPreference = '(?:Continue|SilentlyContinue)'")
_CHANGES = {
    Platform.LINUX: re.compile(
        r"(?:^|[;&|]\s*|\bthen\s+|\bdo\s+)\s*(?:rm|mv|cp|kill|pkill|killall|chmod|chown|truncate|tee|mkdir|touch|ln|dd|shutdown|reboot"
        r"|systemctl\s+(?:start|stop|restart|reload|reload-or-restart|enable|disable|mask)"
        r"|docker\s+(?:restart|stop|rm|kill|\w+\s+prune)|(?:apt-get|dnf|yum)\s+(?:-\S+\s+)*(?:install|remove|upgrade|clean)"
        r"|swapoff|swapon|sysctl\s+-w)\b(?!-)|-delete\b",
        re.MULTILINE,
    ),
    Platform.WINDOWS: re.compile(
        r"(?i)\b(?:Remove|Set|Stop|Start|Restart|Clear|New|Move|Rename|Add|Disable|Enable|Install|Uninstall)-"
        r"(?!Sleep|StrictMode|Object|Location|Variable|TimeSpan)\w+"
    ),
}
_VARIABLE = re.compile(r"\bAW_[A-Z0-9_]+\b")


def advice(runbook: Runbook) -> Sequence[Fault]:
    """Everything that this runbook better did otherwise."""
    return list(_advice(runbook))


def _advice(runbook: Runbook) -> Iterator[Fault]:
    file = f"{runbook.id}.yml"
    declared = {parameter.variable for parameter in runbook.parameters}
    for platform, scripts in runbook.platforms.items():
        for field, text in (("script", scripts.script), ("verify", scripts.verify)):
            place = f"platforms.{platform.value}.{field}"
            for why in _about(platform, text):
                yield Fault(file, place, why)
            for name in sorted(set(_VARIABLE.findall(text)) - declared):
                yield Fault(file, place, f"reads {name}, and no parameter gives it")
            may_change = field == "script" and runbook.purpose is Purpose.FIX
            if not may_change and (found := _CHANGES[platform].search(text)):
                yield Fault(file, place, f"is to change nothing, and says “{' '.join(found[0].split())}”")
        both = scripts.script + scripts.verify
        for name in sorted(declared - set(_VARIABLE.findall(both))):
            yield Fault(file, f"platforms.{platform.value}", f"never reads {name}")
    if runbook.preconditions and not any("exit 3" in one.script for one in runbook.platforms.values()):
        yield Fault(file, "preconditions", "no script ends with 3, the code of a missing precondition")


def _about(platform: Platform, text: str) -> Iterator[str]:
    strict, own = (STRICT_BASH, _BASH) if platform is Platform.LINUX else (STRICT_POWERSHELL, _POWERSHELL)
    if strict not in text:
        yield f"goes on after an error: {strict} is missing"
    if platform is Platform.WINDOWS and _REDIRECTED.search(text) and not _LENIENT.search(text):
        yield "redirects the errors of a program, which ends a strict script on Windows PowerShell 5.1"
    for rule in (*_ANY, *own):
        if rule.pattern.search(text):
            yield rule.why


def shellcheck(runbook: Runbook) -> Sequence[Fault] | None:
    """What ShellCheck says of the bash scripts; None where it is not installed."""
    program = shutil.which("shellcheck")
    if program is None:
        return None
    faults: list[Fault] = []
    scripts = runbook.platforms.get(Platform.LINUX)
    for field, text in (("script", scripts.script), ("verify", scripts.verify)) if scripts else ():
        assignments = "".join(f"export {parameter.variable}\n" for parameter in runbook.parameters)
        done = subprocess.run(  # noqa: S603 - the script is its input and is only read
            [program, "--shell=bash", "--format=gcc", "-"],
            input=f"#!/bin/bash\n{assignments}{text}",
            text=True,
            capture_output=True,
            check=False,
            timeout=60,
        )
        for line in done.stdout.splitlines():
            number, _, said = line.removeprefix("-:").partition(":")
            at = int(number) - 1 - len(runbook.parameters)
            why = f"line {at}: {said.partition(': ')[2]}"
            faults.append(Fault(f"{runbook.id}.yml", f"platforms.linux.{field}", why))
    return faults
