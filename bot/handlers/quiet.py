"""Silences, windows and snoozes from chat: read the words, show what they would hide, do it when it is confirmed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from bot.actions.incidents import Snooze
from bot.actions.quiet import (
    ConfirmQuiet,
    ConfirmQuietAll,
    DropQuiet,
    EndQuiet,
    EndQuietOf,
    ListQuiet,
    OnQuiet,
    WantQuiet,
)
from bot.cards.card import Asked, Card, Done, Field, FieldKind, Form, Reply, Said, Title, Tone
from bot.cards.quiet import list_card, made_card, preview_card
from bot.core import Core
from bot.place import Place, belongs, look_up
from bot.questions import chosen_companies
from bot.words import quiet as quiet_words
from bot.words import times
from engine.access import Actor, Verb
from engine.company import Company
from engine.errors import Refused
from engine.operations import respond, silence
from engine.operations import snooze as snoozing
from engine.operations.silence import Wish
from engine.receipt import Preview
from engine.suppression import QuietKind
from storage.transaction import Transaction

SNOOZES = (
    ("30m", "30 minutes"),
    ("1h", "1 hour"),
    ("2h", "2 hours"),
    ("4h", "4 hours"),
    ("tomorrow 8am", "Tomorrow, 8:00"),
)
_AWAKE = ("0", "off", "now", "end")


def longest(core: Core) -> timedelta:
    return timedelta(days=core.settings.aw_silence_max_days)


async def handle(core: Core, action: OnQuiet, place: Place, actor: Actor) -> Reply:
    now = core.clock.now()
    match action:
        case WantQuiet():
            return await _preview(core, action, place, actor, now)
        case ListQuiet():
            return await core.read(lambda tx: _list(tx, action, place, actor, now))
        case ConfirmQuiet() | ConfirmQuietAll():
            return await core.write(lambda tx: _confirm(tx, action, place, actor, now))
        case DropQuiet():
            dropped = Title(Tone.INFO, ("Nothing is silenced.",))
            return Said(Card(summary="Nothing is silenced.", elements=(dropped,)), instead=True)
        case EndQuiet():
            return await core.write(lambda tx: _end(tx, action, place, actor, now))
        case EndQuietOf():
            return await core.write(lambda tx: _end_of(tx, action, place, actor, now))
        case _:
            assert_never(action)


async def _preview(core: Core, action: WantQuiet, place: Place, actor: Actor, now: datetime) -> Reply:
    async def look(tx: Transaction) -> tuple[Wish, Company, Preview]:
        wish, company = await understood(tx, action.kind, action.words, place, actor, now, here=action.here)
        _, seen = await silence.look(tx, wish, longest=longest(core), actor=actor, now=now)
        return wish, company, seen

    wish, company, seen = await core.read(look)
    rule = await core.write(lambda tx: silence.draft(tx, wish, longest=longest(core), actor=actor, now=now))
    return Said(preview_card(rule, seen, company, now))


async def understood(
    tx: Transaction,
    kind: QuietKind,
    words: str,
    place: Place,
    actor: Actor,
    now: datetime,
    *,
    here: int | None = None,
) -> tuple[Wish, Company]:
    """What the words want, and of whom. Raises Refused saying what is missing."""
    seen = [one for one in await tx.companies.all() if actor.user is None or actor.user.works_for(one.id)]
    by_slug = {one.slug: one for one in seen}
    named = quiet_words.company_of(words, by_slug)
    company = by_slug[named] if named else next((one for one in seen if one.id == place.company_id), None)
    said = quiet_words.read(
        kind, words, slugs=by_slug, timezone=_zone(kind, company, actor), here=here, now=now
    )
    scope = said.scope
    if said.incident is not None:
        incident = await respond.find(tx, said.incident, Verb.SEE, actor)
        company = next((one for one in seen if one.id == incident.company_id), company)
        scope = replace(scope, incident=incident.id)
    if company is None or (place.company_id is not None and company.id != place.company_id):
        raise _whose(kind, company is None)
    wish = Wish(kind=kind, company_id=company.id, scope=scope, schedule=said.schedule, reason=said.reason)
    return wish, company


def _zone(kind: QuietKind, company: Company | None, actor: Actor) -> str:
    """Planned work is on the company's clock; what one person wants quiet is on their own."""
    theirs = actor.user.timezone if actor.user is not None else "UTC"
    ours = company.timezone if company is not None else theirs
    return theirs if kind is QuietKind.SILENCE and theirs != "UTC" else ours


def _whose(kind: QuietKind, unknown: bool) -> Refused:
    word = "silence" if kind is QuietKind.SILENCE else "maint"
    if unknown:
        return Refused("Of which company?", hint=f"Name it first: `/aw {word} acme …`.", code="which")
    return Refused("That is not of this channel's company.", hint="Ask in its own channel.", code="denied")


async def _list(tx: Transaction, action: ListQuiet, place: Place, actor: Actor, now: datetime) -> Reply:
    chosen = {one.id: one for one in await chosen_companies(tx, action.company, actor, place.company_id)}
    rules = await silence.listed(tx, sorted(chosen), action.kind)
    return Said(list_card(rules, chosen, action.kind, now))


async def _confirm(
    tx: Transaction, action: ConfirmQuiet | ConfirmQuietAll, place: Place, actor: Actor, now: datetime
) -> Reply:
    await _here(tx, action.quiet, place)
    rule = await silence.confirm(
        tx, action.quiet, criticals=isinstance(action, ConfirmQuietAll), actor=actor, now=now
    )
    company = (await tx.companies.context(rule.company_id)).company
    return Said(made_card(rule, company, now), instead=True)


async def _end(tx: Transaction, action: EndQuiet, place: Place, actor: Actor, now: datetime) -> Reply:
    await _here(tx, action.quiet, place)
    return _over((await silence.end(tx, action.quiet, actor=actor, now=now)).label)


def _over(label: str) -> Reply:
    text = f"{label} is over. What is still broken is heard now."
    return Said(Card(summary=text, elements=(Title(Tone.GOOD, (text,)),)))


async def _end_of(tx: Transaction, action: EndQuietOf, place: Place, actor: Actor, now: datetime) -> Reply:
    await belongs(tx, action.incident, place)
    incident = await respond.find(tx, action.incident, Verb.SEE, actor)
    rules = await silence.listed(tx, [incident.company_id])
    ours = [rule for rule in rules if rule.scope.incident == incident.id]
    if not ours:
        raise Refused(
            f"Nothing silences {incident.label} by its number.",
            hint="`/aw silence list` shows what is quiet.",
            code="stale",
        )
    return _over(
        " and ".join([(await silence.end(tx, rule.id, actor=actor, now=now)).label for rule in ours])
    )


async def _here(tx: Transaction, rule_id: int, place: Place) -> None:
    """A button pressed in one company's channel acts on that company only, whatever its value says."""
    rule = await tx.quiet.get(rule_id)
    if rule is not None and place.company_id is not None and rule.company_id != place.company_id:
        raise silence.unknown(rule_id, rule.kind)


async def snoozed(core: Core, action: Snooze, place: Place, actor: Actor) -> Reply:
    if action.text is None:
        incident = await look_up(core, action.incident, place, actor, Verb.SNOOZE)
        options = [*SNOOZES, ("off", "Wake it now")] if incident.snoozed_until else SNOOZES
        field = Field(
            name="text", label="Nobody is reminded of it for", kind=FieldKind.CHOICE, options=options
        )
        return Asked(Form(title=f"Snooze {incident.label}", submit="Snooze", action=action, fields=(field,)))
    words, now = action.text.split(), core.clock.now()

    async def act(tx: Transaction) -> str:
        await belongs(tx, action.incident, place)
        incident = await respond.find(tx, action.incident, Verb.SNOOZE, actor)
        if words[0].lower() in _AWAKE:
            await snoozing.end(tx, action.incident, actor=actor, now=now)
            return f"{incident.label} is awake."
        company = (await tx.companies.context(incident.company_id)).company
        end = times.until(words, now, _zone(QuietKind.SILENCE, company, actor))
        if end is None:
            raise Refused(
                f"Until when? I do not understand “{' '.join(words)[:40]}”.",
                hint="For example `/aw snooze 2h`, or `tomorrow 8am`.",
                code="invalid",
            )
        after = await snoozing.snooze(tx, action.incident, until=end.at, actor=actor, now=now)
        return f"{after.label} sleeps: {after.last_action[0].lower()}{after.last_action[1:]}."

    return Done(await core.write(act))
