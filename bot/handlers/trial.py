"""`/aw test acme`: the steps of a test alert in one private answer that grows while they are done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from bot.actions import SendTest
from bot.cards.card import Card, Line, Link, Strong, Table, Title, Tone, Unfolding
from bot.cards.incident import cut
from bot.core import Core
from bot.place import Place
from bot.questions import chosen_companies
from bot.trial import Hop, Outcome, Trial
from engine.access import Actor, Denied, Verb, may, who_could
from engine.company import Company
from engine.errors import Refused
from storage.transaction import Transaction


async def begin(core: Core, action: SendTest, actor: Actor, place: Place) -> Unfolding:
    company = await core.read(lambda tx: _company(tx, action.company, actor, place))
    return Unfolding(_cards(Trial(core=core, company=company, actor=actor)))


async def _company(tx: Transaction, name: str, actor: Actor, place: Place) -> Company:
    found = await chosen_companies(tx, name, actor, place.company_id)
    if len(found) != 1:
        raise Refused("Which company?", hint="For example `/aw test acme`.", code="which")
    company = found[0]
    decision = may(actor, Verb.COMPANY_SETTINGS, company.id)
    if isinstance(decision, Denied):
        people = (await tx.companies.context(company.id)).people
        could = who_could(people, Verb.COMPANY_SETTINGS, company.id)
        reason = "Only company admins and MSP admins can send a test alert."
        raise Refused(reason, who=tuple(user.id for user in could)[:4], code="denied")
    return company


async def _cards(trial: Trial) -> AsyncIterator[Card]:
    """One at once, because a modal has to open within seconds, and one after every step."""
    done: list[Hop] = []
    yield _card(trial.company, done, over=False)
    async with aclosing(trial.hops()) as hops:
        async for hop in hops:
            done.append(hop)
            yield _card(trial.company, done, over=False)
    yield _card(trial.company, done, over=True)


def _card(company: Company, hops: list[Hop], *, over: bool) -> Card:
    bad = any(hop.outcome is Outcome.BAD for hop in hops)
    name = cut(company.name, 100)
    if not over:
        tone, words = Tone.WORKING, f"Testing {name} …"
    elif bad:
        tone, words = Tone.BAD, f"The test of {name} did not get through"
    else:
        tone, words = Tone.GOOD, f"The test of {name} got through"
    rows = tuple((_row(hop),) for hop in hops)
    return Card(summary=words, elements=(Title(tone, (Strong(words),)), Table((), rows)))


def _row(hop: Hop) -> Line:
    spent = f"  ({hop.ms} ms)" if hop.ms is not None else ""
    link: Line = ("  ", Link("open it", hop.url)) if hop.url else ()
    return (f"{hop.outcome} {cut(hop.text, 400)}{spent}", *link)
