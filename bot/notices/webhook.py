"""Notices as a POST of JSON to an address of a chain of escalation: read by whatever listens there.

`text` alone is what incoming webhooks of chat programs show. With `AW_WEBHOOK_SECRET` it is signed as Standard
Webhooks say.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Any

import orjson

from bot import outside
from bot.core import Core
from bot.mail.said import said
from bot.notices.port import Delivery
from engine.errors import Permanent
from engine.notice import Notice


class WebhookSender:
    """At least once: a repeat has the same `webhook-id`."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def send(self, delivery: Delivery) -> None:
        if not delivery.address:
            raise Permanent("a webhook needs an address")
        settings = self._core.settings
        body = orjson.dumps(body_of(delivery))
        headers = {"Content-Type": "application/json", "User-Agent": "alert-whisperer"}
        secret = settings.aw_webhook_secret.get_secret_value()
        if secret:
            headers |= signed(secret, delivery.batch, body, delivery.now)
        await outside.post(delivery.address, body, headers=headers, allowed=settings.outbound_hosts)


def signed(secret: str, batch: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks."""
    stamp = str(int(now.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{batch}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": batch,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def body_of(delivery: Delivery) -> dict[str, Any]:
    notices = [_notice(one, delivery) for one in delivery.notices]
    return {
        "type": "notices",
        "id": delivery.batch,
        "text": "\n".join(one["text"] for one in notices),
        "notices": notices,
    }


def _notice(notice: Notice, delivery: Delivery) -> dict[str, Any]:
    incident = delivery.incidents.get(notice.incident_id) if notice.incident_id is not None else None
    company = delivery.companies.get(notice.company_id)
    text = said(notice.text, 500)
    if incident is None:
        return {"kind": notice.kind.value, "at": notice.at.isoformat(), "text": text, "incident": None}
    where = f" · {company.name}" if company else ""
    title, asset = said(incident.title, 200), said(incident.asset_name, 100)
    return {
        "kind": notice.kind.value,
        "at": notice.at.isoformat(),
        "text": f"{incident.label}{where} · {title} on {asset}: {text}",
        "incident": {
            "id": incident.label,
            "company": company.slug if company else None,
            "title": title,
            "asset": asset,
            "severity": incident.severity.value,
            "status": incident.status.value,
            "opened_at": incident.opened_at.isoformat(),
        },
    }
