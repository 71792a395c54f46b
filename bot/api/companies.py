"""Companies and alerts by REST."""

from __future__ import annotations

from bot.api.bodies import AlertBody, CompanyList, alert_body, company_body
from bot.api.door import Ask, Endpoint
from engine.access import Actor, Denied, Verb, may
from engine.company import Company, Role
from engine.errors import NotFound
from storage.transaction import Transaction


def seen_ids(actor: Actor) -> list[int] | None:
    """The companies this person may see; None is all of them."""
    assert actor.user is not None
    return None if actor.user.role is Role.MSP_ADMIN else sorted(actor.user.companies)


async def company_seen(tx: Transaction, slug: str, actor: Actor) -> Company:
    """The company of that short name; a foreign one is as unknown as a missing one."""
    company = await tx.companies.by_slug(slug.strip().lower())
    if company is None or isinstance(may(actor, Verb.SEE, company.id), Denied):
        raise NotFound(f"There is no company “{slug[:60]}”.")
    return company


async def companies(ask: Ask) -> CompanyList:
    async def look(tx: Transaction) -> CompanyList:
        ids = seen_ids(ask.actor)
        found = [one for one in await tx.companies.all() if ids is None or one.id in ids]
        return CompanyList(
            companies=[company_body(one, counts=await tx.incidents.counts(one.id)) for one in found]
        )

    return await ask.core.read(look)


async def alert(ask: Ask) -> AlertBody:
    alert_id = ask.path["id"]

    async def look(tx: Transaction) -> AlertBody:
        found = await tx.alerts.get(alert_id)
        if found is None or isinstance(may(ask.actor, Verb.SEE, found.company_id), Denied):
            raise NotFound(f"There is no alert “{alert_id[:60]}”.")
        company = await tx.companies.get(found.company_id)
        return alert_body(found, company=company.slug if company else "")

    return await ask.core.read(look)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/companies",
        name="listCompanies",
        summary="The companies you may see",
        act=companies,
        answer=CompanyList,
    ),
    Endpoint(
        method="GET",
        path="/api/alerts/{id}",
        name="getAlert",
        summary="One alert, normalised",
        act=alert,
        answer=AlertBody,
    ),
)
