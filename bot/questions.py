"""Questions and their answers: read, never written, and only what the asker may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from bot import answers, guides, why
from bot.actions.incidents import Details, Show, Why
from bot.actions.questions import Help, Home, ListOpen, Mine, ShowGuide, Status, WhoAmI
from bot.cards.card import Card, Reply, Said
from bot.cards.incident import incident_card
from bot.cards.review_lines import unsigned, with_reviews
from bot.core import Core
from bot.home.card import home_card
from bot.home.view import home_view
from bot.place import Place
from bot.shift.odds_words import odds_lines
from bot.views import IncidentView, company_view, due_times, incident_view
from engine.access import Actor, Denied, Verb, may, who_could
from engine.company import Company, Role, User
from engine.errors import NotFound, Refused
from engine.incident import Incident
from engine.operations import respond
from storage.transaction import Transaction

SHOWN = 25
"""Lines of a list: what is due first."""

Question = Help | Home | ShowGuide | Status | ListOpen | Mine | WhoAmI | Why | Details | Show


async def answer(core: Core, question: Question, *, actor: Actor, company_id: int | None) -> Reply:
    """For the asker alone. Raises Refused or NotFound."""
    if isinstance(question, Help):
        return Said(answers.help_card(actor))
    if isinstance(question, Why):
        return await _why(core, question, actor)

    async def look(tx: Transaction) -> Reply:
        match question:
            case Help():
                return Said(answers.help_card(actor))
            case ShowGuide():
                return await _guide(core, tx, question.name, company_id)
            case WhoAmI():
                back = await tx.bounces.get(actor.user.email.casefold()) if actor.user else None
                why = back.reason if back is not None and back.hard_at is not None else ""
                return Said(answers.whoami_card(actor, await companies_of(tx, actor), why))
            case Status():
                return await _status(core, tx, question.company, actor, company_id)
            case ListOpen():
                return await _list(core, tx, question.company, actor, company_id)
            case Mine():
                return await _mine(core, tx, actor)
            case Home():
                return await _home(core, tx, actor)
            case Details() | Show():
                await respond.find(tx, question.incident, Verb.SEE, actor)
                return await _one(core, tx, question, actor)
            case _:
                assert_never(question)

    return await core.read(look)


async def _why(core: Core, question: Why, actor: Actor) -> Reply:
    async def look(tx: Transaction) -> tuple[IncidentView, list[str]]:
        await respond.find(tx, question.incident, Verb.SEE, actor)
        view = await view_of(tx, core, question.incident)
        return view, await _odds(tx, view, actor)

    view, odds = await core.read(look)
    return Said(answers.why_card(view, await why.around(core, view), odds))


async def _odds(tx: Transaction, view: IncidentView, actor: Actor) -> list[str]:
    """For those who work on it: how likely it is to be late is no news for a client's eyes."""
    if actor.user is None or actor.user.role is Role.CLIENT_VIEWER:
        return []
    return await odds_lines(tx, view.incident, view.clocks, view.now)


async def _guide(core: Core, tx: Transaction, name: str, company_id: int | None) -> Reply:
    if not name:
        return Said(guides.list_card())
    company = await tx.companies.get(company_id) if company_id is not None else None
    whose = company.name if company else ""
    return Said(guides.guide_card(guides.called(name), address=core.settings.public_url, company=whose))


async def companies_of(tx: Transaction, actor: Actor) -> list[Company]:
    user = actor.user
    return [one for one in await tx.companies.all() if user is not None and user.works_for(one.id)]


async def view_of(tx: Transaction, core: Core, incident_id: int) -> IncidentView:
    view = await incident_view(tx, incident_id, catalogue=core.catalogue, now=core.clock.now())
    if view is None:
        raise NotFound(f"There is no INC-{incident_id}.", hint="`/aw list` shows what is open.")
    return view


async def _one(core: Core, tx: Transaction, question: Details | Show, actor: Actor) -> Reply:
    view = await view_of(tx, core, question.incident)
    match question:
        case Details():
            story = await tx.timeline.of_incident(question.incident)
            return Said(answers.details_card(view, story, await _odds(tx, view, actor)))
        case Show():
            return Said(incident_card(view))
        case _:
            assert_never(question)


def narrowed(actor: Actor) -> int | None:
    """Whose view a list has to be narrowed to: a technician's."""
    return actor.id if actor.user is not None and actor.user.role is Role.TECHNICIAN else None


async def chosen_companies(tx: Transaction, name: str, actor: Actor, company_id: int | None) -> list[Company]:
    """The company that is named, else the channel's, else all that the asker sees."""
    seen = await companies_of(tx, actor)
    if name:
        wanted = name.strip().lower()
        found = [one for one in seen if wanted in (one.slug, one.name.lower())]
        if not found:
            names = ", ".join(one.slug for one in seen[:12]) or "none yet"
            raise NotFound(f"I know no company “{name[:40]}”.", hint=f"You see: {names}.")
        return found
    if company_id is not None:
        found = [one for one in seen if one.id == company_id]
        if not found:
            raise Refused("This channel's company is not one of yours.", code="denied")
        return found
    return seen


async def one_company(
    tx: Transaction, name: str, actor: Actor, company_id: int | None, *, word: str
) -> Company:
    """The one that is meant by `/aw word [company]`. Raises Refused where it could be several."""
    chosen = await chosen_companies(tx, name, actor, company_id)
    if len(chosen) != 1:
        hint = f"For example `/aw {word} acme`, or ask in its channel."
        raise Refused("Which company?", hint=hint, code="which")
    return chosen[0]


async def must(tx: Transaction, company: Company, actor: Actor, verb: Verb, *, reason: str = "") -> None:
    """Raises Refused with those who could, or NotFound for a company that the actor knows nothing of."""
    decision = may(actor, verb, company.id)
    if not isinstance(decision, Denied):
        return
    if decision.foreign:
        raise NotFound("There is no such company.")
    could = who_could((await tx.companies.context(company.id)).people, verb, company.id)
    raise Refused(reason or decision.reason, who=tuple(user.id for user in could)[:4], code="denied")


async def company_meant(
    tx: Transaction, name: str, place: Place, actor: Actor, verb: Verb, word: str
) -> Company:
    """The one that is meant by `/aw word [company]`, for somebody who may do this there."""
    company = await one_company(tx, name, actor, place.company_id, word=word)
    await must(tx, company, actor, verb)
    return company


async def _status(core: Core, tx: Transaction, name: str, actor: Actor, company_id: int | None) -> Reply:
    chosen = await chosen_companies(tx, name, actor, company_id)
    reviews = await unsigned(tx, chosen, actor)
    if len(chosen) != 1:
        rows = [(one, await tx.incidents.counts(one.id)) for one in chosen]
        return Said(with_reviews(answers.board_card(rows), reviews, chosen, actor))
    view = await company_view(tx, chosen[0], offered_to=narrowed(actor))
    people = {user.id: user for user in await tx.users.all()}
    card = answers.status_card(view, people, core.clock.now())
    return Said(with_reviews(card, reviews, chosen, actor))


async def _list(core: Core, tx: Transaction, name: str, actor: Actor, company_id: int | None) -> Reply:
    chosen = await chosen_companies(tx, name, actor, company_id)
    ids = [one.id for one in chosen]
    found = await tx.due.first(company_ids=ids, offered_to=narrowed(actor), most=SHOWN)
    title = chosen[0].name if len(chosen) == 1 else "Your companies"
    people = {user.id: user for user in await tx.users.all()}
    return Said(await _listed(core, tx, title, *found, people))


async def _listed(
    core: Core, tx: Transaction, title: str, found: Sequence[Incident], total: int, people: Mapping[int, User]
) -> Card:
    due = await due_times(tx, found)
    return answers.list_card(title, found, people, due, core.clock.now(), total=total, order="first due")


async def _home(core: Core, tx: Transaction, actor: Actor) -> Reply:
    if actor.user is None:
        raise Refused("Only a person has a home here.", code="denied")
    seen = await companies_of(tx, actor)
    view = await home_view(tx, actor.user, seen, narrowed_to=narrowed(actor), now=core.clock.now())
    return Said(home_card(view))


async def _mine(core: Core, tx: Transaction, actor: Actor) -> Reply:
    seen = await companies_of(tx, actor)
    ids = [one.id for one in seen]
    found = await tx.due.first(company_ids=ids, assignee_id=actor.id, most=SHOWN)
    people = {actor.user.id: actor.user} if actor.user else {}
    card = await _listed(core, tx, "Yours", *found, people)
    admin = actor.user is not None and actor.user.role in (Role.MSP_ADMIN, Role.COMPANY_ADMIN)
    return Said(with_reviews(card, await unsigned(tx, seen, actor) if admin else (), seen, actor))
