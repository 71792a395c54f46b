"""The wheel: what is in it, what it adds to an environment, and that the program runs from it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from runbooks.catalogue import load
from storage.database import newest_version

ROOT = Path(__file__).parent.parent
ROOMS = ("bot", "engine", "integrations", "runbooks", "sandbox", "storage")


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment with the wheel in it. The dependencies are lent by this one: no index is asked."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    options = ("--quiet", "--no-index", "--no-deps", "--no-compile")
    run(sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", *options, wheel)
    return folder


def packages_of(environment: Path) -> Path:
    (folder,) = environment.glob("lib/python*/site-packages")
    return folder


@pytest.fixture(scope="module")
def lent(environment: Path) -> Path:
    """The environment, with this one's packages visible in it; the editable install of this one is not."""
    (packages_of(environment) / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment


def shipped(*patterns: str) -> set[str]:
    """Files of the checkout, as the wheel is to name them."""
    found = {path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}
    return {
        f"alert_whisperer/{path.relative_to(ROOT).as_posix()}"
        for path in found
        if "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("room", ROOMS)
def test_every_file_of_every_room_is_inside(room: str, contents: set[str]) -> None:
    expected = shipped(f"{room}/**/*.py", f"{room}/**/*.yml", f"{room}/**/*.mako")
    assert expected
    assert not expected - contents


@pytest.mark.parametrize(
    "data",
    [
        "runbooks/library/*.yml",
        "storage/migrations/versions/*.py",
        "storage/migrations/env.py",
        "sandbox/page/**/*",
        "deploy/client-access/*",
        "docs/guides/*.md",
        "docs/tools/*.md",
    ],
)
def test_what_is_read_at_run_time_is_inside(data: str, contents: set[str]) -> None:
    expected = shipped(data)
    assert expected
    assert not expected - contents


def test_nothing_else_is_inside(contents: set[str]) -> None:
    tops = {name.split("/")[0] for name in contents}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"alert_whisperer"}
    rooms = {name.split("/")[1] for name in contents if name.startswith("alert_whisperer/")}
    assert rooms == {*ROOMS, "deploy", "docs", "__init__.py", "__main__.py"}


def test_the_licence_is_inside(contents: set[str]) -> None:
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in contents)


def test_installing_adds_one_name(environment: Path) -> None:
    added = {
        path.name.split("-")[0] for path in packages_of(environment).iterdir() if path.name != "lent.pth"
    }
    assert added == {"alert_whisperer"}
    programs = {path.name for path in (environment / "bin").iterdir()}
    assert {"aw", "alert-whisperer"} <= programs


@pytest.mark.parametrize(
    "program", [("aw",), ("alert-whisperer",), ("python", "-m", "alert_whisperer")], ids=" ".join
)
def test_the_program_runs_from_the_wheel(program: tuple[str, ...], lent: Path, tmp_path: Path) -> None:
    """In an empty folder, where no checkout is near."""
    name, *options = program
    said = run(lent / "bin" / name, *options, "--help", cwd=tmp_path)
    assert "serve" in said
    assert "company" in said


def test_the_shipped_runbooks_and_the_schema_are_found_there(lent: Path, tmp_path: Path) -> None:
    found = run(lent / "bin" / "python", "-c", LOOK_AROUND, cwd=tmp_path).split()
    assert found[0] == str(packages_of(lent) / "alert_whisperer" / "bot" / "__init__.py")
    assert found[1:] == [str(len(load().all())), newest_version()]


LOOK_AROUND = """
import sys, alert_whisperer
sys.path.insert(0, alert_whisperer.__path__[0])
import bot
from runbooks.catalogue import load
from storage.database import newest_version
print(bot.__file__, len(load().all()), newest_version())
"""


def test_the_program_of_the_checkout_runs_from_anywhere(tmp_path: Path) -> None:
    said = run(Path(sys.executable).parent / "aw", "--help", cwd=tmp_path)
    assert "serve" in said
