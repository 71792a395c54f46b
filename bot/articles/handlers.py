"""`/aw kb` and the buttons of articles: who may, what is found, what is kept."""

from __future__ import annotations

from typing import assert_never

from bot.actions.articles import (
    EditArticle,
    RetireArticle,
    SearchArticles,
    ShareArticle,
    ShowArticle,
    WriteArticle,
)
from bot.articles.cards import MOST_SHOWN, article_card, list_card
from bot.articles.draft import article_of, draft
from bot.cards.card import Asked, Card, Done, Field, FieldKind, Form, Line, Reply, Said
from bot.core import Core
from bot.place import Place, look_up
from bot.questions import companies_of
from engine.access import Actor, Verb
from engine.article import TEXT, TITLE, Article, Words
from engine.company import Company
from engine.errors import Refused
from engine.operations import articles
from engine.opinion import Use
from storage.transaction import Transaction

Action = SearchArticles | ShowArticle | WriteArticle | EditArticle | ShareArticle | RetireArticle


async def handle(core: Core, action: Action, place: Place, actor: Actor) -> Reply:
    """Raises Refused or NotFound."""
    match action:
        case SearchArticles():
            return Said(await core.read(lambda tx: _search(tx, action.words, place, actor)))
        case ShowArticle():
            return Said(await core.read(lambda tx: _one(tx, action.article, place, actor)))
        case WriteArticle(fix=None):
            return await _ask_new(core, action, place, actor)
        case EditArticle(fix=None) | ShareArticle(fix=None):
            return await core.read(lambda tx: _ask(tx, action, place, actor))
        case WriteArticle():
            incident = await look_up(core, action.incident, place, actor, Verb.SEE)
            words, now = _words(action), core.clock.now()
            made = await core.write(lambda tx: articles.write(tx, incident, words, actor=actor, now=now))
            return Done(f"Kept as {made.label}. Similar incidents show it.")
        case EditArticle():
            return Done(await core.write(lambda tx: _edited(tx, core, action, place, actor)))
        case ShareArticle():
            return Done(await core.write(lambda tx: _shared(tx, core, action, place, actor)))
        case RetireArticle():
            return Done(await core.write(lambda tx: _retired(tx, core, action, place, actor)))
        case _:
            assert_never(action)


def _words(action: WriteArticle | EditArticle | ShareArticle) -> Words:
    return Words(action.title, action.problem, action.fix or "")


async def _found(tx: Transaction, number: int, verb: Verb, place: Place, actor: Actor) -> Article:
    """In a company's channel only its own articles and what is shared."""
    article = await articles.find(tx, number, verb, actor)
    if place.company_id is not None and not article.shared and article.company_id != place.company_id:
        raise articles.unknown(number)
    return article


async def _edited(tx: Transaction, core: Core, action: EditArticle, place: Place, actor: Actor) -> str:
    await _found(tx, action.article, Verb.WRITE_ARTICLE, place, actor)
    made = await articles.edit(tx, action.article, _words(action), actor=actor, now=core.clock.now())
    return f"{made.label} is changed."


async def _shared(tx: Transaction, core: Core, action: ShareArticle, place: Place, actor: Actor) -> str:
    await _found(tx, action.article, Verb.SHARE_ARTICLE, place, actor)
    made = await articles.share(tx, action.article, _words(action), actor=actor, now=core.clock.now())
    return f"Shared with all companies as {made.label}."


async def _retired(tx: Transaction, core: Core, action: RetireArticle, place: Place, actor: Actor) -> str:
    await _found(tx, action.article, Verb.WRITE_ARTICLE, place, actor)
    made = await articles.retire(tx, action.article, actor=actor, now=core.clock.now())
    return f"{made.label} is retired: nobody finds it any more."


async def _companies(tx: Transaction, place: Place, actor: Actor) -> dict[int, Company]:
    """Whose articles are looked through: the channel's company, else all that the asker works for."""
    seen = await tx.companies.all() if actor.system else await companies_of(tx, actor)
    return {one.id: one for one in seen if place.company_id in (None, one.id)}


async def _search(tx: Transaction, words: str, place: Place, actor: Actor) -> Card:
    companies = await _companies(tx, place, actor)
    ids = articles.readable(actor, list(companies))
    if not ids:
        raise Refused("Client viewers do not read the knowledge base.", code="denied")
    if not words.strip():
        found = await tx.articles.newest(ids, most=MOST_SHOWN + 1)
        title = "Newest in the knowledge base" if found else "The knowledge base is empty"
    else:
        found = await tx.articles.search(ids, words, most=MOST_SHOWN + 1)
        title = f"Knowledge base: {words[:60]}" if found else f"Nothing about “{words[:60]}”"
    return list_card(title, found, companies, more=len(found) > MOST_SHOWN)


async def _one(tx: Transaction, number: int, place: Place, actor: Actor) -> Card:
    article = await _found(tx, number, Verb.READ_ARTICLE, place, actor)
    return article_card(article, await _companies(tx, place, actor), actor)


async def _ask_new(core: Core, action: WriteArticle, place: Place, actor: Actor) -> Reply:
    incident = await look_up(core, action.incident, place, actor, Verb.SEE)

    async def look(tx: Transaction) -> Article | None:
        unknown = articles.unknown_incident(incident)
        await articles.allowed(tx, incident.company_id, Verb.WRITE_ARTICLE, actor, unknown=unknown)
        return await tx.articles.of_incident(incident.company_id, incident.id)

    known = await core.read(look)
    if known is not None:
        return _form(action, f"{known.label} again", "Keep", known.words, ())
    found = await draft(core, incident, Use.ARTICLE)
    marked = (found.by,) if found is not None else ()
    return _form(action, "What fixed it?", "Keep", article_of(found, incident), marked)


async def _ask(tx: Transaction, action: EditArticle | ShareArticle, place: Place, actor: Actor) -> Reply:
    if isinstance(action, EditArticle):
        article = await _found(tx, action.article, Verb.WRITE_ARTICLE, place, actor)
        return _form(action, f"Edit {article.label}", "Keep", article.words, ())
    await _found(tx, action.article, Verb.SHARE_ARTICLE, place, actor)
    bare = await articles.shareable(tx, action.article, actor=actor)
    warning = "Every company's technicians will read this. Names, machines and addresses are taken out; look for more."
    return _form(action, "Share with all", "Share", bare.words, (warning,))


def _form(
    action: WriteArticle | EditArticle | ShareArticle, title: str, submit: str, words: Words, intro: Line
) -> Asked:
    long = FieldKind.LONG_TEXT
    fields = (
        Field(name="title", label="Title", value=words.title[:TITLE], most=TITLE),
        Field(
            name="problem",
            label="How it shows",
            kind=long,
            value=words.problem,
            most=TEXT_OF_FORM,
            optional=True,
        ),
        Field(name="fix", label="What fixed it", kind=long, value=words.fix, most=TEXT_OF_FORM),
    )
    return Asked(Form(title=title, submit=submit, action=action, fields=fields, intro=intro))


TEXT_OF_FORM = min(TEXT, 3000)
"""What a field of a Slack modal takes."""
