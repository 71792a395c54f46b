"""`aw replay`: what the engine would have done to recorded alerts."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from bot.cli import terminal
from bot.cli.words import Json
from engine.errors import Refused

if TYPE_CHECKING:
    from bot.replay.run import Recorded


def replay(
    file: Annotated[str, typer.Argument(help="JSON Lines of alerts; `-` reads standard input.")],
    window: Annotated[
        float | None,
        typer.Option(min=0, metavar="MINUTES", help="How long the same problem stays together (15)."),
    ] = None,
    topology: Annotated[
        Path | None, typer.Option(help='JSON Lines `{"asset", "depends_on": [...]}`.', exists=True)
    ] = None,
    windows: Annotated[
        Path | None,
        typer.Option(
            help='JSON Lines of maintenance windows `{"when": "sat 22:00-02:00 weekly", "asset"?, …}`.',
            exists=True,
        ),
    ] = None,
    out: Annotated[str | None, typer.Option(help="Where to write one line per alert; `-` prints.")] = None,
    compare: Annotated[
        str | None, typer.Option(metavar="SETTINGS", help="Another setting beside it, such as window=5.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run recorded alerts through the engine in virtual time: no chat, no database."""
    from bot.replay import quiet as replay_quiet
    from bot.replay import run as engine
    from engine.correlation import Rules

    if out == "-" and as_json:
        raise Refused("`--out -` and `--json` both want standard output.", hint="Give `--out` a file.")
    rules = Rules() if window is None else Rules(window=timedelta(minutes=window))
    with contextlib.ExitStack() as stack:
        assets = engine.topology(stack.enter_context(topology.open("rb"))) if topology else []
        quiet = replay_quiet.rules(stack.enter_context(windows.open("rb"))) if windows else []
        other = engine.Engine(engine.changed(rules, compare), assets, quiet) if compare else None
        source = stack.enter_context(_source(file))
        target = stack.enter_context(_target(out, file)) if out else None
        recorded = _watched(engine.read(source), source, file)
        summary = engine.run(recorded, engine.Engine(rules, assets, quiet), other=other, out=target)
    if summary["unreadable"]:
        terminal.warn(f"{summary['unreadable']:,} lines are no alerts")
    if as_json:
        return terminal.say_json(summary)
    if out != "-":
        _say(dict(summary))


@contextlib.contextmanager
def _source(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    with open(file, "rb") as opened:
        yield opened


@contextlib.contextmanager
def _target(out: str, file: str) -> Iterator[BinaryIO]:
    if out == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if file != "-" and os.path.exists(out) and os.path.samefile(out, file):
        raise Refused("The output would overwrite the input.", hint="Give `--out` another file.")
    with open(out, "wb") as opened:
        yield opened


def _watched(recorded: Iterator[Recorded], source: BinaryIO, file: str) -> Iterator[Recorded]:
    """The same alerts, with a progress bar on a terminal while they pass."""
    if not sys.stderr.isatty() or file == "-":
        yield from recorded
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Replaying", total=os.path.getsize(file))
        for count, one in enumerate(recorded):
            if count % 1000 == 0:
                progress.update(task, completed=source.tell())
            yield one


def _say(summary: dict[str, Any]) -> None:
    other = summary.pop("compared", None)
    rows = [
        [name.replace("_", " "), value, *([other[name]] if other else [])] for name, value in summary.items()
    ]
    headings = ["", "THIS", "COMPARED"] if other else ["", ""]
    terminal.say_table(headings, rows, nothing="")
