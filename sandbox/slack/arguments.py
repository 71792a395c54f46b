"""A Web API call's arguments, from JSON or a form, and its token."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Arguments:
    values: dict[str, Any]
    token: str

    @classmethod
    async def of(cls, request: web.Request) -> Arguments:
        values: dict[str, Any] = dict(request.query)
        if request.content_type == "application/json":
            try:
                body = await request.json()
            except ValueError:
                body = {}
            values.update(body if isinstance(body, dict) else {})
        elif request.can_read_body:
            values.update(
                {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
            )
        header = request.headers.get("Authorization", "")
        token = header.removeprefix("Bearer ").strip() if header else str(values.get("token", ""))
        return cls(values, token)

    def text(self, name: str) -> str:
        value = self.values.get(name)
        return "" if value is None else str(value)

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in ("true", "1")

    def given(self, name: str) -> Any:
        """A structure, sent as such or as JSON in a string; None when it is not there."""
        value = self.values.get(name)
        if isinstance(value, str) and value[:1] in ("[", "{"):
            try:
                return json.loads(value)
            except ValueError:
                return value
        return value
