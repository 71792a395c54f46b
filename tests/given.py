"""What a test starts from: a company, its people and machines, and the alerts that a monitor would send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.core import Core
from engine.access import Actor, Via
from engine.alert import Alert, AlertStatus
from engine.cloud import Cloud
from engine.company import Asset, Company, Role, User
from engine.operations.ingest import Answer, Delivery, ingest
from storage.transaction import Transaction
from tests.clock import START

AWS = Cloud(
    role_arn="arn:aws:iam::123456789012:role/AlertWhisperer", external_id="aw-1", region="eu-central-1"
)


def a_company(slug: str = "acme", **changes: Any) -> Company:
    values: dict[str, Any] = {
        "id": 0,
        "slug": slug,
        "name": slug.title(),
        "slack_channel": f"C-{slug}",
        "clouds": (AWS,),
    }
    return Company(**values | changes)


def a_user(name: str = "Kim", role: Role = Role.TECHNICIAN, **changes: Any) -> User:
    email = f"{name.lower().replace(' ', '.')}@msp.example"
    values: dict[str, Any] = {"id": 0, "name": name, "email": email, "role": role, "slack_user": f"U-{name}"}
    values |= changes
    values["companies"] = frozenset(values.get("companies", ()))
    values["skills"] = frozenset(values.get("skills", ()))
    return User(**values)


async def company(tx: Transaction, slug: str = "acme", *, now: datetime = START, **changes: Any) -> Company:
    return await tx.companies.add(a_company(slug, **changes), hmac_secret=None, now=now)


async def user(
    tx: Transaction, name: str, role: Role, *companies: Company, now: datetime = START, **changes: Any
) -> User:
    ids = frozenset(one.id for one in companies)
    return await tx.users.add(a_user(name, role, companies=ids, **changes), now=now)


async def technician(tx: Transaction, *companies: Company, name: str = "Kim", **changes: Any) -> User:
    return await user(tx, name, Role.TECHNICIAN, *companies, **changes)


async def asset(tx: Transaction, company: Company, name: str = "web-01", **changes: Any) -> Asset:
    values: dict[str, Any] = {
        "id": 0,
        "company_id": company.id,
        "name": name,
        "platform": "linux",
        "cloud_ref": f"i-0{name.replace('-', ''):0<16}",
        "region": "eu-central-1",
    }
    return await tx.companies.add_asset(Asset(**values | changes))


def alert(asset: str = "web-01", signature: str = "Disk / 93% full", **changes: Any) -> Alert:
    """What a monitor says; `resolved=True` makes it a recovery."""
    values: dict[str, Any] = {
        "asset_name": asset,
        "signature": signature,
        "tool": "prometheus",
        "severity_word": "critical",
    }
    if changes.pop("resolved", False):
        values["status"] = AlertStatus.RESOLVED
    return Alert(**values | changes)


def recovery(asset: str = "web-01", signature: str = "Disk / 93% full", **changes: Any) -> Alert:
    return alert(asset, signature, resolved=True, **changes)


def delivery(company: Company, *alerts: Alert, ids: Sequence[str] = ()) -> Delivery:
    return Delivery(company_id=company.id, alerts=alerts, ids=tuple(ids))


def actor(user: User, via: Via = Via.SLACK) -> Actor:
    return Actor(user=user, via=via)


@dataclass(frozen=True)
class World:
    """One company with two technicians, its admin, the MSP's admin, a viewer and two machines; and a stranger with
    a company of their own. `tell` sends alerts in through the front door of the engine."""

    core: Core
    acme: Company
    globex: Company
    kim: User
    bob: User
    ada: User
    root: User
    vera: User
    eve: User
    web: Asset
    db: Asset

    async def tell(self, *alerts: Alert, company: Company | None = None, ids: Sequence[str] = ()) -> Answer:
        """One delivery in a transaction of its own, at the clock's time."""
        one = delivery(company or self.acme, *alerts, ids=ids)
        return (await self.core.write(lambda tx: ingest(tx, [one], self.core.clock.now())))[0]


async def world(core: Core) -> World:
    async def build(tx: Transaction) -> World:
        acme, globex = await company(tx, "acme"), await company(tx, "globex")
        return World(
            core=core,
            acme=acme,
            globex=globex,
            kim=await technician(tx, acme, name="Kim", skills={"linux"}),
            bob=await technician(tx, acme, name="Bob", skills={"windows"}),
            ada=await user(tx, "Ada", Role.COMPANY_ADMIN, acme),
            root=await user(tx, "Root", Role.MSP_ADMIN),
            vera=await user(tx, "Vera", Role.CLIENT_VIEWER, acme),
            eve=await technician(tx, globex, name="Eve", skills={"linux"}),
            web=await asset(tx, acme, "web-01"),
            db=await asset(tx, acme, "db-01", critical=True),
        )

    return await core.write(build)


def results(answer: Answer) -> list[dict[str, Any]]:
    """The per-alert results of an answer."""
    found = answer.body["results"]
    assert isinstance(found, list)
    return found


def number(label: str) -> int:
    return int(label.removeprefix("INC-"))
