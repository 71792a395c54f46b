"""Where incidents are shown: each by a card of its own, or in a storm all of them by one board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from engine.company import Company, CompanyContext
from engine.identifiers import new_id
from engine.incident import Incident
from engine.jobs import SyncCard, WatchStorm
from engine.operations.record import incident_card
from engine.ports import EDIT_DELAY, CardWanted, Transaction
from engine.storm import STORM_CARD, Arrival, Channel, Newcomer, Storm, arrive

LOOK_EVERY = timedelta(seconds=15)
Wish = tuple[CardWanted, Newcomer]
Spot = tuple[Arrival, str | None]
"""Where a card goes, and the board of its channel when there is a storm."""


async def place_new(
    tx: Transaction, opened: Sequence[Incident], contexts: Mapping[int, CompanyContext], now: datetime
) -> None:
    """Want a card for each of these in every channel of its company, or put it on the channel's board."""
    wishes: list[Wish] = []
    for incident in opened:
        for platform, channel in channels_of(contexts[incident.company_id].company):
            card = incident_card(incident, platform, channel)
            wishes.append((card, Newcomer(card_id=card.id, severity=incident.severity, at=now)))
    for (card, _), (arrival, board) in zip(wishes, await _arrive(tx, wishes, now), strict=True):
        tx.cards.want(replace(card, board=board, deferred=arrival.on_board, urgent=arrival.urgent))
        _show(tx, card, arrival, board, now)


async def place_again(
    tx: Transaction,
    changed: Mapping[int, tuple[Incident, Incident]],
    cards: Sequence[CardWanted],
    now: datetime,
) -> None:
    """Incidents (before, after) that people should hear of again: where only a board shows one, it is placed like a
    new one, and counted from now on."""
    wishes: list[Wish] = []
    for card in cards:
        found = changed.get(card.incident_id) if card.incident_id is not None else None
        if card.deferred and found is not None:
            before, after = found
            one = Newcomer(card_id=card.id, severity=after.severity, at=now, counted_from=before.count)
            wishes.append((card, one))
    moved: dict[str, dict[str, int]] = {}
    for (card, one), (arrival, board) in zip(wishes, await _arrive(tx, wishes, now), strict=True):
        if not arrival.on_board:
            await tx.cards.give_own([card.id], urgent=arrival.urgent)
        if board is not None and board != card.board:
            moved.setdefault(board, {})[card.id] = one.counted_from
        _show(tx, card, arrival, board, now)
    for board, counted_from in moved.items():
        await tx.cards.put_on(board, counted_from)


def _show(tx: Transaction, card: CardWanted, arrival: Arrival, board: str | None, now: datetime) -> None:
    if not arrival.on_board:
        tx.jobs.put(SyncCard(company_id=card.company_id, card_id=card.id), due_at=now + arrival.after)
    if board is not None:
        tx.jobs.put(SyncCard(company_id=card.company_id, card_id=board), due_at=now + EDIT_DELAY)


async def _arrive(tx: Transaction, wishes: Sequence[Wish], now: datetime) -> list[Spot]:
    """Where each wished card goes, in their order; a channel that gets too many begins a storm."""
    by_place: dict[tuple[str, str], list[int]] = {}
    for number, (card, _) in enumerate(wishes):
        by_place.setdefault((card.platform, card.channel), []).append(number)
    if not by_place:
        return []
    owners = {place: wishes[numbers[0]][0].company_id for place, numbers in by_place.items()}
    spots: dict[int, Spot] = {}
    changed: list[Channel] = []
    for place, channel in (await tx.channels.of(owners, now=now)).items():
        placed = arrive(channel, [wishes[number][1] for number in by_place[place]], now)
        after = await _begin(tx, placed.channel, now) if placed.begins else placed.channel
        changed.append(after)
        board = f"{STORM_CARD}:{after.storm_id}:{after.platform}" if after.storm_id else None
        for number, arrival in zip(by_place[place], placed.arrivals, strict=True):
            spots[number] = (arrival, board)
    await tx.channels.save(changed)
    return [spots[number] for number in range(len(wishes))]


async def _begin(tx: Transaction, channel: Channel, now: datetime) -> Channel:
    """A storm begins: the swell's last cards are counted on its board, and those that were not posted yet are only
    shown there."""
    storm = Storm(
        id=new_id(now),
        company_id=channel.company_id,
        platform=channel.platform,
        channel=channel.channel,
        began_at=min((one.at for one in channel.swell), default=now),
    )
    await tx.storms.add(storm)
    await tx.cards.put_on(storm.card_id, {one.card_id: one.counted_from for one in channel.swell})
    board = CardWanted(
        company_id=storm.company_id,
        incident_id=None,
        kind=STORM_CARD,
        subject=storm.id,
        platform=storm.platform,
        channel=storm.channel,
        urgent=True,
    )
    tx.cards.want(board)
    tx.jobs.put(SyncCard(company_id=storm.company_id, card_id=board.id), due_at=now)
    tx.jobs.put(WatchStorm(company_id=storm.company_id, storm_id=storm.id), due_at=now + LOOK_EVERY)
    return replace(channel, storm_id=storm.id, swell=())


def channels_of(company: Company) -> list[tuple[str, str]]:
    """(platform, channel) of every chat that a company has."""
    found = (("slack", company.slack_channel), ("teams", company.teams_conversation))
    return [(platform, channel) for platform, channel in found if channel]
