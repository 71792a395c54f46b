"""An article of the knowledge base: how a problem shows, and what fixed it. A company's own, or shared among all with
the company's words taken out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from engine.company import CompanyContext
from engine.redaction import redacted

SHARED = 0
"""The company of what is shared."""
TITLE, TEXT = 160, 4000
MOST_WORDS = 12
ENOUGH = 0.6
"""This share of the words of a problem's title in an article makes it like the problem."""
_WORD = re.compile(r"[^\W_]{2,}")
_ADDRESSES = re.compile(
    r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?:/\d{1,2})?(?![\w.])|\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{0,4}\b"
    r"|\b(?:i|mi|vol|vpc|subnet|sg|ami)-[0-9a-f]{8,17}\b|(?<!\d)\d{12}(?!\d)|\barn:aws[\w:/.-]+",
    re.IGNORECASE,
)
_HOST = re.compile(r"(?<![\w@.-])(?:[a-z0-9-]{1,63}\.){2,}[a-z]{2,18}\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Words:
    """What a person writes of an article."""

    title: str
    problem: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """`incident_id` is where it was learned; a shared one does not say that. `signature` is that of the problem, as
    incidents have it."""

    id: int
    company_id: int
    title: str
    problem: str
    fix: str
    category: str = "other"
    signature: str = ""
    incident_id: int | None = None
    author: str
    updated_by: str
    created_at: datetime
    updated_at: datetime
    retired_at: datetime | None = None
    revision: int = 1

    @property
    def label(self) -> str:
        return f"KB-{self.id}"

    @property
    def words(self) -> Words:
        return Words(self.title, self.problem, self.fix)

    @property
    def shared(self) -> bool:
        return self.company_id == SHARED


def tokens(text: str) -> list[str]:
    """The words of a text as they are searched for: small, without signs, each in its place."""
    return _WORD.findall(text.lower())


def wanted(text: str) -> list[str]:
    """The first few different words of what somebody searches for."""
    return list(dict.fromkeys(tokens(text)))[:MOST_WORDS]


def alike(title: str, article: Article) -> bool:
    """Does the article speak of most of what the title says?"""
    asked = {word for word in tokens(title) if not word.isdigit()}
    if not asked:
        return False
    held = set(tokens(f"{article.title} {article.problem}"))
    return len(asked & held) / len(asked) >= ENOUGH


def words_of(context: CompanyContext) -> tuple[str, ...]:
    """What in a text would tell whose it was: the company's names, its machines, its people."""
    company = context.company
    found = {company.name, company.slug, *company.name.split()}
    for asset in context.assets:
        found |= {asset.name, asset.name.split(".")[0], asset.cloud_ref, *asset.aliases}
    for user in context.people:
        found |= {user.name, user.email.split("@")[0], *user.name.split()}
    for channel in (company.slack_channel, company.teams_conversation):
        found.add(channel or "")
    return tuple(sorted(word for word in found if len(word) >= 3 and word.lower() not in _USUAL))


_USUAL = frozenset(
    {"the", "and", "ltd", "inc", "gmbh", "corp", "company", "group", "health", "dental", "services"}
)
"""Parts of names that say nothing by themselves; the whole name still goes."""


def without(text: str, words: Iterable[str]) -> str:
    """The text without these words, secrets, mails and addresses of any kind."""
    return _HOST.sub("[machine]", _ADDRESSES.sub("[address]", redacted(text, words)))
