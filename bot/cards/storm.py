"""A storm's board while it lasts, and its recap afterwards: everything counted, the worst named, one row of buttons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.actions.storms import ClaimAll, SplitOut, StormList
from bot.cards.card import (
    Actions,
    Body,
    Button,
    Card,
    Chart,
    Element,
    Facts,
    Line,
    Moment,
    Strong,
    Style,
    Table,
    Title,
    Tone,
)
from bot.cards.incident import cut, span_text
from bot.cards.storm_view import StormView
from engine.alert import Severity
from engine.incident import Incident
from engine.storm import MINUTE, STORM_CARD, Share, busiest_minute, curve

DOTS = {
    Severity.CRITICAL: "🔴",
    Severity.HIGH: "🟠",
    Severity.MEDIUM: "🟡",
    Severity.LOW: "🔵",
    Severity.INFO: "⚪",
}


def storm_card(view: StormView) -> Card:
    elements = _recap(view) if view.over else _live(view)
    counts = f"{_many(view.tally.alerts, 'alert')}, {_many(view.tally.incidents, 'incident')}"
    state = "Storm over" if view.over else "Storm"
    worst = _severities(view.left.open_severities)
    summary = f"{state} at {view.company.name}: {counts}" + (f"; open: {worst}" if worst else "")
    return Card(summary=summary, elements=tuple(elements), kind=STORM_CARD)


def _live(view: StormView) -> list[Element]:
    tally = view.tally
    counts = f"{_many(tally.alerts, 'alert')} in {_many(tally.incidents, 'incident')}"
    elements: list[Element] = [
        Title(_tone(view), (Strong(f"Storm at {cut(view.company.name, 60)}"), f": {counts}")),
        Facts(
            (
                ("since ", Moment(view.storm.began_at)),
                ("shown here instead of a card each",),
                (f"{tally.with_card} with a card of their own" if tally.with_card else "",),
            )
        ),
        _chart(view),
        Body((_severities(tally.severities),)),
    ]
    return [*elements, *_open(view), *_rankings(view), *_people(view), *_buttons(view)]


def _recap(view: StormView) -> list[Element]:
    storm, tally = view.storm, view.tally
    counts = f"{_many(tally.alerts, 'alert')} became {_many(tally.incidents, 'incident')}"
    lasted = span_text(tally.last_alert_at - storm.began_at)
    elements: list[Element] = [
        Title(
            _tone(view),
            (Strong(f"The storm at {cut(view.company.name, 60)} is over"), f": {counts} in {lasted}"),
        ),
        Facts(
            (
                (Moment(storm.began_at), "–", Moment(tally.last_alert_at)),
                (f"{_recovered(view):,} recovered",),
                (f"{view.left.open:,} still open" if view.left.open else "nothing is open any more",),
            )
        ),
        _chart(view),
        Body((_severities(tally.severities),)),
    ]
    return [*elements, *_open(view), *_rankings(view), *_people(view), *_buttons(view)]


def _recovered(view: StormView) -> int:
    return view.left.incidents - view.left.open


def _tone(view: StormView) -> Tone:
    worst = next((one for one in Severity if view.left.open_severities.get(one.value)), None)
    return Tone(worst.value) if worst is not None else Tone.GOOD


def _chart(view: StormView) -> Chart:
    width, values = curve(view.storm)
    caption = f"alerts per {span_text(width)}"
    if view.storm.samples and view.storm.samples[-1][0] > MINUTE.total_seconds():
        caption += f" · {busiest_minute(view.storm):,} in the busiest minute"
    return Chart(tuple(float(value) for value in values), (caption,))


def _severities(counts: Mapping[str, int]) -> str:
    parts = [f"{DOTS[one]} {counts[one.value]:,} {one.value}" for one in Severity if counts.get(one.value)]
    return "  ·  ".join(parts)


def _open(view: StormView) -> list[Element]:
    """The worst of what is open, by number; how many more there are."""
    if not view.worst:
        return []
    rows = tuple(_incident(view, incident) for incident in view.worst)
    more = view.left.open - len(rows)
    head = "Still open, worst first" if view.over else "Open, worst first"
    note: Line = (Strong(head), f"  (+ {more:,} more)" if more > 0 else "")
    return [Body(note), Table((), rows)]


def _incident(view: StormView, incident: Incident) -> tuple[Line, ...]:
    owner = view.people.get(incident.assignee_id) if incident.assignee_id is not None else None
    who = "nobody has it" if owner is None else owner.name if incident.touched else f"for {owner.name}"
    times = f" ×{incident.count:,}" if incident.count > 1 else ""
    return (
        (f"{DOTS[incident.severity]} ", Strong(incident.label), f" {cut(incident.title, 60)}{times}"),
        (cut(incident.asset_name, 40),),
        (who,),
    )


def _rankings(view: StormView) -> list[Element]:
    """What it is and where, unless every incident is named above anyway."""
    tally = view.tally
    if tally.incidents <= len(view.worst):
        return []
    found: list[Element] = []
    if tally.signatures > 1:
        found.append(Body((Strong("By problem"),)))
        found.append(Table((), _ranking(tally.top_signatures, tally.signatures, "problem")))
    if tally.assets > 1 and tally.top_assets[0].incidents > 1:
        found.append(Body((Strong("By asset"),)))
        found.append(Table((), _ranking(tally.top_assets, tally.assets, "asset")))
    elif tally.assets > 1:
        found.append(Facts(((f"{tally.assets:,} assets, none with more than one incident",),)))
    return found


def _ranking(shares: Sequence[Share], total: int, what: str) -> tuple[tuple[Line, ...], ...]:
    rows: list[tuple[Line, ...]] = [
        ((cut(one.name, 70),), (_many(one.incidents, "incident"),), (_many(one.alerts, "alert"),))
        for one in shares
    ]
    if total > len(shares):
        rows.append(((f"+ {_many(total - len(shares), f'more {what}')}",),))
    return tuple(rows)


def _people(view: StormView) -> list[Element]:
    held = sorted(view.left.held.items(), key=lambda one: -one[1])
    names = {number: view.people[number].name if number in view.people else "somebody" for number, _ in held}
    items: list[Line] = [(Strong(names[number]), f" has {count:,}") for number, count in held[:6]]
    if len(held) > 6:
        items.append((f"{len(held) - 6} others have {sum(count for _, count in held[6:]):,}",))
    if view.left.untouched:
        items.append((f"{view.left.untouched:,} in nobody's hands",))
    if not view.over and _recovered(view):
        items.append((f"{_recovered(view):,} recovered",))
    elements: list[Element] = [Facts(tuple(items))] if items else []
    if view.runs:
        first = "; ".join(
            f"{run.title} on {run.target_names} (INC-{run.incident_id})" for run in view.runs[:3]
        )
        more = f" and {len(view.runs) - 3} more" if len(view.runs) > 3 else ""
        elements.append(
            Facts(((f"✋ waits for an approval: {cut(first, 300)}{more}. Split it out to decide.",),))
        )
    return elements


def _buttons(view: StormView) -> list[Element]:
    storm, left = view.storm.id, view.left
    if not left.open:
        return []
    buttons: list[Button] = []
    if left.untouched:
        label = "Claim it" if left.untouched == 1 else f"Claim all {left.untouched:,}"
        confirm = f"Take the {_many(left.untouched, 'incident')} that nobody has?"
        buttons.append(Button(label, ClaimAll(storm), Style.PRIMARY, confirm if left.untouched > 1 else None))
    if left.hidden:
        buttons.append(Button("Split one out", SplitOut(storm)))
    buttons.append(Button("Show the list", StormList(storm)))
    return [Actions(tuple(buttons))]


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
