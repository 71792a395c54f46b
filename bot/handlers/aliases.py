"""`/aw alias`: under which further names the assets of a company go, and a person's word about it."""

from __future__ import annotations

from collections.abc import Sequence

from bot.actions.companies import Aliases
from bot.cards.card import Card, Done, Element, Facts, Reply, Said, Strong, Title, Tone
from bot.core import Core
from bot.place import Place
from bot.questions import company_meant, one_company
from engine.access import Actor, Verb
from engine.aliases import Alias, Verdict
from engine.company import Company
from engine.errors import Refused
from engine.operations import naming
from storage.transaction import Transaction

MOST_LISTED = 40
_YES, _NO = ("accept", "is"), ("refuse", "not")


async def handle(core: Core, action: Aliases, actor: Actor, place: Place) -> Reply:
    """Raises Refused."""
    words = action.words.split()
    if words and words[0] in (*_YES, *_NO):
        return await _decide(core, words[0] in _YES, words[1:], actor, place)

    async def look(tx: Transaction) -> Card:
        company = await one_company(tx, " ".join(words), actor, place.company_id, word="alias")
        return _card(company, await tx.knowledge.aliases(company.id))

    return Said(await core.read(look))


async def _decide(core: Core, same: bool, words: list[str], actor: Actor, place: Place) -> Reply:
    if len(words) not in (1, 2):
        hint = "For example `/aw alias accept 10.0.3.7 fs-01`, or `/aw alias refuse 10.0.3.7`."
        raise Refused("Which name, and of which asset?", hint=hint, code="invalid")

    async def write(tx: Transaction) -> Alias:
        company = await company_meant(tx, "", place, actor, Verb.COMPANY_SETTINGS, "alias")
        name, asset = words[0], words[1] if len(words) == 2 else ""
        now = core.clock.now()
        return await naming.decide(tx, company.id, name, asset, same=same, actor=actor, now=now)

    made = await core.write(write)
    return Done(f"{made.words}. Alerts do not change that any more.")


def _card(company: Company, known: Sequence[Alias]) -> Card:
    found = [one for one in known if one.verdict is not Verdict.FADED]
    title = f"Further names of {company.name}'s assets"
    if not found:
        said = "None yet: alerts that carry a machine's name and its address teach them."
        return Card(summary=title, elements=(Title(Tone.INFO, (Strong(title),)), Facts(((said,),))))
    lines = tuple((one.words,) for one in found[:MOST_LISTED])
    more = len(found) - len(lines)
    elements: list[Element] = [Title(Tone.INFO, (Strong(title),)), Facts(lines)]
    if more:
        elements.append(Facts(((f"and {more} more: `aw asset alias list {company.slug}`",),)))
    return Card(summary=title, elements=tuple(elements))
