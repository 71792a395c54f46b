"""Acts on what the knowledge base holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.actions.act import Act


@dataclass(frozen=True, slots=True)
class SearchArticles(Act):
    """The knowledge base; without `words` what is newest there."""

    verb: ClassVar[str] = "kb"
    words: str = ""


@dataclass(frozen=True, slots=True)
class ShowArticle(Act):
    verb: ClassVar[str] = "kb_show"
    article: int


@dataclass(frozen=True, slots=True)
class WriteArticle(Act):
    """What fixed it, to be kept; `fix` None asks for it with a form that has a draft in it."""

    verb: ClassVar[str] = "kb_write"
    incident: int
    title: str = ""
    problem: str = ""
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class EditArticle(Act):
    verb: ClassVar[str] = "kb_edit"
    article: int
    title: str = ""
    problem: str = ""
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class ShareArticle(Act):
    """For all companies, without the words of its own; `fix` None shows first what is left."""

    verb: ClassVar[str] = "kb_share"
    article: int
    title: str = ""
    problem: str = ""
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class RetireArticle(Act):
    verb: ClassVar[str] = "kb_retire"
    article: int


OnArticle = SearchArticles | ShowArticle | WriteArticle | EditArticle | ShareArticle | RetireArticle
