"""What people see of quiet: the preview before it, the list, one line on an incident's card and one on a status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.actions.quiet import ConfirmQuiet, ConfirmQuietAll, DropQuiet, EndQuiet
from bot.cards.card import (
    Actions,
    Body,
    Button,
    Card,
    Element,
    Facts,
    Line,
    Moment,
    Strong,
    Style,
    Table,
    Title,
    Tone,
    When,
)
from bot.cards.incident import cut
from engine.alert import Severity
from engine.company import Company
from engine.receipt import MOST_LOOKED_AT, Preview, counted, kept_open, rule_words, span_words
from engine.schedule import Stretch
from engine.suppression import QuietKind, QuietRule

MOST_ENDED, MOST_LISTED = 5, 20
_WORDS = {QuietKind.SILENCE: "silence", QuietKind.MAINTENANCE: "maintenance window"}
_ACTS = {QuietKind.SILENCE: "Silence", QuietKind.MAINTENANCE: "Plan it"}


def preview_card(rule: QuietRule, seen: Preview, company: Company, now: datetime) -> Card:
    """What would be held, when, and what the last 90 days would have hidden, with the press that makes it true."""
    what = f"{cut(rule.scope.words, 200)} at {company.name}"
    title = f"A {_WORDS[rule.kind]}?"
    elements: list[Element] = [
        Title(Tone.WAITING, (Strong(title), f" {what}")),
        Facts((when_line(rule, now), (f"because: {cut(rule.reason, 200)}",))),
        Body((preview_text(seen, rule),)),
    ]
    if seen.lines:
        elements.append(
            Table(
                (),
                tuple(
                    ((f"{one.times} × {cut(one.asset, 60)}: {cut(one.title, 80)}",),)
                    for one in seen.lines[:5]
                ),
            )
        )
    elements.append(Actions(tuple(_buttons(rule, seen))))
    return Card(summary=f"{title} {what}: {preview_text(seen, rule)}", elements=tuple(elements))


def _buttons(rule: QuietRule, seen: Preview) -> list[Button]:
    act = _ACTS[rule.kind]
    if rule.kind is QuietKind.SILENCE:
        act += f" {span_words(rule.schedule.length)}"
    buttons = [Button(act, ConfirmQuiet(rule.id), Style.PRIMARY)]
    if rule.kind is QuietKind.SILENCE and rule.scope.ceiling is not Severity.CRITICAL:
        confirm = "Nobody is told of critical alerts either. Are you sure?"
        also = ConfirmQuietAll(rule.id)
        buttons.append(
            Button(f"{act}, critical too", also, Style.DANGER, confirm=confirm if seen.passed else None)
        )
    return [*buttons, Button("Cancel", DropQuiet(rule.id))]


def preview_text(seen: Preview, rule: QuietRule) -> str:
    """`In the last 90 days it would have held 214 alerts, 2 of them critical: … .`"""
    when = "these hours" if seen.patterned else "this"
    when += f" (of the newest {MOST_LOOKED_AT:,} alerts)" if seen.beyond else ""
    if not seen.alerts and not seen.passed:
        return f"In the last 90 days {when} would have held nothing. {kept_open(rule)}"
    text = f"In the last 90 days {when} would have held {counted(seen.alerts, 'alert')}"
    names = "; ".join(seen.named)
    if seen.critical:
        text += f", {seen.critical} of them critical: {cut(names, 400)}"
    elif seen.passed:
        text += f". {counted(seen.passed, 'critical one')} would have come all the same: {cut(names, 400)}"
    return f"{text}. {kept_open(rule)}"


def when_line(rule: QuietRule, now: datetime) -> Line:
    """Once: from when to when. A series: its rule in words, the next time, and when it ends."""
    schedule = rule.schedule
    stretch = rule.stretch_at(now) or schedule.after(now) or schedule.stretches[0]
    length = stretch.ends_at - stretch.starts_at
    if not schedule.rule:
        if stretch.starts_at <= now:
            return ("until ", Moment(stretch.ends_at, When.DATE_TIME), f" ({span_words(length)})")
        return (*_from_to(stretch), f" ({span_words(length)})")
    until: Line = (", until ", Moment(schedule.until, When.DATE_TIME)) if schedule.until else ()
    first = "now " if stretch.starts_at <= now else "next "
    return (f"{rule_words(schedule.rule)}, {first}", *_from_to(stretch), f" ({schedule.timezone})", *until)


def _from_to(stretch: Stretch) -> Line:
    return (Moment(stretch.starts_at, When.DATE_TIME), "–", Moment(stretch.ends_at))


def made_card(rule: QuietRule, company: Company, now: datetime) -> Card:
    title = f"{rule.label}: {cut(rule.scope.words, 200)} at {company.name}"
    elements: tuple[Element, ...] = (
        Title(Tone.GOOD, ("🔕 ", Strong(title))),
        Facts((when_line(rule, now), (cut(rule.reason, 200),), (kept_open(rule),))),
        Actions((Button("End it now", EndQuiet(rule.id)),)),
    )
    return Card(summary=f"{title} is quiet", elements=elements)


def list_card(
    rules: Sequence[QuietRule], companies: Mapping[int, Company], kind: QuietKind | None, now: datetime
) -> Card:
    """What holds alerts now and what will, with how much it has held."""
    what = {None: "silences and maintenance windows", QuietKind.SILENCE: "silences"}.get(
        kind, "maintenance windows"
    )
    if not rules:
        return Card(
            summary=f"No {what}",
            elements=(Title(Tone.GOOD, (Strong(f"No {what}."), " Everything is heard.")),),
        )
    rows = [_row(rule, companies, now) for rule in rules[:MOST_LISTED]]
    if len(rules) > MOST_LISTED:
        rows.append(((f"and {len(rules) - MOST_LISTED} more; `aw {kind or 'silence'} list` names all",),))
    title = f"{len(rules)} {what}" if len(rules) > 1 else f"1 {what[:-1]}"
    ends = tuple(Button(f"End {rule.label}", EndQuiet(rule.id)) for rule in rules[:MOST_ENDED])
    return Card(
        summary=title,
        elements=(Title(Tone.INFO, ("🔕 ", Strong(title))), Table((), tuple(rows)), Actions((), ends)),
    )


def _row(rule: QuietRule, companies: Mapping[int, Company], now: datetime) -> tuple[Line, ...]:
    company = companies.get(rule.company_id)
    return (
        (Strong(rule.label), f" {cut(rule.scope.words, 80)}{f' at {company.name}' if company else ''}"),
        when_line(rule, now),
        (f"held {rule.held}",),
        (f"{cut(rule.reason, 80)}, by {cut(rule.by, 40)}",),
    )


def quiet_line(rules: Sequence[QuietRule], now: datetime) -> Line | None:
    """`🔕 2 silences, 1 maintenance window (12 alerts held)`: what is quiet now, on a status."""
    active = [rule for rule in rules if rule.stretch_at(now) is not None]
    if not active:
        return None
    parts = [
        counted(count, _WORDS[kind])
        for kind in QuietKind
        if (count := sum(rule.kind is kind for rule in active))
    ]
    held = sum(rule.held for rule in active)
    return (f"🔕 {', '.join(parts)} ({counted(held, 'alert')} held): /aw silence list",)
