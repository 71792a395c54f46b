"""What people see of settings: the list with where each value comes from, and what a change would have done."""

from __future__ import annotations

from datetime import datetime

from bot.actions.companies import ApplySetting, KeepSetting
from bot.cards.card import (
    Actions,
    Body,
    Button,
    Card,
    Code,
    Element,
    Facts,
    Log,
    Strong,
    Style,
    Table,
    Title,
    Tone,
)
from bot.cards.incident import cut
from bot.replay.what_if import LOOK_BACK, MOST_EXAMPLES, Difference, Example, Past
from bot.words.config import Change
from engine.company import Company, Role, User
from engine.errors import Refused
from engine.receipt import counted
from engine.setting import Origin, Resolved


def origin_words(found: Resolved, company: Company, user: User | None) -> str:
    """Where a value comes from. The name of a group is the MSP's own business: it may name other clients."""
    match found.origin:
        case Origin.COMPANY:
            return "set here"
        case Origin.GROUP:
            mine = user is None or user.role is Role.MSP_ADMIN
            return f"group {company.layers.group_name}" if mine else "its group"
        case Origin.MSP:
            return "the MSP"
        case _:
            return "default"


def list_card(company: Company, found: list[Resolved], user: User | None) -> Card:
    name = cut(company.name, 100)
    rows = tuple(
        ((Code(one.setting.name), "  ", Strong(one.words)), (origin_words(one, company, user),))
        for one in found
    )
    elements: tuple[Element, ...] = (
        Title(Tone.INFO, (Strong(f"Settings of {name}"),)),
        Table((), rows),
        Facts(
            ((f"`/aw config {company.slug} window` says what one means; with a value, what it would do.",),)
        ),
    )
    return Card(summary=f"Settings of {name}", elements=elements)


def one_card(company: Company, found: Resolved, user: User | None) -> Card:
    setting = found.setting
    title = f"{setting.name} of {cut(company.name, 100)}: {found.words}"
    elements: tuple[Element, ...] = (
        Title(Tone.INFO, (Strong(title),)),
        Body((setting.means,)),
        Facts(((f"from: {origin_words(found, company, user)}",), (f"takes {setting.kind.expects}",))),
    )
    return Card(summary=title, elements=elements)


def change_card(
    company: Company, change: Change, before: Resolved, after: Resolved, seen: tuple[Past, Difference] | None,
) -> Card:  # fmt: skip
    """Old and new, what the past would have looked like where it can be told, and the press that makes it true."""
    name = f"{change.setting.name} of {cut(company.name, 100)}"
    title = f"{name}: {before.words} → {after.words}?"
    elements: list[Element] = [Title(Tone.WAITING, (Strong(title),)), Body((change.setting.means,))]
    if change.after is None:
        elements.append(Facts(((f"inherited from then on ({after.origin.value})",),)))
    summary = title
    if seen is not None:
        said = what_if_words(*seen)
        summary = f"{title} {said}"
        elements += [Body((said,)), *_side_by_side(seen[1], before.words, after.words)]
        elements.append(Facts(((how_words(seen[0]),),)))
    elements.append(
        Actions(
            (
                Button(f"Apply {cut(after.words, 40)}", _fitting(change), Style.PRIMARY),
                Button(f"Keep {cut(before.words, 40)}", KeepSetting(change.pack())),
            )
        )
    )
    return Card(summary=summary, elements=tuple(elements))


def _fitting(change: Change) -> ApplySetting:
    act = ApplySetting(change.pack())
    try:
        act.pack()
    except ValueError:
        raise Refused(
            "That is too long for a button.",
            hint="Use `aw config set` on the command line, or REST.",
            code="invalid",
        ) from None
    return act


def what_if_words(seen: Past, found: Difference) -> str:
    """`The last 30 days: 412 alerts, 61 incidents as it is, 55 with the change. 6 would have been joined.`"""
    span = f"Since {seen.since:%-d %b %H:%M} UTC" if seen.beyond else f"The last {LOOK_BACK.days} days"
    newest = ", the newest that I look at" if seen.beyond else ""
    if not found.alerts:
        return f"{span}: no alerts to try it on."
    counts = f"{counted(found.before, 'incident')} as it is, {found.after:,} with it"
    text = f"{span} ({counted(found.alerts, 'alert')}{newest}): {counts}."
    if not found.examples:
        return f"{text} Nothing would have been grouped differently."
    parts = [f"{found.joined:,} would have been joined to another"] if found.joined else []
    parts += [f"{found.split:,} more would have been opened"] if found.split else []
    return f"{text} {'; '.join(parts) or 'Some would have been cut differently'}."


def how_words(seen: Past) -> str:
    """What the figures rest on, said plainly."""
    repeats = "Repeats are only counted here, so they are taken as evenly spread. " if seen.repeated else ""
    return f"{repeats}An incident ends as it did, or after silence for the window."


def _side_by_side(found: Difference, before: str, after: str) -> list[Element]:
    if not found.alerts:
        return []
    rows = (
        (("incidents",), (f"{found.before:,}",), (f"{found.after:,}",)),
        (("noise reduction",), (f"{found.noise(found.before)} %",), (f"{found.noise(found.after)} %",)),
    )
    elements: list[Element] = [Table(("", f"now ({cut(before, 20)})", f"with {cut(after, 20)}"), rows)]
    if found.examples:
        lines = [example_words(one) for one in found.examples[:MOST_EXAMPLES]]
        more = len(found.examples) - len(lines)
        lines += [f"and {more:,} more"] if more else []
        elements.append(Log("\n".join(lines), caption="For example"))
    return elements


def example_words(one: Example) -> str:
    return f"{one.label} ({cut(one.title, 80)}): {one.before} → {one.after} incidents{_opened(one.opened)}"


def _opened(moments: tuple[datetime, ...]) -> str:
    if len(moments) < 2:
        return ""
    named = ", ".join(f"{at:%-d %b %H:%M}" for at in sorted(moments)[:3])
    return f", opened {named}{' …' if len(moments) > 3 else ''} UTC"


def done_card(company: Company, before: Resolved, after: Resolved) -> Card:
    text = f"{after.setting.name} of {cut(company.name, 100)} is {after.words} now; it was {before.words}."
    return Card(summary=text, elements=(Title(Tone.GOOD, (text,)),))


def kept_card(company: Company, found: Resolved) -> Card:
    text = f"Nothing is changed: {found.setting.name} of {cut(company.name, 100)} stays {found.words}."
    return Card(summary=text, elements=(Title(Tone.INFO, (text,)),))
