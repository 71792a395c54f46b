"""Papertrail's webhook: a saved search, and the lines that matched (`events`) or how many there were (`counts`), of one
or several hosts: an alert for each host. Ids of lines are new with every send. Papertrail sends no recovery.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.alert import Alert
from engine.classification import severity_of_word
from integrations.sources.fields import Fields, link
from integrations.sources.reading import MESSAGE, MOST_ALERTS, Fault, Malformed, key, moment, text
from integrations.sources.shapes import each, missing, plain

TOOL = "papertrail"
_LINES = 20
"""Lines that are shown of one host."""


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body has no saved search."""
    return each(body, _alerts)


def _alerts(said: Fields) -> list[Alert]:
    inner = said.inner("payload") or said
    search = inner.inner("saved search")
    name = search.text("name", "query")
    if not name:
        raise missing("saved_search", "payload")
    hosts: dict[str, list[Fields]] = {}
    for line in (*inner.each("events"), *inner.each("counts")):
        if line:
            hosts.setdefault(line.text("hostname", "source name", "source ip"), []).append(line)
    if len(hosts) > MOST_ALERTS:
        raise Malformed(
            Fault("events", f"{len(hosts):,} hosts; at most {MOST_ALERTS:,} are taken from one body")
        )
    return [_one(name, search, host, lines) for host, lines in (hosts or {"": []}).items()]


def _one(name: str, search: Fields, host: str, lines: list[Fields]) -> Alert:
    shown = (
        " ".join(filter(None, (line.text("program"), line.text("message", most=1000))))
        for line in lines[:_LINES]
    )
    number = search.text("id") or name
    return Alert(
        asset_name=host or "Papertrail",
        signature=name,
        tool=TOOL,
        severity_word=_worst(line.text("severity", most=100) for line in lines),
        message=text("\n".join(filter(None, shown)), MESSAGE),
        occurred_at=moment(lines[0].value("received at")) if lines else None,
        dedup_key=key(f"{number} {host}".strip().lower()),
        labels=plain(
            {
                "search_id": search.text("id"),
                "query": search.text("query"),
                "lines": len(lines),
                "program": lines[0].text("program") if lines else "",
                "facility": lines[0].text("facility") if lines else "",
            }
        ),
        link=link(search.value("html search url")),
        asset_note=None if host else "no line names a host",
    )


def _worst(words: Iterable[str]) -> str | None:
    known = [(severity.rank, word) for word in words if (severity := severity_of_word(word))]
    return min(known)[1] if known else None
