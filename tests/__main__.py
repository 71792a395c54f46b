"""`make test`: everything on all cores, then what measures time on a machine that does nothing else meanwhile.

`python -m tests` and whatever pytest understands. Files and single tests that are named run by themselves, in one
process and in their order, as does what wants the terminal (`-s`, `--pdb`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

EVERYTHING = ("tests/test_lint.py", "tests")
AT_MOST = 4
"""Processes. Each has databases, a browser and pretend machines of its own."""
WANTS_THE_TERMINAL = {"-s", "--capture=no", "--pdb", "--trace", "--collect-only", "--co", "-h", "--help"}
SAYS_HOW_MANY = ("-n", "--numprocesses")
HAS_A_VALUE = {"-m", "-k", "-n", "-p", "-o", "-c", "-W", "--maxfail", "--durations"}
PASSED, FAILED, NOTHING = pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED


def named(given: list[str]) -> list[Path]:
    """The files and folders among the arguments."""
    words = [it for before, it in pairwise(["", *given]) if before not in HAS_A_VALUE]
    paths = (Path(it.split("::")[0]) for it in words if not it.startswith("-"))
    return [path for path in paths if path.exists()]


def marked(given: list[str], word: str) -> list[str]:
    """The same arguments, choosing among what they choose."""
    among = next((it for before, it in pairwise(given) if before == "-m"), "")
    return [*given, "-m", f"({among}) and {word}" if among else word]


def runs(given: list[str], cores: int) -> Iterator[list[str]]:
    """The arguments of pytest, run after run."""
    paths = named(given)
    everything = [] if paths else list(EVERYTHING)
    together = WANTS_THE_TERMINAL & set(given) or any(it.startswith(SAYS_HOW_MANY) for it in given)
    if together or (paths and all(path.is_file() for path in paths)):
        yield [*everything, *given]
        return
    processes = ["-n", str(min(cores, AT_MOST)), "--dist", "worksteal"]
    yield [*everything, *marked(given, "not alone"), *processes]
    yield [*everything, *marked(given, "alone")]


def main(given: list[str]) -> int:
    """How it ended: as the first run that went wrong. After that a run follows only where tests merely failed and
    nobody said `-x`."""
    ended = []
    for run in runs(given, len(os.sched_getaffinity(0))):
        ended.append(subprocess.run([sys.executable, "-m", "pytest", *run], check=False).returncode)
        stop = ended[-1] == FAILED and bool({"-x", "--exitfirst"} & set(given))
        if stop or ended[-1] not in (PASSED, FAILED, NOTHING):
            break
    wrong = [it for it in ended if it not in (PASSED, NOTHING)]
    return wrong[0] if wrong else min(ended)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
