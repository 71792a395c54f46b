"""updown.io: a list of events, each with its check. Certificates and slowness have events of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert
from integrations.sources.fields import Fields, first, identity, kept
from integrations.sources.monitored import FIRING, NOTICE, RESOLVED, entries, needed, numbered, sentence, site
from integrations.sources.reading import MESSAGE, moment

TOOL = "updown"
_EVENTS = {
    "down": (FIRING, "down"),
    "up": (RESOLVED, "down"),
    "ssl_invalid": (FIRING, "certificate invalid"),
    "ssl_valid": (RESOLVED, "certificate invalid"),
    "ssl_expiration": (FIRING, "certificate expires"),
    "ssl_renewed": (RESOLVED, "certificate expires"),
    "performance_drop": (FIRING, "performance drop"),
}


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when an entry has no event, or no check."""
    return [_one(said) for said in entries(body)]


def _one(said: Fields) -> Alert:
    event = said.word("event", "type")
    if not event:
        raise needed("event")
    check = said.inner("check")
    address, alias, token = check.text("url"), check.text("alias", "name"), check.text("token")
    if not first(address, alias, token):
        raise needed("check.url", "check.alias", "check.token")
    status, kind = _EVENTS.get(event.rpartition(".")[2], (NOTICE, event))
    downtime, certificate = said.inner("downtime"), said.inner("ssl")
    asset = first(site(address), alias)
    causes = (
        downtime.text("error"),
        check.text("error"),
        certificate.text("error"),
        said.text("apdex_dropped"),
    )
    ends = downtime.value("ended_at") if status is RESOLVED else None
    return Alert(
        asset_name=first(asset, numbered("check", token)),
        signature=kind,
        tool=TOOL,
        status=status,
        message=first(
            said.text("description", most=MESSAGE),
            sentence(event, first(*causes) if status is FIRING else ""),
        )[:MESSAGE],
        occurred_at=moment(
            ends or said.value("time") or downtime.value("started_at") or check.value("last_check_at")
        ),
        dedup_key=identity(first(token, site(address), alias), kind),
        labels=kept(
            check=token, alias=alias, url=site(address), certificate_expires=certificate.text("expires_at")
        ),
        link=f"https://updown.io/{token}" if token.isalnum() and token.isascii() else None,
        asset_note=None if address else "the check's address is not in the body; its alias stands in",
    )
