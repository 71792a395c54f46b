"""`aw asset`: the machines and services of a company."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.words import Json, Slug, family, labels_of
from engine.company import Asset
from engine.errors import Refused

if TYPE_CHECKING:
    from bot.core import Core
    from storage.transaction import Transaction

app = family("Assets: the machines and services of a company.")

_Put = tuple[list[dict[str, Any]], list[str], list[str]]

LARGEST_FILE = 20_000_000
_TEXTS = ("name", "platform", "cloud_ref", "region")
_LISTS = ("aliases", "depends_on")
_FIELDS = (*_TEXTS, *_LISTS, "critical", "labels")
_OTHER_NAMES = {"instance": "cloud_ref", "instance_id": "cloud_ref", "alias": "aliases", "asset": "name"}


@app.command("add")
def add(
    slug: Slug,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, such as acme-web-01.")],
    alias: Annotated[list[str] | None, typer.Option(help="Another name of it; repeat it.")] = None,
    platform: Annotated[str, typer.Option(help="Its system, such as linux or windows.")] = "",
    cloud_ref: Annotated[
        str, typer.Option("--cloud-ref", "--instance", metavar="ID", help="Its id at the cloud: i-0a1….")
    ] = "",
    region: Annotated[str, typer.Option(help="Its region, if not the company's.")] = "",
    critical: Annotated[bool, typer.Option("--critical", help="Incidents of it come first.")] = False,
    depends_on: Annotated[
        list[str] | None, typer.Option(metavar="ASSET", help="What it needs to work; repeat it.")
    ] = None,
    label: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A label; repeat it.")] = None,
    as_json: Json = False,
) -> None:
    """Add one asset."""
    asset = Asset(
        id=0,
        company_id=0,
        name=name.strip(),
        aliases=tuple(alias or ()),
        platform=platform.strip().lower(),
        cloud_ref=cloud_ref.strip(),
        region=region.strip(),
        critical=critical,
        depends_on=tuple(depends_on or ()),
        labels=labels_of(label or []),
    )
    added, _ = _put(slug, [asset], skip_known=False)
    if as_json:
        return terminal.say_json(added[0])
    terminal.say(f"{asset.name} is added.")


@app.command("import")
def import_all(
    slug: Slug,
    file: Annotated[
        Path, typer.Argument(help="A CSV with a heading line, or JSON; `-` reads standard input.")
    ],
    as_json: Json = False,
) -> None:
    """Add many assets, all or none; those known already stay as they are.

    Columns: name, aliases, platform, cloud_ref, region, critical, depends_on, labels. Lists hold `;` between parts,
    labels are `name=value;name=value`.
    """
    assets = parse(_read(file))
    added, known = _put(slug, assets, skip_known=True)
    if as_json:
        return terminal.say_json({"added": [one["name"] for one in added], "known": known})
    terminal.say(f"{len(added)} added, {len(known)} known already and left as they are.")


@app.command("list")
def list_all(slug: Slug, as_json: Json = False) -> None:
    """List a company's assets."""

    async def act(core: Core) -> list[dict[str, Any]]:
        from engine.operations import directory

        async def look(tx: Transaction) -> list[dict[str, Any]]:
            company = await directory.company_called(tx, slug)
            return [document(one) for one in await tx.companies.assets(company.id)]

        return await core.read(look)

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    headings = ("NAME", "PLATFORM", "CLOUD ID", "CRITICAL", "DEPENDS ON", "ALIASES", "LABELS")
    names = ("name", "platform", "cloud_ref", "critical", "depends_on", "aliases", "labels")
    rows = [[one[name] for name in names] for one in found]
    terminal.say_table(headings, rows, nothing=f"No asset yet: `aw asset add {slug} NAME`.")


def document(asset: Asset) -> dict[str, Any]:
    return {
        "id": asset.id,
        "name": asset.name,
        "aliases": list(asset.aliases),
        "platform": asset.platform,
        "cloud_ref": asset.cloud_ref,
        "region": asset.region,
        "critical": asset.critical,
        "depends_on": list(asset.depends_on),
        "labels": dict(asset.labels),
    }


def _put(slug: str, assets: Sequence[Asset], *, skip_known: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """Add the assets in one transaction; (added, names known before)."""

    async def act(core: Core) -> _Put:
        from dataclasses import replace

        from engine.operations import directory

        async def write(tx: Transaction) -> _Put:
            company = await directory.company_called(tx, slug)
            there = {one.name.lower() for one in await tx.companies.assets(company.id)}
            added, known = [], []
            for asset in assets:
                if skip_known and asset.name.lower() in there:
                    known.append(asset.name)
                    continue
                placed = replace(asset, company_id=company.id)
                stored = await directory.add_asset(tx, placed, actor=operator(), now=core.clock.now())
                added.append(stored)
                there.add(stored.name.lower())
            missing = [
                f"{asset.name} depends on {needed}, which {company.name} does not have"
                for asset in added
                for needed in asset.depends_on
                if needed.lower() not in there
            ]
            return [document(one) for one in added], known, missing

        return await core.write(write)

    added, known, missing = with_core(act)
    for text in missing:
        terminal.warn(text)
    return added, known


def _read(file: Path) -> str:
    raw = sys.stdin.buffer.read(LARGEST_FILE + 1) if str(file) == "-" else file.read_bytes()
    if len(raw) > LARGEST_FILE:
        raise Refused(f"{file} is larger than {LARGEST_FILE // 1_000_000} MB.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(f"{file} is not UTF-8 text.") from None


def parse(text: str) -> list[Asset]:
    """The assets of a CSV or JSON text. Raises Refused naming every faulty row."""
    rows = _json_rows(text) if text.lstrip()[:1] in ("[", "{") else _csv_rows(text)
    assets, faults = [], []
    seen: set[str] = set()
    for place, row in rows:
        try:
            asset = _asset(row)
            if asset.name.lower() in seen:
                raise ValueError(f"{asset.name} is in the file twice")
        except ValueError as fault:
            faults.append(f"{place}: {fault}")
            continue
        seen.add(asset.name.lower())
        assets.append(asset)
    if faults:
        more = f"\nand {len(faults) - 20} more" if len(faults) > 20 else ""
        raise Refused("\n".join(faults[:20]) + more + "\nNothing was added.")
    return assets


def _json_rows(text: str) -> list[tuple[str, Mapping[str, Any]]]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise Refused(f"This is not JSON: {error}.") from None
    found = document.get("assets") if isinstance(document, dict) else document
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise Refused("The JSON must be a list of assets.", hint='Such as [{"name": "acme-web-01"}].')
    return [(f"asset {number}", row) for number, row in enumerate(found, 1)]


def _csv_rows(text: str) -> list[tuple[str, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    rows: list[tuple[str, Mapping[str, Any]]] = [(f"line {reader.line_num}", row) for row in reader]
    if reader.fieldnames is None:
        raise Refused("The file is empty.")
    return rows


def _asset(row: Mapping[str, Any]) -> Asset:
    values: dict[str, Any] = {}
    for heading, value in row.items():
        if heading is None:
            raise ValueError("has more columns than the heading")
        plain = heading.strip().lower().replace(" ", "_").replace("-", "_")
        field = _OTHER_NAMES.get(plain, plain)
        if field not in _FIELDS:
            raise ValueError(f"“{heading}” is not a column; there are {', '.join(_FIELDS)}")
        values[field] = value
    texts = {name: str(values.get(name) or "").strip() for name in _TEXTS}
    if not texts["name"]:
        raise ValueError("has no name")
    return Asset(
        id=0,
        company_id=0,
        name=texts["name"],
        platform=texts["platform"].lower(),
        cloud_ref=texts["cloud_ref"],
        region=texts["region"],
        critical=_truth(values.get("critical")),
        labels=_labels(values.get("labels")),
        **{name: tuple(_parts(values.get(name))) for name in _LISTS},
    )


def _truth(value: object) -> bool:
    if isinstance(value, bool) or value is None:
        return bool(value)
    word = str(value).strip().lower()
    if word in ("", "no", "false", "0", "n"):
        return False
    if word in ("yes", "true", "1", "y", "x"):
        return True
    raise ValueError(f"critical is “{value}”; write yes or no")


def _parts(value: object) -> list[str]:
    if value is None:
        return []
    parts = value if isinstance(value, list) else str(value).split(";")
    return [str(part).strip() for part in parts if str(part).strip()]


def _labels(value: object) -> dict[str, str]:
    if isinstance(value, dict):
        return {str(name): str(one) for name, one in value.items()}
    try:
        return labels_of(_parts(value))
    except Refused as fault:
        raise ValueError(str(fault)) from None
