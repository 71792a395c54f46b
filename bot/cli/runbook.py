"""`aw runbook`: the library, and whether its files are sound."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import settings
from bot.cli.words import Json, family

if TYPE_CHECKING:
    from runbooks.catalogue import Catalogue, Fault
    from runbooks.runbook import Parameter, Runbook

app = family("Runbooks: the recipes that fix things.")


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """List the runbooks."""
    found = catalogue().all()
    if as_json:
        return terminal.say_json([_summary(one) for one in found])
    headings = ("RUNBOOK", "TITLE", "RISK", "PURPOSE", "SYSTEMS")
    names = ("id", "title", "risk", "purpose", "platforms")
    rows = [[_summary(one)[name] for name in names] for one in found]
    terminal.say_table(headings, rows, nothing="There is no runbook.")


@app.command("show")
def show(
    runbook: Annotated[str, typer.Argument(metavar="RUNBOOK", help="Its id, such as disk-clean-up.")],
    as_json: Json = False,
) -> None:
    """Show one runbook: what it is for, what it needs, and its scripts."""
    found = catalogue().get(runbook)
    if as_json:
        return terminal.say_json(found.model_dump(mode="json"))
    terminal.say(f"{found.id}  {found.title} (version {found.version})")
    terminal.say(found.description)
    terminal.say(f"Risk: {found.risk.value}. {found.risk_reason}")
    terminal.say(f"Undo: {found.undo}")
    if found.preconditions:
        terminal.say(f"Needs: {'; '.join(found.preconditions)}")
    terminal.say(
        f"Takes at most {found.timeout_seconds} s and keeps {found.output_limit:,} characters of output."
    )
    if found.matches.categories:
        terminal.say(f"Offered for: {', '.join(found.matches.categories)}")
    for pattern in found.matches.signatures:
        terminal.say(f"Offered for what reads like: {pattern}")
    for one in found.parameters:
        terminal.say(f"  {one.name}: {one.description} ({one.limits}; {_source(one)})")
    for platform, scripts in found.platforms.items():
        terminal.say(f"\n— {platform.value}, script:\n{scripts.script}")
        terminal.say(f"— {platform.value}, verify:\n{scripts.verify}")


@app.command("lint")
def lint(
    folder: Annotated[
        Path | None, typer.Argument(help="A folder of runbooks; AW_RUNBOOK_DIR when left out.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 on advice, too.")] = False,
    as_json: Json = False,
) -> None:
    """Check every runbook file and name every fault; exit 1 on any. Advice says what would be better otherwise."""
    from runbooks.advice import advice, shellcheck
    from runbooks.catalogue import read

    found, faults = read(folder or settings().aw_runbook_dir)
    checked = [shellcheck(one) for one in found]
    better = [one for runbook in found for one in advice(runbook)]
    better += [one for said in checked if said is not None for one in said]
    if as_json:
        document = {"sound": len(found), "faults": _rows(faults), "advice": _rows(better)}
        terminal.say_json({**document, "shellcheck": None not in checked})
    else:
        for fault in faults:
            terminal.say(f"✗ {fault}")
        for one in better:
            terminal.say(f"• {one}")
        if None in checked:
            terminal.say(
                "ShellCheck is not installed: the bash scripts were held against our own rules only."
            )
        terminal.say(f"{len(found)} sound, {len(faults)} faults, {len(better)} pieces of advice.")
    if faults or (strict and better):
        raise SystemExit(terminal.REFUSED)


def _rows(faults: Sequence[Fault]) -> list[dict[str, str]]:
    return [{"file": one.file, "field": one.field, "why": one.why} for one in faults]


def _source(parameter: Parameter) -> str:
    """Where the value comes from when nobody gives one."""
    label = f"from the machine's label {parameter.label}" if parameter.label else ""
    default = f"else {parameter.default}" if label else f"{parameter.default} when left out"
    return (
        ", ".join(part for part in (label, default if parameter.default is not None else "") if part)
        or "needed"
    )


def catalogue() -> Catalogue:
    from runbooks.catalogue import load

    return load(settings().aw_runbook_dir)


def _summary(runbook: Runbook) -> dict[str, Any]:
    return {
        "id": runbook.id,
        "title": runbook.title,
        "risk": runbook.risk.value,
        "purpose": runbook.purpose.value,
        "version": runbook.version,
        "platforms": [platform.value for platform in runbook.platforms],
        "categories": list(runbook.matches.categories),
        "parameters": [one.name for one in runbook.parameters],
    }
