"""A Card as Block Kit. Every limit of Slack's lives here, as truncation that says so; property tests hold them.

Limits: 50 blocks a message, 3,000 characters of section text, about 13,200 of blocks in all (we stay under 12,000),
75 of a button, 150 of an option's value, 5 options in an overflow menu. Source: PLATFORM §5.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, assert_never

import orjson

from bot.actions.every import Action
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
    Style,
    Table,
    Title,
    Tone,
    When,
)
from engine.storm import sparkline

Block = dict[str, Any]
SECTION = 2900
CONTEXT_TEXT = 1900
BLOCKS = 48
MESSAGE_BUDGET = 11_500
SUMMARY = 2_900
LOG = 2_400
MORE = "more"
ROW, OVERFLOW = 4, 5
"""Buttons in a row beside ⋯, and options that a menu without a name may have."""

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
_BIDI = re.compile(r"[\u0000-\u0008\u000b-\u001f\u007f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def clean(text: str) -> str:
    """Without control and direction marks that could hide or turn round what is written."""
    return _SURROGATES.sub("\ufffd", _BIDI.sub("", text))


def escape(text: str) -> str:
    """Plain text inside mrkdwn: nothing in it can become a mention, a link or a command."""
    return clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def message(card: Card) -> dict[str, Any]:
    """`text`, `blocks` and `metadata` for chat.postMessage and chat.update."""
    blocks: list[Block] = []
    for number, element in enumerate(card.elements):
        blocks.extend(_element(element, number))
    body: dict[str, Any] = {"text": _cut_mrkdwn(escape(card.summary), SUMMARY) or "–", "blocks": _fit(blocks)}
    if card.card_id:
        payload = {"incident_id": card.incident, "kind": card.kind, "card": card.card_id}
        body["metadata"] = {"event_type": "aw_incident", "event_payload": payload}
    return body


def _fit(blocks: list[Block]) -> list[Block]:
    """Within Slack's size: first the longest texts are cut, then whole blocks go; buttons stay."""
    blocks = _few(blocks)
    for limit in (1500, 700, 300):
        if _size(blocks) <= MESSAGE_BUDGET:
            return blocks
        blocks = [_shortened(block, limit) for block in blocks]
    while _size(blocks) > MESSAGE_BUDGET:
        spare = [place for place, block in enumerate(blocks) if block["type"] != "actions"]
        if len(spare) <= 1:
            break
        del blocks[spare[-1]]
    return blocks


def _few(blocks: list[Block]) -> list[Block]:
    if len(blocks) <= BLOCKS:
        return blocks
    left_out = len(blocks) - BLOCKS + 1
    buttons = [block for block in blocks[BLOCKS - 2 :] if block["type"] == "actions"][:1]
    note = _context([f"… {left_out} more lines not shown"])
    return [*blocks[: BLOCKS - 1 - len(buttons)], note, *buttons]


def _size(blocks: list[Block]) -> int:
    return len(orjson.dumps(blocks).decode())


def _shortened(block: Block, limit: int) -> Block:
    text = block.get("text")
    if block["type"] == "section" and text and len(text["text"]) > limit:
        return block | {"text": text | {"text": _cut_mrkdwn(text["text"], limit)}}
    if block["type"] == "rich_text":
        inner = block["elements"][0]["elements"][0]
        short = inner | {"text": _cut(inner["text"], limit)}
        return block | {"elements": [block["elements"][0] | {"elements": [short]}]}
    return block


def _element(element: Element, number: int) -> list[Block]:
    match element:
        case Title():
            return [_section(f"{DOTS[element.tone]}  {_line(element.line)}")]
        case Facts():
            return [_context([_line(item) for item in element.items])]
        case Deadlines():
            return [_context([*map(_deadline, element.clocks), *map(_line, element.rest)])]
        case Body():
            text = _line(element.line)
            return [_section(_quoted(text) if element.quoted else text)]
        case Log():
            return _log(element)
        case Progress():
            return [_section(f"{DOTS[element.tone]} {_line(element.line)}")]
        case Table():
            return _table(element)
        case Chart():
            return [_section(f"{sparkline(element.values)}  {_line(element.caption)}")]
        case Divider():
            return [{"type": "divider"}]
        case Actions():
            return _actions(element, number)
        case Links():
            return [_section(" · ".join(_line((one,)) for one in element.items))]
        case Refusal():
            return _refusal(element)
        case _:
            assert_never(element)


def _quoted(text: str) -> str:
    return "\n".join(f"> {row}" for row in text.split("\n"))


def _line(line: Line) -> str:
    return "".join(map(_mark, line))


def _mark(mark: Mark) -> str:
    match mark:
        case str():
            return escape(mark)
        case Strong():
            return _bold(mark.text)
        case Code():
            return f"`{escape(mark.text).replace('`', 'ˋ')}`" if mark.text.strip() else ""
        case Person():
            known = mark.notify and mark.slack_user
            return f"<@{mark.slack_user}>" if known else f"*{_unformatted(mark.name)}*"
        case Moment():
            return moment(mark)
        case Link():
            ours = mark.url.startswith(("https://", "http://")) and not re.search(r"[\s<>|]", mark.url)
            return f"<{mark.url}|{escape(mark.text).replace('|', '¦')}>" if ours else escape(mark.text)
        case _:
            assert_never(mark)


def _bold(text: str) -> str:
    """Spaces at the ends stay outside of the stars: inside they would show the stars themselves."""
    inner = text.strip()
    if not inner:
        return ""
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{before}*{_unformatted(inner)}*{after}"


def _unformatted(text: str) -> str:
    """Inside *…*: a star of its own would end it, a line break would break it."""
    return escape(text).replace("*", "∗").replace("\n", " ").strip()


def moment(mark: Moment) -> str:
    """Slack shows it on the reader's own clock; the fallback is UTC."""
    token = "{time}" if mark.style is When.TIME else "{date_short_pretty} {time}"
    fallback = mark.at.strftime("%H:%M UTC" if mark.style is When.TIME else "%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(mark.at.timestamp())}^{token}|{fallback}>"


def _deadline(clock: Deadline) -> str:
    dot = _CLOCK_DOTS[clock.state]
    if clock.state in (DeadlineState.MET, DeadlineState.MISSED):
        return f"{dot} {escape(clock.label)}"
    text = f"{dot} {escape(clock.label)} {moment(Moment(clock.due_at, When.DATE_TIME if clock.far else When.TIME))}"
    return text if clock.state is DeadlineState.RUNNING else f"*{text}*"


def _section(text: str) -> Block:
    shown = _cut_mrkdwn(text, SECTION) or "–"
    return {"type": "section", "text": {"type": "mrkdwn", "text": shown, "verbatim": True}}


def _context(items: list[str]) -> Block:
    """One quiet line; joined into one element, so that ten facts do not hit the limit of ten elements."""
    text = _cut_mrkdwn("  ·  ".join(item for item in items if item), CONTEXT_TEXT) or "–"
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": True}]}


def _log(log: Log) -> list[Block]:
    text = clean(log.text).strip("\n") or "(nothing was printed)"
    if len(text) > LOG:
        text = (
            text[: LOG * 2 // 3].rstrip()
            + "\n… cut here; the whole text is in the thread's file …\n"
            + text[-LOG // 4 :]
        )
    piece = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}
    block: Block = {"type": "rich_text", "elements": [piece]}
    return [_context([escape(log.caption)]), block] if log.caption else [block]


def _table(table: Table) -> list[Block]:
    """One line a row: reads well on a phone, where wide tables do not."""
    rows = ["  ·  ".join(_named(table.headings, [_line(cell) for cell in row])) for row in table.rows]
    blocks = []
    part: list[str] = []
    for row in rows:
        if sum(map(len, part)) + len(row) > SECTION - 100:
            blocks.append(_section("\n".join(part)))
            part = []
        part.append(row)
    return [*blocks, _section("\n".join(part))] if part else blocks


def _named(headings: Sequence[str], cells: Sequence[str]) -> list[str]:
    """The cells of one line that say something. A figure stands behind the name of its column: there is no head to look
    up at, and words speak for themselves."""
    said = [text for text in cells[:1] if text]
    for name, text in zip(headings[1:] or [""] * len(cells), cells[1:], strict=False):
        if text in ("", "–") and headings:
            continue
        figure = name and text[:1].isdigit()
        said.append(f"{escape(name)} {text}" if figure else text)
    return [text for text in said if text]


def _refusal(refusal: Refusal) -> list[Block]:
    text = f"🚫  {escape(refusal.reason)}"
    if refusal.who:
        text += " Ask " + " · ".join(map(_mark, refusal.who)) + "."
    if refusal.hint:
        text += f"\n{escape(refusal.hint)}"
    return [_section(text)]


def _actions(actions: Actions, number: int) -> list[Block]:
    more = (*actions.buttons[ROW:], *actions.more)
    elements: list[Block] = [_button(button) for button in actions.buttons[:ROW]]
    if more:
        elements.append(_more(more))
    return [{"type": "actions", "block_id": f"aw-actions-{number}", "elements": elements}] if elements else []


def _more(buttons: Sequence[Button]) -> Block:
    """⋯ as long as Slack's overflow menu holds them all, else a select: none is left out."""
    options = [{"text": _plain(one.label, 75), "value": option_value(one.action)} for one in buttons]
    if len(options) <= OVERFLOW:
        return {"type": "overflow", "action_id": f"aw:{MORE}", "options": options}
    more = _plain("⋯", 150)
    return {"type": "static_select", "action_id": f"aw:{MORE}", "placeholder": more, "options": options[:100]}


def _button(button: Button) -> Block:
    element: Block = {
        "type": "button",
        "text": _plain(button.label, 75),
        "action_id": f"aw:{button.action.verb}",
        "value": button.action.pack(),
    }
    if button.style is not Style.PLAIN:
        element["style"] = button.style.value
    if button.confirm:
        element["confirm"] = {
            "title": _plain(button.label, 100),
            "text": _plain(button.confirm, 300),
            "confirm": _plain("Yes", 30),
            "deny": _plain("No", 30),
        }
    return element


def option_value(action: Action) -> str:
    """A menu has one action_id for all its options, so that the option names the verb itself."""
    return f"{action.verb}:{action.pack()}"


def _plain(text: str, most: int) -> Block:
    return {"type": "plain_text", "text": _cut(clean(text), most) or "–", "emoji": True}


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


_TOKEN_CUT = re.compile(r"(<[^>]*|&[a-z]{0,4})$")


def _cut_mrkdwn(text: str, most: int) -> str:
    """Cut without leaving half of an entity, a mention or a link behind."""
    if len(text) <= most:
        return text
    return _TOKEN_CUT.sub("", text[: most - 1]).rstrip() + "…"
