"""A Card as an Adaptive Card 1.5. Every limit lives here, as truncation that says so; property tests hold them.

Limits: 40,000 bytes of UTF-16 for the whole activity, and 28,000 of UTF-8 as what every client takes (PLATFORM §6).
Text of a TextBlock is Markdown with functions in {{…}}: everything that is not ours is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

import orjson

from bot.actions.incidents import Details
from bot.cards.card import (
    Actions,
    Body,
    Button,
    Card,
    Chart,
    Code,
    Deadline,
    Deadlines,
    DeadlineState,
    Divider,
    Element,
    Facts,
    Line,
    Link,
    Links,
    Log,
    Mark,
    Moment,
    Person,
    Progress,
    Refusal,
    Strong,
    Table,
    Title,
    Tone,
    When,
)
from bot.teams.buttons import LABEL, Place, button, refresh, row
from bot.teams.drawing import bars
from bot.teams.text import clean, cut, escape
from engine.identifiers import incident_number

Block = dict[str, Any]
CARD = "application/vnd.microsoft.card.adaptive"
UTF_8, UTF_16 = 26_000, 36_000
"""What a card may take; the rest of the message needs a little, too."""
SUMMARY = 250
LOG, LOG_SHOWN = 2_400, 400
"""Characters of output in a card, and how much of it is seen without pressing."""
SHORTER = ((2_900, 60), (1_500, 15), (700, 8), (300, 5))
"""Characters of one text and rows of one table, from what is wanted to what always fits."""

DOTS = {
    Tone.CRITICAL: "🔴",
    Tone.HIGH: "🟠",
    Tone.MEDIUM: "🟡",
    Tone.LOW: "🔵",
    Tone.INFO: "⚪",
    Tone.GOOD: "✅",
    Tone.WAITING: "✋",
    Tone.WORKING: "⚙️",
    Tone.BAD: "❌",
}
_CLOCK_DOTS = {
    DeadlineState.RUNNING: "⏱",
    DeadlineState.SOON: "⏳",
    DeadlineState.OVER: "🚨",
    DeadlineState.MET: "✓",
    DeadlineState.MISSED: "✗",
}


def message(card: Card, accounts: Sequence[str] = ()) -> Block:
    """The activity to send, without its address. `accounts`: the deciders' own, as far as Teams has told them."""
    attachment = {"contentType": CARD, "content": content(card, accounts=accounts)}
    return {
        "type": "message",
        "summary": cut(clean(card.summary), SUMMARY) or "–",
        "attachments": [attachment],
    }


def content(card: Card, place: Place = Place.MESSAGE, accounts: Sequence[str] = ()) -> Block:
    """The Adaptive Card. The first that fits, from the whole of it to what always does."""
    views = {"refresh": refresh(card.card_id, accounts)} if card.deciders and accounts else {}
    for most, rows in SHORTER:
        made = {**_composed(card, place, most, rows), **views}
        if fits(made):
            return made
    return _fewer(made, card, place)


def fits(made: Block) -> bool:
    text = orjson.dumps(made).decode()
    return len(text.encode()) <= UTF_8 and len(text.encode("utf-16-le")) <= UTF_16


def _composed(card: Card, place: Place, most: int, rows: int) -> Block:
    ink = _Ink(most, rows)
    body: list[Block] = []
    for number, element in enumerate(card.elements):
        body.extend(_element(element, number, ink, card.card_id, place))
    if ink.shortened and place is not Place.DIALOG:
        body.extend(_more(card))
    return _card(card, body, ink)


def _card(card: Card, body: list[Block], ink: _Ink) -> Block:
    if card.card_id and body:
        body[0] = {**body[0], "id": card.card_id}
    extras: Block = {"width": "Full"}
    if ink.mentions:
        extras["entities"] = list(ink.mentions.values())
    return {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.5",
        "fallbackText": cut(clean(card.summary), SUMMARY) or "–",
        "body": body or [_text("–")],
        "msteams": extras,
    }


def _fewer(made: Block, card: Card, place: Place) -> Block:
    """Whole parts go, from the end; what can be pressed goes last."""
    parts: list[Block] = made["body"]
    kept = dict(enumerate(parts))
    note = [_text("… the rest is not shown here", size="Small", isSubtle=True)]
    note += _more(card) if place is not Place.DIALOG else []
    last_to_go = sorted(kept, key=lambda number: (parts[number]["type"] == "ActionSet", -number))
    for number in last_to_go:
        del kept[number]
        fewer = {**made, "body": [*kept.values(), *note]}
        if fits(fewer):
            return fewer
    return {**made, "body": note}


def _more(card: Card) -> list[Block]:
    """Where the rest can be read."""
    number = incident_number(card.incident) if card.incident else None
    if number is None:
        return []
    wanted = Button("Show all", Details(number))
    return [{"type": "ActionSet", "actions": [button(wanted, card.card_id, Place.MESSAGE)]}]


@dataclass(slots=True)
class _Ink:
    """What one card is written with: how long its texts may be, who is called in it, whether something was cut."""

    most: int
    rows: int
    mentions: dict[str, Block] = field(default_factory=dict)
    shortened: bool = False

    def line(self, line: Line, most: int = 0) -> str:
        """Cut between marks or inside plain text, never inside of what is ours."""
        left = most or self.most
        parts: list[str] = []
        for mark in line:
            part = self._mark(mark)
            if len(part) > left:
                self.shortened = True
                parts.append(self._part_of(mark, left) + "…")
                break
            parts.append(part)
            left -= len(part)
        return "".join(parts)

    def _part_of(self, mark: Mark, left: int) -> str:
        match mark:
            case str():
                return escape(mark[: left // 2]).rstrip()
            case Strong() | Code():
                return escape(mark.text[: left // 2]).rstrip()
            case _:
                return ""

    def _mark(self, mark: Mark) -> str:
        match mark:
            case str():
                return escape(mark)
            case Strong():
                return _bold(mark.text)
            case Code():
                return escape(mark.text)
            case Person():
                return self._person(mark)
            case Moment():
                return moment(mark)
            case Link():
                return _link(mark)
            case _:
                assert_never(mark)

    def _person(self, person: Person) -> str:
        name = re.sub(r"[\\`*_{}\[\]<>~|&\n]", " ", clean(person.name)).strip()
        if not (person.notify and person.teams_user and name):
            return _bold(person.name)
        text = f"<at>{name}</at>"
        who = person.teams_user.rpartition("/")[2]
        known = self.mentions.setdefault(
            text, {"type": "mention", "text": text, "mentioned": {"id": who, "name": name}}
        )
        return text if known["mentioned"]["id"] == who else _bold(person.name)


def _element(element: Element, number: int, ink: _Ink, card_id: str, place: Place) -> list[Block]:
    match element:
        case Title():
            text = f"{DOTS[element.tone]}  {ink.line(element.line)}"
            return [_text(text, size="Medium", style="heading")]
        case Facts():
            return [_small([ink.line(item, ink.most // 2) for item in element.items])]
        case Deadlines():
            return [_deadlines(element, ink)]
        case Body():
            said = _text(ink.line(element.line) or "–")
            return [{"type": "Container", "style": "emphasis", "items": [said]}] if element.quoted else [said]
        case Log():
            return _log(element, number, ink)
        case Progress():
            return [_text(f"{DOTS[element.tone]} {ink.line(element.line)}")]
        case Table():
            return _table(element, ink)
        case Chart():
            return _chart(element, ink)
        case Divider():
            return [{"type": "Container", "separator": True, "items": []}]
        case Actions():
            return row(element, card_id, place)
        case Links():
            return _links(element)
        case Refusal():
            return _refusal(element, ink)
        case _:
            assert_never(element)


def _text(text: str, **how: Any) -> Block:
    return {"type": "TextBlock", "text": text or "–", "wrap": True, **how}


def _small(items: Sequence[str], **how: Any) -> Block:
    text = "  ·  ".join(item for item in items if item) or "–"
    return _text(text, size="Small", isSubtle=True, spacing="Small", **how)


def _bold(text: str) -> str:
    """Spaces at the ends stay outside of the stars: inside they would show the stars themselves."""
    inner = " ".join(text.split())
    if not inner:
        return ""
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{clean(before)}**{escape(inner)}**{clean(after)}"


def moment(mark: Moment) -> str:
    """Teams shows it on the reader's own clock."""
    at = mark.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    time = f"{{{{TIME({at})}}}}"
    return time if mark.style is When.TIME else f"{{{{DATE({at},SHORT)}}}} {time}"


def _link(link: Link) -> str:
    ours = link.url.startswith(("https://", "http://")) and not re.search(r"[\s<>|()\\\[\]{}]", link.url)
    return f"[{escape(link.text)}]({link.url})" if ours else escape(link.text)


def _links(links: Links) -> list[Block]:
    """At most six stand side by side."""
    opened = [
        {"type": "Action.OpenUrl", "title": cut(clean(one.text), LABEL) or "–", "url": one.url}
        for one in links.items
        if one.url.startswith(("https://", "http://"))
    ]
    return [{"type": "ActionSet", "actions": opened[at : at + 6]} for at in range(0, len(opened), 6)]


def _deadlines(deadlines: Deadlines, ink: _Ink) -> Block:
    states = {clock.state for clock in deadlines.clocks}
    urgent: Block = {}
    if states & {DeadlineState.OVER, DeadlineState.MISSED}:
        urgent = {"color": "Attention"}
    elif DeadlineState.SOON in states:
        urgent = {"color": "Warning"}
    items = [*(_deadline(clock, ink) for clock in deadlines.clocks)]
    return _small([*items, *(ink.line(item, ink.most // 2) for item in deadlines.rest)], **urgent)


def _deadline(clock: Deadline, ink: _Ink) -> str:
    label = ink.line((clock.label,), ink.most // 2)
    dot = _CLOCK_DOTS[clock.state]
    if clock.state in (DeadlineState.MET, DeadlineState.MISSED):
        return f"{dot} {label}"
    return f"{dot} {label} {moment(Moment(clock.due_at, When.DATE_TIME if clock.far else When.TIME))}"


def _log(log: Log, number: int, ink: _Ink) -> list[Block]:
    """Output is no Markdown. What is long folds away behind a button of its own."""
    text = clean(log.text).strip("\n") or "(nothing was printed)"
    most = min(LOG, ink.most)
    if len(text) > most:
        note = "\n… cut here; the whole text is in the thread …\n"
        text = text[: most * 2 // 3].rstrip() + note + text[-most // 4 :]
    run = {"type": "TextRun", "text": text, "fontType": "Monospace", "size": "Small"}
    block = {"type": "Container", "style": "emphasis", "items": [{"type": "RichTextBlock", "inlines": [run]}]}
    caption = [_small([escape(cut(log.caption, ink.most // 2))])] if log.caption else []
    if len(text) <= LOG_SHOWN:
        return [*caption, block]
    target = f"log-{number}"
    fold = {"type": "Action.ToggleVisibility", "title": f"Show {log.what}", "targetElements": [target]}
    folded = [{"type": "ActionSet", "actions": [fold]}, {**block, "id": target, "isVisible": False}]
    return [{"type": "Container", "items": [*caption, *folded]}]


def _table(table: Table, ink: _Ink) -> list[Block]:
    """Columns under headings; without headings one line a row, which reads well on a phone."""
    shown = table.rows[: ink.rows]
    if len(shown) < len(table.rows):
        ink.shortened = True
    left_out = len(table.rows) - len(shown)
    note = [_small([f"… {left_out} more"])] if left_out else []
    share = max(40, 4 * ink.most // max(1, len(shown)))
    if not table.headings:
        rows = ["  ·  ".join(text for cell in row if (text := ink.line(cell, share))) for row in shown]
        text = "\n\n".join(row for row in rows if row)
        return [_text(text), *note] if text else note
    width = len(table.headings)
    head = [_cell(f"**{escape(cut(heading, 60))}**") for heading in table.headings]
    lines = [
        [_cell(ink.line(cell, share) or "–") for cell in (*row, *((),) * width)[:width]] for row in shown
    ]
    rows_of = [{"type": "TableRow", "cells": cells} for cells in (head, *lines)]
    columns = [
        {"type": "TableColumnDefinition", "width": _width(column)}
        for column in zip(table.headings, *(_texts(row, width) for row in shown), strict=True)
    ]
    whole = {"type": "Table", "columns": columns, "rows": rows_of, "firstRowAsHeader": True}
    return [{**whole, "showGridLines": False}, *note]


def _texts(row: Sequence[Line], width: int) -> list[str]:
    return ["".join(map(_plain, cell)) for cell in (*row, *((),) * width)[:width]]


def _width(column: Sequence[str]) -> int:
    """A column's share: its longest word is not broken when there is room, and long texts get more of it."""
    words = [len(word) + 1 for text in column for word in text.split()]
    return max(4, min(18, max(words, default=0)), min(18, max(map(len, column)) // 2))


def _cell(text: str) -> Block:
    return {"type": "TableCell", "items": [_text(text, size="Small")]}


def _chart(chart: Chart, ink: _Ink) -> list[Block]:
    caption = ink.line(chart.caption)
    if not chart.values:
        return [_text(caption or "–")]
    words = cut(" ".join(_plain(mark) for mark in chart.caption).strip(), 200)
    image = {"type": "Image", "url": bars(chart.values), "altText": words or "A chart", "height": "48px"}
    return [image, *([_small([caption])] if caption else [])]


def _plain(mark: Mark) -> str:
    match mark:
        case str():
            return clean(mark)
        case Strong() | Code() | Link():
            return clean(mark.text)
        case Person():
            return clean(mark.name)
        case Moment():
            return mark.at.strftime("%H:%M UTC")
        case _:
            assert_never(mark)


def _refusal(refusal: Refusal, ink: _Ink) -> list[Block]:
    text = f"🚫  {ink.line((refusal.reason,))}"
    if refusal.who:
        text += " Ask " + " · ".join(ink.line((person,)) for person in refusal.who) + "."
    return [_text(text), *([_text(ink.line((refusal.hint,)), isSubtle=True)] if refusal.hint else [])]
