"""Options that several commands share, and how what people type is read."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import typer

from engine.errors import Refused
from engine.identifiers import incident_number

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Slug = Annotated[str, typer.Argument(metavar="COMPANY", help="The company's short name.", show_default=False)]


class Switch(StrEnum):
    ON = "on"
    OFF = "off"


def family(text: str) -> typer.Typer:
    """A group of commands; alone it shows its help."""
    return typer.Typer(help=text, no_args_is_help=True, rich_markup_mode=None)


def slug_of(text: str) -> str:
    return text.strip().lower()


def number_of(text: str) -> int:
    """The number in `INC-3`, `inc3` or `3`."""
    number = incident_number(text)
    if number is None:
        raise Refused(f"“{text}” is not an incident.", hint="Write `INC-42` or `42`.")
    return number


def minutes_of(count: int) -> timedelta:
    return timedelta(minutes=count)


def labels_of(pairs: list[str]) -> dict[str, str]:
    """The labels in `NAME=VALUE` pairs."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise Refused(f"“{pair}” is not a label.", hint="Write `name=value`.")
        found[name.strip()] = value.strip()
    return found
