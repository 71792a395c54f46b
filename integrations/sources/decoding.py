"""Any body a tool posts, decoded by what it holds, never by what its sender calls it: JSON, a form, or XML.

A form, in one line or in parts, is an object of its fields, with JSON in a field decoded; a field `payload` that holds
JSON is the body itself.
XML is an object with its root: an element without attributes and children is its text, repeated elements are a list,
attributes stand beside the children, text among them is `#text`. Namespaces are left out.
"""

from __future__ import annotations

import codecs
import re
from typing import Any
from urllib.parse import parse_qsl, unquote_plus
from xml.etree import ElementTree

from integrations.sources.reading import DEPTH, NotJson, load

MOST_FIELDS = 1_000
"""Fields of a form; more are no alert of anybody's."""
_FORM = re.compile(r"([\w.\-\[\]%+*$]{1,200})=")
_PART = re.compile(rb"--([^\r\n]{1,200})\r?\ncontent-disposition:\s*form-data", re.IGNORECASE)
_NAMED = re.compile(rb"""\bname="([^"\r\n]{1,200})\"""", re.IGNORECASE)
_PROLOG = re.compile(r"(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_ELEMENT = re.compile(r"<[^\W\d]")


class Undecodable(Exception):
    """Neither JSON nor a form nor XML, or deeper than anyone means it."""


def decode(body: bytes) -> Any:
    """The document in the body. Raises Undecodable."""
    try:
        if body[:1] in (b"{", b"["):
            return load(body)
        if part := _PART.match(body):
            return _parts(body, part.group(1))
        text = _text(body)
        if text.startswith("<"):
            return _xml(text)
        if named := _FORM.match(text):
            return _form(text, named)
        return load(body)
    except NotJson as error:
        raise Undecodable(f"The body is not JSON: {error}") from error


def _text(body: bytes) -> str:
    wide = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return body.decode("utf-16" if wide else "utf-8", "replace").removeprefix("\ufeff").strip()


def _form(text: str, named: re.Match[str]) -> Any:
    first, rest = named.group(1), text[named.end() :]
    if not rest and first.upper().startswith(("%7B", "%5B")):  # JSON that curl took for the name of a field
        return load(unquote_plus(first).encode())
    if rest.startswith(("{", "[")) and rest.endswith(("}", "]")):  # JSON that nobody encoded
        pairs = [(first, rest)]
    else:
        try:
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
        except ValueError as error:
            raise Undecodable(f"The body is a form of more than {MOST_FIELDS:,} fields.") from error
    return _fields(pairs)


def _parts(body: bytes, boundary: bytes) -> Any:
    """A form in parts, each between boundaries, with its name in its header."""
    pairs = []
    for part in body.split(b"--" + boundary, MOST_FIELDS + 1)[1:]:
        header, _, value = part.replace(b"\r\n", b"\n").partition(b"\n\n")
        if name := _NAMED.search(header):
            pairs.append((name.group(1).decode("utf-8", "replace"), value.decode("utf-8", "replace").strip()))
    if len(pairs) > MOST_FIELDS:
        raise Undecodable(f"The body is a form of more than {MOST_FIELDS:,} fields.")
    return _fields(pairs)


def _fields(pairs: list[tuple[str, str]]) -> Any:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        _put(fields, name, _field(value))
    whole = fields.get("payload")
    return whole if isinstance(whole, dict | list) and whole else fields


def _field(value: str) -> Any:
    """What a field holds: JSON where it is JSON, else the text as it stands."""
    if not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return load(value.encode("utf-8", "replace"))
    except NotJson:
        return value


def _put(fields: dict[str, Any], name: str, value: Any) -> None:
    """A field or an element; what comes several times becomes a list."""
    if name not in fields:
        fields[name] = value
    elif isinstance(known := fields[name], _Several):
        known.append(value)
    else:
        fields[name] = _Several([known, value])


class _Several(list[Any]):
    """A list because of repetition, not because a value was one."""


def _xml(text: str) -> Any:
    """A document type, where entities are defined, is refused before the parser sees it."""
    prolog = _PROLOG.match(text)
    if not _ELEMENT.match(text, prolog.end() if prolog else 0):
        raise Undecodable("The body is XML with a document type, or none at all: neither is read.")
    tree = _Tree()
    parser = ElementTree.XMLParser(target=tree, encoding="utf-8")  # noqa: S314 - no document type comes this far
    try:
        parser.feed(text.encode("utf-8", "replace"))
        parser.close()
    except (ElementTree.ParseError, ValueError) as error:
        raise Undecodable(f"The body is not XML: {error}") from error
    return tree.document


class _Tree:
    """What the parser calls, element by element."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {}
        self._open: list[tuple[dict[str, Any], list[str]]] = [(self.document, [])]

    def start(self, _tag: str, attributes: dict[str, str]) -> None:
        if len(self._open) > DEPTH:
            raise Undecodable(f"The body is nested deeper than {DEPTH} levels.")
        self._open.append(({_local(name): value for name, value in attributes.items()}, []))

    def data(self, text: str) -> None:
        self._open[-1][1].append(text)

    def end(self, tag: str) -> None:
        fields, parts = self._open.pop()
        said = "".join(parts).strip()
        if fields and said:
            _put(fields, "#text", said)
        _put(self._open[-1][0], _local(tag), fields or said)

    def close(self) -> None:
        """Nothing is left to do at the end."""


def _local(name: str) -> str:
    return name.rpartition("}")[2]
