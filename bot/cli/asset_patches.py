"""`aw asset patches`: what AWS Patch Manager found at its last scan of a company's machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bot.cli import terminal
from bot.cli.opened import with_core
from bot.cli.words import Json, Slug, family
from engine.errors import Refused

if TYPE_CHECKING:
    from bot.clouds.patches import Patches, Scan
    from bot.core import Core
    from engine.company import CompanyContext
    from storage.transaction import Transaction

app = family("Assets: patches.")


@app.command("patches")
def patches(slug: Slug, as_json: Json = False) -> None:
    """Show which machines lack patches, as AWS Patch Manager found them at its last scan."""

    async def act(core: Core) -> Scan:
        from bot.clouds.patches import scan

        async def look(tx: Transaction) -> CompanyContext:
            from engine.operations import directory

            return await tx.companies.context((await directory.company_called(tx, slug)).id)

        return await scan(await core.read(look))

    found = with_core(act)
    rows = [_document(one) for one in found.machines]
    if as_json:
        terminal.say_json(rows)
    elif rows or not found.refusals:
        headings = ("ASSET", "STATE", "MISSING", "CRITICAL", "SECURITY", "FAILED", "REBOOT", "SCANNED")
        nothing = "No machine of this company is in AWS."
        terminal.say_table(headings, [list(one.values()) for one in rows], nothing=nothing)
    if found.refusals:
        raise Refused("AWS does not say: " + "; ".join(found.refusals))


def _document(one: Patches) -> dict[str, Any]:
    return asdict(one) | {"scanned_at": one.scanned_at.isoformat() if one.scanned_at else None}
