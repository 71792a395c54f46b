"""Dynatrace problem notifications: the template of our guide, any other over the same placeholders, and problems as its
newer events.

A problem that is merged goes on inside another one, so it is over here. The recovery may name no entity: the problem's
id pairs it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import (
    Fields,
    as_document,
    bodies,
    first,
    identity,
    kept,
    link,
    severity,
    tags,
)
from integrations.sources.reading import MESSAGE, Fault, Malformed, labels, moment

TOOL = "dynatrace"
_OVER = {"resolved", "merged", "closed"}
_NUMBERED = re.compile(r"^\s*(?:resolved\s+)?problem\s+(?:P-)?\d+\s*[:-]\s*", re.IGNORECASE)
_KIND = re.compile(
    r"^\s*(?:(?:process )?group(?: instance)?|host(?: group)?|service|process|(?:web |mobile )?application|"
    r"synthetic (?:monitor|test)|http monitor|kubernetes (?:cluster|node|workload)|disk|custom device)\s+(?=\S)",
    re.IGNORECASE,
)
_TAGS = re.compile(r"<[^>]{0,200}>")


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when there is no title."""
    return [_one(fields) for fields in bodies(body)]


def _one(fields: Fields) -> Alert:
    title = fields.text("ProblemTitle", "event.name", "title", "problem_name")
    if not title:
        raise Malformed(Fault("ProblemTitle", "is needed"))
    details = Fields(_document(fields.value("ProblemDetailsJSONv2", "ProblemDetailsJSON", "ProblemDetails")))
    asset = _asset(fields, details)
    environment = fields.text("environment", "tenant", "environment_id", "dt.tenant")
    number = first(
        fields.text("PID", "ProblemID", "event.id", "display_id"),
        details.text("problemId", "id", "displayId"),
    )
    html = _TAGS.sub(" ", fields.text("ProblemDetailsHTML", most=MESSAGE))
    how_bad = severity(
        fields.text("ProblemSeverity", "event.category", "severityLevel", "severity"),
        details.text("severityLevel"),
    )
    return Alert(
        asset_name=asset or environment or "Dynatrace",
        signature=_NUMBERED.sub("", title) or title,
        tool=TOOL,
        status=AlertStatus.RESOLVED if _state(fields, details) in _OVER else AlertStatus.FIRING,
        severity_word=how_bad,
        message=first(
            fields.text("ProblemDetailsText", "ProblemDetailsMarkdown", "event.description", most=MESSAGE),
            html,
        ),
        occurred_at=moment(fields.value("ProblemStartTime", "event.start", "startTime")),
        dedup_key=identity(number),
        labels={
            **labels(tags(fields.value("Tags", "entity_tags"))),
            **kept(
                environment=environment,
                impact=fields.text("ProblemImpact", "impactLevel"),
                problem=fields.text("ProblemID"),
            ),
        },
        link=link(fields.value("ProblemURL", "Problem URL"), fields.value("url")),
        asset_note=None if asset else "the problem names no entity; its environment stands in",
    )


def _state(fields: Fields, details: Fields) -> str:
    return first(
        fields.word("State", "ProblemState", "ProblemStatus", "event.status", "status"),
        details.word("status"),
    )


def _asset(fields: Fields, details: Fields) -> str:
    """The first entity that is named; the text of it may have its kind in front."""
    listed = Fields({"all": _document(fields.value("ImpactedEntities")) or fields.value("ImpactedEntities")})
    ranked = (
        *details.each("rankedEvents"),
        *details.each("rankedImpacts"),
        *details.each("affectedEntities"),
    )
    inside = [one.text("entityName", "name") for one in ranked]
    texts = (
        fields.text("ImpactedEntityNames", "affected_entity_names", "affected_entity"),
        fields.text("ImpactedEntity"),
        "" if listed.each("all") else listed.text("all"),
    )
    named = [_KIND.sub("", one).split(",")[0].strip() for one in texts]
    return first(*(one.text("name", "entityName") for one in listed.each("all")), *named, *inside)


def _document(value: Any) -> Any:
    return value if isinstance(value, dict | list) else as_document(value)
