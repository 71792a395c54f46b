"""Drafted time as a card: what is not booked yet, with a button for each and one for all."""

from __future__ import annotations

from collections.abc import Sequence

from bot.actions.people import BookAllTime, BookTime, ChangeTime
from bot.cards.card import (
    Actions,
    Asked,
    Body,
    Button,
    Card,
    Element,
    Facts,
    Field,
    FieldKind,
    Form,
    Line,
    Strong,
    Style,
    Title,
    Tone,
)
from bot.cards.incident import cut
from engine.operations.booking import Slot
from engine.timesheet import span_words

SHOWN = 8


def _draft_words(slot: Slot) -> str:
    """`38 min on INC-42 for Acme Corp (12 min idle left out)`"""
    idle = f" ({span_words(slot.drafted.idle)} idle left out)" if slot.drafted.idle else ""
    return f"{span_words(slot.drafted.minutes)} on {slot.label} for {cut(slot.company.name, 60)}{idle}"


def _line(slot: Slot) -> Line:
    stretch = slot.drafted.stretch
    what = f"{cut(stretch.title, 80)} on {cut(stretch.asset_name, 40)}"
    return (Strong(_draft_words(slot)), f" · {what}")


def _buttons(slot: Slot) -> tuple[Button, Button]:
    stretch, minutes = slot.drafted.stretch, str(slot.drafted.minutes)
    book = BookTime(stretch.incident_id, minutes)
    return (
        Button(f"Book {span_words(slot.drafted.minutes)}", book, Style.PRIMARY),
        Button("Change…", ChangeTime(stretch.incident_id)),
    )


def drafts_card(slots: Sequence[Slot], *, said: str = "") -> Card:
    """`said` is what was just done."""
    if not slots:
        text = f"{said} All your time is booked." if said else "All your time is booked."
        return Card(summary=text, elements=(Title(Tone.GOOD, (text,)),))
    total = sum(one.drafted.minutes for one in slots)
    summary = f"{span_words(total)} are not booked yet."
    elements: list[Element] = [Title(Tone.WAITING, (f"{said} " if said else "", Strong(summary)))]
    if len(slots) > 1:
        label = f"Book all {span_words(total)}"
        elements.append(Actions((Button(label, BookAllTime(str(total)), Style.PRIMARY),)))
    for one in slots[:SHOWN]:
        elements += [Body(_line(one)), Actions(_buttons(one))]
    if len(slots) > SHOWN:
        elements.append(Facts(((f"and {len(slots) - SHOWN} more, when these are booked",),)))
    return Card(summary=f"{said} {summary}".strip(), elements=tuple(elements))


def slot_card(slot: Slot, *, said: str = "") -> Card:
    """One incident: its draft with buttons, or what was booked."""
    entry = slot.entry
    if entry is None:
        text = f"{said} {_draft_words(slot)}".strip()
        elements: tuple[Element, ...] = (
            Title(
                Tone.WAITING if not said else Tone.GOOD,
                (f"{said} " if said else "", Strong(_draft_words(slot))),
            ),
            Actions(_buttons(slot)),
        )
        return Card(summary=text, elements=elements)
    text = f"{span_words(entry.minutes)} on {slot.label} are booked for {cut(slot.company.name, 60)}."
    facts: list[Line] = [(f"by {cut(entry.booked_by, 60)}",)]
    if entry.minutes != entry.drafted:
        facts.append((f"{span_words(entry.drafted)} were drafted",))
    if entry.note:
        facts.append((f"because: {cut(entry.note, 200)}",))
    facts += [("on a bill: it cannot be changed any more",)] if entry.exported_at else []
    change = [] if entry.exported_at else [Actions((Button("Change…", ChangeTime(entry.incident_id)),))]
    return Card(summary=text, elements=(Title(Tone.GOOD, (text,)), Facts(tuple(facts)), *change))


def slot_form(slot: Slot, *, said: str = "") -> Asked:
    """The minutes, to be confirmed as they are or changed with a reason. `said` is what was just done."""
    minutes = slot.minutes
    number = slot.drafted.stretch.incident_id
    intro: Line = (f"{said} " if said else "", _draft_words(slot) + ".")
    if slot.entry is not None:
        intro = (f"{span_words(minutes)} on {slot.label} are booked.",)
    fields = (
        Field(name="minutes", label="Minutes", value=str(minutes), most=6),
        Field(
            name="text",
            label="Why, if you change them",
            kind=FieldKind.TEXT,
            optional=True,
            most=500,
            placeholder="20 min on the phone with the client",
        ),
    )
    seen = BookTime(number, str(slot.drafted.minutes))
    return Asked(
        Form(title=f"Time on {slot.label}"[:24], submit="Book it", action=seen, fields=fields, intro=intro)
    )
