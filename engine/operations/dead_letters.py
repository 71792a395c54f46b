"""What could not be understood: kept whole and told, and taken in after all once it can be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from engine.alert import normal_signature
from engine.operations.intake_story import tell_company
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
    return tool[:1].upper() + tool[1:]


def _short(error: str) -> str:
    words = " ".join(error.split())
    cut = words if len(words) <= SHOWN_REASON else words[: SHOWN_REASON - 1].rstrip() + "…"
    return cut if cut.endswith((".", "…", "!", "?")) else f"{cut}."
