"""Google Cloud Monitoring, schema 1.1 and 1.2, as a webhook or through Pub/Sub.

`resource_name` may be a sentence: the labels of the resource say better what it is.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, as_document, bodies, first, identity, kept, link, severity
from integrations.sources.reading import MESSAGE, Fault, Malformed, labels, moment, text

TOOL = "gcp"
_RESOURCE = (
    "instance_name", "pod_name", "container_name", "node_name", "function_name", "service_name", "job_name",
    "revision_name",
    "database_id", "bucket_name", "host", "instance_id", "cluster_name", "subscription_id", "topic_id", "queue_id",
    "dataset_id", "url_map_name", "backend_service_name", "forwarding_rule_name", "gateway_name", "router_id",
    "device_id",
    "module_id", "check_id",
)  # fmt: skip
_NO_ASSETS = {"project_id", "location", "zone", "region", "project"}
_OVER = {"closed", "close", "resolved", "ok"}


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when there is no `incident`."""
    return [_one(_incident(fields)) for fields in bodies(body)]


def _incident(body: Fields) -> Fields:
    if data := body.inner("message").text("data", most=1 << 20):  # Pub/Sub pushes it in base64
        try:
            body = Fields(as_document(base64.b64decode(data, validate=True).decode("utf-8", "replace")))
        except (binascii.Error, ValueError) as error:
            raise Malformed(Fault("message.data", "must be base64")) from error
    if incident := body.inner("incident"):
        return incident
    if "incident_id" in body or "condition_name" in body:
        return body
    raise Malformed(Fault("incident", "is needed and must be an object"))


def _one(incident: Fields) -> Alert:
    condition, policy = incident.text("condition_name"), incident.text("policy_name")
    resource, metric = incident.inner("resource"), incident.inner("metric")
    places = resource.inner("labels")
    project = first(incident.text("scoping_project_id"), places.text("project_id"))
    asset = _asset(incident, places, metric.inner("labels"))
    over = incident.word("state") in _OVER
    told = first(
        incident.text("summary", most=MESSAGE), incident.inner("documentation").text("content", most=MESSAGE)
    )
    return Alert(
        asset_name=asset or project or "Google Cloud",
        signature=text(": ".join(dict.fromkeys(one for one in (policy, condition) if one))) or "an incident",
        tool=TOOL,
        status=AlertStatus.RESOLVED if over else AlertStatus.FIRING,
        severity_word=severity(incident.text("severity")),
        message=told,
        occurred_at=moment(incident.value("ended_at" if over else "started_at")),
        dedup_key=identity(incident.text("incident_id"))
        or identity(project or "-", policy or "-", condition or "-", asset or "-"),
        labels={
            **labels({**metric.inner("labels").raw, **places.raw}),
            **labels(incident.inner("policy_user_labels").raw),
            **kept(project=project, resource_type=resource.text("type"), metric=metric.text("type")),
        },
        link=link(incident.value("url")),
        asset_note=None if asset else "the incident names no resource; its project stands in",
    )


def _asset(incident: Fields, places: Fields, measured: Fields) -> str:
    system = incident.inner("metadata").inner("system_labels")
    found = first(
        incident.text("resource_display_name"),
        measured.text("instance_name"),
        system.text("name"),
        places.text(*_RESOURCE),
    )
    name = incident.text("resource_name")
    others = [str(one) for label in places.raw if label not in _NO_ASSETS and (one := places.text(label))]
    return first(found, *others, "" if "{" in name else name, incident.text("resource_id"), name)
