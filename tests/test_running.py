"""How `make test` runs: what goes side by side, what goes alone, and what its end says."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import __main__ as running

ROOT = Path(__file__).parent.parent
EVERYTHING = ["tests/test_lint.py", "tests"]
SIDE_BY_SIDE = ["-n", "4", "--dist", "worksteal"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], [[*EVERYTHING, "-m", "not alone", *SIDE_BY_SIDE], [*EVERYTHING, "-m", "alone"]]),
        (
            ["-x", "-k", "storm"],
            [
                [*EVERYTHING, "-x", "-k", "storm", "-m", "not alone", *SIDE_BY_SIDE],
                [*EVERYTHING, "-x", "-k", "storm", "-m", "alone"],
            ],
        ),
        (
            ["tests/engine", "-m", "slow"],
            [
                ["tests/engine", "-m", "slow", "-m", "(slow) and not alone", *SIDE_BY_SIDE],
                ["tests/engine", "-m", "slow", "-m", "(slow) and alone"],
            ],
        ),
        (["tests/test_house.py", "-x"], [["tests/test_house.py", "-x"]]),
        (["tests/test_house.py::test_x"], [["tests/test_house.py::test_x"]]),
        (["-k", "tests", "-s"], [[*EVERYTHING, "-k", "tests", "-s"]]),
        (["-n", "3"], [[*EVERYTHING, "-n", "3"]]),
    ],
)
def test_what_runs(given: list[str], expected: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert list(running.runs(given, 2)) == expected


FLAKY = """
from pathlib import Path
def test_good(): pass
def test_one(): seen = Path("seen"); before = seen.exists(); seen.touch(); assert before
"""
BROKEN = "def test_broken(): assert False"


@pytest.mark.parametrize(("source", "code"), [(FLAKY, 0), (FLAKY + BROKEN, 1), (BROKEN, 1)])
def test_what_failed_beside_others_is_run_once_more_alone(
    source: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "test_it.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "EVERYTHING", (str(tmp_path),))
    assert running.main([]) == code
    said = capfd.readouterr().out
    assert "failed beside others and run once more, alone:" in said and "test_it.py::test_" in said


def test_many_failures_are_not_the_machine_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "test_it.py").write_text("".join(f"def test_{n}(): assert {n} < 0\n" for n in range(13)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "EVERYTHING", (str(tmp_path),))
    assert running.main([]) == 1
    assert "once more" not in capfd.readouterr().out


CLOCKS = {"monotonic", "perf_counter", "time"}


def hurried(source: str) -> set[str]:
    """The tests that assert that something took less than so long by the clock on the wall, and do not run alone."""
    found = set()
    for test in ast.walk(ast.parse(source)):
        if not isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef) or not test.name.startswith("test_"):
            continue
        spans = [
            node.left.left
            for node in ast.walk(test)
            if isinstance(node, ast.Compare)
            and isinstance(node.ops[0], ast.Lt | ast.LtE)
            and isinstance(node.left, ast.BinOp)
            and isinstance(node.left.op, ast.Sub)
        ]
        read = [span.func for span in spans if isinstance(span, ast.Call)]
        measures = any(isinstance(it, ast.Attribute | ast.Name) and _name(it) in CLOCKS for it in read)
        if measures and "alone" not in {_name(it) for it in test.decorator_list}:
            found.add(test.name)
    return found


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def test_what_has_to_be_over_in_time_runs_alone() -> None:
    files = sorted(ROOT.glob("tests/**/test_*.py"))
    assert {path.name: it for path in files if (it := hurried(path.read_text("utf-8")))} == {}


@pytest.mark.parametrize(
    ("mark", "line", "expected"),
    [
        ("", "assert time.monotonic() - began < 2", {"test_it"}),
        ("", "assert loop.time() - began < 2 and not done", {"test_it"}),
        ("@pytest.mark.alone", "assert perf_counter() - began < 2", set()),
        ("", "assert time.monotonic() - began >= 0.3", set()),
        ("", "assert time.process_time() - began < 2", set()),
    ],
)
def test_a_hurry_is_noticed(mark: str, line: str, expected: set[str]) -> None:
    assert hurried(f"{mark}\nasync def test_it():\n    {line}\n") == expected


def test_there_are_as_many_processes_as_cores_up_to_a_few() -> None:
    first, _ = running.runs([], 64)
    assert first[-4:] == ["-n", "4", "--dist", "worksteal"]


@pytest.mark.parametrize(
    ("given", "ends", "said"),
    [
        ([], [0, 0], 0),
        ([], [1, 0], 1),
        ([], [0, 1], 1),
        ([], [5, 0], 0),
        ([], [0, 5], 0),
        ([], [5, 5], 5),
        (["-x"], [1], 1),
        ([], [2], 2),
        ([], [4], 4),
    ],
)
def test_how_it_ends(given: list[str], ends: list[int], said: int, monkeypatch: pytest.MonkeyPatch) -> None:
    left = list(ends)
    ran: Callable[..., SimpleNamespace] = lambda *_, **__: SimpleNamespace(returncode=left.pop(0))  # noqa: E731
    monkeypatch.setattr(subprocess, "run", ran)
    assert running.main(given) == said
    assert not left, "what follows a run that only failed was not left out"


def test_side_by_side_on_one_cluster_and_a_failure_is_told(tmp_path: Path) -> None:
    """Two processes have a database each; one test of three fails, and that is how it ends."""
    (tmp_path / "conftest.py").write_text("pytest_plugins = ['tests.conftest']\n")
    (tmp_path / "test_it.py").write_text(
        "import asyncpg, pytest\n"
        "@pytest.mark.parametrize('number', range(8))\n"
        "async def test_it(postgres, number):\n"
        "    connection = await asyncpg.connect(postgres.url_of(postgres.template).replace('+asyncpg', ''))\n"
        "    try:\n"
        "        names = [row[0] for row in await connection.fetch('SELECT datname FROM pg_database')]\n"
        "    finally:\n"
        "        await connection.close()\n"
        "    assert postgres.template in names\n"
        "    print('SEEN', postgres.url.rsplit(':', 1)[1], postgres.template)\n"
        "    assert number != 5\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "-n", "2", "-rA", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    seen = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("SEEN")]
    assert done.returncode == 1 and "1 failed, 7 passed" in done.stdout, done.stdout + done.stderr
    assert len({port for port, _ in seen}) == 1 and len({template for _, template in seen}) == 2, seen
