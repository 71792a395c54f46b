"""Plain text that was never trusted, as Teams may show it."""

from __future__ import annotations

import re

_HIDDEN = re.compile(
    r"[\u0000-\u0008\u000b-\u001f\u007f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_LIVE = re.compile(r"([\\`*_{}\[\]<>~|])")
_AT_LINE_START = re.compile(r"^(\s*)([#+=-]|\d+(?=[.)]))", re.MULTILINE)
CALLED = "@Alert Whisperer"
_COMMAND = re.compile(r"`/aw((?: [^`\n]*)?)`")
_CLI = re.compile(r"`(aw [^`\n]*)`")


def clean(text: str) -> str:
    """Without control and direction marks that could hide or turn round what is written."""
    return _HIDDEN.sub("", text)


def named(text: str) -> str:
    """Commands as they are typed here, in quotes: a card has no type for code inside of a line."""
    return _CLI.sub(r"“\1”", _COMMAND.sub(rf"“{CALLED}\1”", text))


def escape(text: str) -> str:
    """Plain text inside Markdown: nothing in it can become a mention, a link, a heading or a function. Commands are
    named as they are typed here."""
    live = _LIVE.sub(r"\\\1", named(clean(text)))
    return _AT_LINE_START.sub(_not_a_list, live).replace("\n", "\n\n")


def _not_a_list(found: re.Match[str]) -> str:
    space, sign = found[1], found[2]
    return f"{space}{sign}\\" if sign[-1].isdigit() else f"{space}\\{sign}"


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def label(text: str, most: int) -> str:
    """For titles and labels: they are no Markdown, but functions would run in them."""
    kept = "".join(sign for sign in clean(text) if sign.isprintable()).replace("{{", "{ {").strip()
    return cut(kept, most) or "–"
