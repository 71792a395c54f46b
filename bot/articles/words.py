"""The words after `/aw kb`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from bot.actions.articles import (
    EditArticle,
    RetireArticle,
    SearchArticles,
    ShareArticle,
    ShowArticle,
    WriteArticle,
)
from bot.actions.every import Action
from engine.errors import Refused
from engine.identifiers import incident_number

_ON_ONE: dict[str, Callable[[int], Action]] = {
    "show": ShowArticle,
    "edit": EditArticle,
    "share": ShareArticle,
    "retire": RetireArticle,
}


def article_act(words: Sequence[str], here: int | None) -> Action:
    """`disk full`, `search disk full`, `KB-3`; `add INC-12`, `edit 3`, `share 3`, `retire 3`. `here` is the incident of
    the thread."""
    word = words[0].lower() if words else ""
    if word in ("add", "write"):
        number = incident_number(words[1]) if len(words) > 1 else here
        if number is None:
            raise Refused("Which incident?", hint="For example `/aw kb add INC-42`.", code="which")
        return WriteArticle(number)
    if word in _ON_ONE:
        article = article_number(words[1] if len(words) > 1 else "")
        if article is None:
            hint = f"For example `/aw kb {word} KB-3`. `/aw kb` lists what there is."
            raise Refused("Which article?", hint=hint, code="which")
        return _ON_ONE[word](article)
    article = article_number(word) if len(words) == 1 else None
    if article is not None:
        return ShowArticle(article)
    return SearchArticles(" ".join(words[1:] if word in ("search", "find", "list") else words))


def article_number(word: str) -> int | None:
    """The number in `KB-3`, `kb3` or `3`."""
    found = re.fullmatch(r"(?:kb-?)?([0-9]{1,18})", word.strip().lower())
    return int(found[1]) if found else None
