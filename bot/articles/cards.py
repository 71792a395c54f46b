"""Articles as cards: a list, one of them, and the line on an incident's card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.actions.articles import EditArticle, RetireArticle, ShareArticle, ShowArticle, WriteArticle
from bot.cards.card import (
    Actions,
    Body,
    Button,
    Card,
    Element,
    Facts,
    Line,
    Moment,
    Strong,
    Title,
    Tone,
    When,
)
from engine.access import Actor
from engine.article import Article
from engine.company import Company, Role
from engine.incident import Incident
from engine.report import MONITORING

MOST_SHOWN = 8
FIX = 220


def cut(text: str, most: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def whose(article: Article, companies: Mapping[int, Company]) -> str:
    if article.shared:
        return "for all companies"
    company = companies.get(article.company_id)
    return company.name if company is not None else ""


def list_card(
    title: str, found: Sequence[Article], companies: Mapping[int, Company], *, more: bool = False
) -> Card:
    elements: list[Element] = [Title(Tone.INFO, (Strong(title),))]
    for one in found[:MOST_SHOWN]:
        elements.append(Body((Strong(f"{one.label} · {cut(one.title, 120)}"), f"\n{cut(one.fix, FIX)}")))
        elements.append(Facts((*_origin(one, companies),)))
    if not found:
        elements.append(Body(("Nothing fits. After an incident is resolved, its card asks what fixed it.",)))
    if more:
        elements.append(Facts((("there is more: say it with another word",),)))
    buttons = tuple(Button(one.label, ShowArticle(one.id)) for one in found[:5])
    if buttons:
        elements.append(Actions(buttons))
    return Card(summary=title, elements=tuple(elements))


def _origin(article: Article, companies: Mapping[int, Company]) -> list[Line]:
    items: list[Line] = [(whose(article, companies),)]
    if article.incident_id is not None:
        items.append((f"from INC-{article.incident_id}",))
    items.append((f"{article.updated_by}, ", Moment(article.updated_at, When.DATE_TIME)))
    return items


def article_card(article: Article, companies: Mapping[int, Company], actor: Actor) -> Card:
    title = f"{article.label} · {cut(article.title, 160)}"
    elements: list[Element] = [Title(Tone.INFO, (Strong(title),)), Facts(tuple(_origin(article, companies)))]
    if article.problem:
        elements.append(Body((Strong("How it shows"), f"\n{article.problem}")))
    elements.append(Body((Strong("What fixed it"), f"\n{article.fix}")))
    admin = actor.user is None or actor.user.role is Role.MSP_ADMIN
    if admin or not article.shared:
        buttons = [Button("Edit", EditArticle(article.id))]
        if admin and not article.shared:
            buttons.append(Button("Share with all…", ShareArticle(article.id)))
        gone = f"Nobody finds {article.label} any more. Retire it?"
        buttons.append(Button("Retire", RetireArticle(article.id), confirm=gone))
        elements.append(Actions(tuple(buttons)))
    return Card(summary=title, elements=tuple(elements))


def known_line(articles: Sequence[Article]) -> list[Element]:
    """On an incident's card: this was seen before, and what fixed it."""
    if not articles:
        return []
    best = articles[0]
    where = f"INC-{best.incident_id}" if best.incident_id is not None else "elsewhere"
    more = f" · also {', '.join(one.label for one in articles[1:])}" if len(articles) > 1 else ""
    return [
        Body(
            (
                f"📖 seen before ({where}), what fixed it: ",
                Strong(cut(best.fix, FIX)),
                f" ({best.label}{more})",
            )
        )
    ]


def kept_fact(article: Article | None) -> list[Line]:
    return [(f"📖 {article.label}",)] if article is not None else []


def kept_buttons(
    incident: Incident, article: Article | None
) -> tuple[tuple[Button, ...], tuple[Button, ...]]:
    """Of a resolved card, in sight and behind ⋯: what fixed it is asked where a person did."""
    if article is not None:
        return (), (Button(f"Read {article.label}", ShowArticle(article.id)),)
    ask = (Button("What fixed it?", WriteArticle(incident.id)),)
    return ((), ask) if incident.resolved_by == MONITORING else (ask, ())
