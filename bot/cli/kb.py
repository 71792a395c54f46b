"""`aw kb`: the knowledge base, searched, read, written and shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.words import Json, family, number_of
from engine.article import SHARED, Article, Words
from engine.errors import NotFound, Refused

if TYPE_CHECKING:
    from bot.core import Core
    from storage.transaction import Transaction

app = family("The knowledge base: what fixed what.")

Number = Annotated[str, typer.Argument(metavar="ARTICLE", help="Such as KB-3.")]
Title = Annotated[str, typer.Option(help="What somebody with the same problem would search for.")]
Problem = Annotated[str, typer.Option(help="How it shows.")]
Fix = Annotated[str, typer.Option(help="What fixed it.")]


def _number(text: str) -> int:
    from bot.articles.words import article_number

    number = article_number(text)
    if number is None:
        raise Refused(f"“{text}” is no article.", hint="Write `KB-3` or `3`.")
    return number


def _document(article: Article, slugs: dict[int, str]) -> dict[str, Any]:
    return {
        "id": article.label,
        "company": None if article.company_id == SHARED else slugs.get(article.company_id),
        "title": article.title,
        "problem": article.problem,
        "fix": article.fix,
        "incident": f"INC-{article.incident_id}" if article.incident_id is not None else None,
        "updated_by": article.updated_by,
        "updated_at": article.updated_at.isoformat(),
    }


@app.command("search")
def search(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORDS", help="The newest without any.")
    ] = None,
    company: Annotated[str | None, typer.Option(metavar="SLUG", help="Its own and what is shared.")] = None,
    as_json: Json = False,
) -> None:
    """Find articles by their words; without any, the newest."""

    async def act(core: Core) -> list[dict[str, Any]]:
        from engine.operations import directory

        async def look(tx: Transaction) -> list[dict[str, Any]]:
            slugs = {one.id: one.slug for one in await tx.companies.all(archived=True)}
            ids = [(await directory.company_called(tx, company)).id] if company else list(slugs)
            said = " ".join(words or [])
            if said:
                found = await tx.articles.search([*ids, SHARED], said, most=50)
            else:
                found = await tx.articles.newest([*ids, SHARED], most=50)
            return [_document(one, slugs) for one in found]

        return await core.read(look)

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    rows = [[one["id"], one["company"] or "all", one["title"], one["fix"][:80]] for one in found]
    terminal.say_table(("ARTICLE", "COMPANY", "TITLE", "WHAT FIXED IT"), rows, nothing="Nothing fits.")


@app.command("show")
def show(number: Number, as_json: Json = False) -> None:
    """One article."""
    wanted = _number(number)

    async def act(core: Core) -> dict[str, Any]:
        async def look(tx: Transaction) -> dict[str, Any]:
            found = await tx.articles.get(wanted)
            if found is None or found.retired_at is not None:
                raise NotFound(f"There is no KB-{wanted}.", hint="`aw kb search` lists what there is.")
            return _document(found, {one.id: one.slug for one in await tx.companies.all(archived=True)})

        return await core.read(look)

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    terminal.say_facts([(name.replace("_", " "), value or "–") for name, value in found.items()])


@app.command("add")
def add(
    incident: Annotated[
        str, typer.Argument(metavar="INCIDENT", help="Where it was learned, such as INC-12.")
    ],
    title: Title,
    fix: Fix,
    problem: Problem = "",
) -> None:
    """Keep what fixed an incident; a second time the article is written anew."""
    number = number_of(incident)

    async def act(core: Core) -> Article:
        from engine.operations import articles

        async def write(tx: Transaction) -> Article:
            found = await tx.incidents.get(number)
            if found is None:
                raise NotFound(f"There is no INC-{number}.")
            said = Words(title, problem, fix)
            return await articles.write(tx, found, said, actor=operator(), now=core.clock.now())

        return await core.write(write)

    terminal.say(f"✓ {with_core(act).label}")


@app.command("edit")
def edit(number: Number, title: Title, fix: Fix, problem: Problem = "") -> None:
    """Write an article anew."""
    wanted = _number(number)

    async def act(core: Core) -> Article:
        from engine.operations import articles

        said = Words(title, problem, fix)
        return await core.write(
            lambda tx: articles.edit(tx, wanted, said, actor=operator(), now=core.clock.now())
        )

    terminal.say(f"✓ {with_core(act).label} is changed.")


@app.command("share")
def share(number: Number, as_json: Json = False) -> None:
    """Share it with all companies, without whose it was; prints what they will read."""
    wanted = _number(number)

    async def act(core: Core) -> dict[str, Any]:
        from engine.operations import articles

        async def write(tx: Transaction) -> dict[str, Any]:
            bare = await articles.shareable(tx, wanted, actor=operator())
            made = await articles.share(tx, wanted, bare.words, actor=operator(), now=core.clock.now())
            return _document(made, {})

        return await core.write(write)

    made = with_core(act)
    if as_json:
        return terminal.say_json(made)
    terminal.say(f"✓ shared as {made['id']}:")
    terminal.say_facts([(name, made[name] or "–") for name in ("title", "problem", "fix")])


@app.command("retire")
def retire(number: Number) -> None:
    """Nobody finds it any more."""
    wanted = _number(number)

    async def act(core: Core) -> Article:
        from engine.operations import articles

        return await core.write(
            lambda tx: articles.retire(tx, wanted, actor=operator(), now=core.clock.now())
        )

    terminal.say(f"✓ {with_core(act).label} is retired.")
