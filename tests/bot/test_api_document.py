"""The OpenAPI document: it names every address, and only what is there."""

from __future__ import annotations

import re
from typing import Any

import pytest
from aiohttp import web

from bot import openapi
from bot.api.endpoints import ENDPOINTS
from bot.core import Core
from tests.bot.rest import serving

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def addresses(app: web.Application) -> set[tuple[str, str]]:
    """Every method and path of a server, parameters without their patterns."""
    return {
        (route.method.lower(), re.sub(r":[^}]*", "", route.resource.canonical))
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }


def documented(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {(method, path) for path, methods in document["paths"].items() for method in methods}


def refs(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(refs(one) for one in node.values()))
    return set().union(*(refs(one) for one in node)) if isinstance(node, list) else set()


async def test_the_document_is_served_and_names_every_rest_address(core: Core) -> None:
    async with serving(core) as rest:
        async with rest.client.get("/openapi.json") as answer:
            assert answer.status == 200
            document = await answer.json()
        assert rest.client.app is not None
        shapes = {(method, re.sub(r"{\w+}", "{}", path)) for method, path in documented(document)}
        for method, path in addresses(rest.client.app):
            assert (method, re.sub(r"{\w+}", "{}", path)) in shapes, f"{method} {path} is not in the document"


async def test_every_other_door_of_the_server_is_named_as_well(core: Core) -> None:
    from bot import app
    from bot.doors import webhooks
    from bot.ingest import Intake

    whole = app.build(core, Intake(core), [], worker_healthy=lambda: True)
    assert webhooks.routes(core, Intake(core))
    known = {(method, re.sub(r"{\w+}", "{}", path)) for method, path in documented(openapi.document(""))}
    found = {(method, re.sub(r"{\w+}", "{}", path)) for method, path in addresses(whole)}
    assert found <= known
    assert known - found == {("post", "/api/webhooks/alerts"), ("post", "/slack/events")}


def test_every_reference_has_its_schema_and_every_operation_its_own_name(core: Core) -> None:
    document = openapi.document("http://127.0.0.1:8080")
    assert document["openapi"].startswith("3.1.")
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert refs(document) <= known
    names = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(names) == len(set(names))


def test_what_needs_a_body_says_so(core: Core) -> None:
    document = openapi.document("http://127.0.0.1:8080")
    for endpoint in ENDPOINTS:
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        assert ("requestBody" in operation) == (endpoint.body is not None)
        assert str(endpoint.status) in operation["responses"]
        assert "401" in operation["responses"]
