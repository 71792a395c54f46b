"""`aw asset discover`: the machines that a company's clouds show, and which of them the inventory lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.words import Json, Slug, family
from engine.company import Asset
from engine.errors import Refused

if TYPE_CHECKING:
    from bot.clouds.discovery import Found
    from bot.core import Core
    from engine.company import CompanyContext
    from storage.transaction import Transaction

app = family("Assets: discovery.")


@app.command("discover")
def discover(
    slug: Slug,
    add: Annotated[bool, typer.Option("--add", help="Add what the inventory lacks.")] = False,
    as_json: Json = False,
) -> None:
    """List the machines that Systems Manager and Azure show; --add puts those that are missing into the inventory."""

    async def act(core: Core) -> tuple[list[Found], list[str]]:
        from bot.clouds import discovery
        from bot.clouds.azure import azure_app
        from engine.operations import directory

        async def look(tx: Transaction) -> CompanyContext:
            return await tx.companies.context((await directory.company_called(tx, slug)).id)

        context = await core.read(look)
        if not context.company.clouds:
            raise Refused(f"{context.company.name} has no cloud.", hint=f"`aw company cloud add {slug} …`")
        found = await discovery.machines(context, azure_app(core.settings))
        new = _missing(context, found) if add else []

        async def write(tx: Transaction) -> None:
            for asset in new:
                await directory.add_asset(tx, asset, actor=operator(), now=core.clock.now())

        if new:
            await core.write(write)
        return found, [asset.name for asset in new]

    found, added = with_core(act)
    documents: list[dict[str, Any]] = [one.document() | {"added": one.name in added} for one in found]
    if as_json:
        return terminal.say_json(documents)
    names = ("name", "platform", "state", "cloud", "account", "region", "asset", "added")
    headings = ("MACHINE", "SYSTEM", "STATE", "CLOUD", "ACCOUNT", "REGION", "ASSET", "ADDED")
    rows = [[one[name] for name in names] for one in documents]
    terminal.say_table(headings, rows, nothing="Its clouds show no machine.")


def _missing(context: CompanyContext, found: list[Found]) -> list[Asset]:
    """What the inventory lacks, under a name that is free; two machines of one name are both left to a person."""
    names = [one.name for one in found]
    return [
        Asset(
            id=0,
            company_id=context.company.id,
            name=one.name,
            platform=one.platform,
            cloud_ref=one.cloud_ref,
            region=one.region if one.cloud.provider == "aws" else "",
        )
        for one in found
        if not one.asset and names.count(one.name) == 1 and context.asset_called(one.name) is None
    ]
