"""The Teams app package: Teams would take its manifest, its words are the real ones, and its pictures are pictures."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bot import commands
from bot.answers import WORDS
from bot.teams.package import Wanted, manifest, package
from engine.errors import Refused
from tests.bot.shell import Shell

APP = "0a1b2c3d-1111-2222-3333-444455556666"
WANTED = Wanted(app_id=APP, public_url="https://aw.example.com/", version="0.1.0")
SCHEMA = Path(__file__).parents[1] / "schemas" / "teams_manifest_1.29.json"
SETTINGS = {"MICROSOFT_APP_ID": APP, "AW_PUBLIC_URL": "https://aw.example.com"}


def files(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def pixels(png: bytes) -> list[list[tuple[int, ...]]]:
    """The RGBA rows of a PNG whose rows are not filtered."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, data, side = 8, b"", 0
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + size]
        assert struct.unpack(">I", png[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + body)
        if kind == b"IHDR":
            width, side, depth, colours = struct.unpack(">IIBB", body[:10])
            assert (width, depth, colours) == (side, 8, 6)
        data += body if kind == b"IDAT" else b""
        at += 12 + size
    whole, step = zlib.decompress(data), 1 + 4 * side
    rows = [whole[row * step + 1 : (row + 1) * step] for row in range(side)]
    assert all(whole[row * step] == 0 for row in range(side)) and len(whole) == step * side
    return [[tuple(row[x * 4 : x * 4 + 4]) for x in range(side)] for row in rows]


@pytest.mark.parametrize("reads_along", [False, True])
def test_teams_would_take_the_manifest(reads_along: bool):
    made = manifest(replace(WANTED, reads_along=reads_along))
    # the schema itself has patterns of another language's regular expressions, in parts that are not ours
    validator = jsonschema.Draft4Validator(json.loads(SCHEMA.read_text()))
    assert [one.message[:300] for one in validator.iter_errors(made)] == []
    assert list(validator.iter_errors({**made, "icons": {}}))
    assert ("authorization" in made) is reads_along


def test_it_names_the_bot_where_it_is_and_where_it_is_served():
    made = manifest(replace(WANTED, app_id=APP.upper()))
    (bot,) = made["bots"]
    assert made["id"] == bot["botId"] == APP
    assert bot["scopes"] == ["team", "personal", "groupChat"]
    assert made["validDomains"] == ["aw.example.com"]
    assert made["developer"]["websiteUrl"] == "https://aw.example.com"


def test_the_words_it_offers_are_those_that_are_understood_and_shown_by_help():
    (offered,) = manifest(WANTED)["bots"][0]["commandLists"]
    assert 0 < len(offered["commands"]) <= 12
    shown = {usage.removeprefix("/aw "): what for usage, what, _ in WORDS}
    for one in offered["commands"]:
        (act,) = commands.parse(one["title"], here=7)
        assert act is not None
        if one["title"] != "help":
            usage, _, what = one["description"].partition(" — ")
            assert shown[usage] == what and usage.split()[0] == one["title"]


def test_the_same_settings_give_the_same_bytes():
    assert package(WANTED) == package(WANTED)
    found = files(package(WANTED))
    assert set(found) == {"manifest.json", "color.png", "outline.png"}
    assert json.loads(found["manifest.json"]) == manifest(WANTED)


def test_the_icons_have_the_sizes_and_colours_that_teams_asks_for():
    found = files(package(WANTED))
    colour, outline = pixels(found["color.png"]), pixels(found["outline.png"])
    assert (len(colour), len(outline)) == (192, 32)
    assert {one[3] for row in colour for one in row} == {255}
    assert len({one for row in colour for one in row}) > 3
    assert {one[:3] for row in outline for one in row} == {(255, 255, 255)}
    assert {0, 255} <= {one[3] for row in outline for one in row}
    assert outline[0][0][3] == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"app_id": ""}, "There is no app id. Set MICROSOFT_APP_ID"),
        ({"app_id": "alert-whisperer"}, "is no app id: it looks like"),
        ({"public_url": ""}, "There is no public address. Set AW_PUBLIC_URL"),
        ({"public_url": "http://aw.example.com"}, "is nothing that Teams would take. Set AW_PUBLIC_URL"),
        ({"public_url": "https://localhost:8080"}, "is nothing that Teams would take"),
        ({"public_url": "https://[::1"}, "is no address"),
        ({"website": "ftp://x.example"}, "The website"),
        ({"name": "n" * 31}, "1 to 30 characters as the name, not 31"),
        ({"developer": " "}, "1 to 32 characters as the developer, not 0"),
    ],
)
def test_what_teams_would_not_take_is_refused_with_its_mend(changes: dict[str, Any], said: str):
    with pytest.raises(Refused) as refused:
        package(replace(WANTED, **changes))
    assert said in f"{refused.value} {refused.value.hint}"


def test_the_command_writes_the_package_and_says_what_is_in_it(tmp_path: Path):
    aw = Shell(tmp_path, SETTINGS)
    said = aw.done("teams", "package", "--out", "aw.zip", "--developer", "Northwind MSP")
    body = (tmp_path / "aw.zip").read_bytes()
    assert (
        said["bytes"] == len(body) and said["app_id"] == APP and said["valid_domains"] == ["aw.example.com"]
    )
    made = json.loads(files(body)["manifest.json"])
    assert made["developer"]["name"] == "Northwind MSP"
    assert said["commands"] == [one["title"] for one in made["bots"][0]["commandLists"][0]["commands"]]


def test_the_command_refuses_in_one_line(tmp_path: Path):
    aw = Shell(tmp_path, {})
    assert "MICROSOFT_APP_ID" in aw.refused("teams", "package", "--out", "aw.zip")
    lines = aw.refused("teams", "package", "--out", "aw.zip", "--app-id", APP).splitlines()
    assert len(lines) == 1 and "AW_PUBLIC_URL" in lines[0]
    whole = ("--app-id", APP, "--public-url", "https://aw.example.com")
    assert "cannot be written" in aw.refused("teams", "package", "--out", "nowhere/aw.zip", *whole)
    assert list(tmp_path.iterdir()) == []
