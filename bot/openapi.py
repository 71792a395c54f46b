"""The HTTP interface as an OpenAPI 3.1 document, made from the same endpoints and models that serve it."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from bot.api.door import Endpoint
from bot.api.endpoints import ENDPOINTS

VERSION = "0.1.0"
_REF = "#/components/schemas/{model}"
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457. `errors` names every faulty field, `hint` says what to do, `who` could do it.",
    "required": ["title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "hint": {"type": "string"},
        "who": {"type": "array", "items": {"type": "string"}},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "why": {"type": "string"}},
            },
        },
    },
}
_ALERT = {
    "type": "object",
    "description": "The generic alert. Severity words of every common tool are understood.",
    "required": ["asset_name", "signature"],
    "properties": {
        "asset_name": {"type": "string"},
        "signature": {"type": "string"},
        "severity": {"type": "string", "examples": ["critical", "P1", "warning", "Disaster"]},
        "message": {"type": "string"},
        "tool_source": {"type": "string"},
        "status": {"type": "string", "enum": ["firing", "resolved"], "default": "firing"},
        "timestamp": {"type": ["string", "number"], "description": "ISO 8601 or Unix seconds"},
        "dedup_key": {"type": "string"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
_ACCEPTED = {
    "type": "object",
    "required": ["accepted", "results"],
    "properties": {
        "accepted": {"type": "integer"},
        "results": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "alert_id": {"type": "string"},
                    "incident_id": {"type": ["string", "null"]},
                    "is_new": {"type": "boolean"},
                    "deduplicated": {"type": "boolean"},
                    "reason": {"type": "string"},
                    "suppressed_by": {"type": ["string", "null"]},
                    "sla_due": {"type": ["string", "null"], "format": "date-time"},
                },
            },
        },
    },
}
_WEBHOOK_REFUSALS = {
    400: "The body is not what its content type says",
    401: "No or a wrong key or signature",
    413: "The body is over 1 MiB",
    422: "Fields that cannot be used",
    429: "Too many requests: see Retry-After",
    503: "Not accepted, send it again: see Retry-After",
}


def document(public_url: str) -> dict[str, Any]:
    """The whole document; `public_url` is where the outside reaches this server."""
    models = _models()
    _, definitions = models_json_schema([(model, "serialization") for model in models[0]], ref_template=_REF)
    _, asked = models_json_schema([(model, "validation") for model in models[1]], ref_template=_REF)
    schemas = {**asked.get("$defs", {}), **definitions.get("$defs", {})}
    schemas |= {"Problem": _PROBLEM, "Alert": _ALERT, "Accepted": _ACCEPTED}
    paths: dict[str, Any] = _others()
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Alert Whisperer",
            "version": VERSION,
            "description": "Alerts in, one card per incident, approved runbooks out.",
        },
        "servers": [{"url": public_url}],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(schemas.items())), "securitySchemes": _SECURITY},
    }


_SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "Made by `aw token create`; acts as its user, and can be revoked.",
    },
    "keyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "keyQuery": {"type": "apiKey", "in": "query", "name": "api_key"},
    "keyBearer": {"type": "http", "scheme": "bearer", "description": "A company's API key."},
}


def _models() -> tuple[list[type[BaseModel]], list[type[BaseModel]]]:
    answers = {endpoint.answer for endpoint in ENDPOINTS}
    bodies = {endpoint.body for endpoint in ENDPOINTS if endpoint.body is not None}
    return sorted(answers, key=_name), sorted(bodies, key=_name)


def _name(model: type[BaseModel]) -> str:
    return model.__name__


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(model=name)}


def _content(schema: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    return {"content": {kind: {"schema": schema}}}


def _refused(text: str) -> dict[str, Any]:
    return {"description": text, **_content(_ref("Problem"), "application/problem+json")}


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    refusals = {401: "No token, or one that is not valid"}
    if "{" in endpoint.path:
        refusals[404] = "Nothing by that name that you may see"
    if endpoint.body is not None:
        refusals |= {
            400: "The body is not JSON",
            403: "You may not do this; `who` names those who could",
            409: "Not possible as things are now",
        }
    if endpoint.body is not None or endpoint.query is not None:
        refusals[422] = "Values that cannot be used"
    done = {"description": "Done", **_content(_ref(_name(endpoint.answer)))}
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "security": [{"token": []}],
        "responses": {str(endpoint.status): done}
        | {str(code): _refused(text) for code, text in sorted(refusals.items())},
    }
    parameters = [*_path_parameters(endpoint.path), *_query_parameters(endpoint.query)]
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body is not None:
        required = any(field.is_required() for field in endpoint.body.model_fields.values())
        operation["requestBody"] = {"required": required, **_content(_ref(_name(endpoint.body)))}
    return operation


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _query_parameters(query: type[BaseModel] | None) -> list[dict[str, Any]]:
    if query is None:
        return []
    schema = query.model_json_schema()
    return [
        {"name": name, "in": "query", "required": name in schema.get("required", []), "schema": shape}
        for name, shape in schema["properties"].items()
    ]


_HEARTBEATS = ("/api/webhooks/heartbeat/{name}", "/api/webhooks/heartbeat/{name}/{signal}")


_PAGING = {
    "/v2/enqueue": ("enqueueEvent", "An event in the form of the PagerDuty Events API v2", "202"),
    "/v2/change/enqueue": ("enqueueChange", "A change in that form: it is only noted", "202"),
    "/generic/2010-04-15/create_event.json": ("createEvent", "An event in the form of its version 1", "200"),
}


def _others() -> dict[str, Any]:
    """The doors that are not REST: what tools, chat platforms and operators call."""
    any_body = {"type": ["object", "array"]}
    alerts = {"anyOf": [_ref("Alert"), {"type": "array", "items": _ref("Alert"), "maxItems": 1000}]}
    plain = {"200": {"description": "As its name says"}}
    return {
        "/api/webhooks/alerts": {"post": _webhook("sendAlerts", "Send alerts in the generic shape", alerts)},
        "/api/webhooks/{tool}": {
            "post": _webhook("sendFromTool", "Send a tool's native body", any_body)
            | {"parameters": _path_parameters("/api/webhooks/{tool}")}
        },
        **{path: _heartbeat(path) for path in _HEARTBEATS},
        **{path: _paging(*words) for path, words in _PAGING.items()},
        **_signed_links(),
        "/api/ws": {
            "get": {
                "operationId": "listen",
                "summary": "WebSocket: `alert_received`, `incident_created`, `incident_updated` as they happen",
                "description": "One JSON object a message: its `type`, and the `alert` or the `incident` as the "
                "other addresses give it. Browsers offer the subprotocols `bearer` and the token.",
                "security": [{"token": []}],
                "responses": {
                    "101": {"description": "Listening"},
                    "401": _refused("No token, or one that is not valid"),
                },
            }
        },
        "/slack/events": {
            "post": {
                "operationId": "slackEvents",
                "summary": "Slack's commands, interactions and events, signed by Slack",
                "responses": {"200": {"description": "Taken"}, "401": {"description": "Not signed by Slack"}},
            }
        },
        "/healthz": {"get": {"operationId": "alive", "summary": "The process is alive", "responses": plain}},
        "/readyz": {
            "get": {
                "operationId": "ready",
                "summary": "This replica can take alerts",
                "responses": {"200": {"description": "Ready"}, "503": {"description": "What is missing"}},
            }
        },
        "/metrics": {"get": {"operationId": "metrics", "summary": "Prometheus metrics", "responses": plain}},
        "/openapi.json": {"get": {"operationId": "openapi", "summary": "This document", "responses": plain}},
    }


def _signed_links() -> dict[str, Any]:
    """What proves itself by its address."""
    return {
        "/calendars/{feed}.ics": {
            "get": {
                "operationId": "getCalendar",
                "summary": "The shifts of one person or one rotation, for a calendar program",
                "description": "The address is given by `/aw oncall calendar` and proves itself; it can be revoked.",
                "parameters": _path_parameters("/calendars/{feed}.ics"),
                "responses": {
                    "200": {"description": "iCalendar", **_content({"type": "string"}, "text/calendar")},
                    "404": {"description": "No such calendar, or none any more"},
                },
            }
        },
        "/files/{token}/{name}": {
            "get": {
                "operationId": "getFile",
                "summary": "A report or a long output, where the chat can hold no file",
                "description": "The link stands in the chat and proves itself: one file of one company, seven days.",
                "parameters": _path_parameters("/files/{token}/{name}"),
                "responses": {
                    "200": {
                        "description": "The file, to be kept",
                        **_content({"type": "string", "format": "binary"}, "application/octet-stream"),
                    },
                    "404": {"description": "No such file, or a link that is not whole"},
                    "410": {
                        "description": "The link has ended, or who it was made for has no access any more"
                    },
                },
            }
        },
    }


def _paging(name: str, summary: str, taken: str) -> dict[str, Any]:
    said = {
        taken: "Kept; `dedup_key` names it",
        "400": "Invalid; `errors` says why. A wrong key is one",
        "429": "Too many",
    }
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "description": "`routing_key` in the body, or the header `X-Routing-Key`, is the company's key.",
            "requestBody": {"required": True, **_content({"type": "object"})},
            "responses": {code: {"description": words} for code, words in said.items()},
        }
    }


def _heartbeat(path: str) -> dict[str, Any]:
    times = [
        {"name": name, "in": "query", "schema": {"type": "string", "examples": [example]}, "description": why}
        for name, example, why in (
            ("every", "24h", "How often it calls"),
            ("grace", "1h", "How much later is still in time"),
        )
    ]
    said = {"200": {"description": "Heard: how it is, and from when on it is late"}}
    refused = {str(code): _refused(why) for code, why in _WEBHOOK_REFUSALS.items() if code != 400}
    name = "ended" if "{signal}" in path else "beat"
    return {
        method: {
            "operationId": f"{name}{method.title()}",
            "summary": "A job that has to call regularly calls; behind its name `start`, `fail` or an exit status",
            "security": [{"keyHeader": []}, {"keyQuery": []}, {"keyBearer": []}],
            "parameters": [*_path_parameters(path), *times],
            "responses": said | refused,
        }
        for method in ("get", "post")
    }


def _webhook(name: str, summary: str, body: dict[str, Any]) -> dict[str, Any]:
    accepted = {"description": "Kept: what became of each alert", **_content(_ref("Accepted"))}
    refusals = dict(_WEBHOOK_REFUSALS)
    if name == "sendFromTool":
        refusals[404] = "No such tool; the answer lists the known ones"
    return {
        "operationId": name,
        "summary": summary,
        "security": [{"keyHeader": []}, {"keyQuery": []}, {"keyBearer": []}],
        "requestBody": {"required": True, **_content(body)},
        "responses": {"202": accepted}
        | {str(code): _refused(text) for code, text in sorted(refusals.items())},
    }
