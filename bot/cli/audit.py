"""`aw audit`: proof that nothing was changed or taken away afterwards."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from bot.cli import terminal
from bot.cli.opened import with_core
from bot.cli.words import Json, family

if TYPE_CHECKING:
    from bot.core import Core
    from storage.audit import StoredEntry
    from storage.transaction import Transaction

app = family("The audit: who did what, when, on whose approval.")

MSP = "msp"
"""How the MSP's own entries are named beside the companies'."""

Company = Annotated[
    str | None, typer.Option(metavar="SLUG", help=f"Only this company's; `{MSP}` is the MSP's own.")
]


@app.command("verify")
def verify(company: Company = None, as_json: Json = False) -> None:
    """Recompute every chain; exit 1 when an entry was changed, added or taken away."""

    async def act(core: Core) -> list[dict[str, Any]]:
        async with core.database.reading() as tx:
            return [await _verified(tx, number, name) for number, name in await _chains(tx, company)]

    found = with_core(act)
    good = all(one["ok"] for one in found)
    if as_json:
        terminal.say_json({"ok": good, "chains": found})
    else:
        for one in found:
            said = "whole" if one["ok"] else f"BROKEN at entry {one['broken_at']}: {one['why']}"
            terminal.say(f"{'✓' if one['ok'] else '✗'} {one['company']}: {one['entries']} entries, {said}")
        if not found:
            terminal.say("No entry yet.")
    if not good:
        raise SystemExit(terminal.REFUSED)


@app.command("export")
def export(
    company: Company = None,
    out: Annotated[Path | None, typer.Option(help="Where to write; standard output when left out.")] = None,
) -> None:
    """Write every entry as JSON Lines, with its place in the chain."""

    async def act(core: Core) -> int:
        import json

        count = 0
        async with AsyncExitStack() as stack:
            tx = await stack.enter_async_context(core.database.reading())
            chains = await _chains(tx, company)
            target: TextIO = sys.stdout
            if out is not None:
                target = stack.enter_context(out.open("w", encoding="utf-8"))
            for number, name in chains:
                async for stored in tx.audit.chain(number):
                    document = _document(stored, name)
                    target.write(json.dumps(document, ensure_ascii=False, default=str) + "\n")
                    count += 1
        return count

    count = with_core(act)
    if out is not None:
        terminal.say(f"{count} entries written to {out}.")


async def _chains(tx: Transaction, wanted: str | None) -> list[tuple[int, str]]:
    """(company id, name) of the chains there are, or of the one asked for."""
    from engine.operations import directory

    slugs = {one.id: one.slug for one in await tx.companies.all(archived=True)} | {0: MSP}
    if wanted is not None and wanted.strip().lower() != MSP:
        known = {slug: number for number, slug in slugs.items()}
        number = known.get(wanted.strip().lower())
        if number is None:
            number = (await directory.company_called(tx, wanted)).id
        return [(number, slugs[number])]
    numbers = [0] if wanted is not None else await tx.audit.companies()
    return [(number, slugs.get(number, f"company {number}")) for number in numbers]


async def _verified(tx: Transaction, number: int, name: str) -> dict[str, Any]:
    """One chain, recomputed from its beginning to its head."""
    from engine.audit import GENESIS, link
    from storage.audit import key_name

    keys = {key_name(key): key for key in tx.vault.derived("audit")}
    head_seq, head_hash = await tx.audit.head(number)
    previous, seq = GENESIS, 0

    def broken(at: int, why: str) -> dict[str, Any]:
        return {"company": name, "entries": head_seq, "ok": False, "broken_at": at, "why": why}

    async for stored in tx.audit.chain(number):
        seq += 1
        if stored.seq != seq:
            return broken(seq, f"entry {seq} is missing")
        made_with = stored.hash.partition(":")[0]
        key = keys.get(made_with)
        if key is None:
            return broken(seq, f"it was made with the key {made_with}, which is not in AW_SECRET_KEY")
        if stored.hash != f"{made_with}:{link(key, previous, stored.entry, seq)}":
            return broken(seq, "it is not what was written then")
        previous = stored.hash
    if (seq, previous) != (head_seq, head_hash):
        return broken(seq + 1, f"the chain ends at entry {seq}, its head is entry {head_seq}")
    return {"company": name, "entries": seq, "ok": True, "broken_at": None, "why": ""}


def _document(stored: StoredEntry, company: str) -> dict[str, Any]:
    entry = stored.entry
    return {
        "company": company,
        "company_id": entry.company_id,
        "seq": stored.seq,
        "at": entry.at.isoformat(),
        "kind": entry.kind.value,
        "actor": entry.actor,
        "actor_id": entry.actor_id,
        "via": entry.via,
        "subject": entry.subject,
        "detail": dict(entry.detail),
        "hash": stored.hash,
    }
