"""A test alert through the real door, hop by hop: key, acceptance, incident, routing, card; then it is cleaned away."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

import aiohttp
import orjson

from bot.core import Core
from engine.access import Actor
from engine.alert import Alert
from engine.audit import AuditKind, entry
from engine.company import Company
from engine.incident import TEST_SIGNATURE, TEST_TOOL
from engine.operations import respond
from engine.operations.directory import new_key
from engine.operations.ingest import Delivery, ingest
from integrations.sources import generic
from storage.cards import StoredCard
from storage.transaction import Transaction

KEY_HOLDS = timedelta(minutes=2)
DOOR_TIMEOUT = 10.0
_LOOK_EVERY = 0.1


class Outcome(StrEnum):
    GOOD = "✓"
    BAD = "✗"
    NONE = "–"


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of the way. `ms` since the alert was sent; `url` opens what the step made."""

    outcome: Outcome
    text: str
    ms: int | None = None
    url: str = ""


@dataclass(kw_only=True)
class Trial:
    """`without_server` takes the alert in directly when no server answers: the card then waits for one."""

    core: Core
    company: Company
    actor: Actor
    asset: str = "test-asset"
    severity: str = "info"
    wait: float = 15.0
    recover: bool = True
    without_server: bool = False
    via: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    card: dict[str, Any] | None = None
    _key: tuple[str, str] = ("", "")
    _secret: bytes | None = None
    _began: float = 0.0

    async def hops(self) -> AsyncGenerator[Hop, None]:
        """Each step once it is done. The key made for this is gone at the end, whatever happens."""
        self._key, self._secret = await self.core.write(self._issue)
        self._began = time.monotonic()
        try:
            async for hop in self._way():
                yield hop
        finally:
            await self.core.write(lambda tx: tx.companies.remove_key(self._key[0]))

    async def _way(self) -> AsyncIterator[Hop]:
        answer: Mapping[str, Any] = {}
        addresses = self._addresses()
        for address in addresses:
            answer, hop = await self._send(address, resolved=False)
            another = not answer and address != addresses[-1]
            yield replace(hop, outcome=Outcome.NONE) if another else hop
            if answer:
                self.via = address
                break
        if not answer and self.without_server:
            answer = await self._directly(resolved=False)
            yield Hop(Outcome.NONE, "taken in without a server; `aw serve` shows the card", self._ms())
        if "results" not in answer:
            return
        self.result = dict(answer["results"][0])
        yield Hop(Outcome.GOOD, f"accepted as alert {self.result['alert_id']}", self._ms())
        label = self.result["incident_id"]
        if label is None:
            yield Hop(Outcome.BAD, f"no incident: {self.result['reason']}")
            return
        yield Hop(Outcome.GOOD, f"{label}: {self.result['reason']}")
        number = int(label.removeprefix("INC-"))
        yield await self._routed(number)
        async for hop in self._cards(number):
            yield hop
        yield Hop(Outcome.NONE, "no e-mail: none is sent for a test")
        if self.recover:
            yield await self._cleaned(number)

    async def _issue(self, tx: Transaction) -> tuple[tuple[str, str], bytes | None]:
        now = self.core.clock.now()
        key_id, whole, digest = new_key()
        await tx.companies.add_key(key_id, self.company.id, digest, now=now, expires_at=now + KEY_HOLDS)
        tx.audit.add(
            entry(
                AuditKind.TEST_SENT,
                company_id=self.company.id,
                actor=self.actor,
                subject=self.company.slug,
                now=now,
                key=key_id,
            )
        )
        key = await tx.companies.key(key_id)
        sealed = key.hmac_sealed if key else None
        opened = self.core.database.vault.open(sealed).split(b"\n")[0] if sealed else None
        return (key_id, whole), opened

    def _addresses(self) -> list[str]:
        """As tools reach it, when that is set; and as it listens."""
        settings = self.core.settings
        host = "127.0.0.1" if settings.aw_host in ("0.0.0.0", "::", "") else settings.aw_host  # noqa: S104
        local = f"http://{f'[{host}]' if ':' in host else host}:{settings.aw_port}"
        return list(dict.fromkeys((settings.public_url, local) if settings.aw_public_url else (local,)))

    async def _send(self, address: str, *, resolved: bool) -> tuple[Mapping[str, Any], Hop]:
        """What the door said; nothing when nobody is there."""
        body = orjson.dumps(self._said(resolved=resolved))
        url = f"{address}/api/webhooks/alerts"
        try:
            timeout = aiohttp.ClientTimeout(total=DOOR_TIMEOUT)
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
                session.post(url, data=body, headers=self._headers(body)) as answer,
            ):
                said: Any = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            why = str(error) or error.__class__.__name__
            return {}, Hop(Outcome.BAD, f"no server answers at {address}: {why}", self._ms())
        if answer.status != 202:
            words = said.get("detail") or said.get("title") if isinstance(said, dict) else ""
            return {"refused": answer.status}, Hop(
                Outcome.BAD, f"{address} answered {answer.status}: {words}", self._ms()
            )
        return said, Hop(Outcome.GOOD, f"key{self._signed()} ok at {address}", self._ms())

    def _signed(self) -> str:
        return " and signature" if self._secret is not None else ""

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {"X-API-Key": self._key[1], "Content-Type": "application/json"}
        if self._secret is not None:
            stamp = str(int(self.core.clock.now().timestamp()))
            signed = hmac.new(self._secret, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
            headers |= {"X-Timestamp": stamp, "X-Signature": f"sha256={signed}"}
        return headers

    def _said(self, *, resolved: bool) -> dict[str, Any]:
        return {
            "asset_name": self.asset,
            "signature": TEST_SIGNATURE,
            "severity": self.severity,
            "message": f"This is a test of {self.company.name}'s alerts, sent by {self.actor.name}. Nothing is wrong.",
            "tool_source": TEST_TOOL,
            "status": "resolved" if resolved else "firing",
            "labels": {"test": "true"},
        }

    async def _directly(self, *, resolved: bool) -> Mapping[str, Any]:
        alerts: list[Alert] = generic.parse(self._said(resolved=resolved), {})
        delivery = Delivery(company_id=self.company.id, alerts=tuple(alerts))
        (answer,) = await self.core.write(lambda tx: ingest(tx, [delivery], self.core.clock.now()))
        self.via = "database"
        return answer.body

    async def _routed(self, number: int) -> Hop:
        async def look(tx: Transaction) -> tuple[str, str]:
            incident = await tx.incidents.get(number)
            assert incident is not None
            user = await tx.users.get(incident.assignee_id) if incident.assignee_id is not None else None
            return (user.name if user else ""), incident.assigned_reason

        name, why = await self.core.read(look)
        because = f" ({why.removeprefix(f'{name}: ')})" if why else ""
        return Hop(Outcome.GOOD if name else Outcome.NONE, f"routed to {name or 'nobody'}{because}")

    async def _cards(self, number: int) -> AsyncIterator[Hop]:
        wanted = await self.core.read(lambda tx: tx.cards.of_incidents([number], "incident"))
        if not wanted:
            yield Hop(Outcome.NONE, "no chat channel is bound to this company, so there is no card")
        for card in wanted:
            if card.deferred:
                yield Hop(
                    Outcome.NONE, f"a storm is on in {card.platform} {card.channel}: its board shows it"
                )
                continue
            stored = await self._posted(card.id)
            place = f"{card.platform} {card.channel}"
            ref = stored.ref if stored else None
            self.card = {"platform": card.platform, "channel": card.channel, "ref": ref, "url": ""}
            self.card["seconds"] = round(time.monotonic() - self._began, 1)
            if ref is None:
                why = await self._trouble(f"card:{card.id}")
                hint = why or "does `aw serve` run?"
                yield Hop(Outcome.BAD, f"no card in {place} after {self.wait:g} s: {hint}", self._ms())
                continue
            url = self.card["url"] = await self._link(card.platform, card.channel, ref)
            yield Hop(Outcome.GOOD, f"card posted to {place}", self._ms(), url)

    async def _posted(self, card_id: str) -> StoredCard | None:
        """The card once it is posted, or as it is when the time is over."""
        while True:
            stored = await self.core.read(lambda tx: tx.cards.get(card_id))
            if (stored and stored.ref) or time.monotonic() - self._began >= self.wait:
                return stored
            await asyncio.sleep(_LOOK_EVERY)

    async def _trouble(self, key: str) -> str | None:
        return await self.core.read(lambda tx: tx.jobs.trouble(key))

    async def _link(self, platform: str, channel: str, ref: str) -> str:
        settings = self.core.settings
        if platform == "teams" and settings.teams_on:
            from bot.teams.links import permalink as teams_link

            return teams_link(settings.teams_tenants[0], channel, ref)
        if platform != "slack" or not settings.slack_on:
            return ""
        from bot.slack.links import permalink

        return await permalink(settings, channel, ref)

    async def _cleaned(self, number: int) -> Hop:
        """Its recovery by the same way; whoever claimed it meanwhile is not left with it."""
        if self.via == "database":
            await self._directly(resolved=True)
        else:
            _, hop = await self._send(self.via, resolved=True)
            if hop.outcome is not Outcome.GOOD:
                return hop

        async def close(tx: Transaction) -> None:
            incident = await tx.incidents.get(number)
            if incident is not None and incident.open:
                await respond.resolve(
                    tx, number, text="It was a test.", actor=self.actor, now=self.core.clock.now()
                )

        await self.core.write(close)
        return Hop(Outcome.GOOD, "resolved again; a test counts in no SLA", self._ms())

    def _ms(self) -> int:
        return round((time.monotonic() - self._began) * 1000)
