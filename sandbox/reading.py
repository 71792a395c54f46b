"""The world's file, read piece by piece: what is wrong in it is named with its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

T = TypeVar("T")


class BadWorld(ValueError):
    """The world's file cannot be used; the text names the place and what is wrong with it."""


def mapping(value: Any, at: str, needs: tuple[str, ...] = ()) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadWorld(f"{at} is not an object")
    for name in needs:
        if name not in value:
            raise BadWorld(f"{at}: {name} is missing")
    return value


def tuples(value: Any, *names: str) -> Any:
    """The same object with these lists made unchangeable."""
    if not isinstance(value, Mapping):
        return value
    return {key: tuple(one) if key in names and isinstance(one, list) else one for key, one in value.items()}


def each(whole: Any, at: str, name: str, make: Callable[[Any, str], T]) -> tuple[T, ...]:
    found = mapping(whole, at.rstrip(".")).get(name) or ()
    if not isinstance(found, list | tuple):
        raise BadWorld(f"{at}{name} is not a list")
    return tuple(make(one, f"{at}{name}[{place}]") for place, one in enumerate(found))


def made(kind: type[T], value: Any, at: str) -> T:
    """One part, from an object with exactly its fields. Raises BadWorld with the place and the field at fault."""
    given = mapping(value, at)
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]
    for name in given:
        if name not in known:
            raise BadWorld(f"{at}: {name} is not known here; there are {', '.join(known)}")
    for name, one in known.items():
        if name not in given and one.default is MISSING and one.default_factory is MISSING:
            raise BadWorld(f"{at}: {name} is missing")
    return kind(**given)
