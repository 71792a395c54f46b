"""A report on its way into a channel or to one person: drawn off the loop, posted as one message."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from bot.core import Core
from bot.ports import Chat
from bot.reports.card import report_card
from bot.reports.files import files
from bot.reports.gather import gather, gather_all
from bot.reports.summary import summary
from engine.company import Company, Role, User
from engine.errors import Permanent
from engine.operations.reporting import MSP
from engine.report_jobs import DeliverReport
from storage.transaction import Transaction


async def deliver(core: Core, chats: Mapping[str, Chat], job: DeliverReport) -> None:
    """At least once: a report that is posted twice harms nobody. Raises Permanent when there is nowhere to put it."""

    async def look(tx: Transaction) -> tuple[Company | None, User | None]:
        user = await tx.users.get(job.user_id) if job.user_id is not None else None
        return await tx.companies.get(job.company_id), user

    if job.company_id == MSP:
        await _deliver_all(core, chats, job)
        return
    company, user = await core.read(look)
    if company is None:
        raise Permanent("the company of the report is gone")
    if job.user_id is not None and (user is None or not user.works_for(company.id)):
        raise Permanent("who asked for the report may not see this company any more")
    until = datetime.fromtimestamp(job.until, UTC)
    report = await gather(core, company, timedelta(days=job.days), until=until)
    # the client's own people read the channel too: how each technician did is for the MSP
    people = user is not None and user.role in (Role.TECHNICIAN, Role.MSP_ADMIN)
    stem = f"{company.slug}-{report.since:%Y-%m-%d}-{report.until:%Y-%m-%d}"
    found = await asyncio.to_thread(files, report, stem, people=people)
    places = await _places(chats, company, user, job.asked_in)
    said = await summary(core, company, report)
    card = report_card(report, people=people, buttons=False, summary=said)
    for chat, channel in places:
        await chat.publish(channel, card, found, company_id=company.id, user_id=job.user_id)


async def _deliver_all(core: Core, chats: Mapping[str, Chat], job: DeliverReport) -> None:
    """Over all companies, into the MSP's own channel: never into one that is a company's, too."""

    async def look(tx: Transaction) -> list[tuple[str, str]]:
        msp = await tx.outbreaks.msp()
        return [one for one in msp.channels if await tx.companies.by_channel(*one) is None]

    places = [(name, channel) for name, channel in await core.read(look) if name in chats]
    if not places:
        return  # nobody named a channel: there is nobody to tell
    report = await gather_all(core, timedelta(days=job.days), until=datetime.fromtimestamp(job.until, UTC))
    stem = f"all-{report.since:%Y-%m-%d}-{report.until:%Y-%m-%d}"
    found = await asyncio.to_thread(files, report, stem)
    for name, channel in places:
        await chats[name].publish(channel, report_card(report, buttons=False), found, company_id=MSP)


async def _places(
    chats: Mapping[str, Chat], company: Company, user: User | None, asked_in: str
) -> list[tuple[Chat, str]]:
    """Each of the company's channels; one person's own, where they asked for it if they are there."""
    if user is None:
        bound = {"slack": company.slack_channel, "teams": company.teams_conversation}
    else:
        bound = {"slack": user.slack_user, "teams": user.teams_user}
    found = [(chats[name], address) for name, address in bound.items() if address and name in chats]
    if not found:
        raise Permanent("no chat platform that is on knows where to post the report")
    if user is None:
        return found
    chat, address = next((one for one in found if one[0].name == asked_in), found[0])
    return [(chat, await chat.direct(address))]
