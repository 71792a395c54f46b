"""What comes from outside: pinned, hashed, named without addresses, and under licences that fit Apache-2.0."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))
PINNED = re.compile(
    r"^(?P<name>[a-z0-9][a-z0-9._-]*)(\[[a-z0-9,._-]+\])?==(?P<version>[^\s;]+)( ; [^\\]+)? \\$"
)
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")

ADDRESSES = {
    "a package registry": re.compile(
        r"(?:pypi|pythonhosted|npmjs|yarnpkg|crates)[.](?:org|com|io)|(?:deb|security|snapshot)[.]debian[.]org"
        r"|(?:archive|security)[.]ubuntu[.]com|proxy[.]golang[.]org|repo\d?[.]maven"
    ),
    "a download": re.compile(
        r"https?://[^\s\"'<>)]+[.](?:whl|tar[.]\w+|tgz|zip|deb|rpm|exe|msi|dmg|AppImage)\b"
    ),
    "a choice of index": re.compile(
        r"--(?:extra-)?index-url[ =]+\S*/|--find-links[ =]+\S*/|--trusted-host[ =]+\w"
    ),
}

COPYLEFT = re.compile(r"\bA?GPL|(?:GNU|Affero) (?:Affero )?General Public", re.IGNORECASE)


def committed() -> list[Path]:
    """Every text file in git, and those about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()]


def addresses_in(text: str) -> list[str]:
    return [f"{kind}: {found[0]}" for kind, pattern in ADDRESSES.items() for found in pattern.finditer(text)]


def unpinned(lines: list[str]) -> list[str]:
    """Lines that are neither a pinned package with a hash under it, nor a hash, nor a comment."""
    faults = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.lstrip().startswith("#") or HASH.match(line):
            continue
        if not (PINNED.match(line) and HASH.match(following)):
            faults.append(line)
    return faults


def pins(file: str) -> dict[str, str]:
    """Package → version of one requirements file."""
    lines = (ROOT / "requirements" / file).read_text("utf-8").splitlines()
    return {found["name"]: found["version"] for line in lines if (found := PINNED.match(line))}


def copyleft(licence: str) -> bool:
    """Would it bind what is built with it? The Lesser GPL does not, and "A or B" lets one choose."""
    choices = re.split(r"\s+OR\s+", re.sub(r"\bLGPL\S*|(?:Lesser|Library) General Public", "", licence))
    return all(COPYLEFT.search(choice) for choice in choices)


def licence_of(distribution: importlib.metadata.Distribution) -> str:
    """What it says of its licence: the expression, else its classifiers, else the first line of the old field."""
    told = distribution.metadata
    if expression := told["License-Expression"]:
        return expression
    classifiers = [
        it.split(" :: ")[-1] for it in told.get_all("Classifier", []) if it.startswith("License :: ")
    ]
    old = (told["License"] or "").strip().split("\n")[0]
    return " AND ".join(it for it in classifiers if it != "OSI Approved") or old


def test_no_file_names_a_registry_or_a_download() -> None:
    faults = [
        f"{path.relative_to(ROOT)}: {it}"
        for path in committed()
        for it in addresses_in(path.read_text("utf-8"))
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "text",
    [
        "pip install --index-url https:" + "//mirror.example/simple x",
        "curl https:" + "//example.com/tool-1.2.tar" + ".gz",
        "see https:" + "//pypi" + ".org/project/x",
        "deb http:" + "//deb.debian" + ".org/debian stable main",
    ],
)
def test_an_address_is_noticed(text: str) -> None:
    assert addresses_in(text)


def test_there_are_requirements() -> None:
    assert {path.name for path in REQUIREMENTS} == {"dev.txt", "runtime.txt", "tools.txt"}


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_every_requirement_is_pinned_and_hashed(path: Path) -> None:
    text = path.read_text("utf-8")
    assert unpinned(text.splitlines()) == []
    assert "://" not in text


@pytest.mark.parametrize(
    "lines",
    [
        ["aiohttp==3.14.5"],
        ["aiohttp>=3 \\", "    --hash=sha256:" + 64 * "0"],
        ["-i somewhere"],
        ["x @ file:///x"],
    ],
)
def test_a_loose_requirement_is_noticed(lines: list[str]) -> None:
    assert unpinned(lines)


@pytest.mark.parametrize(("file", "extras"), [("runtime.txt", []), ("dev.txt", ["dev"])])
def test_what_the_project_asks_for_is_pinned(file: str, extras: list[str]) -> None:
    """A dependency added to pyproject.toml without `make lock` would be missing after `make setup`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [
        *project["dependencies"],
        *(it for extra in extras for it in project["optional-dependencies"][extra]),
    ]
    names = {re.split(r"[\s\[<>=!~;]", it)[0].lower() for it in asked}
    assert not names - set(pins(file))


def test_runtime_and_development_agree_on_versions() -> None:
    assert pins("runtime.txt").items() <= pins("dev.txt").items()


def test_every_licence_fits() -> None:
    licences = {it.name: licence_of(it) for it in importlib.metadata.distributions()}
    assert len(licences) > 20
    assert {name: it for name, it in licences.items() if not it or copyleft(it)} == {}


@pytest.mark.parametrize(
    "licence", ["GPL-3.0-only", "AGPLv3", "GNU General Public License v2 (GPLv2)", "MIT AND GPL-2.0"]
)
def test_a_copyleft_licence_is_noticed(licence: str) -> None:
    assert copyleft(licence)


@pytest.mark.parametrize(
    "licence", ["MIT", "LGPL-2.1-or-later", "GPL-2.0 OR MIT", "Apache-2.0 AND MIT", "MPL-2.0"]
)
def test_a_fitting_licence_is_let_in(licence: str) -> None:
    assert not copyleft(licence)
