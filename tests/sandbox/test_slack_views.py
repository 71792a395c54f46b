"""Modals and App Home: triggers that hold for three seconds and once, stacks of three, and forms checked twice."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.slack.forms import completed, to_mend, values_of
from tests.sandbox.conftest import KIM, LEE, Desk, field_of, modal, plain, section


def trigger(desk: Desk, user: str = KIM, view: str = "") -> str:
    return desk.slack.state.tickets.trigger(user, view)


async def opened(desk: Desk, view: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = await desk.client.views_open(trigger_id=trigger(desk), view=view or modal())
    found: dict[str, Any] = answer["view"]
    return found


async def test_a_trigger_opens_one_modal_within_three_seconds(desk: Desk):
    ticket = trigger(desk)
    assert (
        await desk.why("views.open", trigger_id=ticket, view=modal(title=plain("x" * 25)))
        == "invalid_arguments"
    )
    view = (await desk.client.views_open(trigger_id=ticket, view=modal()))["view"]
    assert desk.slack.views_of(KIM) == [view] and desk.slack.views_of(LEE) == []
    assert (view["root_view_id"], view["previous_view_id"], view["state"]) == (
        view["id"],
        None,
        {"values": {}},
    )
    assert await desk.why("views.open", trigger_id=ticket, view=modal()) == "exchanged_trigger_id"
    assert await desk.why("views.open", trigger_id="1.2.3", view=modal()) == "invalid_trigger_id"
    assert await desk.why("views.open", view=modal()) == "invalid_arguments"
    late = trigger(desk)
    now = desk.slack.state.clock()
    desk.slack.state.clock = lambda: now + 3.1
    assert await desk.why("views.open", trigger_id=late, view=modal()) == "expired_trigger_id"


async def test_a_view_may_also_come_as_text(desk: Desk):
    import json

    await desk.client.api_call(
        "views.open", params={"trigger_id": trigger(desk), "view": json.dumps(modal())}
    )
    assert len(desk.slack.views_of(KIM)) == 1


async def test_modals_stack_three_high(desk: Desk):
    first = await opened(desk)
    second = (await desk.client.views_push(trigger_id=trigger(desk, view=first["id"]), view=modal()))["view"]
    third = (await desk.client.views_push(trigger_id=trigger(desk, view=second["id"]), view=modal()))["view"]
    assert (third["previous_view_id"], third["root_view_id"]) == (second["id"], first["id"])
    again = trigger(desk, view=third["id"])
    assert await desk.why("views.push", trigger_id=again, view=modal()) == "push_limit_reached"
    assert await desk.why("views.push", trigger_id=trigger(desk), view=modal()) == "invalid_trigger_id"
    await desk.slack.close_view(KIM, third["id"])
    assert [one["id"] for one in desk.slack.views_of(KIM)] == [first["id"], second["id"]]
    fresh = await opened(desk)
    assert desk.slack.views_of(KIM) == [fresh], "a new modal takes the place of the others"


async def test_an_update_needs_the_view_that_is_there(desk: Desk):
    view = await opened(desk, modal(external_id="mine"))
    changed = (await desk.client.views_update(view_id=view["id"], hash=view["hash"], view=modal(section())))[
        "view"
    ]
    assert changed["id"] == view["id"] and changed["hash"] != view["hash"]
    old = {"view_id": view["id"], "hash": view["hash"], "view": modal()}
    assert await desk.why("views.update", **old) == "hash_conflict"
    assert await desk.why("views.update", view_id="V0NONE", view=modal()) == "not_found"
    assert await desk.why("views.update", view=modal()) == "invalid_arguments"
    home = {"type": "home", "blocks": []}
    assert await desk.why("views.update", view_id=view["id"], view=home) == "invalid_arguments"


async def test_a_name_of_ones_own_finds_the_view_and_is_unique(desk: Desk):
    await opened(desk, modal(external_id="mine"))
    await desk.client.views_update(external_id="mine", view=modal(section("new"), external_id="mine"))
    assert desk.slack.views_of(KIM)[0]["blocks"][0]["text"]["text"] == "new"
    taken = {"trigger_id": trigger(desk, LEE), "view": modal(external_id="mine")}
    assert await desk.why("views.open", **taken) == "duplicate_external_id"


async def test_what_was_typed_stays_where_its_field_stays(desk: Desk):
    view = await opened(desk, modal(field_of("a"), field_of("b")))
    desk.slack.views_of(KIM)[0]["state"]["values"] = {
        name: {name: {"type": "plain_text_input", "value": name}} for name in ("a", "b")
    }
    await desk.client.views_update(view_id=view["id"], view=modal(field_of("b"), field_of("c")))
    assert desk.slack.views_of(KIM)[0]["state"]["values"] == {
        "b": {"b": {"type": "plain_text_input", "value": "b"}}
    }


async def test_a_home_is_each_persons_own(desk: Desk):
    home = {"type": "home", "blocks": [section("yours")]}
    first = (await desk.client.views_publish(user_id=KIM, view=home))["view"]
    assert desk.slack.home_of(KIM) == first and desk.slack.home_of(LEE) is None
    second = (await desk.client.views_publish(user_id=KIM, view=home, hash=first["hash"]))["view"]
    assert second["id"] == first["id"]
    stale = {"user_id": KIM, "view": home, "hash": first["hash"]}
    assert await desk.why("views.publish", **stale) == "hash_conflict"
    assert await desk.why("views.publish", user_id="U0NOBODY", view=home) == "user_not_found"
    assert await desk.why("views.publish", user_id=KIM, view=modal()) == "invalid_arguments"


OPTIONS = [{"text": plain(name), "value": name} for name in ("low", "high")]
FIELDS: list[tuple[dict[str, Any], Any, dict[str, Any]]] = [
    ({"type": "plain_text_input"}, "x", {"value": "x"}),
    ({"type": "static_select", "options": OPTIONS}, "high", {"selected_option": OPTIONS[1]}),
    (
        {"type": "static_select", "options": OPTIONS, "initial_option": OPTIONS[0]},
        None,
        {"selected_option": OPTIONS[0]},
    ),
    ({"type": "multi_static_select", "options": OPTIONS}, ["low"], {"selected_options": OPTIONS[:1]}),
    ({"type": "checkboxes", "options": OPTIONS}, None, {"selected_options": []}),
    ({"type": "users_select"}, LEE, {"selected_user": LEE}),
    ({"type": "datepicker", "initial_date": "2026-11-23"}, None, {"selected_date": "2026-11-23"}),
    ({"type": "timepicker"}, "08:30", {"selected_time": "08:30"}),
    ({"type": "datetimepicker"}, 1795421660, {"selected_date_time": 1795421660}),
    ({"type": "conversations_select"}, None, {"selected_conversation": None}),
]


@pytest.mark.parametrize(("element", "given", "kept"), FIELDS, ids=[one[0]["type"] for one in FIELDS])
def test_a_form_keeps_each_kind_of_answer_as_slack_does(
    element: dict[str, Any], given: Any, kept: dict[str, Any]
):
    view = modal({**field_of("f"), "element": {**element, "action_id": "f"}})
    expected = {"f": {"f": {"type": element["type"], **kept}}}
    assert values_of(view, {"f": given} if given is not None else {}) == expected
    assert values_of(view, expected) == expected
    assert completed(view, {})["f"]["f"]["type"] == element["type"]


def test_an_option_that_is_not_offered_cannot_be_chosen():
    view = modal(
        {**field_of("f"), "element": {"type": "static_select", "action_id": "f", "options": OPTIONS}}
    )
    with pytest.raises(LookupError, match="no option 'middle'"):
        values_of(view, {"f": "middle"})


@pytest.mark.parametrize(
    ("element", "value", "said"),
    [
        ({}, "", "required"),
        ({"min_length": 3}, "ab", "at least 3"),
        ({"max_length": 3}, "abcd", "3 characters or fewer"),
        ({"type": "number_input", "is_decimal_allowed": False}, "1.5", "valid number"),
        ({"type": "number_input", "is_decimal_allowed": True, "max_value": "2"}, "2.5", "valid number"),
        ({"type": "number_input", "is_decimal_allowed": True}, "1.5", ""),
        ({"max_length": 3}, "abc", ""),
    ],
)
def test_the_client_asks_to_mend_what_it_sees_itself(element: dict[str, Any], value: str, said: str):
    view = modal(field_of("f", **element))
    found = to_mend(view, values_of(view, {"f": value or None}))
    assert said in found["f"] if said else found == {}
    optional = modal({**field_of("f"), "optional": True})
    assert to_mend(optional, values_of(optional, {})) == {}
