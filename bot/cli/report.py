"""`aw report`: what a company's alerts became, as a table, as JSON or as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import with_core
from bot.cli.words import Json
from engine.errors import Refused

if TYPE_CHECKING:
    from bot.core import Core
    from engine.opinion import Spent
    from engine.report import Report

_FORMS = ("png", "pdf", "csv", "json")


def report(
    company: Annotated[str, typer.Argument(metavar="COMPANY", help="The company's short name.")],
    span: Annotated[str, typer.Argument(metavar="SPAN", help="30d, 4w, 3m, up to now.")] = "30d",
    out: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Also write it there: .png, .pdf, .csv or .json; may be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a company's alerts became, how quickly, and what it cost."""
    wrong = next((one for one in out or () if one.suffix.lstrip(".").lower() not in _FORMS), None)
    if wrong is not None:
        hint = f"Its name ends in one of .{', .'.join(_FORMS)}."
        raise Refused(f"“{wrong.name}” is no form of a report.", hint=hint)

    async def act(core: Core) -> Report:
        from bot.reports.gather import gather, span_of
        from engine.operations import directory

        wanted = span_of(span)
        return await gather(core, await core.read(lambda tx: directory.company_called(tx, company)), wanted)

    found = with_core(act)
    for path in out or ():
        _write(path, found)
    if as_json:
        from bot.reports.files import document

        return terminal.say_json(document(found))
    _say(found)


def _write(path: Path, found: Report) -> None:
    from bot.reports import files, picture

    form = path.suffix.lstrip(".").lower()
    body = {"png": picture.png, "pdf": picture.pdf, "csv": files.as_csv, "json": files.as_json}[form](found)
    try:
        path.write_bytes(body)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}.") from None


def _model(one: Spent) -> str:
    cost = f", ${one.micros / 1_000_000:.2f}" if one.micros else ""
    return f"{one.model}: {one.asked:,} times, {one.tokens_in + one.tokens_out:,} tokens{cost}"


def _say(found: Report) -> None:
    from bot.reports import words

    terminal.say(words.headline(found))
    facts: list[tuple[str, Any]] = [
        ("noise reduction", words.percent(found.noise_reduction)),
        ("healed without a person", f"{found.self_healed:,} ({words.percent(found.self_healed_percent)})"),
        ("response in time", words.kept(found.response)),
        ("resolved in time", words.kept(found.resolution)),
        ("until somebody took it", words.times(found.acknowledge)),
        ("until it was resolved", words.times(found.resolve)),
        ("still open", found.open),
        ("time put in", words.hours(found)),
        ("of it on noise", words.noise(found.noise)),
        ("held back", words.held(found) or "nothing"),
        ("silent now", list(found.silent_sources)),
        ("comes back in step", [words.in_step(one) for one in found.series]),
        ("models asked", [_model(one) for one in found.models] or "none"),
    ]
    terminal.say_facts(facts)
    rows = [
        [
            one.title,
            one.asset_name,
            one.alerts,
            one.incidents,
            words.spent(one.hands_on),
            words.noise(one.noise),
        ]
        for one in found.checks
    ]
    terminal.say_table(
        ["NOISIEST", "WHERE", "ALERTS", "INCIDENTS", "HANDS-ON", "NOISE COST"], rows, nothing="No incident."
    )
