"""What the parsers share: one alert or a list of them, the fields of objects inside, labels out of what is plain."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from engine.alert import Alert
from integrations.sources.fields import Fields, folded, said
from integrations.sources.reading import KEY, LABEL, MOST_ALERTS, MOST_LABELS, SECRET, Fault, Malformed, text

_MORE_SECRET = re.compile(r"session|cookie|\bauth", re.IGNORECASE)
_DEEPEST, _MOST_FIELDS = 5, 2_000


def each(body: Any, one: Callable[[Fields], Alert | list[Alert]]) -> list[Alert]:
    """The alerts of a body that is one object or a list of them. Raises Malformed, naming every faulty item."""
    items = body if isinstance(body, list) else [body]
    if len(items) > MOST_ALERTS:
        raise Malformed(
            Fault("body", f"{len(items):,} items; at most {MOST_ALERTS:,} are taken from one body")
        )
    found: list[Alert] = []
    faults: list[Fault] = []
    for number, item in enumerate(items):
        try:
            if not isinstance(item, Mapping):
                raise Malformed(Fault("body", "must be an object"))
            made = one(Fields(item))
            found += made if isinstance(made, list) else [made]
        except Malformed as error:
            faults += (
                [Fault(f"[{number}].{it.field}".removesuffix(".body"), it.why) for it in error.faults]
                if isinstance(body, list)
                else error.faults
            )
    if faults:
        raise Malformed(*faults)
    if len(found) > MOST_ALERTS:
        raise Malformed(
            Fault("body", f"{len(found):,} alerts; at most {MOST_ALERTS:,} are taken from one body")
        )
    return found


def missing(*names: str) -> Malformed:
    """Nothing that says what is wrong, nor where: the fault of the first of these names."""
    return Malformed(
        Fault(names[0], "is needed" if len(names) == 1 else f"is needed, or {' or '.join(names[1:])}")
    )


def spread(value: Any) -> Fields:
    """The object with the fields of the objects inside it, by their joined names: `{"host": {"name": …}}` has a field
    `host name`, as has `{"host.name": …}`. What stands in the object itself comes first."""
    return Fields(dict(_joined(value, "", _DEEPEST, [_MOST_FIELDS])))


def _joined(value: Any, before: str, deeper: int, left: list[int]) -> Iterator[tuple[str, Any]]:
    inside = []
    for name, one in value.items() if isinstance(value, Mapping) else ():
        if left[0] <= 0:
            return
        left[0] -= 1
        if isinstance(one, Mapping):
            inside.append((f"{before}{name} ", one))
        else:
            yield f"{before}{name}", one
    for name, one in inside if deeper else ():
        yield from _joined(one, name, deeper - 1, left)


def plain(*sources: Fields | Mapping[str, Any], leaving: tuple[str, ...] = ()) -> dict[str, str]:
    """Labels out of every plain field: no objects, no lists, no secrets, nothing that is only a long text."""
    left = {folded(name) for name in leaving}
    kept: dict[str, str] = {}
    for source in sources:
        for name, value in (source.raw if isinstance(source, Fields) else source).items():
            if len(kept) >= MOST_LABELS:
                return kept
            if isinstance(value, Mapping | list) or folded(str(name)) in left or _secret(str(name)):
                continue
            found = said(value, LABEL)
            if found and not _opens_a_door(found):
                kept.setdefault(text(name, KEY), found)
    return kept


def _secret(name: str) -> bool:
    return bool(SECRET.search(name) or _MORE_SECRET.search(name))


def _opens_a_door(value: str) -> bool:
    """A web address whose query holds a secret."""
    if "://" not in value:
        return False
    try:
        asked = urlsplit(value).query
    except ValueError:
        return True
    return any(_secret(part.partition("=")[0]) for part in asked.split("&"))
