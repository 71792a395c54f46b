"""StatusCake's webhook of a contact group: the fields of one uptime test, as a form or as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert
from integrations.sources.fields import Fields, first, identity, kept
from integrations.sources.monitored import FIRING, entries, needed, numbered, sentence, site, status_of
from integrations.sources.reading import MESSAGE, text

TOOL = "statuscake"


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body names no test, or says no status."""
    return [_one(said) for said in entries(body)]


def _one(said: Fields) -> Alert:
    address, name = (
        said.text("URL", "WebsiteURL", "website_url", "host"),
        said.text("Name", "test_name", "WebsiteName"),
    )
    number = said.text("TestID", "test_id", "id")
    if not first(address, name, number):
        raise needed("URL", "Name", "TestID")
    state = said.text("Status", "state", most=100)
    if not state:
        raise needed("Status")
    method, code = said.text("Method", "test_type", "type"), said.text("StatusCode", "status_code")
    asset = site(first(address, name))
    return Alert(
        asset_name=first(asset, numbered("test", number)),
        signature=text(f"{method} down".strip()),
        tool=TOOL,
        status=status_of(state) or FIRING,
        message=sentence(state, name, f"status code {code}" if code not in ("", "0") else "")[:MESSAGE],
        dedup_key=identity(first(number, site(address), name), "down"),
        labels=kept(
            test_id=number,
            test=name,
            url=site(address),
            ip=said.text("IP"),
            status_code=code,
            contact_group=said.text("ContactGroup", "contact_group"),
            tags=", ".join(said.texts("Tags", "tag")),
        ),
        link=f"https://app.statuscake.com/UptimeStatus.php?tid={number}" if number.isdigit() else None,
        asset_note=None if address else "the test's address is not in the body; its name stands in",
    )
