"""`/aw test acme`: the steps of a test alert in one private answer that grows while they are done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from bot.actions.companies import SendTest
from bot.cards.card import Card, Line, Link, Strong, Table, Title, Tone, Unfolding
from bot.cards.incident import cut
from bot.core import Core
from bot.place import Place
from bot.questions import must, one_company
from bot.trial import Hop, Outcome, Trial
from engine.access import Actor, Verb
from engine.company import Company
from storage.transaction import Transaction


async def begin(core: Core, action: SendTest, actor: Actor, place: Place) -> Unfolding:
    company = await core.read(lambda tx: _company(tx, action.company, actor, place))
    return Unfolding(_cards(Trial(core=core, company=company, actor=actor)))


async def _company(tx: Transaction, name: str, actor: Actor, place: Place) -> Company:
    company = await one_company(tx, name, actor, place.company_id, word="test")
    reason = "Only company admins and MSP admins can send a test alert."
    await must(tx, company, actor, Verb.COMPANY_SETTINGS, reason=reason)
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
