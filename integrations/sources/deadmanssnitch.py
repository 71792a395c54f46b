"""Dead Man's Snitch: a job that did not report (missing), that reported an error (errored), or is well again.

One signature for both faults: a recovery need not say from which it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert
from integrations.sources.fields import Fields, first, identity, kept
from integrations.sources.monitored import FIRING, NOTICE, RESOLVED, entries, needed, numbered, sentence
from integrations.sources.reading import MESSAGE, moment

TOOL = "deadmanssnitch"
_STATES = {"missing": FIRING, "errored": FIRING, "reporting": RESOLVED, "healthy": RESOLVED}


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body names no snitch, or says no state."""
    return [_one(said) for said in entries(body)]


def _one(said: Fields) -> Alert:
    data = said.inner("data") or said
    snitch = data.inner("snitch") or data
    name, token = snitch.text("name"), snitch.text("token")
    if not first(name, token):
        raise needed("data.snitch.name", "data.snitch.token")
    state = first(said.word("type", "event").rpartition(".")[2], snitch.word("status"))
    if not state:
        raise needed("type", "data.snitch.status")
    return Alert(
        asset_name=first(name, numbered("snitch", token)),
        signature="snitch missing or errored",
        tool=TOOL,
        status=_STATES.get(state, NOTICE),
        message=sentence(state, snitch.text("notes", most=MESSAGE))[:MESSAGE],
        occurred_at=moment(said.value("timestamp")),
        dedup_key=identity(first(token, name)),
        labels=kept(
            snitch=token, tags=", ".join(snitch.texts("tags")), previous_status=snitch.text("previous_status")
        ),
        link=f"https://deadmanssnitch.com/snitches/{token}" if token.isalnum() and token.isascii() else None,
    )
