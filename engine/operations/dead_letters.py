"""What could not be understood: kept whole and told, and taken in after all once it can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine.access import Actor
from engine.alert import Alert, normal_signature
from engine.audit import AuditKind, entry
from engine.errors import NotFound
from engine.intake import DeadLetter
from engine.operations.ingest import Delivery, ingest
from engine.operations.intake_story import show_intake, tell_company
from engine.ports import IntakeTransaction

LONGEST_REASON = 2000
SHOWN_REASON = 300


async def keep(
    tx: IntakeTransaction,
    *,
    company_id: int,
    tool: str,
    headers: Mapping[str, str],
    body: bytes,
    error: str,
    now: datetime,
) -> int:
    """Keep it, tell the company, and give its number. A flood with one reason is one line that counts."""
    number = await tx.dead_letters.add(
        company_id=company_id, tool=tool, headers=headers, body=body, error=error[:LONGEST_REASON], now=now
    )
    text = (
        f"{tool_name(tool)} sent something I could not read: {_short(error)} Kept as dead letter {number}: "
        f"`aw deadletter show {number}`; after a fix `aw deadletter replay {number}`."
    )
    topic = f"dead letter|{tool}|{normal_signature(error)}"
    await tell_company(tx, company_id, text, now=now, topic=topic)
    return number


def tool_name(tool: str) -> str:
    """As people write it at the beginning of a sentence."""
    return "A tool (generic shape)" if tool == "alerts" else tool[:1].upper() + tool[1:]


def _short(error: str) -> str:
    words = " ".join(error.split())
    cut = words if len(words) <= SHOWN_REASON else words[: SHOWN_REASON - 1].rstrip() + "…"
    return cut if cut.endswith((".", "…", "!", "?")) else f"{cut}."


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """What became of a replayed dead letter. `again` says that it had been replayed before: nothing changed now."""

    letter: DeadLetter
    answer: Mapping[str, Any]
    again: bool


async def take_in(
    tx: IntakeTransaction, letter_id: int, alerts: Sequence[Alert], *, tool: str, actor: Actor, now: datetime
) -> TakenIn:
    """What was understood of a dead letter goes through the same ingest as a webhook; marked in the same commit, so
    that it is taken in once. Raises NotFound."""
    letter = await tx.dead_letters.get(letter_id)
    if letter is None:
        raise unknown(letter_id)
    if letter.replayed_at is not None:
        return TakenIn(letter=letter, answer={"accepted": 0, "results": []}, again=True)
    name = f"x:dead-letter-{letter.id}"
    delivery = Delivery(company_id=letter.company_id, alerts=tuple(alerts), ids=(name,))
    (answer,) = await ingest(tx, [delivery], now)
    outcome = _outcome(answer.body["results"])
    await tx.dead_letters.replayed(letter.id, outcome=outcome, now=now)
    tx.audit.add(
        entry(
            AuditKind.DEAD_LETTER_REPLAYED,
            company_id=letter.company_id,
            actor=actor,
            subject=f"dead letter {letter.id}",
            now=now,
            tool=tool,
            alerts=len(delivery.alerts),
            outcome=outcome,
        )
    )
    await show_intake(tx, letter.company_id, now=now)
    return TakenIn(
        letter=replace(letter, replayed_at=now, outcome=outcome), answer=dict(answer.body), again=False
    )


def unknown(letter_id: int) -> NotFound:
    return NotFound(f"There is no dead letter {letter_id}.", hint="`aw deadletter list` names them.")


def _outcome(results: Any) -> str:
    count = len(results)
    if not count:
        return "understood: there is no alert in it"
    labels = list(dict.fromkeys(one["incident_id"] for one in results if one["incident_id"]))
    alerts = "1 alert" if count == 1 else f"{count} alerts"
    if not labels:
        return f"{alerts}, no incident: {results[0]['reason']}"
    more = f" and {len(labels) - 5} more" if len(labels) > 5 else ""
    return f"{alerts}: {', '.join(labels[:5])}{more}"
