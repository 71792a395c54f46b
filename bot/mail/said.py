"""Text from outside, as a mail may show it: it says what it says, and nothing in it can be pressed."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_HIDDEN = re.compile(
    r"[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udfff]"
)
_HOST = re.compile(r"(?<![\w.-])(?:[\w-]+\.)+[a-z]{2,24}(?![\w-])|(?<=\w)@(?=\w)|://", re.IGNORECASE)
_WEB = re.compile(r"\b([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_WWW = re.compile(r"\bwww\.", re.IGNORECASE)


class Said(str):
    """Mail programs make links of whatever looks like one. In HTML each dot, @ and : of it stands in a span of its
    own: nothing is linked, and what is copied is unchanged. In plain text `https://` becomes `https[:]//`."""

    __slots__ = ()

    def __html__(self) -> Markup:
        escaped = str(escape(str(self)))
        return Markup(_HOST.sub(_taken_apart, escaped).replace("\n", "<br>"))  # noqa: S704 - escaped above

    @property
    def plain(self) -> str:
        return _WWW.sub("www[.]", _WEB.sub(r"\1[:]//", str(self)))


def _taken_apart(found: re.Match[str]) -> str:
    text = found[0]
    if text == "@":
        return "<span>@</span>"
    if text == "://":
        return "<span>:</span>//"
    return text.replace(".", "<span>.</span>")


def said(text: str, most: int) -> Said:
    """On one line, without what cannot be seen, at most so long."""
    return _cut(" ".join(_visible(text).split()), most)


def quoted(text: str, most: int) -> Said:
    """The same over several lines."""
    lines = [" ".join(one.split()) for one in _visible(text).split("\n")]
    return _cut("\n".join(lines).strip(), most)


def _visible(text: str) -> str:
    return _HIDDEN.sub(" ", text)


def _cut(text: str, most: int) -> Said:
    return Said(text if len(text) <= most else text[: most - 1].rstrip() + "…")
