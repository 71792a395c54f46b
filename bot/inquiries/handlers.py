"""`/aw ask INC-42 …` and questions in an incident's thread: who may ask, and the answer, for the asker alone."""

from __future__ import annotations

from bot.actions.incidents import Inquire
from bot.ai.inquire import Answered, inquire
from bot.ai.tools import Scope
from bot.cards.card import Reply, Said
from bot.core import Core
from bot.inquiries.card import answer_card
from bot.place import Place, look_up
from engine.access import Actor, Denied, Verb, may, who_could
from engine.errors import Refused
from engine.incident import Incident


async def handle(core: Core, action: Inquire, place: Place, actor: Actor) -> Reply:
    """Raises Refused or NotFound."""
    incident, found = await answered(core, action, place, actor)
    return Said(answer_card(action.text, found, incident))


async def answered(core: Core, action: Inquire, place: Place, actor: Actor) -> tuple[Incident, Answered]:
    incident = await look_up(core, action.incident, place, actor, Verb.SEE)
    context = await core.read(lambda tx: tx.companies.context(incident.company_id))
    decision = may(actor, Verb.INQUIRE, incident.company_id)
    if isinstance(decision, Denied):
        could = who_could(context.people, Verb.INQUIRE, incident.company_id)
        raise Refused(decision.reason, who=tuple(user.id for user in could)[:4], code="denied")
    return incident, await inquire(core, Scope(incident, context), action.text)
