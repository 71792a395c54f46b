"""Values made to break out of a parameter, made up by a seed, and what becomes of each.

A value is refused, or the machine's shell sees exactly it and runs nothing else. Bash really runs, as the agent runs
it, on a machine of the sandbox; what PowerShell would see is read by `powershell.py`.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.errors import Refused
from runbooks.runbook import (
    ChoiceParameter,
    IntegerParameter,
    Parameter,
    PathParameter,
    Platform,
    Runbook,
    Scripts,
    TextParameter,
    script_for,
    validate_parameters,
)
from sandbox.aws.machine import Machine, Shell
from tests.runbooks import powershell

COMMANDS = (
    "touch /canary/N",
    "touch N",
    ">/canary/N",
    "systemctl stop nginx",
    "rm -rf /run",
    "echo pwned",
    "kill -9 $$",
)
AROUND = (
    "';{}'", "'; {}; '", "'\n{}\n'", '"; {}; "', "$({})", "${{x:=$({})}}", "`{}`", "; {}", "&& {}", "|| {} #", "| {}",
    "& {} &", "\n{}\n", "\r\n{}", "\\'; {} #", "'\"'\"'; {} #", "$'\\x27; {} #'", "<({})", "x=1 {}", "\u2019; {} #",
    "\u2018+$({})+\u201b", "\u00d2; {} #", "@'\n{}\n'@", "EOF\n{}\nEOF", "END\n{}", "%{{{}}}", "$env:AW_X; {}", "&({})",
    "iex '{}'", "{{{{ {} }}}}", "{{{{ssm:{}}}}}", "a$({})", "nginx$({})", "x({})", "\u202e{}\u202c", "{}\x00",
    "\x1b]0;{}\a", "--{}", "-rf {}", "../../$({})", "/var/log/$({})", "/var/log/`{}`", "/srv/;{}", "{}", "\\\n{}",
    "a\\", "!{}!", "~root/{}",
)  # fmt: skip
LETTERS = (
    "'\"`$(){}[]<>;&|\\!#*?~%^=-+@:,. aZ09/_ëß漢🔧\u00d2\u00c1\u2018\u2019\u201a\u201b"
    "\t\n\r\x00\x07\x1b\x7f\x85\xa0\u2028\u2029\u200b\u202e\u2066\ufeff\ud800\udfff"
)
NEAR = "aZ09._@+-:$\\() /*[]?"
"""Letters that one kind or another lets pass."""

ODD: tuple[object, ...] = (
    True, False, 0, -1, 7, 10**400, -(10**18), 1.5, float("nan"), b"x", ["a"], {"a": "b"}, (), "", " ", "0", "-0", "+1",
    "1e3", "0x10", "٣", "１", "1_000", "--", "-n", "-e x", "{{", "{ {", "}}", "/", "//", "/..", "/var/log/..", "~",
    "a" * 256, "a" * 257, "'" * 256, "\u2019" * 256, "🔧" * 256, "é" * 5_000, "$(:)" * 70, "\\" * 255,
)  # fmt: skip
PROBED: tuple[dict[str, object], ...] = (
    {"name": "anything", "kind": "text", "pattern": "(?s).*", "default": "x"},
    {"name": "more", "kind": "text", "pattern": "(?s).+", "default": "y"},
    {
        "name": "choice",
        "kind": "enum",
        "values": ["a b", "c'd", "$(touch /canary/N)", "e\u2019"],
        "default": "a b",
    },
    {"name": "number", "kind": "integer", "minimum": -5, "maximum": 10**17, "default": 3},
    {"name": "folder", "kind": "path", "roots": ["/"], "default": "/tmp"},
    {"name": "unit", "kind": "unit", "default": "nginx"},
)
_SEEN = 'printf "%s\\0" {} >>/out/seen\n'
_TRACE = "set -o functrace; trap 'printf . >>/out/trace' DEBUG\n"
_BATCH = """#!/bin/bash
for one in /cases/*; do
  BASH_ENV=/trace sh -c "$one" </dev/null >>/out/printed 2>&1 || echo "$one ended with $?" >>/out/printed
  echo >>/out/trace
done
sleep 0.05
for one in /proc/[0-9]*; do tr '\\0' ' ' <$one/cmdline; echo; done >/out/processes
"""
_EACH = 400


def probing() -> Runbook:
    """A runbook that lets through all that any runbook could."""
    scripts = {name: {"script": ":", "verify": ":"} for name in ("linux", "windows")}
    return Runbook.model_validate(
        {
            "id": "probe",
            "version": 1,
            "title": "Probe",
            "description": "For tests.",
            "risk": "low",
            "risk_reason": "It only prints.",
            "timeout_seconds": 30,
            "parameters": [{"description": "a value", **one} for one in PROBED],
            "platforms": scripts,
            "undo": "Nothing to undo.",
        }
    )


def fitting(parameter: Parameter) -> str:
    match parameter:
        case ChoiceParameter():
            return parameter.values[0]
        case TextParameter():
            return parameter.example or parameter.default or "x"
        case IntegerParameter():
            return str(parameter.minimum)
        case PathParameter():
            return parameter.roots[0]
    return "nginx"


def hostile(some: random.Random, parameter: Parameter) -> object:
    """One value: odd by its type, a command wrapped to break out, any mixture of letters, or a fitting one with a
    little of these in it, which comes closest to passing."""
    way = some.randrange(8)
    if way == 0:
        return some.choice(ODD)
    if way == 1:
        return "".join(some.choice(LETTERS) for _ in range(some.randrange(1, 40)))
    wrapped = some.choice(AROUND).format(some.choice(COMMANDS))
    if way < 5:
        return wrapped
    base = some.choice((fitting(parameter), parameter.default or "", *getattr(parameter, "values", ())))
    letters = some.choice((LETTERS, NEAR))
    part = wrapped if way == 5 else "".join(some.choice(letters) for _ in range(some.randrange(0, 3)))
    at = some.randrange(len(base) + 1)
    return base[:at] + part + base[at:]


@dataclass
class Case:
    runbook: Runbook
    values: Mapping[str, str]


@dataclass
class Campaign:
    """`machine`: where bash runs. A failure names the seed and the value."""

    machine: Machine
    seed: int
    refused: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    windows: int = 0

    async def make(self, count: int, runbooks: list[Runbook]) -> None:
        some = random.Random(self.seed)
        every = [(book, one) for book in runbooks for one in book.parameters]
        batch: list[Case] = []
        for number in range(count):
            book, parameter = every[number % len(every)]
            case = self._one(book, parameter, hostile(some, parameter))
            if case is None:
                continue
            self._windows(case)
            batch.append(case)
            if len(batch) == _EACH:
                await self._bash(batch)
                batch = []
        if batch:
            await self._bash(batch)

    def _one(self, book: Runbook, parameter: Parameter, value: object) -> Case | None:
        given: dict[str, object] = {one.name: fitting(one) for one in book.parameters if one.default is None}
        try:
            values = validate_parameters(book, given | {parameter.name: value})
        except Refused as refused:
            said = refused.reason
        else:
            return self._taken(book, parameter, value, values)
        assert parameter.name in said, (self.seed, said)
        assert not any(letter in said for letter in "\n\r\x00\x1b\u2028"), (self.seed, said)
        self.refused[parameter.kind] += 1
        return None

    def _taken(self, book: Runbook, parameter: Parameter, value: object, values: dict[str, str]) -> Case:
        if value != "":
            assert values[parameter.name] == str(value), (self.seed, value)
        self.seen[parameter.kind] += 1
        return Case(book, values)

    def _windows(self, case: Case) -> None:
        """As UTF-8, and as whatever else Windows takes a file without a mark for."""
        text = script_for(_with_body(case.runbook, "Get-Date\n"), Platform.WINDOWS, case.values)
        expected = {one.variable: case.values[one.name] for one in case.runbook.parameters}
        for page in ("utf-8", "cp1252", "cp437", "cp932"):
            read = text.encode().decode(page)
            assert powershell.assigned(read) == (expected, "Get-Date\n"), (self.seed, case.values)
        self.windows += 1

    async def _bash(self, batch: list[Case]) -> None:
        root = self.machine.folder.path
        for name in ("cases", "out", "canary"):
            shutil.rmtree(root / name, ignore_errors=True)
            (root / name).mkdir()
            (root / name).chmod(0o777)
        (root / "trace").write_text(_TRACE)
        there = sorted(one.name for one in root.iterdir())
        expected: list[bytes] = []
        commands: list[int] = []
        for number, case in enumerate(batch):
            names = [one.variable for one in case.runbook.parameters]
            body = _SEEN.format(" ".join(f'"${name}"' for name in names))
            text = script_for(_with_body(case.runbook, body), Platform.LINUX, case.values)
            file = root / "cases" / f"{number:05}"
            file.write_text(text, encoding="utf-8", newline="")
            file.chmod(0o755)
            expected += [case.values[one.name].encode() for one in case.runbook.parameters]
            commands.append(len(names) + 1)
        done = await self.machine.run(
            _BATCH, Shell.SH, directory="/", seconds=300, stop=asyncio.Event(), keep=10_000
        )
        assert (done.exit_code, done.stdout, done.stderr) == (0, "", ""), (self.seed, done)
        seen = (root / "out" / "seen").read_bytes().split(b"\0")[:-1]
        assert seen == expected, (self.seed, _first_difference(seen, expected))
        assert (root / "out" / "printed").read_bytes() == b"", self.seed
        traced = (root / "out" / "trace").read_text().splitlines()
        assert [len(one) for one in traced] == commands, f"seed {self.seed}: another command ran"
        assert sorted(one.name for one in root.iterdir()) == there, self.seed
        assert list((root / "canary").iterdir()) == [], self.seed
        assert self.machine.unit_state("nginx") == "active", self.seed
        left = [one for one in (root / "out" / "processes").read_text().splitlines() if one.strip()]
        assert all("_script" in one or one.startswith(("bwrap", "tr ")) for one in left), (self.seed, left)


def _with_body(book: Runbook, body: str) -> Runbook:
    """The same parameters before another script, on both platforms."""
    scripts = Scripts(script=body, verify=":")
    return book.model_copy(update={"platforms": dict.fromkeys(Platform, scripts)})


def _first_difference(seen: list[bytes], expected: list[bytes]) -> Any:
    return next(((one, two) for one, two in zip(seen, expected, strict=False) if one != two), "lengths")
