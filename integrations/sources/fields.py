"""Reading bodies whose field names and habits differ from customer to customer: any spelling, any kind of tags.

Most tools post what a person wrote into a template: `HOSTNAME`, `hostName` and `host_name` are one field here, a
variable that the tool did not fill says nothing, and null says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from integrations.sources.reading import (
    KEY,
    LABEL,
    MESSAGE,
    MOST_ALERTS,
    NAME,
    SECRET,
    Fault,
    Malformed,
    NotJson,
    key,
    load,
    text,
)

_OTHER = re.compile(r"[^a-z0-9]+")
_UNFILLED = re.compile(
    r"(?:\*[A-Za-z]{3,60}\*|\{\{? ?[^{}\s]{1,80} ?\}\}?|\$\{?[A-Za-z_][A-Za-z0-9_.]{0,60}\}?\$?|\$\{[^{}]{1,120}\}"
    r"|%[A-Za-z_]{2,60}%?"
    r"|null|undefined|(?-i:None)|n/a|<no value>)",
    re.IGNORECASE,
)
_LINK = 2_000
SEVERITY = 100
"""Characters that are kept of a severity word."""
_PAIR = re.compile(r"\s*([A-Za-z_][\w./-]{0,99})\s*[:=]\s*(.*?)\s*")
_MOST_TAGS = 200


def folded(name: str) -> str:
    """The letters and digits of a field's name, without case: `HOST_NAME`, `hostName` and `host-name` are one."""
    return _OTHER.sub("", name.lower())


class Fields:
    """An object read by field names in any spelling. Names are tried in order; the first that says something counts."""

    __slots__ = ("_folded", "raw")

    def __init__(self, value: Any) -> None:
        self.raw: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
        self._folded: dict[str, Any] = {}
        for name, one in self.raw.items():
            place = folded(str(name))
            if self._folded.get(place) in (None, ""):
                self._folded[place] = one

    def __bool__(self) -> bool:
        return bool(self.raw)

    def __contains__(self, name: str) -> bool:
        return folded(name) in self._folded

    def value(self, *names: str) -> Any:
        """The first of these that is there and neither null nor empty."""
        for name in names:
            found = self._folded.get(folded(name))
            if found is not None and found != "" and found != [] and found != {}:
                return found
        return None

    def text(self, *names: str, most: int = NAME) -> str:
        """The first of these that says something, as safe text; "" when none does. An object or a list is no text."""
        for name in names:
            value = self._folded.get(folded(name))
            if not isinstance(value, Mapping | list) and (found := said(value, most)):
                return found
        return ""

    def word(self, *names: str) -> str:
        """As `text`, for a word that is compared: lower case, short."""
        return self.text(*names, most=100).lower()

    def inner(self, *names: str) -> Fields:
        """The object under the first of these names that holds one; empty when none does."""
        return Fields(next((one for name in names if isinstance(one := self.value(name), Mapping)), None))

    def each(self, *names: str) -> list[Fields]:
        """The objects in the list under the first of these names; one object alone counts as a list of it."""
        found = self.value(*names)
        items = found if isinstance(found, list) else [found]
        return [Fields(one) for one in items if isinstance(one, Mapping)]

    def texts(self, *names: str) -> list[str]:
        """The texts in the list under the first of these names; one text alone counts as a list of it."""
        found = self.value(*names)
        items = found if isinstance(found, list) else [found]
        return [word for one in items if not isinstance(one, Mapping | list) and (word := said(one))]


def bodies(body: Any) -> list[Fields]:
    """The objects of a body: one, or a list of them. Raises Malformed."""
    items = body if isinstance(body, list) else [body]
    if len(items) > MOST_ALERTS:
        raise Malformed(Fault("body", f"{len(items):,} alerts; at most {MOST_ALERTS:,} fit in one body"))
    for number, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise Malformed(Fault(f"[{number}]" if items is body else "body", "must be an object"))
    return [Fields(item) for item in items]


def as_document(value: Any) -> Any:
    """JSON that stands in a text, decoded; what is none, or no text, is None."""
    try:
        found = load(value.encode("utf-8", "replace")) if isinstance(value, str) else None
    except NotJson:
        return None
    return found if isinstance(found, dict | list) else None


def said(value: Any, most: int = NAME) -> str:
    """Safe text of a value; "" for null and for a variable that the tool left unfilled."""
    found = text(value, most)
    return "" if _UNFILLED.fullmatch(found) else found


def first(*candidates: str) -> str:
    """The first that says something."""
    return next((one for one in candidates if one), "")


def severity(*words: str) -> str | None:
    """The tool's own word for how bad it is, the first that says something; None when none does."""
    return text(first(*words), SEVERITY) or None


def lines(*parts: str) -> str:
    """A message out of its parts, each once, those that say nothing left out."""
    return text("\n".join(dict.fromkeys(one for one in parts if one)), MESSAGE)


def tags(value: Any) -> dict[str, str]:
    """Tags in any of their shapes: an object, a list of `name:value`, of pairs or of objects, or one text of them."""
    found: dict[str, str] = {}
    for name, one in _pairs(value):
        if name and name not in found and len(found) < _MOST_TAGS:
            found[name] = one
    return found


def _pairs(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        yield from ((text(name, KEY), said(one, LABEL)) for name, one in value.items())
    elif isinstance(value, str) and value.lstrip().startswith(("[", "{")):
        yield from _pairs(as_document(value) or "")
    elif isinstance(value, str):
        for part in re.split(r"[,;\n]", value[:20_000]):
            yield _pair(part)
    elif isinstance(value, list):
        for one in value[:_MOST_TAGS]:
            if isinstance(one, Mapping):
                pair = Fields(one)
                if name := pair.text("key", "name", "tag", most=KEY):
                    yield name, pair.text("value", most=LABEL)
                else:
                    yield from _pairs(one)
            elif isinstance(one, list) and len(one) == 2:
                yield text(one[0], KEY), said(one[1], LABEL)
            else:
                yield _pair(text(one, LABEL))


def _pair(part: str) -> tuple[str, str]:
    named = _PAIR.fullmatch(part)
    return (named.group(1), said(named.group(2), LABEL)) if named else (text(part, KEY), "")


def kept(**values: str) -> dict[str, str]:
    """Labels out of what is known: what says nothing is left out."""
    return {name: text(one, LABEL) for name, one in values.items() if one}


def link(*candidates: Any) -> str | None:
    """The first web address, without a user, and without the parts of its query that are secrets."""
    for one in candidates:
        address = said(one, _LINK)
        if not address.lower().startswith(("http://", "https://")) or address.endswith("…"):
            continue
        try:
            parts = urlsplit(address)
        except ValueError:
            continue
        asked = "&".join(it for it in parts.query.split("&") if not SECRET.search(it.partition("=")[0]))
        place = parts.netloc.rpartition("@")[2]
        if place:
            return urlunsplit(parts._replace(netloc=place, query=asked))
    return None


def identity(*parts: str) -> str | None:
    """What tells one problem from another in the tool's own words; None as soon as a part is missing."""
    return key("|".join(parts)) if parts and all(parts) else None
