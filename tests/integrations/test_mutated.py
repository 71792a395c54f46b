"""No body whatever is our fault: every parser makes alerts that can be stored, or says what is wrong."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.alert import Alert, AlertStatus
from integrations import SOURCES
from integrations.sources.decoding import Undecodable, decode
from integrations.sources.reading import KEY, LABEL, MESSAGE, NAME, Malformed
from tests.integrations.mutation import mutants
from tests.integrations.test_reading import json_values


def check(alert: Alert) -> None:
    """It can be stored, sent and shown."""
    texts = [
        alert.asset_name,
        alert.signature,
        alert.tool,
        alert.message,
        alert.severity_word or "",
        alert.link or "",
    ]
    texts += [*alert.labels, *alert.labels.values(), alert.dedup_key or "", alert.asset_note or ""]
    assert alert.asset_name and alert.signature and isinstance(alert.status, AlertStatus)
    for one in texts:
        one.encode()
        assert "\x00" not in one
    assert max(len(alert.asset_name), len(alert.signature)) <= 2 * NAME
    assert len(alert.message) <= 2 * MESSAGE and len(alert.labels) <= 100
    assert len(alert.dedup_key or "") <= KEY
    assert all(len(one) <= LABEL for one in alert.labels.values())
    assert alert.occurred_at is None or alert.occurred_at.tzinfo is not None


def test_mutated_bodies_make_storable_alerts_or_are_refused():
    made = 0
    for tool, body in mutants(15_000, seed=20261124):
        began = time.process_time()
        try:
            for alert in SOURCES[tool](decode(body), {}):
                check(alert)
                made += 1
        except (Undecodable, Malformed):
            continue
        assert time.process_time() - began < 1, (tool, body)
    assert made > 5_000, "most of what is only odd is still understood"


@pytest.mark.parametrize("tool", sorted(SOURCES))
@given(body=json_values | st.dictionaries(st.text(), json_values))
def test_any_document_is_understood_or_refused(tool: str, body: Any):
    with contextlib.suppress(Malformed):
        for alert in SOURCES[tool](body, {}):
            check(alert)
