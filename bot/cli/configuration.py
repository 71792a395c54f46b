"""`aw export` and `aw import`: the configuration as one YAML file, for a backup, a review or a second installation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.words import Json
from engine.errors import Refused

if TYPE_CHECKING:
    from bot.configuration.brought import Brought
    from bot.configuration.shape import Configuration
    from bot.core import Core
    from storage.transaction import Transaction


class _OnlyLooked(Exception):
    """Ends the transaction of a dry run, so that nothing of it stays."""


def export(
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write it; standard output when left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the configuration as YAML: companies, people, assets, settings, rotations. No key or secret is in it."""

    async def act(core: Core) -> Configuration:
        from bot.configuration import written

        return await core.read(written.configuration)

    found = with_core(act)
    from bot.configuration import shape

    if as_json:
        return terminal.say_json(found.model_dump(mode="json"))
    text = shape.write(found)
    if out is None:
        return terminal.say(text.rstrip("\n"))
    out.write_text(text, encoding="utf-8")
    terminal.say(
        f"{out}: {len(found.companies)} companies, {len(found.people)} people, "
        f"{sum(len(one.assets) for one in found.companies)} assets."
    )


def bring(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What `aw export` wrote; `-` reads standard input.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring a configuration in: adds what is new, changes what differs, removes nothing. All of it or none."""
    from bot.configuration import shape

    said = shape.read(_text(file, shape.LARGEST))

    async def act(core: Core) -> Brought:
        from bot.configuration import brought

        found: list[Brought] = []

        async def write(tx: Transaction) -> Brought:
            done = await brought.bring(tx, said, actor=operator(), now=core.clock.now())
            if dry_run:
                found.append(done)
                raise _OnlyLooked
            return done

        try:
            return await core.write(write)
        except _OnlyLooked:
            return found[-1]

    done = with_core(act)
    secrets = [] if dry_run else done.secrets
    if as_json:
        return terminal.say_json(_document(done, dry_run))
    for change in done.changes:
        fields = f": {', '.join(change.fields)}" if change.fields else ""
        terminal.say(f"{'+' if change.new else '~'} {change.what}{fields}")
    new = sum(one.new for one in done.changes)
    would = "would be " if dry_run else ""
    terminal.say(f"{new} {would}added, {len(done.changes) - new} {would}changed, {done.same} as they are.")
    if secrets:
        terminal.say("\nWhat follows is shown this once:")
    for one in secrets:
        facts = (("API key", one.api_key), ("signing secret", one.hmac_secret))
        terminal.say_facts([(f"{one.company}: {name}", value) for name, value in facts if value])


def _document(done: Brought, dry_run: bool) -> dict[str, Any]:
    secrets = [] if dry_run else done.secrets
    return {
        "dry_run": dry_run,
        "added": [one.what for one in done.changes if one.new],
        "changed": {one.what: list(one.fields) for one in done.changes if not one.new},
        "same": done.same,
        "secrets": [
            {"company": one.company, "api_key": one.api_key, "hmac_secret": one.hmac_secret}
            for one in secrets
        ],
    }


def _text(file: Path, largest: int) -> str:
    raw = sys.stdin.buffer.read(largest + 1) if str(file) == "-" else file.read_bytes()
    if len(raw) > largest:
        raise Refused(f"{file} is larger than {largest // 1_000_000} MB.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(f"{file} is not UTF-8 text.") from None
