"""Block Kit: what fits is taken, one too many is refused, and the refusal names the place."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models import blocks as sdk

from sandbox.slack.blocks import BLOCKS, check_message, check_view, named
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.shapes import by_type, found_by
from tests.sandbox.conftest import button, field_of, modal, mrkdwn, plain, section


def options(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"text": plain(f"o{n}"), "value": str(n), **more} for n in range(count)]


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def menu(**more: Any) -> dict[str, Any]:
    return {"type": "static_select", "action_id": "m", "options": options(2), **more}


def rich(*words: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(words)}]}


def refused(*blocks: Any) -> str:
    with pytest.raises(SlackRefusal) as caught:
        check_message(list(blocks))
    assert caught.value.error == "invalid_blocks"
    return "\n".join(caught.value.messages)


PICTURE = {"type": "image", "image_url": "https://x/i.png", "alt_text": "i"}
WORDS = {"type": "text", "text": "df -h"}
CONFIRM = {"title": plain("Sure?"), "text": mrkdwn("x"), "confirm": plain("Yes"), "deny": plain("No")}
LIMITS: list[tuple[Any, Any, int, str]] = [
    # what makes a block of size n, …, the largest n, where the fault is
    ("section text", lambda n: section("x" * n), 3000, "/blocks/0/text/text"),
    ("section field", lambda n: {"type": "section", "fields": [mrkdwn("x" * n)]}, 2000, "/blocks/0/fields/0/text"),
    ("section fields", lambda n: {"type": "section", "fields": [mrkdwn("x")] * n}, 10, "/blocks/0/fields"),
    ("header", lambda n: {"type": "header", "text": plain("x" * n)}, 150, "/blocks/0/text/text"),
    ("context", lambda n: {"type": "context", "elements": [mrkdwn("x")] * n}, 10, "/blocks/0/elements"),
    ("actions", lambda n: actions(*(button(f"a{i}") for i in range(n))), 25, "/blocks/0/elements"),
    ("button text", lambda n: actions(button(text=plain("x" * n))), 75, "/blocks/0/elements/0/text/text"),
    ("button value", lambda n: actions(button(value="x" * n)), 2000, "/blocks/0/elements/0/value"),
    ("button url", lambda n: actions(button(url="https://" + "x" * (n - 8))), 3000, "/blocks/0/elements/0/url"),
    ("action_id", lambda n: actions(button("x" * n)), 255, "/blocks/0/elements/0/action_id"),
    ("block_id", lambda n: section(block_id="x" * n), 255, "/blocks/0/block_id"),
    ("overflow", lambda n: section(accessory={"type": "overflow", "options": options(n)}), 5, "/accessory/options"),
    ("select", lambda n: actions(menu(options=options(n))), 100, "/elements/0/options"),
    ("option text", lambda n: actions(menu(options=[{"text": plain("x" * n), "value": "1"}])), 75, "/0/text/text"),
    ("option value", lambda n: actions(menu(options=[{"text": plain("x"), "value": "x" * n}])), 150, "/0/value"),
    ("placeholder", lambda n: actions(menu(placeholder=plain("x" * n))), 150, "/placeholder/text"),
    ("radio", lambda n: actions({"type": "radio_buttons", "options": options(n)}), 10, "/elements/0/options"),
    ("confirm title", lambda n: actions(button(confirm=CONFIRM | {"title": plain("x" * n)})), 100, "/title/text"),
    ("confirm text", lambda n: actions(button(confirm=CONFIRM | {"text": plain("x" * n)})), 300, "/text/text"),
    ("confirm deny", lambda n: actions(button(confirm=CONFIRM | {"deny": plain("x" * n)})), 30, "/deny/text"),
    ("label", lambda n: {**field_of(), "label": plain("x" * n)}, 2000, "/blocks/0/label/text"),
    ("hint", lambda n: {**field_of(), "hint": plain("x" * n)}, 2000, "/blocks/0/hint/text"),
    ("max_length", lambda n: field_of(max_length=n), 3000, "/element/max_length"),
    ("alt", lambda n: {"type": "image", "image_url": "https://x/y.png", "alt_text": "x" * n}, 2000, "/alt_text"),
    ("markdown", lambda n: {"type": "markdown", "text": "x" * n}, 12_000, "/blocks/0/text"),
    ("rows", lambda n: {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]] * n}, 100, "/blocks/0/rows"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "make", "most", "where"), LIMITS, ids=[one[0] for one in LIMITS])
def test_the_largest_fits_and_one_more_does_not(name: str, make: Any, most: int, where: str):
    check_message([make(most)])
    said = refused(make(most + 1))
    assert f"{where}]" in said, said


def test_the_limits_are_those_that_slacks_own_sdk_knows():
    known = {
        "section text": sdk.SectionBlock.text_max_length,
        "section fields": sdk.SectionBlock.fields_max_length,
        "header": sdk.HeaderBlock.text_max_length,
        "context": sdk.ContextBlock.elements_max_length,
        "actions": sdk.ActionsBlock.elements_max_length,
        "button text": sdk.ButtonElement.text_max_length,
        "button value": sdk.ButtonElement.value_max_length,
        "button url": sdk.ButtonElement.url_max_length,
        "action_id": sdk.ButtonElement.action_id_max_length,
        "block_id": sdk.Block.block_id_max_length,
        "overflow": sdk.OverflowMenuElement.options_max_length,
        "select": sdk.StaticSelectElement.options_max_length,
        "option text": sdk.Option.label_max_length,
        "option value": sdk.Option.value_max_length,
        "confirm title": sdk.ConfirmObject.title_max_length,
        "confirm text": sdk.ConfirmObject.text_max_length,
        "confirm deny": sdk.ConfirmObject.deny_max_length,
        "label": sdk.InputBlock.label_max_length,
        "hint": sdk.InputBlock.hint_max_length,
        "alt": sdk.ImageBlock.alt_text_max_length,
    }
    assert {name: most for name, _, most, _ in LIMITS if name in known} == known


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"type": "sektion"}, "unsupported type: sektion [json-pointer:/blocks/0/type]"),
        ({"text": plain("x")}, "missing required field: type [json-pointer:/blocks/0]"),
        ("text", "must be an object [json-pointer:/blocks/0]"),
        ({"type": "section"}, "must have at least one of: text, fields"),
        (section(""), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        (section(color="red"), "invalid additional property: color [json-pointer:/blocks/0]"),
        (
            {"type": "header", "text": mrkdwn("x")},
            "must be one of: plain_text [json-pointer:/blocks/0/text/type]",
        ),
        (
            {"type": "section", "text": {"type": "mrkdwn", "text": "x", "emoji": True}},
            "additional property: emoji",
        ),
        (actions(), "must have at least 1 item [json-pointer:/blocks/0/elements]"),
        (actions(button(style="warning")), "must be one of: primary, danger"),
        (actions(button(text=mrkdwn("x"))), "must be one of: plain_text"),
        (actions(button(), button()), "action_id aw:go already exists in this block"),
        (actions(button(url="javascript:alert(1)")), "must be a valid URL"),
        (actions({"type": "plain_text_input"}), "unsupported type: plain_text_input"),
        (section(accessory={"type": "datetimepicker"}), "unsupported type: datetimepicker"),
        (actions(menu(initial_option=options(3)[2])), "must be one of the provided options"),
        (actions({"type": "static_select"}), "must have exactly one of: options, option_groups"),
        (actions({"type": "datepicker", "initial_date": "1.2.2026"}), "must be a date"),
        (field_of(min_length=5, max_length=2), "min_length must be less than or equal to max_length"),
        ({**field_of(), "element": {"type": "file_input"}}, "unsupported type: file_input"),
        (rich({"type": "text", "text": ""}), "must be more than 0 characters"),
        (rich({"type": "button"}), "unsupported type: button"),
        ({"type": "image", "alt_text": "x"}, "must have exactly one of: image_url, slack_file"),
    ],
)
def test_what_slack_does_not_understand_is_named(block: Any, said: str):
    assert said in refused(block)


def test_fifty_blocks_fit_and_their_ids_differ():
    check_message([{"type": "divider"}] * 50)
    assert "no more than 50 items allowed [json-pointer:/blocks]" in refused(*[{"type": "divider"}] * 51)
    assert "block_id a already exists" in refused(section(block_id="a"), section(block_id="a"))


def test_a_message_has_one_table_and_twelve_thousand_characters_of_markdown():
    table = {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}
    assert "only one table" in refused(table, table)
    half = {"type": "markdown", "text": "x" * 6000}
    check_message([half, half])
    assert "12001" in refused(half, half, {"type": "markdown", "text": "x"})


def test_all_blocks_together_have_their_limit_too():
    check_message([section("x" * 2500)] * 5)
    with pytest.raises(SlackRefusal, match="msg_blocks_too_long"):
        check_message([section("x" * 2700)] * 5)


def test_a_message_of_everything_is_taken():
    everything = [
        section(accessory=button("acc"), fields=[plain("f")], block_id="one"),
        {"type": "header", "text": plain("Title")},
        {"type": "divider"},
        {"type": "context", "elements": [mrkdwn("*x*"), PICTURE]},
        actions(
            button(style="primary", confirm=CONFIRM | {"style": "danger"}),
            menu(action_id="s", option_groups=[{"label": plain("g"), "options": options(2)}]) | {"options": None},
        ),
        rich(
            {"type": "text", "text": "x", "style": {"bold": True}},
            {"type": "user", "user_id": "U0KIM"},
            {"type": "date", "timestamp": 1795421660, "format": "{time}", "fallback": "now"},
        ),
        {"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [WORDS]}]},
        {"type": "alert", "text": mrkdwn("x"), "level": "warning"},
        field_of(),
    ]  # fmt: skip
    del everything[4]["elements"][1]["options"]
    check_message(everything)


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(string.printable, max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "type",
                        "text",
                        "elements",
                        "element",
                        "accessory",
                        "options",
                        "fields",
                        "rows",
                        "block_id",
                    ]
                ),
                inner
                | st.sampled_from(
                    ["section", "actions", "input", "rich_text", "table", "button", "overflow"]
                ),
                max_size=4,
            )
        ),
        max_leaves=15,
    )
)
def test_no_shape_whatever_breaks_the_check(block: Any):
    faults = found_by(by_type(BLOCKS), block, "/blocks/0")
    assert all(fault.startswith("[ERROR] ") and "[json-pointer:/blocks/0" in fault for fault in faults)
    if faults:
        refused(block)
    else:
        check_message([block])


def view_refused(view: dict[str, Any], kind: str = "modal") -> str:
    with pytest.raises(SlackRefusal) as caught:
        check_view(view, kind)
    assert caught.value.error in ("invalid_arguments", "view_too_large")
    return "\n".join(caught.value.messages) or caught.value.error


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"title": plain("x" * 25)}, "must be less than 25 characters [json-pointer:/view/title/text]"),
        ({"submit": plain("x" * 25)}, "/view/submit/text"),
        ({"close": plain("x" * 25)}, "/view/close/text"),
        ({"private_metadata": "x" * 3001}, "/view/private_metadata"),
        ({"callback_id": "x" * 256}, "/view/callback_id"),
        (
            {"blocks": [{"type": "divider"}] * 101},
            "no more than 100 items allowed [json-pointer:/view/blocks]",
        ),
        ({"blocks": [{"type": "markdown", "text": "x"}]}, "unsupported type: markdown"),
        ({"type": "home"}, "must be one of: modal"),
        ({"colour": "red"}, "invalid additional property: colour"),
        (
            {"blocks": [field_of("a", focus_on_load=True), field_of("b", focus_on_load=True)]},
            "only one element may have focus_on_load",
        ),
    ],
)
def test_a_modal_has_limits_of_its_own(more: dict[str, Any], said: str):
    check_view(modal(), "modal")
    assert said in view_refused(modal() | more)


def test_a_modal_with_inputs_needs_something_to_send_it():
    without = modal()
    del without["submit"]
    assert "must define `submit`" in view_refused(without)
    check_view(without | {"blocks": [section()]}, "modal")


def test_a_view_has_at_most_250_kilobytes():
    wide = [section("ü" * 3000, block_id=str(n)) for n in range(50)]
    assert view_refused(modal(*wide, field_of())) == "view_too_large"


def test_ids_left_out_are_made_up_and_the_rest_stays():
    given_blocks = [
        section(accessory=button("mine")),
        actions({**button(), "action_id": "x"}, menu(action_id="y")),
    ]
    made = named([*given_blocks, actions({"type": "button", "text": plain("x")})])
    assert len({block["block_id"] for block in made}) == 3
    assert made[0]["accessory"]["action_id"] == "mine"
    assert made[2]["elements"][0]["action_id"]
    assert "block_id" not in given_blocks[0]
