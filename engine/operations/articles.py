"""The knowledge base: written, edited, shared, retired and read, each as far as the company and the role allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from engine.access import GRANTS, Actor, Denied, Verb, may, who_could
from engine.article import SHARED, TEXT, TITLE, Article, Words, without, words_of
from engine.audit import AuditKind, entry
from engine.company import Role
from engine.errors import NotFound, Refused
from engine.incident import Incident
from engine.operations.record import show
from engine.ports import Transaction


class Articles(Protocol):
    async def get(self, article_id: int) -> Article | None: ...
    async def of_incident(self, company_id: int, incident_id: int) -> Article | None: ...
    async def add(self, article: Article) -> Article: ...
    async def change(self, before: Article, after: Article) -> Article: ...


class ArticlesTransaction(Transaction, Protocol):
    @property
    def articles(self) -> Articles: ...


async def find(tx: ArticlesTransaction, article_id: int, verb: Verb, actor: Actor) -> Article:
    """The article, if this actor may do this with it; a foreign one is as unknown as a missing one."""
    article = await tx.articles.get(article_id)
    if article is None or article.retired_at is not None:
        raise unknown(article_id)
    if article.shared:
        _shared_may(actor, verb)
        return article
    await allowed(tx, article.company_id, verb, actor, unknown=unknown(article_id))
    return article


async def allowed(
    tx: ArticlesTransaction, company_id: int, verb: Verb, actor: Actor, *, unknown: NotFound
) -> None:
    decision = may(actor, verb, company_id)
    if not isinstance(decision, Denied):
        return
    if decision.foreign:
        raise unknown
    people = (await tx.companies.context(company_id)).people
    could = [user.id for user in who_could(people, verb, company_id)]
    raise Refused(decision.reason, who=tuple(could[:4]), code="denied")


def _shared_may(actor: Actor, verb: Verb) -> None:
    """What is shared belongs to the MSP: its admins change it, whoever works may read it."""
    user = actor.user
    if user is None or user.role is Role.MSP_ADMIN:
        return
    if verb is not Verb.READ_ARTICLE:
        raise Refused("Only MSP admins can change what is shared.", code="denied")
    if verb not in GRANTS[user.role]:
        raise Refused("Client viewers do not read the knowledge base.", code="denied")


def unknown(article_id: int) -> NotFound:
    return NotFound(f"There is no KB-{article_id}.", hint="`/aw kb` lists what there is.")


def unknown_incident(incident: Incident) -> NotFound:
    return NotFound(f"There is no {incident.label}.", hint="`/aw list` shows what is open.")


async def write(
    tx: ArticlesTransaction,
    incident: Incident,
    words: Words,
    *,
    actor: Actor,
    now: datetime,
) -> Article:
    """What was learned from an incident; a second time it is edited. `incident` is one that the actor may see."""
    await allowed(tx, incident.company_id, Verb.WRITE_ARTICLE, actor, unknown=unknown_incident(incident))
    before = await tx.articles.of_incident(incident.company_id, incident.id)
    if before is not None:
        return await edit(tx, before.id, words, actor=actor, now=now)
    said = _said(words)
    article = await tx.articles.add(
        Article(
            id=0,
            company_id=incident.company_id,
            title=said.title,
            problem=said.problem,
            fix=said.fix,
            category=incident.category,
            signature=incident.signature,
            incident_id=incident.id,
            author=actor.name,
            updated_by=actor.name,
            created_at=now,
            updated_at=now,
        )
    )
    _prove(tx, article, AuditKind.ARTICLE_WRITTEN, actor, now)
    await show(tx, incident, at=now)
    return article


async def edit(
    tx: ArticlesTransaction,
    article_id: int,
    words: Words,
    *,
    actor: Actor,
    now: datetime,
) -> Article:
    before = await find(tx, article_id, Verb.WRITE_ARTICLE, actor)
    said = _said(words)
    if said == before.words:
        return before
    after = replace(_with(before, said), updated_by=actor.name, updated_at=now)
    saved = await tx.articles.change(before, after)
    _prove(tx, saved, AuditKind.ARTICLE_EDITED, actor, now)
    return saved


async def shareable(tx: ArticlesTransaction, article_id: int, *, actor: Actor) -> Article:
    """A company's article as it would be shared: without the company's words."""
    article = await find(tx, article_id, Verb.SHARE_ARTICLE, actor)
    if article.shared:
        raise Refused(f"{article.label} is shared already.", code="invalid")
    return await _bare(tx, article)


async def _bare(tx: ArticlesTransaction, article: Article) -> Article:
    theirs = words_of(await tx.companies.context(article.company_id))
    bare = Words(*(without(text, theirs) for text in (article.title, article.problem, article.fix)))
    telling = without(article.signature, theirs) != article.signature
    signature = "" if telling else article.signature
    return replace(_with(article, bare), company_id=SHARED, incident_id=None, signature=signature)


async def share(
    tx: ArticlesTransaction,
    article_id: int,
    words: Words,
    *,
    actor: Actor,
    now: datetime,
) -> Article:
    """A copy for everybody, with what a person made of the bare text; the company's words are taken out once more."""
    article = await find(tx, article_id, Verb.SHARE_ARTICLE, actor)
    if article.shared:
        raise Refused(f"{article.label} is shared already.", code="invalid")
    bare = await _bare(tx, _with(article, _said(words)))
    made = await tx.articles.add(
        replace(
            bare, id=0, revision=1, author="the MSP", updated_by="the MSP", created_at=now, updated_at=now
        )
    )
    _prove(tx, article, AuditKind.ARTICLE_SHARED, actor, now, to=made.label)
    return made


async def retire(tx: ArticlesTransaction, article_id: int, *, actor: Actor, now: datetime) -> Article:
    """It is not found any more."""
    before = await find(tx, article_id, Verb.WRITE_ARTICLE, actor)
    after = replace(before, retired_at=now, updated_by=actor.name, updated_at=now)
    saved = await tx.articles.change(before, after)
    _prove(tx, saved, AuditKind.ARTICLE_RETIRED, actor, now)
    return saved


def readable(actor: Actor, company_ids: Sequence[int]) -> list[int]:
    """Of these companies, and of what is shared, those whose articles this actor may read."""
    found = [one for one in company_ids if not isinstance(may(actor, Verb.READ_ARTICLE, one), Denied)]
    user = actor.user
    if user is None or Verb.READ_ARTICLE in GRANTS[user.role]:
        found.append(SHARED)
    return found


def _with(article: Article, words: Words) -> Article:
    return replace(article, title=words.title, problem=words.problem, fix=words.fix)


def _said(words: Words) -> Words:
    """Raises Refused for what is no article."""
    said = Words(" ".join(words.title.split()), words.problem.strip(), words.fix.strip())
    for name, text, most in (
        ("title", said.title, TITLE),
        ("problem", said.problem, TEXT),
        ("fix", said.fix, TEXT),
    ):
        if not text and name != "problem":
            raise Refused(f"An article needs a {name}.", hint="Say it in a few words.", code="invalid")
        if len(text) > most:
            raise Refused(f"The {name} has {len(text):,} characters; {most:,} fit.", code="invalid")
    return said


def _prove(
    tx: ArticlesTransaction, article: Article, kind: AuditKind, actor: Actor, now: datetime, **more: str
) -> None:
    tx.audit.add(
        entry(kind, company_id=article.company_id, actor=actor, subject=article.label, now=now,
              title=article.title, **more)
    )  # fmt: skip
