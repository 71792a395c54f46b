"""The knowledge base by REST, and questions about an incident."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from bot.actions.articles import EditArticle, RetireArticle, WriteArticle
from bot.actions.incidents import Inquire
from bot.api.bodies import Body
from bot.api.companies import company_seen, seen_ids
from bot.api.door import Ask, Endpoint
from bot.api.requests import Request, number_of
from bot.articles.words import article_number
from bot.handlers.dispatch import handle
from bot.inquiries.handlers import answered
from bot.place import Place
from engine.access import Verb
from engine.analyst import NAME
from engine.article import SHARED, TEXT, TITLE, Article
from engine.company import Company
from engine.errors import NotFound, Refused
from engine.inquiry import LONGEST
from engine.operations import articles
from storage.transaction import Transaction


class ArticleQuery(Request):
    """`q` are words to search for; without them the newest come."""

    q: str = Field("", max_length=300)
    company: str | None = None
    limit: int = Field(20, ge=1, le=100)


class ArticleRequest(Request):
    title: str = Field(min_length=1, max_length=TITLE)
    problem: str = Field("", max_length=TEXT)
    fix: str = Field(min_length=1, max_length=TEXT)


class ArticleBody(Body):
    """`company` is null for what is shared with all."""

    id: str
    company: str | None
    title: str
    problem: str
    fix: str
    incident_id: str | None
    author: str
    updated_by: str
    updated_at: datetime


class ArticleList(Body):
    articles: list[ArticleBody]


class InquiryRequest(Request):
    question: str = Field(min_length=3, max_length=LONGEST)


class InquiryBody(Body):
    """`lines` are empty where nobody can say anything. `by_model`: a model said it, not the rules."""

    lines: list[str]
    citations: list[str]
    confidence: float | None
    by: str
    by_model: bool


def _body(article: Article, slugs: dict[int, str]) -> ArticleBody:
    number = article.incident_id
    return ArticleBody(
        id=article.label,
        company=None if article.shared else slugs.get(article.company_id),
        title=article.title,
        problem=article.problem,
        fix=article.fix,
        incident_id=f"INC-{number}" if number is not None else None,
        author=article.author,
        updated_by=article.updated_by,
        updated_at=article.updated_at,
    )


def _number(ask: Ask) -> int:
    number = article_number(ask.path["id"])
    if number is None:
        raise NotFound(f"There is no article “{ask.path['id'][:60]}”.")
    return number


def _incident(ask: Ask) -> int:
    number = number_of(ask.path["id"])
    if number is None:
        raise NotFound(f"There is no incident “{ask.path['id'][:60]}”.")
    return number


async def _slugs(tx: Transaction, ask: Ask) -> dict[int, str]:
    ids = seen_ids(ask.actor)
    return {one.id: one.slug for one in await tx.companies.all() if ids is None or one.id in ids}


async def listed(ask: Ask) -> ArticleList:
    query: ArticleQuery = ask.query

    async def look(tx: Transaction) -> ArticleList:
        slugs = await _slugs(tx, ask)
        chosen: Company | None = None
        if query.company:
            chosen = await company_seen(tx, query.company, ask.actor)
        ids = articles.readable(ask.actor, [chosen.id] if chosen else list(slugs))
        if not ids:
            raise Refused("Client viewers do not read the knowledge base.", code="denied")
        if query.q.strip():
            found = await tx.articles.search(ids, query.q, most=query.limit)
        else:
            found = await tx.articles.newest(ids, most=query.limit)
        return ArticleList(articles=[_body(one, slugs) for one in found])

    return await ask.core.read(look)


async def _shown(ask: Ask, number: int) -> ArticleBody:
    async def look(tx: Transaction) -> ArticleBody:
        article = await articles.find(tx, number, Verb.READ_ARTICLE, ask.actor)
        return _body(article, await _slugs(tx, ask))

    return await ask.core.read(look)


async def one(ask: Ask) -> ArticleBody:
    return await _shown(ask, _number(ask))


async def written(ask: Ask) -> ArticleBody:
    body: ArticleRequest = ask.body
    number = _incident(ask)
    act = WriteArticle(number, body.title, body.problem, body.fix)
    await handle(ask.core, act, actor=ask.actor, place=Place())

    async def look(tx: Transaction) -> Article | None:
        incident = await tx.incidents.get(number)
        return await tx.articles.of_incident(incident.company_id, number) if incident else None

    made = await ask.core.read(look)
    if made is None:
        raise NotFound(f"There is no INC-{number}.")
    return await _shown(ask, made.id)


async def edited(ask: Ask) -> ArticleBody:
    body: ArticleRequest = ask.body
    act = EditArticle(_number(ask), body.title, body.problem, body.fix)
    await handle(ask.core, act, actor=ask.actor, place=Place())
    return await _shown(ask, act.article)


async def shared(ask: Ask) -> ArticleBody:
    """The article as it stands, without whose it was; the copy is answered."""
    number = _number(ask)

    async def act(tx: Transaction) -> Article:
        bare = await articles.shareable(tx, number, actor=ask.actor)
        return await articles.share(tx, number, bare.words, actor=ask.actor, now=ask.core.clock.now())

    made = await ask.core.write(act)
    assert made.company_id == SHARED
    return _body(made, {})


async def retired(ask: Ask) -> ArticleBody:
    number = _number(ask)
    found = await _shown(ask, number)
    await handle(ask.core, RetireArticle(number), actor=ask.actor, place=Place())
    return found


async def asked(ask: Ask) -> InquiryBody:
    act = Inquire(_incident(ask), ask.body.question)
    said = (await answered(ask.core, act, Place(), ask.actor))[1].opinion
    if said is None:
        return InquiryBody(lines=[], citations=[], confidence=None, by="", by_model=False)
    return InquiryBody(
        lines=list(said.lines),
        citations=list(said.citations),
        confidence=said.confidence,
        by=said.model,
        by_model=said.model != NAME,
    )


ENDPOINTS = (
    Endpoint(
        method="GET", path="/api/articles", name="searchArticles", query=ArticleQuery, act=listed,
        summary="Search the knowledge base, or see what is newest there", answer=ArticleList,
    ),
    Endpoint(
        method="GET", path="/api/articles/{id}", name="getArticle", act=one, answer=ArticleBody,
        summary="One article",
    ),
    Endpoint(
        method="PUT", path="/api/articles/{id}", name="editArticle", act=edited, answer=ArticleBody,
        summary="Write an article anew", body=ArticleRequest,
    ),
    Endpoint(
        method="POST", path="/api/articles/{id}/share", name="shareArticle", act=shared, answer=ArticleBody,
        summary="Share it with all companies, without whose it was", status=201,
    ),
    Endpoint(
        method="POST", path="/api/articles/{id}/retire", name="retireArticle", act=retired, answer=ArticleBody,
        summary="Nobody finds it any more",
    ),
    Endpoint(
        method="POST", path="/api/incidents/{id}/article", name="writeArticle", act=written, answer=ArticleBody,
        summary="Keep what fixed an incident", body=ArticleRequest, status=201,
    ),
    Endpoint(
        method="POST", path="/api/incidents/{id}/ask", name="askAboutIncident", act=asked, answer=InquiryBody,
        summary="Ask about an incident; answered from its company's own data", body=InquiryRequest,
    ),
)  # fmt: skip
