"""What a company's history taught: base rates, ties and relations, as a document that outlives the process.

Mined from the alerts that are stored, by a job, and the same whoever mines it. Whoever draws a picture of the company
begins with it and adds what came since (`Knowledge.floor`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.activity import USUAL_SLOTS, Activity, Key
from engine.aliases import Sightings
from engine.relations import Relations

FORM = 1
"""Of the document. Another form is not read: the job mines anew."""
MENTION = 0.5
"""What one mention adds to the tie of two assets; two make it as strong as a stated dependency."""
MOST_KEYS, MOST_TIES = 2_000, 4_000


@dataclass(frozen=True, slots=True)
class Told:
    """One stored alert, as far as it teaches: when it began, what it said, and under which names."""

    id: str
    asset: str
    signature: str
    asset_name: str
    tool: str
    message: str
    labels: Mapping[str, str]
    first_at: datetime
    last_at: datetime
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """`floor` is the id of the last alert it was mined from, `document` the rest (see `pack`)."""

    company_id: int
    floor: str
    learned_at: datetime
    document: Mapping[str, Any]


def study(activity: Activity, names: Sightings, past: Iterable[Told]) -> str:
    """Go through stored alerts in the order in which they began; the id of the last."""
    floor = ""
    for one in past:
        floor = max(floor, one.id)
        first, last = one.first_at.timestamp(), one.last_at.timestamp()
        row = activity.heard(f"{one.asset}|{one.signature}", one.asset, one.signature, first)
        lasted = max(0.0, last - first)
        row.count += one.count - 1
        row.slots += min(one.count - 1, int(lasted // 300.0))
        row.last = max(row.last, last)
        for other in activity.names.mentioned(one.asset, one.message, one.labels):
            name_tie(activity, one.asset, other)
        activity.relations.begins(one.asset, one.signature, first, asked=False)
        names.see(one.asset_name, one.labels, one.tool, first)
    return floor


def name_tie(activity: Activity, asset: str, other: str) -> None:
    """An alert of one asset names another."""
    known = activity.near.get(asset, {}).get(other, (0.0, ""))[0]
    activity.tie(asset, other, min(1.0, known + MENTION), f"alerts of {asset} name {other}")


def pack(activity: Activity) -> dict[str, Any]:
    """JSON: `keys` are those heard often enough to be routine, `ties` what the asset list and names do not say."""
    often = sorted(
        (one for one in activity.keys.values() if one.slots >= USUAL_SLOTS), key=lambda one: -one.slots
    )
    ties = [
        (asset, other, weight, words)
        for asset, near in activity.near.items()
        for other, (weight, words) in near.items()
        if words.startswith("alerts of ") and asset < other
    ]
    return {
        "form": FORM,
        "since": activity.since,
        "keys": [
            [one.asset, one.signature, one.first, one.last, one.count, one.slots] for one in often[:MOST_KEYS]
        ],
        "ties": sorted(ties, key=lambda one: -one[2])[:MOST_TIES],
        "relations": activity.relations.packed(),
    }


def recall(activity: Activity, document: Mapping[str, Any]) -> None:
    """Begin a blank picture with what was learned."""
    if document.get("form") != FORM:
        return
    rows = [
        Key(
            f"{asset}|{signature}",
            asset,
            signature,
            first=first,
            last=last,
            since=last,
            count=count,
            slots=slots,
        )
        for asset, signature, first, last, count, slots in document["keys"]
    ]
    activity.restore(rows, ties=[tuple(one) for one in document["ties"]])
    if document["since"] is not None:
        activity.since = min(document["since"], activity.since or document["since"])
    activity.relations = Relations.unpacked(document["relations"])


def go_on(activity: Activity, came_since: Sequence[Told]) -> None:
    """What began after the document was mined: relations only, the rest is heard as usual."""
    for one in came_since:
        activity.relations.begins(one.asset, one.signature, one.first_at.timestamp(), asked=False)
