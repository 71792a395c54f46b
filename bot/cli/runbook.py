"""`aw runbook`: the library, and whether its files are sound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import settings
from bot.cli.words import Json, family

if TYPE_CHECKING:
    from runbooks.catalogue import Catalogue
    from runbooks.runbook import Runbook

app = family("Runbooks: the recipes that fix things.")


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """List the runbooks."""
    found = _catalogue().all()
    if as_json:
        return terminal.say_json([_summary(one) for one in found])
    headings = ("RUNBOOK", "TITLE", "RISK", "SYSTEMS", "PARAMETERS")
    names = ("id", "title", "risk", "platforms", "parameters")
    rows = [[_summary(one)[name] for name in names] for one in found]
    terminal.say_table(headings, rows, nothing="There is no runbook.")


@app.command("show")
def show(
    runbook: Annotated[str, typer.Argument(metavar="RUNBOOK", help="Its id, such as disk-clean-up.")],
    as_json: Json = False,
) -> None:
    """Show one runbook: risk, parameters and scripts."""
    found = _catalogue().get(runbook)
    if as_json:
        return terminal.say_json(found.model_dump(mode="json"))
    terminal.say(f"{found.id}  {found.title} ({found.risk.value} risk: {found.risk_reason})")
    terminal.say(found.description)
    terminal.say(f"Undo: {found.undo}")
    for one in found.parameters:
        default = f" (default {one.default})" if one.default is not None else ""
        terminal.say(f"  {one.name}: {one.description}{default}")
    for platform, scripts in found.platforms.items():
        terminal.say(f"\n— {platform.value}, script:\n{scripts.script}")
        terminal.say(f"— {platform.value}, verify:\n{scripts.verify}")


@app.command("lint")
def lint(
    folder: Annotated[
        Path | None, typer.Argument(help="A folder of runbooks; AW_RUNBOOK_DIR when left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every runbook file and name every fault; exit 1 on any."""
    from runbooks.catalogue import read

    found, faults = read(folder or settings().aw_runbook_dir)
    if as_json:
        rows = [{"file": one.file, "field": one.field, "why": one.why} for one in faults]
        terminal.say_json({"sound": len(found), "faults": rows})
    else:
        for fault in faults:
            terminal.say(f"✗ {fault}")
        terminal.say(f"{len(found)} sound, {len(faults)} faults.")
    if faults:
        raise SystemExit(terminal.REFUSED)


def _catalogue() -> Catalogue:
    from runbooks.catalogue import load

    return load(settings().aw_runbook_dir)


def _summary(runbook: Runbook) -> dict[str, Any]:
    return {
        "id": runbook.id,
        "title": runbook.title,
        "risk": runbook.risk.value,
        "version": runbook.version,
        "platforms": [platform.value for platform in runbook.platforms],
        "categories": list(runbook.matches.categories),
        "parameters": [one.name for one in runbook.parameters],
    }
