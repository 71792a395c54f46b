"""`/aw report acme 30d` and its buttons."""

from __future__ import annotations

import math

from bot.actions.companies import PostReport, SendReport, ShowReport
from bot.cards.card import Done, Reply, Said
from bot.core import Core
from bot.place import Place
from bot.questions import chosen_companies
from bot.reports.card import report_card
from bot.reports.gather import LONGEST, gather, span_of
from bot.reports.words import days_words
from engine.access import Actor, Denied, Verb, may
from engine.company import Company, Role
from engine.errors import NotFound, Refused
from engine.report_jobs import DeliverReport
from storage.transaction import Transaction

Action = ShowReport | PostReport | SendReport


async def handle(core: Core, action: Action, actor: Actor, place: Place) -> Reply:
    """Figures at once, for the asker; the picture and the files are made by a job."""
    match action:
        case ShowReport():
            return await _show(core, action.words, actor, place)
        case PostReport():
            return await _deliver(core, *_scope(action.scope), actor, private=False)
        case SendReport():
            return await _deliver(core, *_scope(action.scope), actor, private=True)


async def _show(core: Core, words: str, actor: Actor, place: Place) -> Reply:
    given = words.split()
    sharing = [word for word in given if word in ("--share", "share")]
    given = [word for word in given if word not in sharing]
    span = span_of("")
    if given and given[-1][0].isdigit():
        span = span_of(given.pop())
    chosen = await core.read(lambda tx: chosen_companies(tx, " ".join(given), actor, place.company_id))
    if len(chosen) != 1:
        raise Refused("Which company?", hint="For example `/aw report acme 30d`.", code="which")
    company = chosen[0]
    if sharing:
        return await _deliver(core, company.id, span.days, actor, private=False)
    report = await gather(core, company, span)
    return Said(report_card(report, scope=f"{company.id}:{span.days}", people=sees_people(actor)))


def sees_people(actor: Actor) -> bool:
    """How each technician did is the MSP's own business."""
    return actor.user is not None and actor.user.role in (Role.TECHNICIAN, Role.MSP_ADMIN)


def _scope(text: str) -> tuple[int, int]:
    company, _, days = text.partition(":")
    if not (
        company.isascii() and company.isdigit() and len(company) < 19 and days.isascii() and days.isdigit()
    ):
        raise Refused("This button cannot be read.", hint="Use the newest card.", code="unknown_button")
    if not 0 < int(days) <= LONGEST.days:
        raise Refused("This button cannot be read.", hint="Use the newest card.", code="unknown_button")
    return int(company), int(days)


async def _deliver(core: Core, company_id: int, days: int, actor: Actor, *, private: bool) -> Reply:
    now = core.clock.now()

    async def act(tx: Transaction) -> Company:
        company = await tx.companies.get(company_id)
        if company is None or isinstance(may(actor, Verb.SEE, company_id), Denied):
            raise NotFound("I know no such company.")
        if not private and (actor.user is None or actor.user.role is Role.CLIENT_VIEWER):
            raise Refused("Only those who work for the company can post its report.", code="denied")
        if not private and not (company.slack_channel or company.teams_conversation):
            hint = "`aw company set` binds one, or have the files sent to you."
            raise Refused(f"{company.name} has no channel.", hint=hint, code="invalid")
        job = DeliverReport(
            company_id=company_id,
            days=days,
            until=math.ceil(now.timestamp()),
            user_id=actor.id if private else None,
            asked_in=actor.via.value,
        )
        tx.jobs.put(job, due_at=now)
        return company

    company = await core.write(act)
    span = days_words(days)
    where = "comes to you as a direct message" if private else "is on its way into its channel"
    return Done(f"The report of {company.name} over {span} {where}.")
