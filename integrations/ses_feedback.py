"""What Amazon SES tells by SNS of mail that did not arrive: bounces and complaints.

Source: Amazon SES Developer Guide, "Amazon SNS notification contents for Amazon SES"; with event publishing the same
document says `eventType` in the place of `notificationType`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from engine.bounce import Bounce

_SUBTYPES = {
    "NoEmail": "its address could not be read out of the bounce",
    "Suppressed": "Amazon SES has it on its suppression list: mail to it came back lately",
    "OnAccountSuppressionList": "it is on the suppression list of the AWS account",
}


def feedback(message: str) -> list[Bounce]:
    """Every address that the message says something about; none for deliveries and whatever else SES tells."""
    try:
        found = orjson.loads(message)
    except orjson.JSONDecodeError:
        return []
    if not isinstance(found, dict):
        return []
    kind = found.get("notificationType") or found.get("eventType")
    if kind == "Bounce":
        return _bounces(_object(found.get("bounce")))
    if kind == "Complaint":
        return _complaints(_object(found.get("complaint")))
    return []


def _bounces(bounce: Mapping[str, Any]) -> list[Bounce]:
    hard = bounce.get("bounceType") == "Permanent"
    subtype = str(bounce.get("bounceSubType") or "")
    made = []
    for one in _people(bounce.get("bouncedRecipients")):
        said = _SUBTYPES.get(subtype) or str(one.get("diagnosticCode") or one.get("status") or subtype)
        made.append(Bounce(address=_address(one), hard=hard, reason=_line(said) or "no reason was given"))
    return [one for one in made if one.address]


def _complaints(complaint: Mapping[str, Any]) -> list[Bounce]:
    kind = str(complaint.get("complaintFeedbackType") or "")
    said = f"marked as unwanted by who gets it{f' ({kind})' if kind else ''}"
    made = [
        Bounce(address=_address(one), hard=True, reason=_line(said))
        for one in _people(complaint.get("complainedRecipients"))
    ]
    return [one for one in made if one.address]


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _people(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _address(one: Mapping[str, Any]) -> str:
    return str(one.get("emailAddress") or "").strip().strip("<>").casefold()[:254]


def _line(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:300]
