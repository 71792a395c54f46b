"""What a storm's board shows, read in one go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.company import Company, User
from engine.incident import Incident
from engine.operations.record import INCIDENT_CARD
from engine.storm import Storm, StormTally, sampled
from runbooks.run import Run, RunStatus
from storage.transaction import Transaction

WORST = 5
"""How many incidents the board names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StormView:
    """`tally` is what the storm adds up to: until now, or as it was when it was over. `left` is how it stands now;
    `worst` are the open incidents to name, `runs` those that wait for an approval and have no card to wait on."""

    storm: Storm
    company: Company
    tally: StormTally
    left: StormTally
    worst: Sequence[Incident]
    people: Mapping[int, User]
    runs: Sequence[Run]
    now: datetime

    @property
    def over(self) -> bool:
        return self.storm.over_at is not None


async def storm_view(tx: Transaction, storm_id: str, *, now: datetime) -> StormView | None:
    storm = await tx.storms.get(storm_id)
    if storm is None:
        return None
    context = await tx.companies.context(storm.company_id)
    left = await tx.storms.tally(storm)
    if storm.over_at is None:
        storm = sampled(storm, left.alerts, now)
    return StormView(
        storm=storm,
        company=context.company,
        tally=storm.tally or left,
        left=left,
        worst=await tx.storms.open(storm, most=WORST),
        people={user.id: user for user in context.people},
        runs=await _hidden_runs(tx, storm),
        now=now,
    )


async def _hidden_runs(tx: Transaction, storm: Storm) -> list[Run]:
    active = await tx.runs.active_of(storm.company_id)
    waiting = {run.incident_id: run for run in active if run.status is RunStatus.PENDING_APPROVAL}
    numbers = [number for number in waiting if number is not None]
    if not numbers:
        return []
    cards = await tx.cards.of_incidents(numbers, INCIDENT_CARD)
    return [waiting[card.incident_id] for card in cards if card.deferred and card.board == storm.card_id]
