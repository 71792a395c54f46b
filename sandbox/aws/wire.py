"""How the services say no, and how they answer: query-XML (STS), JSON 1.1 (SSM, CloudWatch Logs), rest-json (SES v2)
and rest-XML (S3)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from xml.sax.saxutils import escape

from aiohttp import web

STS_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


class Service(StrEnum):
    """The services offered, by the name each has in a SigV4 credential scope."""

    STS = "sts"
    SSM = "ssm"
    SES = "ses"
    S3 = "s3"
    LOGS = "logs"


class Refusal(Exception):
    """An error that the service sends instead of an answer: `code` as the SDKs print it, HTTP status, words."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def violation(field: str, value: object, rule: str) -> Refusal:
    """The ValidationException for one field; `rule` continues "Member must …"."""
    return Refusal(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: "
        f"Member must {rule}",
    )


def refusal_response(service: Service, refusal: Refusal) -> web.Response:
    """The refusal in the service's own protocol."""
    request_id = str(uuid.uuid4())
    if service is Service.STS:
        fault = "Sender" if refusal.status < 500 else "Receiver"
        code = "ValidationError" if refusal.code == "ValidationException" else refusal.code
        body = (
            f'<ErrorResponse xmlns="{STS_NAMESPACE}"><Error><Type>{fault}</Type><Code>{escape(code)}</Code>'
            f"<Message>{escape(refusal.message)}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return _response(body, refusal.status, "text/xml", request_id)
    if service is Service.S3:
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}</Message>"
            f"<RequestId>{request_id}</RequestId></Error>"
        )
        return _response(body, refusal.status, "application/xml", request_id)
    if service in (Service.SSM, Service.LOGS):
        text = json.dumps({"__type": refusal.code, "message": refusal.message})
        return _response(text, refusal.status, "application/x-amz-json-1.1", request_id)
    response = _response(
        json.dumps({"message": refusal.message}), refusal.status, "application/json", request_id
    )
    response.headers["x-amzn-ErrorType"] = refusal.code
    return response


def json_response(service: Service, answer: Mapping[str, Any]) -> web.Response:
    """An answer of SSM, Logs or SES; timestamps become epoch seconds, as both protocols write them."""
    kind = "application/x-amz-json-1.1" if service in (Service.SSM, Service.LOGS) else "application/json"
    return _response(json.dumps(answer, default=_plain), 200, kind, str(uuid.uuid4()))


def query_response(action: str, answer: Mapping[str, Any]) -> web.Response:
    """An answer of STS."""
    request_id = str(uuid.uuid4())
    body = (
        f'<{action}Response xmlns="{STS_NAMESPACE}"><{action}Result>{_xml(answer)}</{action}Result>'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
    )
    return _response(body, 200, "text/xml", request_id)


def _xml(value: object) -> str:
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{_xml(inner)}</{name}>" for name, inner in value.items())
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return escape(str(value))


def _plain(value: object) -> float:
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    raise TypeError(f"{type(value).__name__} has no place in an answer")


def _response(body: str, status: int, kind: str, request_id: str) -> web.Response:
    return web.Response(
        body=body.encode(), status=status, headers={"Content-Type": kind, "x-amzn-RequestId": request_id}
    )
