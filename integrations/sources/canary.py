"""Thinkst Canary (a trap was touched, a token was used) and canarytokens.org (`memo`, `channel`). Somebody is where
nobody should be: there is no severity and no recovery. The link to a token's page holds a key to it and is not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields
from integrations.sources.reading import LABEL, MESSAGE, moment, text
from integrations.sources.shapes import each, missing, plain

TOOL = "canary"


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body is of no trap and no token."""
    return each(body, _one)


def _one(said: Fields) -> Alert:
    if memo := said.text("memo"):
        return _token_of_the_web(said, memo)
    kind, what = said.text("alert type", most=100), said.text("description", "incident type")
    trap = said.text("canary name", "canary ip", "canary id")
    token = said.text("reminder")
    if not (what or trap or token or kind):
        raise missing("Description", "CanaryName", "memo")
    is_token = bool(token) or "token" in kind.lower()
    signature = f"Canarytoken: {what}" if is_token and "canarytoken" not in what.lower() else what
    intrusion = not kind or "incident" in kind.lower() or bool(trap or token)
    return Alert(
        asset_name=token or trap or said.text("flock", "source ip") or "Canary",
        signature=signature or kind or "Canary",
        tool=TOOL,
        status=AlertStatus.FIRING if intrusion else AlertStatus.NOTICE,
        message=_message(said, said.text("intro", "message", most=1000)),
        occurred_at=_moment(said.text("timestamp")),
        labels=plain(said, leaving=("token", "intro", "incident hash")),
        asset_note=None
        if token or trap
        else "the alert names no Canary; its flock or the intruder's address stands in",
    )


def _token_of_the_web(said: Fields, memo: str) -> Alert:
    channel = said.text("token type", "channel")
    data = said.inner("additional data")
    return Alert(
        asset_name=memo,
        signature=f"Canarytoken: {channel}" if channel else "Canarytoken",
        tool=TOOL,
        message=_message(
            said, f"Used from {said.text('src ip') or data.text('src ip') or 'an unknown address'}"
        ),
        occurred_at=_moment(said.text("time")),
        labels=plain(
            {"channel": said.text("channel"), "src_ip": said.text("src ip")},
            data,
            leaving=("manage url", "token"),
        ),
    )


def _message(said: Fields, intro: str) -> str:
    listed = said.value("additional details")
    pairs = (
        [one for one in listed[:50] if isinstance(one, list) and len(one) == 2]
        if isinstance(listed, list)
        else []
    )
    details = (f"{text(name, 100)}: {text(value, LABEL)}" for name, value in pairs)
    return text("\n".join(filter(None, (intro, *details))), MESSAGE)


def _moment(said: str) -> Any:
    """`2026-05-04 02:10:14 (UTC)`."""
    return moment(said.replace("(UTC)", "").strip())
