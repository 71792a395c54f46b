"""The thirteen defects of botbuilder-core 4.17.1, each with what closes it here: a test by name, or one below."""

from __future__ import annotations

import ast
import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from bot.cards.card import Body, Card, Done, Log
from bot.teams.answers import SHAPES
from bot.threads import TextFile
from engine.errors import Permanent, Transient
from sandbox.faults import Do
from tests.bot.test_teams_gateway import CARD, CHANNEL, Wire
from tests.bot.test_teams_gateway import wire as wire

HERE = Path(__file__).parent
OUTPUT = TextFile("out.txt", "Output", b"a" * 10)
CLOSED: dict[int, tuple[str, tuple[str, ...]]] = {
    1: (
        "keys are fetched on the event loop, without a time limit",
        ("test_teams_auth.py::test_waiting_for_the_keys_never_holds_up_the_loop",),
    ),
    2: (
        "a token is fetched for every turn, on the event loop",
        (
            "test_teams_gateway.py::test_the_token_is_fetched_once_and_again_when_it_no_longer_holds",
            "test_teams_defects.py::test_2_a_slow_sign_in_holds_nobody_up",
        ),
    ),
    3: (
        "a rotated key is a fault of the server's for a day",
        ("test_teams_auth.py::test_keys_that_changed_are_fetched_and_strangers_cannot_make_us_fetch",),
    ),
    4: (
        "an expired or broken token is a fault of the server's",
        (
            "test_teams_auth.py::test_a_token_that_says_something_else_is_refused",
            "test_teams_auth.py::test_no_token_and_garbage_are_a_clean_no",
        ),
    ),
    5: (
        "without an app id everybody is let in",
        (
            "test_teams_auth.py::test_without_app_id_secret_or_tenant_nobody_is_let_in",
            "test_teams_door.py::test_without_its_settings_there_is_no_door",
        ),
    ),
    6: (
        "words in answer to an invoke cannot be serialised",
        ("test_teams_defects.py::test_6_words_are_an_answer_to_every_kind_of_invoke",),
    ),
    7: (
        "the tenant is not read",
        ("test_teams_auth.py::test_the_tenant_is_read_wherever_it_stands_and_never_guessed",),
    ),
    8: (
        "unknown fields vanish, and a wrong shape is a fault of the server's",
        ("test_teams_door.py::test_who_is_turned_away_and_how",),
    ),
    9: (
        "what goes wrong in a message of our own is swallowed",
        ("test_teams_defects.py::test_9_whoever_posts_hears_what_went_wrong",),
    ),
    10: (
        "nothing is tried again",
        (
            "test_teams_gateway.py::test_what_may_be_tried_again",
            "test_teams_gateway.py::test_teams_own_pause_is_kept",
        ),
    ),
    11: (
        "what goes out takes threads of the loop's own pool",
        ("test_teams_gateway.py::test_many_at_once_take_no_threads_and_answer_to_nothing",),
    ),
    12: (
        "a message of our own answers to a message that never was",
        ("test_teams_defects.py::test_12_what_answers_nothing_names_nothing",),
    ),
    13: (
        "text beside a card is split off, and no usable id is left",
        ("test_teams_defects.py::test_13_text_and_cards_never_go_together",),
    ),
}
"""Number → what is wrong with it, and the tests that hold ours to better."""


def test_each_of_the_thirteen_is_closed_by_tests_that_are_there() -> None:
    assert list(CLOSED) == list(range(1, 14))
    for number, (_, tests) in CLOSED.items():
        for file, name in (one.split("::") for one in tests):
            tree = ast.parse((HERE / file).read_text("utf-8"))
            found = {one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
            assert name in found, f"{number}: {file} has no {name}"


async def test_2_a_slow_sign_in_holds_nobody_up(wire: Wire, monkeypatch: pytest.MonkeyPatch):
    """Ten posts at once wait for one token, and meanwhile the loop turns."""
    asked = 0
    sign_in = wire.chat.connector._sign_in

    async def slow() -> float:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.2)
        return await sign_in()

    monkeypatch.setattr(wire.chat.connector, "_sign_in", slow)
    turns = 0

    async def tick() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.005)
            turns += 1

    ticking = asyncio.create_task(tick())
    await asyncio.gather(*(wire.chat.post(CHANNEL, CARD) for _ in range(10)))
    ticking.cancel()
    assert asked == 1 and turns >= 10


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_6_words_are_an_answer_to_every_kind_of_invoke(name: str):
    answer = orjson.loads(orjson.dumps(SHAPES[name].answer(Done("INC-1 is yours."), {})))
    assert "INC-1 is yours." in str(answer)


FAULTS = {
    "refused": (Do.ERROR, {"status": 403, "error": "MessageWritesBlocked"}, Permanent),
    "busy": (Do.RATELIMITED, {"retry_after": 1}, Transient),
    "broken": (Do.STATUS, {"status": 500}, Transient),
    "cut off": (Do.RESET, {}, Transient),
}


@pytest.mark.parametrize(("do", "how", "kind"), FAULTS.values(), ids=list(FAULTS))
async def test_9_whoever_posts_hears_what_went_wrong(
    wire: Wire, do: Do, how: dict[str, Any], kind: type[Exception]
):
    ref = await wire.chat.post(CHANNEL, CARD)
    for method, act in (
        ("createConversation", wire.chat.post(CHANNEL, CARD)),
        ("sendActivity", wire.chat.post(CHANNEL, CARD, thread=ref)),
        ("updateActivity", wire.chat.update(CHANNEL, ref, CARD)),
        ("deleteActivity", wire.chat.delete(CHANNEL, ref)),
    ):
        wire.fail(method, do, times=2 if do is Do.RESET else 1, **how)  # aiohttp repeats an edit by itself
        with pytest.raises(kind):
            await act
        wire.faults.clear()


async def test_12_what_answers_nothing_names_nothing(wire: Wire):
    first = await wire.chat.post(CHANNEL, CARD)
    await wire.chat.post(CHANNEL, CARD, thread=first)
    await wire.chat.attach(CHANNEL, thread=first, file=OUTPUT, company_id=1)
    for method, path, body in wire.calls:
        assert method in ("createConversation", "sendActivity"), (method, path)
        assert "replyToId" not in str(body) and path.rstrip("/").endswith(("conversations", "activities"))


async def test_13_text_and_cards_never_go_together(wire: Wire):
    first = await wire.chat.post(CHANNEL, CARD)
    await wire.chat.post(
        CHANNEL, Card(summary="s", elements=(Body(("words",)), Log("x" * 9_000))), thread=first
    )
    await wire.chat.update(CHANNEL, first, CARD)
    await wire.chat.attach(CHANNEL, thread=first, file=replace(OUTPUT, body=b"a" * 7_000), company_id=1)
    sent = [body.get("activity") or body for _, _, body in wire.calls]
    assert len(sent) == 6
    for one in sent:
        assert bool(one.get("text")) != bool(one.get("attachments"))
    refs = [one.id for one in wire.world.state.conversations[CHANNEL].messages.values()]
    assert len(refs) == len(set(refs)) == 5 and first in refs
