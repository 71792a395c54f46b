"""`aw deadletter`: what a tool sent with a good key and nobody could understand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.words import Json, family
from engine.errors import NotFound, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bot.core import Core
    from engine.intake import DeadLetter
    from engine.operations.dead_letters import TakenIn
    from storage.transaction import Transaction

app = family("Dead letters: bodies that could not be understood, kept whole.")

Number = Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="Its number in the list.")]
Numbers = Annotated[
    list[int] | None, typer.Argument(metavar="[NUMBER]...", min=1, help="Their numbers in the list.")
]
Company = Annotated[str | None, typer.Option(metavar="SLUG", help="Those of this company.")]
Tool = Annotated[str | None, typer.Option(metavar="TOOL", help="Those of this tool.")]
SHOW_PROGRESS_FROM = 20


@app.command("list")
def list_all(
    company: Company = None,
    tool: Tool = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only what was not replayed yet.")] = False,
    most: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List the dead letters, newest first."""

    async def act(core: Core) -> list[dict[str, Any]]:
        async def look(tx: Transaction) -> list[dict[str, Any]]:
            found = await tx.dead_letters.listed(
                company_id=await _company_id(tx, company), tool=tool or "", waiting_only=waiting, most=most
            )
            slugs = {one.id: one.slug for one in await tx.companies.all(archived=True)}
            return [_document(one, slugs.get(one.company_id, "")) for one in found]

        return await core.read(look)

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    headings = ("NUMBER", "COMPANY", "TOOL", "AT", "BYTES", "WHY", "REPLAYED", "OUTCOME")
    names = ("id", "company", "tool", "at", "bytes", "error", "replayed_at", "outcome")
    rows = [[one[name] for name in names] for one in found]
    terminal.say_table(headings, rows, nothing="No dead letter.")


@app.command("show")
def show(number: Number, as_json: Json = False) -> None:
    """Show one dead letter with its body."""

    async def act(core: Core) -> dict[str, Any]:
        async def look(tx: Transaction) -> dict[str, Any]:
            letter = await tx.dead_letters.get(number)
            if letter is None:
                raise NotFound(f"There is no dead letter {number}.", hint="`aw deadletter list` names them.")
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
def replay(
    numbers: Numbers = None,
    company: Company = None,
    tool: Tool = None,
    every: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
    as_tool: Annotated[
        str, typer.Option("--as", metavar="TOOL", help="Read them as this tool's bodies.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Take dead letters in again, with the parsers of this version; each once, however often it is asked for."""
    if bool(numbers) == (every or tool is not None):
        raise Refused(
            "Which dead letters?",
            hint="Give numbers, or `--all`, or `--tool TOOL`; `--company SLUG` narrows the last two.",
        )

    async def act(core: Core) -> list[dict[str, Any]]:
        async def look(tx: Transaction) -> Sequence[int]:
            return await tx.dead_letters.waiting_numbers(
                company_id=await _company_id(tx, company), tool=tool or ""
            )

        chosen: Sequence[int] = numbers if numbers else await core.read(look)
        return [await _one(core, number, as_tool) for number in _shown_progress(chosen)]

    done = with_core(act)
    failed = [one for one in done if one["fault"]]
    if len(numbers or ()) == 1 and failed:
        terminal.stop(failed[0]["fault"])
    if as_json:
        terminal.say_json(done[0] if len(numbers or ()) == 1 else done)
    else:
        for one in done:
            terminal.say(_line(one))
        terminal.say("Nothing waits." if not done else _sum(done))
    if failed:
        raise SystemExit(terminal.REFUSED)


def _shown_progress(numbers: Sequence[int]) -> Iterator[int]:
    """The same numbers, with a progress bar on a terminal when there are many."""
    import sys

    if len(numbers) < SHOW_PROGRESS_FROM or not sys.stderr.isatty():
        yield from numbers
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(numbers, "Replaying", console=Console(stderr=True), transient=True)


async def _one(core: Core, number: int, tool: str) -> dict[str, Any]:
    from bot.doors import dead_letters

    try:
        taken = await dead_letters.replay(core, number, actor=operator(), tool=tool)
    except Refused as refused:
        return {"number": number, "fault": terminal.refusal_text(refused)}
    return {"number": number, "fault": None} | _became(taken)


def _became(taken: TakenIn) -> dict[str, Any]:
    at = taken.letter.replayed_at
    assert at is not None
    return {
        "outcome": taken.letter.outcome,
        "replayed_at": at.isoformat(timespec="seconds"),
        "again": taken.again,
        **taken.answer,
    }


def _line(one: dict[str, Any]) -> str:
    if one["fault"]:
        return f"✗ {one['number']}: {one['fault']}"
    when = f" (replayed already, at {one['replayed_at']})" if one["again"] else ""
    return f"✓ {one['number']}: {one['outcome']}{when}"


def _sum(done: Sequence[dict[str, Any]]) -> str:
    failed = sum(bool(one["fault"]) for one in done)
    again = sum(bool(one.get("again")) for one in done)
    return f"{len(done) - failed - again} replayed, {again} had been, {failed} still cannot be understood."


async def _company_id(tx: Transaction, slug: str | None) -> int | None:
    from engine.operations import directory

    return (await directory.company_called(tx, slug)).id if slug else None


def _document(letter: DeadLetter, company: str) -> dict[str, Any]:
    return {
        "id": letter.id,
        "company": company,
        "tool": letter.tool,
        "at": letter.at.isoformat(timespec="seconds"),
        "bytes": len(letter.body),
        "error": letter.error,
        "replayed_at": letter.replayed_at.isoformat(timespec="seconds") if letter.replayed_at else None,
        "outcome": letter.outcome,
    }
