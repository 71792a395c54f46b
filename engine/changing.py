"""A changed copy of a frozen value, for the few places that every alert passes."""

from __future__ import annotations

from operator import attrgetter
from typing import Any, TypeVar

Value = TypeVar("Value")
_set = object.__setattr__
_SHAPES: dict[type, tuple[tuple[str, ...], attrgetter[Any]]] = {}


def changed(old: Value, /, **changes: Any) -> Value:
    """What `dataclasses.replace` gives, in half the time: for slotted classes whose fields are all given at the start
    and which check nothing then. Raises AttributeError for a field there is none of."""
    kind = type(old)
    shape = _SHAPES.get(kind)
    if shape is None:
        names = tuple(kind.__slots__)  # type: ignore[attr-defined]
        shape = _SHAPES[kind] = (names, attrgetter(*names))
    names, values = shape
    new = object.__new__(kind)
    for name, value in zip(names, values(old), strict=True):
        _set(new, name, value)
    for name, value in changes.items():
        _set(new, name, value)
    return new
