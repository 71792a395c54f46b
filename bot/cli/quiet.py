"""`aw silence` and `aw maintenance`: the words of chat, with the preview first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.words import Json, Slug, family

if TYPE_CHECKING:
    from bot.core import Core
    from engine.operations.silence import Wish
    from storage.transaction import Transaction

silences = family("Silences: hold what is known and in hand, for a time.")
windows = family("Maintenance windows: planned work, once or by a rule.")

Words = Annotated[
    list[str], typer.Argument(metavar="WORDS…", help="What, when, why: web-01 2h replacing the disk.")
]
Number = Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="Its number in the list.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it; without, only show what it would hide.")]
Company = Annotated[str | None, typer.Option(metavar="SLUG", help="Those of this company.")]
_PAIR = re.compile(r"([A-Za-z][\w.-]*)[=:](.*\s.*)")


@silences.command("add")
def add_silence(slug: Slug, words: Words, yes: Yes = False, as_json: Json = False) -> None:
    """Hold alerts for a time: aw silence add acme web-01 2h replacing the disk."""
    _add("silence", slug, words, yes=yes, as_json=as_json)


@silences.command("preview")
def preview_silence(slug: Slug, words: Words, as_json: Json = False) -> None:
    """Show what it would have hidden in the last 90 days, and change nothing."""
    _show(_looked_at("silence", slug, words), as_json)


@silences.command("list")
def list_silences(company: Company = None, as_json: Json = False) -> None:
    """List the silences that are not over."""
    _list("silence", company, as_json)


@silences.command("end")
def end_silence(number: Number, as_json: Json = False) -> None:
    """End one before its time; what is still broken is heard at once."""
    _end("silence", number, as_json)


@windows.command("add")
def add_window(slug: Slug, words: Words, yes: Yes = False, as_json: Json = False) -> None:
    """Plan maintenance: aw maintenance add acme sat 22:00-02:00 weekly kernel updates."""
    _add("maintenance", slug, words, yes=yes, as_json=as_json)


@windows.command("preview")
def preview_window(slug: Slug, words: Words, as_json: Json = False) -> None:
    """Show what it would have hidden in the last 90 days, and change nothing."""
    _show(_looked_at("maintenance", slug, words), as_json)


@windows.command("list")
def list_windows(company: Company = None, as_json: Json = False) -> None:
    """List the maintenance windows that are not over."""
    _list("maintenance", company, as_json)


@windows.command("end")
def end_window(number: Number, as_json: Json = False) -> None:
    """End one before its time; what is still broken is heard at once."""
    _end("maintenance", number, as_json)


def _text(words: list[str]) -> str:
    """The words as one line; the shell took the quotes of `sig="disk full"`, so they are put back."""
    pairs = [(word, _PAIR.fullmatch(word)) for word in words]
    return " ".join(f'{found.group(1)}="{found.group(2)}"' if found else word for word, found in pairs)


async def _wish(tx: Transaction, core: Core, kind: str, slug: str, words: list[str]) -> Wish:
    from bot.handlers.quiet import understood
    from bot.place import Place
    from engine.operations import directory
    from engine.suppression import QuietKind

    company = await directory.company_called(tx, slug)
    place, now = Place(company_id=company.id), core.clock.now()
    wish, _ = await understood(tx, QuietKind(kind), _text(words), place, operator(), now)
    return wish


async def _looked(core: Core, kind: str, slug: str, words: list[str]) -> tuple[Wish, dict[str, Any]]:
    from bot.api.quiet import preview_body, quiet_body
    from bot.cards.quiet import preview_text
    from bot.handlers.quiet import longest
    from engine.operations import silence

    now = core.clock.now()

    async def look(tx: Transaction) -> tuple[Wish, dict[str, Any]]:
        wish = await _wish(tx, core, kind, slug, words)
        rule, seen = await silence.look(tx, wish, longest=longest(core), actor=operator(), now=now)
        return wish, {
            "would_be": quiet_body(rule, slug, now).model_dump(mode="json", exclude={"id", "held"}),
            "preview": preview_body(seen).model_dump(mode="json"),
            "text": preview_text(seen, rule),
        }

    return await core.read(look)


def _looked_at(kind: str, slug: str, words: list[str]) -> dict[str, Any]:
    """What would be, and what it would have hidden."""

    async def act(core: Core) -> dict[str, Any]:
        return (await _looked(core, kind, slug, words))[1]

    return with_core(act)


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        return terminal.say_json(found)
    rule = found["would_be"]
    labels = [f"{name}={value}" for name, value in rule["labels"].items()]
    scope = [one for one in (rule["asset"], *labels, rule["signature"]) if one] or ["everything"]
    terminal.say_facts(
        [
            ("scope", scope),
            ("up to", rule["up_to"]),
            ("from", rule["starts_at"]),
            ("until", rule["ends_at"]),
            *([("series", rule["series"]), ("series ends", rule["over_at"])] if rule["series"] else []),
            ("reason", rule["reason"]),
        ]
    )
    terminal.say(terminal.shown(found["text"]))
    for line in found["preview"]["lines"]:
        named = f"{line['asset']}: {line['title']}"
        terminal.say(f"  {line['times']:>6} × {line['severity']:<8} {terminal.shown(named)}")


def _add(kind: str, slug: str, words: list[str], *, yes: bool, as_json: bool) -> None:
    if not yes:
        _show(_looked_at(kind, slug, words), as_json)
        terminal.stop("Nothing was changed: this is the preview. Add --yes to do it.")

    async def act(core: Core) -> dict[str, Any]:
        from bot.api.quiet import quiet_body
        from bot.handlers.quiet import longest
        from engine.operations import silence

        wish, seen = await _looked(core, kind, slug, words)
        now = core.clock.now()
        rule = await core.write(
            lambda tx: silence.add(tx, wish, longest=longest(core), actor=operator(), now=now)
        )
        body = quiet_body(rule, slug, now).model_dump(mode="json")
        return {"rule": body, "preview": seen["preview"]}

    answer = with_core(act)
    if as_json:
        return terminal.say_json(answer)
    rule = answer["rule"]
    terminal.say(f"✓ {kind} {rule['id']}, until {rule['ends_at']}. `aw {kind} end {rule['id']}` ends it.")


def _list(kind: str, company: str | None, as_json: bool) -> None:
    async def act(core: Core) -> list[dict[str, Any]]:
        async def look(tx: Transaction) -> list[dict[str, Any]]:
            from bot.api.quiet import bodies
            from engine.operations import directory
            from engine.suppression import QuietKind

            chosen = [await directory.company_called(tx, company)] if company else await tx.companies.all()
            found = await bodies(tx, chosen, QuietKind(kind), core.clock.now())
            return [one.model_dump(mode="json") for one in found]

        return await core.read(look)

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    headings = ("NUMBER", "COMPANY", "SCOPE", "NOW", "FROM", "UNTIL", "SERIES", "HELD", "WHY", "BY")
    rows = [
        [
            one["id"],
            one["company"],
            [part for part in (one["asset"], one["signature"], one["labels"] or "") if part] or "everything",
            one["active"],
            one["starts_at"][:16].replace("T", " "),
            one["ends_at"][:16].replace("T", " "),
            one["series"],
            one["held"],
            one["reason"],
            one["by"],
        ]
        for one in found
    ]
    terminal.say_table(headings, rows, nothing="Nothing is silenced." if kind == "silence" else "No window.")


def _end(kind: str, number: int, as_json: bool) -> None:
    async def act(core: Core) -> dict[str, Any]:
        async def write(tx: Transaction) -> dict[str, Any]:
            from bot.api.quiet import quiet_body
            from engine.operations import silence
            from engine.suppression import QuietKind

            now = core.clock.now()
            rule = await silence.end(tx, number, kind=QuietKind(kind), actor=operator(), now=now)
            company = (await tx.companies.context(rule.company_id)).company
            return quiet_body(rule, company.slug, now).model_dump(mode="json")

        return await core.write(write)

    answer = with_core(act)
    if as_json:
        return terminal.say_json(answer)
    terminal.say(
        f"✓ {kind} {number} is over; it held {answer['held']} alerts. What is still broken is heard now."
    )
