"""`aw asset alias`: further names of assets, as alerts taught them, and a person's word about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.words import Json, Slug, family

if TYPE_CHECKING:
    from bot.core import Core
    from engine.aliases import Alias
    from storage.transaction import Transaction

app = family("Further names of assets: addresses and instance ids.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="An address, instance id or other name.")]
Of = Annotated[str, typer.Argument(metavar="ASSET", help="Whose it is; what it is taken for, if left out.")]


@app.command("list")
def list_all(slug: Slug, as_json: Json = False) -> None:
    """List what is taken for which asset, why, and what a person said about it."""

    async def act(core: Core) -> list[dict[str, Any]]:
        async def look(tx: Transaction) -> list[dict[str, Any]]:
            from engine.operations import directory

            company = await directory.company_called(tx, slug)
            return [document(one) for one in await tx.knowledge.aliases(company.id)]

        return await core.read(look)

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    headings, names = ("NAME", "ASSET", "STATE", "WHY"), ("name", "asset", "verdict", "why")
    terminal.say_table(
        headings, [[one[name] for name in names] for one in found], nothing="No further name is known."
    )


@app.command("accept")
def accept(slug: Slug, name: Name, asset: Of = "", as_json: Json = False) -> None:
    """Say that NAME is ASSET. Nothing that alerts say later changes it."""
    _decide(slug, name, asset, same=True, as_json=as_json)


@app.command("refuse")
def refuse(slug: Slug, name: Name, asset: Of = "", as_json: Json = False) -> None:
    """Say that NAME is not ASSET. Nothing that alerts say later changes it."""
    _decide(slug, name, asset, same=False, as_json=as_json)


def document(alias: Alias) -> dict[str, Any]:
    at = alias.last_at.isoformat(timespec="seconds") if alias.last_at else None
    return {
        "name": alias.name,
        "asset": alias.asset,
        "verdict": alias.verdict.value,
        "times": alias.times,
        "tools": list(alias.tools),
        "last_at": at,
        "decided_by": alias.decided_by,
        "why": alias.words,
    }


def _decide(slug: str, name: str, asset: str, *, same: bool, as_json: bool) -> None:
    async def act(core: Core) -> Alias:
        async def write(tx: Transaction) -> Alias:
            from engine.operations import directory, naming

            company = await directory.company_called(tx, slug)
            now = core.clock.now()
            return await naming.decide(tx, company.id, name, asset, same=same, actor=operator(), now=now)

        return await core.write(write)

    made = with_core(act)
    if as_json:
        return terminal.say_json(document(made))
    terminal.say(f"✓ {made.words}")
