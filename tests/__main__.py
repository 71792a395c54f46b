"""`make test`: everything on all cores, then what measures time on a machine that does nothing else meanwhile.

A few that failed beside others are run once more, alone, and named: what fails then is broken.

`python -m tests` and whatever pytest understands. Files and single tests that are named run by themselves, in one
process and in their order, as does what wants the terminal (`-s`, `--pdb`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

EVERYTHING = ("tests/test_lint.py", "tests")
AT_MOST = 4
"""Processes, two a core: scenarios wait more than they compute. Each has databases, a browser and pretend machines of
its own."""
WANTS_THE_TERMINAL = {"-s", "--capture=no", "--pdb", "--trace", "--collect-only", "--co", "-h", "--help"}
SAYS_HOW_MANY = ("-n", "--numprocesses")
HAS_A_VALUE = {"-m", "-k", "-n", "-p", "-o", "-c", "-W", "--maxfail", "--durations"}
"""Options of pytest after which a value stands, which could be called like a file: `-k tests` names none."""
LAST_FAILED = Path(".pytest_cache/v/cache/lastfailed")
MOST_AGAIN = 12
"""So many failures may be the machine's; more are the code's."""
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
    processes = ["-n", str(min(2 * cores, AT_MOST)), "--dist", "worksteal"]
    yield [*everything, *marked(given, "not alone"), *processes]
    yield [*everything, *marked(given, "alone")]


def main(given: list[str]) -> int:
    """How it ended: as the first run that went wrong, or when everything was run and few failed, as those did alone.
    After a run that went wrong another follows only where tests merely failed and nobody said `-x`."""
    ended = []
    if not given:
        LAST_FAILED.unlink(missing_ok=True)
    for run in runs(given, len(os.sched_getaffinity(0))):
        ended.append(subprocess.run([sys.executable, "-m", "pytest", *run], check=False).returncode)
        stop = ended[-1] == FAILED and bool({"-x", "--exitfirst"} & set(given))
        if stop or ended[-1] not in (PASSED, FAILED, NOTHING):
            break
    wrong = [it for it in ended if it not in (PASSED, NOTHING)]
    failed = sorted(json.loads(LAST_FAILED.read_text())) if set(wrong) == {FAILED} and _kept(given) else []
    if 0 < len(failed) <= MOST_AGAIN:
        return again(failed)
    return wrong[0] if wrong else min(ended)


def _kept(given: list[str]) -> bool:
    """Does pytest's list of failures tell of this run and of nothing else?"""
    return not given and LAST_FAILED.exists()


def again(failed: list[str]) -> int:
    """The same tests alone, one after the other; each is named, so that one that needs this often is seen."""
    print(f"\n{len(failed)} failed beside others and run once more, alone:", *failed, sep="\n  ", flush=True)
    run = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *failed]
    return subprocess.run(run, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
