"""Cards, answers, dead letters, alerts, runs and lists of incidents: what goes in comes out, and only once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from engine.alert import AlertStatus, Severity, StoredAlert
from engine.errors import Conflict
from engine.identifiers import new_id
from engine.incident import IncidentStatus
from engine.intake import IntakeLine
from engine.ports import CardWanted
from runbooks.run import Run, RunStatus, Target
from runbooks.runbook import Platform, Risk
from storage.cards import StoredCard
from storage.database import Database
from storage.secrets import Vault
from storage.transaction import Transaction
from tests.clock import START
from tests.engine.test_incident import an_incident

CARD = CardWanted(
    company_id=1, incident_id=7, kind="incident", subject="7", platform="slack", channel="C-acme"
)


async def want(database: Database, *cards: CardWanted) -> None:
    async with database.transaction() as tx:
        for card in cards or (CARD,):
            tx.cards.want(card)


class TestCards:
    async def test_wanting_one_twice_is_wanting_it_once(self, database: Database) -> None:
        await want(database)
        await want(database, replace(CARD, channel="C-other"))
        async with database.transaction() as tx:
            assert await tx.cards.of_incidents([7, 8], "incident") == [CARD]
            assert await tx.cards.of_incidents([7], "approval") == []

    async def test_one_wanted_in_this_transaction_is_known_in_it(self, database: Database) -> None:
        async with database.transaction() as tx:
            tx.cards.want(CARD)
            assert await tx.cards.of_incidents([7], "incident") == [CARD]

    async def test_the_right_to_post_first_says_whether_somebody_tried(self, database: Database) -> None:
        await want(database)

        async def claim(seconds: int) -> StoredCard | None:
            async with database.transaction() as tx:
                return await tx.cards.claim_first_post(CARD.id, now=START + timedelta(seconds=seconds))

        first, second = await claim(0), await claim(1)
        assert first is not None and first.posting_at is None
        assert second is not None and second.posting_at == START, "look in the channel before posting"
        async with database.transaction() as tx:
            await tx.cards.not_posted(CARD.id)
        third = await claim(2)
        assert third is not None and third.posting_at is None
        async with database.transaction() as tx:
            await tx.cards.posted(CARD.id, ref="171.5", shown="digest", now=START)
        assert await claim(3) is None
        async with database.transaction() as tx:
            assert await tx.cards.claim_first_post("incident:404:slack", now=START) is None
            stored = await tx.cards.by_ref("slack", "C-acme", "171.5")
            assert stored is not None and (stored.id, stored.shown) == (CARD.id, "digest")
            assert stored == await tx.cards.get(CARD.id) == await tx.cards.stored_of(7, "incident", "slack")
            assert await tx.cards.by_ref("teams", "C-acme", "171.5") is None
            assert await tx.cards.posted_subjects(7, "incident", "slack") == {"7"}
            assert await tx.cards.posted_subjects(7, "incident", "teams") == set()

    async def test_of_many_who_want_to_post_first_one_finds_nobody_before_it(
        self, database: Database, database_url: str, vault: Vault
    ) -> None:
        await want(database)
        second = Database(database_url, vault)

        async def claim(where: Database) -> bool:
            async with where.transaction() as tx:
                card = await tx.cards.claim_first_post(CARD.id, now=START)
            return card is not None and card.posting_at is None

        try:
            first = await asyncio.gather(*(claim((database, second)[index % 2]) for index in range(8)))
        finally:
            await second.close()
        assert first.count(True) == 1


async def test_first_answers_are_kept_for_their_time(database: Database) -> None:
    async with database.transaction() as tx:
        tx.deliveries.put(1, "d", {"accepted": 1}, now=START)
        tx.deliveries.put(1, "d", {"accepted": 2}, now=START)
        tx.deliveries.put(2, "d", {"accepted": 3}, now=START + timedelta(hours=1))
    wanted = [(1, "d"), (2, "d"), (1, "other")]
    async with database.transaction() as tx:
        assert await tx.deliveries.answers(wanted) == {(1, "d"): {"accepted": 1}, (2, "d"): {"accepted": 3}}
        assert await tx.deliveries.forget(before=START + timedelta(minutes=1)) == 1
        assert list(await tx.deliveries.answers(wanted)) == [(2, "d")]


async def test_dead_letters_are_kept_whole(database: Database) -> None:
    body = bytes(range(256))
    async with database.transaction() as tx:
        number = await tx.dead_letters.add(
            company_id=1, tool="zabbix", headers={"a": "b"}, body=body, error="no asset", now=START
        )
        await tx.dead_letters.add(company_id=2, tool="x", headers={}, body=b"", error="e", now=START)
    async with database.transaction() as tx:
        letter = await tx.dead_letters.get(number)
        assert letter is not None and (letter.body, letter.headers, letter.error) == (
            body,
            {"a": "b"},
            "no asset",
        )
        assert [one.company_id for one in await tx.dead_letters.listed()] == [2, 1]
        assert [one.id for one in await tx.dead_letters.listed(company_id=1)] == [number]
        await tx.dead_letters.replayed(number, outcome="INC-1", now=START)
        again = await tx.dead_letters.get(number)
        assert again is not None and again.replayed_at == START
        assert await tx.dead_letters.get(404) is None


async def test_dead_letters_go_when_they_are_old_or_too_many_of_one_company(database: Database) -> None:
    async def numbers() -> list[int]:
        async with database.reading() as tx:
            return [one.id for one in await tx.dead_letters.listed()]

    async with database.transaction() as tx:
        for company_id, day in [(1, 0), (1, 1), (2, 2), (1, 3), (1, 4)]:
            await tx.dead_letters.add(
                company_id=company_id,
                tool="x",
                headers={},
                body=b"",
                error="e",
                now=START + timedelta(days=day),
            )
    async with database.transaction() as tx:
        assert await tx.dead_letters.forget(before=START + timedelta(hours=1), most=100) == 1
    assert await numbers() == [5, 4, 3, 2]
    async with database.transaction() as tx:
        assert await tx.dead_letters.forget(before=START, most=2) == 1
        assert list(await tx.dead_letters.waiting_numbers(company_id=1)) == [4, 5]
        assert await tx.dead_letters.waiting(1) == 2
    assert await numbers() == [5, 4, 3]


async def test_the_same_line_said_by_two_replicas_counts_twice(
    database: Database, database_url: str, vault: Vault
) -> None:
    second = Database(database_url, vault)
    later = START + timedelta(minutes=3)

    async def tell(one: Database, text: str, at: datetime) -> None:
        async with one.transaction() as tx:
            tx.intake_lines.tell(IntakeLine(id="1.x", company_id=1, text=text, first_at=at, last_at=at))

    try:
        await tell(database, "first", START)
        await asyncio.gather(*(tell(one, "newest", later) for one in (database, second) * 10))
    finally:
        await second.close()
    async with database.transaction() as tx:
        line = await tx.intake_lines.get("1.x")
        assert line is not None
        assert (line.count, line.text, line.first_at, line.last_at) == (21, "newest", START, later)
        assert await tx.intake_lines.forget(before=later) == 0
        assert await tx.intake_lines.forget(before=later + timedelta(seconds=1)) == 1


def stored_alert(**changes: object) -> StoredAlert:
    values: dict[str, object] = {
        "id": new_id(START),
        "company_id": 1,
        "incident_id": 7,
        "fingerprint": "f",
        "asset_name": "Web-01",
        "asset": "web-01",
        "signature": "disk full",
        "title": "Disk full",
        "severity": Severity.HIGH,
        "status": AlertStatus.FIRING,
        "message": "é 🔥",
        "tool": "zabbix",
        "dedup_key": "k",
        "correlation_key": "web-01|disk full",
        "labels": {"env": "prod"},
        "link": None,
        "count": 1,
        "first_at": START,
        "last_at": START,
        "occurred_at": None,
    }
    return StoredAlert(**values | changes)  # type: ignore[arg-type]


async def test_alerts_are_found_by_incident_by_key_and_by_state(database: Database) -> None:
    firing = stored_alert()
    ended = stored_alert(fingerprint="g", status=AlertStatus.RESOLVED, dedup_key="other")
    loose = stored_alert(incident_id=None)
    foreign = stored_alert(company_id=2, incident_id=8)
    async with database.transaction() as tx:
        for one in (firing, ended, loose, foreign):
            tx.alerts.put(one)
    async with database.transaction() as tx:
        assert await tx.alerts.get(firing.id) == firing and await tx.alerts.get("nothing") is None
        assert await tx.alerts.of_incidents({(7, "f"), (7, "none")}) == {(7, "f"): firing}
        assert await tx.alerts.firing_of(7) == [firing]
        assert await tx.alerts.of_incident(7) == [firing, ended]
        named = {(1, "zabbix", "k"), (1, "zabbix", "other"), (1, "nagios", "k")}
        assert await tx.alerts.firing_as(named) == {(1, "zabbix", "k"): firing}
        tx.alerts.put(replace(firing, count=5, status=AlertStatus.RESOLVED))
    async with database.reading() as tx:
        kept = await tx.alerts.get(firing.id)
        assert kept == replace(firing, count=5, status=AlertStatus.RESOLVED)
        assert await tx.alerts.firing_of(7) == []


async def test_lists_of_incidents_by_company_state_and_owner(database: Database) -> None:
    async def add(tx: Transaction, key: str, **changes: object) -> int:
        draft = replace(an_incident(IncidentStatus.ASSIGNED, correlation_key=key), **changes)  # type: ignore[arg-type]
        (made,) = await tx.incidents.open([draft])
        assert made is not None
        return made.id

    async with database.transaction() as tx:
        offered = await add(tx, "a", assignee_id=1)
        mine = await add(tx, "b", assignee_id=2, claimed_at=START, severity=Severity.CRITICAL)
        others = await add(tx, "c", assignee_id=1, claimed_at=START)
        foreign = await add(tx, "d", company_id=2)
        done = await add(tx, "e", status=IncidentStatus.RESOLVED, resolved_at=START)
    async with database.reading() as tx:

        async def numbers(**by: object) -> list[int]:
            return [one.id for one in await tx.incidents.listed(**{"company_ids": None} | by)]  # type: ignore[arg-type]

        assert await numbers() == [foreign, others, mine, offered]
        assert await numbers(company_ids=[1], open_only=None) == [done, others, mine, offered]
        assert await numbers(open_only=False) == [done] and await numbers(company_ids=[]) == []
        assert await numbers(company_ids=[1], offered_to=2) == [mine, offered]
        assert await numbers(assignee_id=1, company_ids=[1], most=1) == [others]
        assert await numbers(status="resolved", open_only=None) == [done]
        assert await tx.incidents.counts(1) == {"high": 2, "critical": 1}
        found = await tx.incidents.resolved_with_keys({(1, "e"), (1, "a")}, since=START)
        assert {key: one.id for key, one in found.items()} == {(1, "e"): done}
        assert not await tx.incidents.resolved_with_keys({(1, "e")}, since=START + timedelta(microseconds=1))
        assert [one.id for one in await tx.incidents.times_before(1, "e", done + 1)] == [done]
        assert await tx.incidents.get(404) is None


RUN = Run(
    id=new_id(START),
    company_id=1,
    incident_id=7,
    runbook_id="restart-service",
    runbook_version=1,
    title="Restart",
    risk=Risk.MEDIUM,
    parameters={"service": "nginx"},
    targets=(Target(asset_name="web-01", cloud_ref="i-1", platform=Platform.LINUX, region="eu-central-1"),),
    account="123456789012",
    region="eu-central-1",
    script="x",
    verify_script="y",
    timeout=timedelta(minutes=5),
    status=RunStatus.PENDING_APPROVAL,
    reason="r",
    requested_by=1,
    requested_by_name="Kim",
    requested_at=START,
)


async def test_a_run_comes_back_as_it_was_and_is_saved_by_compare_and_set(database: Database) -> None:
    async with database.transaction() as tx:
        tx.runs.add(RUN)
        assert await tx.runs.get(RUN.id) == RUN, "what was added is there at once"
    async with database.transaction() as tx:
        saved = await tx.runs.save(RUN, replace(RUN, status=RunStatus.APPROVED))
        assert saved.revision == 1 and await tx.runs.get(RUN.id) == saved
        with pytest.raises(Conflict):
            await tx.runs.save(RUN, replace(RUN, status=RunStatus.REJECTED))
    async with database.reading() as tx:
        assert await tx.runs.of_incident(7) == [saved] and await tx.runs.get("nothing") is None


async def test_what_runs_on_a_machine_is_known_until_it_ends(database: Database) -> None:
    async with database.transaction() as tx:
        tx.runs.add(RUN)
    async with database.transaction() as tx:
        assert await tx.runs.active_on(1, "restart-service", "i-1") == RUN
        assert await tx.runs.active_on(1, "restart-service", "i-2") is None
        assert await tx.runs.active_on(1, "disk-clean-up", "i-1") is None
        assert await tx.runs.active_on(2, "restart-service", "i-1") is None
        await tx.runs.save(RUN, replace(RUN, status=RunStatus.REJECTED, finished_at=START))
        assert await tx.runs.active_on(1, "restart-service", "i-1") is None
        assert await tx.runs.active_of(1) == []


async def test_an_awaited_clock_is_found_by_the_sweep(database: Database) -> None:
    from engine import sla
    from engine.sla import ClockKind, SlaPolicy

    clock = sla.start_clock(
        policy=SlaPolicy(),
        severity=Severity.CRITICAL,
        kind=ClockKind.RESPONSE,
        incident_id=7,
        company_id=1,
        now=START,
    )
    assert clock is not None
    async with database.transaction() as tx:
        tx.clocks.put(clock)
    warning = START + timedelta(minutes=15)
    async with database.transaction() as tx:
        assert await tx.clocks.of(7) == [clock] and await tx.clocks.of(8) == ()
        assert await tx.clocks.awaited(warning - timedelta(microseconds=1)) == []
        assert await tx.clocks.awaited(warning) == [(1, 7)]
        tx.clocks.put(sla.meet(clock, START))
    async with database.reading() as tx:
        assert await tx.clocks.awaited(warning) == []
        assert await tx.clocks.of(7) == [sla.meet(clock, START)]
