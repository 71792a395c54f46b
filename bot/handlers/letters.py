"""Dead letters in chat, for those who look after a company's settings: list, one in full, replay by a button."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.actions.companies import DeadLetters, DeadLetterShown, ReplayLetter
from bot.cards.card import (
    Actions,
    Body,
    Button,
    Card,
    Code,
    Element,
    Facts,
    Line,
    Log,
    Moment,
    Reply,
    Said,
    Strong,
    Style,
    Table,
    Title,
    Tone,
    When,
)
from bot.cards.incident import cut
from bot.core import Core
from bot.doors import dead_letters
from bot.place import Place
from bot.questions import chosen_companies
from engine.access import Actor, Denied, Verb, may, who_could
from engine.company import Company
from engine.errors import Refused
from engine.intake import DeadLetter
from engine.operations.dead_letters import TakenIn, unknown
from storage.transaction import Transaction

MOST_LISTED = 15
BODY_SHOWN = 1_500


async def handle(
    core: Core, action: DeadLetters | DeadLetterShown | ReplayLetter, actor: Actor, place: Place
) -> Reply:
    """Raises Refused; another company's letter is as unknown as a missing one."""
    if isinstance(action, DeadLetters):
        return Said(await core.read(lambda tx: _listed(tx, action.company, actor, place)))
    await core.read(lambda tx: _found(tx, action.letter, actor, place))
    if isinstance(action, DeadLetterShown):
        return Said(await core.read(lambda tx: _one(tx, action.letter, actor, place)))
    return Said(_became(await dead_letters.replay(core, action.letter, actor=actor)))


async def _found(tx: Transaction, number: int, actor: Actor, place: Place) -> DeadLetter:
    letter = await tx.dead_letters.get(number)
    if letter is None or place.company_id not in (None, letter.company_id):
        raise unknown(number)
    await _admitted(tx, letter.company_id, actor, number)
    return letter


async def _admitted(tx: Transaction, company_id: int, actor: Actor, number: int = 0) -> None:
    decision = may(actor, Verb.COMPANY_SETTINGS, company_id)
    if isinstance(decision, Denied):
        if decision.foreign:
            raise unknown(number)
        people = (await tx.companies.context(company_id)).people
        could = who_could(people, Verb.COMPANY_SETTINGS, company_id)
        reason = "Only company admins and MSP admins can read what tools sent."
        raise Refused(reason, who=tuple(user.id for user in could)[:4], code="denied")


async def _listed(tx: Transaction, name: str, actor: Actor, place: Place) -> Card:
    companies = {one.id: one for one in await chosen_companies(tx, name, actor, place.company_id)}
    for company_id in companies:
        await _admitted(tx, company_id, actor)
    waiting = [letter for one in companies for letter in await _waiting(tx, one)]
    newest = sorted(waiting, key=lambda letter: -letter.id)[:MOST_LISTED]
    return _list_card(newest, companies)


async def _waiting(tx: Transaction, company_id: int) -> Sequence[DeadLetter]:
    return await tx.dead_letters.listed(company_id=company_id, waiting_only=True, most=MOST_LISTED)


def _list_card(letters: Sequence[DeadLetter], companies: Mapping[int, Company]) -> Card:
    if not letters:
        said = "No dead letter waits."
        return Card(summary=said, elements=(Title(Tone.GOOD, (said,)),))
    many = len(companies) > 1
    rows = tuple(_row(letter, companies[letter.company_id].name if many else "") for letter in letters)
    title = "Dead letters that wait, newest first"
    hint: Line = (Code(f"/aw deadletter {letters[0].id}"), " shows one, and a button takes it in again")
    return Card(
        summary=title, elements=(Title(Tone.WAITING, (Strong(title),)), Table((), rows), Facts((hint,)))
    )


def _row(letter: DeadLetter, company: str) -> tuple[Line, ...]:
    whose: tuple[Line, ...] = ((cut(company, 40),),) if company else ()
    why = cut(" ".join(letter.error.split()), 120)
    return (
        (Strong(f"{letter.id}"), f" {cut(letter.tool, 40)}"),
        *whose,
        (Moment(letter.at, When.DATE_TIME),),
        (why,),
    )


async def _one(tx: Transaction, number: int, actor: Actor, place: Place) -> Card:
    letter = await _found(tx, number, actor, place)
    company = (await tx.companies.context(letter.company_id)).company
    text = letter.body.decode("utf-8", "replace")
    rest = len(text) - BODY_SHOWN
    shown = text if rest <= 0 else f"{text[:BODY_SHOWN]}\n… and {rest:,} more characters"
    size: Line = (f"{len(letter.body):,} bytes",)
    facts: list[Line] = [(company.name,), (Moment(letter.at, When.DATE_TIME),), size]
    elements: list[Element] = [
        Title(Tone.WAITING if letter.replayed_at is None else Tone.GOOD, (Strong(_label(letter)),)),
        Facts(tuple(facts)),
        Body((cut(letter.error, 600),), quoted=True),
        Log(shown, caption=f"As it came; `aw deadletter show {number}` prints all of it with its headers"),
    ]
    if letter.replayed_at is None:
        elements.append(Actions((Button("Replay", ReplayLetter(number), Style.PRIMARY),)))
    else:
        elements.append(
            Facts((("replayed ", Moment(letter.replayed_at, When.DATE_TIME)), (letter.outcome or "",)))
        )
    return Card(summary=_label(letter), elements=tuple(elements))


def _label(letter: DeadLetter) -> str:
    return f"Dead letter {letter.id} from {cut(letter.tool, 40)}"


def _became(taken: TakenIn) -> Card:
    when = " It had been replayed before." if taken.again else ""
    said = f"{_label(taken.letter)}: {taken.letter.outcome}.{when}"
    return Card(summary=said, elements=(Title(Tone.GOOD, (said,)),))
