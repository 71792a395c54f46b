"""What SES tells of mail that did not arrive, in its own words, and whatever else somebody may publish to the topic."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.bounce import Bounce
from integrations.ses_feedback import feedback


def bounce(kind: str, subtype: str, *people: dict[str, Any], name: str = "notificationType") -> str:
    told = {"bounceType": kind, "bounceSubType": subtype, "bouncedRecipients": people}
    return json.dumps({name: "Bounce", "bounce": told, "mail": {"messageId": "m"}})


def test_hard_soft_and_complaints() -> None:
    jane = {
        "emailAddress": "Jane@Example.com",
        "status": "5.1.1",
        "diagnosticCode": "smtp; 550 5.1.1\r\n unknown",
    }
    (hard,) = feedback(bounce("Permanent", "General", jane))
    assert hard == Bounce(address="jane@example.com", hard=True, reason="smtp; 550 5.1.1 unknown")
    both = feedback(bounce("Transient", "MailboxFull", jane, {"emailAddress": "<bob@example.com>"}))
    assert [(one.address, one.hard, one.reason) for one in both][1] == (
        "bob@example.com",
        False,
        "MailboxFull",
    )
    (listed,) = feedback(bounce("Permanent", "Suppressed", jane, name="eventType"))
    assert "suppression list" in listed.reason
    assert not any(one.hard for one in feedback(bounce("Undetermined", "Undetermined", jane)))
    told = {"complainedRecipients": [{"emailAddress": "kim@msp.example"}], "complaintFeedbackType": "abuse"}
    (unwanted,) = feedback(json.dumps({"notificationType": "Complaint", "complaint": told}))
    assert unwanted.hard and "unwanted" in unwanted.reason and "(abuse)" in unwanted.reason


@pytest.mark.parametrize(
    "said", ["", "[]", "{", '{"notificationType":"Delivery"}', '{"notificationType":"Bounce","bounce":7}']
)
def test_nothing_is_told_by_anything_else(said: str) -> None:
    assert feedback(said) == []


WHATEVER = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@given(WHATEVER, WHATEVER, st.sampled_from(["Bounce", "Complaint", "Delivery"]))
def test_no_body_breaks_it(about: Any, people: Any, kind: str) -> None:
    for inner in (about, {"bounceType": about, "bouncedRecipients": people, "complainedRecipients": people}):
        found = feedback(json.dumps({"notificationType": kind, "bounce": inner, "complaint": inner}))
        assert all(one.address and one.reason for one in found)
