"""`aw deadletter`: what a tool sent with a good key and nobody could understand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.words import Json, family
from engine.errors import NotFound, Refused

if TYPE_CHECKING:
    from bot.core import Core
    from engine.alert import Alert
    from engine.intake import DeadLetter
    from storage.transaction import Transaction

app = family("Dead letters: bodies that could not be understood, kept whole.")

Number = Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="Its number in the list.")]


@app.command("list")
def list_all(
    company: Annotated[str | None, typer.Option(metavar="SLUG", help="Those of this company.")] = None,
    most: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List the dead letters, newest first."""

    async def act(core: Core) -> list[dict[str, Any]]:
        from engine.operations import directory

        async def look(tx: Transaction) -> list[dict[str, Any]]:
            chosen = await directory.company_called(tx, company) if company else None
            found = await tx.dead_letters.listed(company_id=chosen.id if chosen else None, most=most)
            slugs = {one.id: one.slug for one in await tx.companies.all(archived=True)}
            return [_document(one, slugs.get(one.company_id, "")) for one in found]

        return await core.read(look)

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    headings = ("NUMBER", "COMPANY", "TOOL", "AT", "BYTES", "WHY", "REPLAYED")
    names = ("id", "company", "tool", "at", "bytes", "error", "replayed_at")
    rows = [[one[name] for name in names] for one in found]
    terminal.say_table(headings, rows, nothing="No dead letter.")


@app.command("show")
def show(number: Number, as_json: Json = False) -> None:
    """Show one dead letter with its body."""

    async def act(core: Core) -> dict[str, Any]:
        async def look(tx: Transaction) -> dict[str, Any]:
            letter = await _found(tx, number)
            company = await tx.companies.get(letter.company_id)
            text = letter.body.decode("utf-8", "replace")
            return _document(letter, company.slug if company else "") | {
                "headers": dict(letter.headers),
                "body": text,
            }

        return await core.read(look)

    answer = with_core(act)
    if as_json:
        return terminal.say_json(answer)
    body = answer.pop("body")
    terminal.say_facts([(name.replace("_", " "), value) for name, value in answer.items()])
    terminal.say(terminal.shown(body))


@app.command("replay")
def replay(number: Number, as_json: Json = False) -> None:
    """Take a dead letter in again, with the parsers of this version; once."""

    async def act(core: Core) -> dict[str, Any]:
        async def write(tx: Transaction) -> dict[str, Any]:
            letter = await _found(tx, number)
            if letter.replayed_at is not None:
                when = letter.replayed_at.isoformat(timespec="seconds")
                raise Refused(f"Dead letter {number} was replayed already, at {when}.")
            return await _take_in(tx, letter, core)

        return await core.write(write)

    answer = with_core(act)
    if as_json:
        return terminal.say_json(answer)
    for one in answer["results"]:
        terminal.say(f"{one['incident_id'] or 'no incident'}: {one['reason']}")


async def _take_in(tx: Transaction, letter: DeadLetter, core: Core) -> dict[str, Any]:
    from engine.audit import AuditKind, entry
    from engine.operations.ingest import Delivery, ingest

    now = core.clock.now()
    delivery = Delivery(
        company_id=letter.company_id, alerts=tuple(_alerts(letter)), ids=(f"x:dead-letter-{letter.id}",)
    )
    (answer,) = await ingest(tx, [delivery], now)
    await tx.dead_letters.replayed(letter.id, outcome="replayed", now=now)
    tx.audit.add(
        entry(
            AuditKind.DEAD_LETTER_REPLAYED,
            company_id=letter.company_id,
            actor=operator(),
            subject=f"dead letter {letter.id}",
            now=now,
            tool=letter.tool,
            alerts=len(delivery.alerts),
        )
    )
    return dict(answer.body)


def _alerts(letter: DeadLetter) -> list[Alert]:
    from integrations import SOURCES
    from integrations.sources.reading import Malformed, NotJson, load

    parse = SOURCES.get(letter.tool)
    if parse is None:
        raise Refused(f"There is no tool “{letter.tool}”.", hint=f"Known: {', '.join(sorted(SOURCES))}.")
    try:
        return list(parse(load(letter.body), letter.headers))
    except (NotJson, Malformed) as error:
        raise Refused(f"Dead letter {letter.id} still cannot be understood: {error}") from error


async def _found(tx: Transaction, number: int) -> DeadLetter:
    letter = await tx.dead_letters.get(number)
    if letter is None:
        raise NotFound(f"There is no dead letter {number}.", hint="`aw deadletter list` names them.")
    return letter


def _document(letter: DeadLetter, company: str) -> dict[str, Any]:
    return {
        "id": letter.id,
        "company": company,
        "tool": letter.tool,
        "at": letter.at.isoformat(timespec="seconds"),
        "bytes": len(letter.body),
        "error": letter.error,
        "replayed_at": letter.replayed_at.isoformat(timespec="seconds") if letter.replayed_at else None,
    }
