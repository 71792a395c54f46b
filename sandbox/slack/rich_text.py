"""Rich text and tables: blocks whose content nests."""

from __future__ import annotations

from sandbox.slack.shapes import (
    Check,
    anything,
    by_type,
    flag,
    many,
    number,
    one_of,
    shape,
    string,
    web_address,
)

_STYLE = shape(
    {},
    dict.fromkeys(
        ("bold", "italic", "strike", "underline", "code", "highlight", "client_highlight", "unlink"), flag
    ),
)


def _leaf(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    return shape({"type": string(50), **required}, {"style": _STYLE, **(optional or {})})


_LEAVES: dict[str, Check] = {
    "text": _leaf({"text": string(100_000, 1)}),
    "link": _leaf({"url": web_address(3000)}, {"text": string(3000), "unsafe": flag}),
    "emoji": _leaf({"name": string(100, 1)}, {"unicode": string(100), "skin_tone": number(1, 6)}),
    "user": _leaf({"user_id": string(50, 1)}),
    "usergroup": _leaf({"usergroup_id": string(50, 1)}),
    "channel": _leaf({"channel_id": string(50, 1)}),
    "broadcast": _leaf({"range": one_of("here", "channel", "everyone")}),
    "color": _leaf({"value": string(7, 7)}),
    "date": _leaf(
        {"timestamp": number(0, 10**11), "format": string(255, 1)},
        {"url": web_address(3000), "fallback": string(255)},
    ),
}
_WORDS = many(by_type(_LEAVES), 10_000, 0)
_CODE = many(by_type(_LEAVES, frozenset({"text", "link"})), 10_000, 0)
_SECTION = shape({"type": string(50), "elements": _WORDS})
_PARTS: dict[str, Check] = {
    "rich_text_section": _SECTION,
    "rich_text_preformatted": shape(
        {"type": string(50), "elements": _CODE}, {"border": number(0, 1), "language": string(50)}
    ),
    "rich_text_quote": shape({"type": string(50), "elements": _WORDS}, {"border": number(0, 1)}),
    "rich_text_list": shape(
        {
            "type": string(50),
            "style": one_of("bullet", "ordered"),
            "elements": many(by_type({"rich_text_section": _SECTION}), 1000),
        },
        {"indent": number(0, 8), "offset": number(0, 1000), "border": number(0, 1)},
    ),
}
RICH_TEXT = shape(
    {"type": string(50), "elements": many(by_type(_PARTS), 10_000)}, {"block_id": string(255, 1)}
)
_CELL = by_type(
    {
        "raw_text": shape({"type": string(50), "text": string(3000, 1)}),
        "raw_number": shape({"type": string(50), "value": anything}, {"text": string(3000)}),
        "rich_text": RICH_TEXT,
    }
)


TABLE = shape(
    {"type": string(50), "rows": many(many(_CELL, 20), 100)},
    {"block_id": string(255, 1), "column_settings": many(anything, 20)},
)
