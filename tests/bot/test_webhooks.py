"""POST /api/webhooks/{tool}: what is taken, what is refused, and that no input whatever is our fault."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core import Core
from bot.doors import webhooks
from engine.intake import DeadLetter
from integrations import SOURCES
from storage.intake_tables import intake_lines
from storage.transaction import Transaction
from tests.bot.front import ALERT, Answered, Front, company, standing
from tests.integrations.test_reading import json_values


@pytest.fixture
async def front(core: Core) -> AsyncIterator[Front]:
    async with standing(core) as made:
        yield made


async def letters(front: Front) -> list[DeadLetter]:
    return list(await front.core.read(lambda tx: tx.dead_letters.listed()))


async def told(front: Front) -> list[str]:
    """The lines of the company's intake story."""

    async def look(tx: Transaction) -> list[str]:
        return list((await tx.connection.execute(sa.select(intake_lines.c.text))).scalars())

    return await front.core.read(look)


async def test_an_alert_is_accepted_with_all_that_was_promised(front: Front):
    answer = await front.post()
    assert answer.status == 202 and answer.body["accepted"] == 1
    assert answer.headers["Content-Type"].startswith("application/json")
    assert "Idempotent-Replayed" not in answer.headers
    (result,) = answer.results
    assert set(result) == {
        "alert_id",
        "incident_id",
        "is_new",
        "deduplicated",
        "reason",
        "suppressed_by",
        "sla_due",
    }
    assert result["incident_id"] == "INC-1" and result["is_new"] is True and result["suppressed_by"] is None


async def test_a_repeat_under_the_same_name_gets_the_first_answer_and_changes_nothing(front: Front):
    for name in ("X-Delivery-ID", "Idempotency-Key", "webhook-id"):
        first = await front.post({**ALERT, "asset_name": name}, headers={name: "d-1"})
        again = await front.post({**ALERT, "asset_name": name}, headers={name: "d-1"})
        assert again.body == first.body
        if name != "Idempotency-Key":  # the same kind of name as X-Delivery-ID, and given already
            assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
    assert await front.alerts() == 2


async def test_fifty_at_once_under_one_name_are_one_alert(front: Front):
    answers = await asyncio.gather(*(front.post(headers={"X-Delivery-ID": "one"}) for _ in range(50)))
    assert len({answer.results[0]["alert_id"] for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert await front.alerts() == 1
    same = await front.post(headers={"X-Delivery-ID": "two"})
    assert same.results[0]["deduplicated"] is True


@pytest.mark.parametrize("name", ["x" * 5000, "zwölf", "a\tb", "' OR 1=1 --"])
async def test_a_delivery_may_have_any_name(front: Front, name: str):
    first = await front.post(headers={"X-Delivery-ID": name})
    again = await front.post(headers={"X-Delivery-ID": name})
    assert again.body == first.body and again.headers["Idempotent-Replayed"] == "true"
    other = await front.post(headers={"X-Delivery-ID": name + "!"})
    assert "Idempotent-Replayed" not in other.headers


async def test_two_companies_may_use_the_same_names(front: Front):
    other = await company(front.core, "globex")
    await front.post(headers={"X-Delivery-ID": "one"})
    answer = await front.post(headers={"X-Delivery-ID": "one"}, key=other.api_key)
    assert "Idempotent-Replayed" not in answer.headers and answer.results[0]["incident_id"] == "INC-2"


async def test_empty_lists_are_accepted_and_are_nothing(front: Front):
    for tool, body in (("alerts", []), ("alerts", {"alerts": []}), ("alertmanager", {"alerts": []})):
        answer = await front.post(body, tool=tool)
        assert answer.status == 202 and answer.body == {"accepted": 0, "results": []}


async def test_an_unknown_tool_is_told_the_known_ones(front: Front):
    answer = await front.post(tool="nosuch")
    assert answer.status == 404 and answer.body["known"] == sorted(SOURCES)
    assert (await front.post(tool="%00%ff%ed%a0%80")).status == 404
    assert (await front.post(tool="Alerts")).status == 202
    await front.post(tool="alert")
    assert "Did you mean “alerts”? Then replay it with `--as alerts`." in (await told(front))[-1]
    first = (await letters(front))[-1]
    assert (first.id, first.tool, first.body) == (answer.body["dead_letter"], "nosuch", orjson.dumps(ALERT))


async def test_the_known_tools_are_told_to_no_stranger(front: Front):
    answer = await front.post(tool="nosuch", key="wrong")
    assert answer.status == 401 and "known" not in answer.body


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_only_post_is_allowed(front: Front, method: str):
    answer = await front.post(method=method)
    assert answer.status == 405 and answer.headers["Allow"] == "POST"


async def test_what_cannot_be_decoded_is_refused_and_kept(front: Front):
    headers = {"X-Source": "probe", "X-Token": "hidden", "Cookie": "a=b"}
    answer = await front.post(b"web-01 is down", headers=headers)
    assert answer.status == 400 and "JSON" in answer.body["detail"]
    (letter,) = await letters(front)
    assert letter.id == answer.body["dead_letter"] and letter.body == b"web-01 is down"
    assert letter.company_id == front.acme.company.id and letter.tool == "alerts"
    assert letter.headers["X-Source"] == "probe"
    assert front.acme.api_key not in orjson.dumps(dict(letter.headers)).decode()
    assert not {"X-API-Key", "X-Token", "Cookie"} & set(letter.headers)


async def test_every_fault_is_listed_and_the_body_is_kept(front: Front):
    answer = await front.post([ALERT, {"asset_name": 1, "severity": []}])
    assert answer.status == 422
    assert {fault["field"] for fault in answer.body["errors"]} == {"[1].signature", "[1].severity"}
    assert len(await letters(front)) == 1
    assert await front.alerts() == 0, "a body is taken whole or not at all"


async def test_what_has_no_key_is_never_kept_nor_parsed(front: Front):
    assert (await front.post(b"[" * 5000, key="wrong")).status == 401
    assert await letters(front) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[" * 1000 + b"]" * 1000, 400),
        (b'{"asset_name":' * 500 + b"1" + b"}" * 500, 400),
        (b'{"asset_name":"a","signature":' + b"9" * 5000 + b"}", 400),
        (b"null", 422),
        (b"7", 422),
        (b'"down"', 422),
        (b"[null]", 422),
        (b"{}", 422),
        (b'{"asset_name":{"a":1},"signature":true}', 422),
        (b'{"asset_name":NaN,"signature":"x"}', 422),
        (b'\xef\xbb\xbf{"asset_name":"a","signature":"x"}', 202),
        (b'{"asset_name":"a\\u0000b","signature":"\\ud800 x","labels":{"\\udfff":"\\u0000"}}', 202),
        (b'{"asset_name":"a\xff","signature":"x","message":NaN,"labels":{"a":Infinity}}', 202),
        (b'{"asset_name":"a","signature":"x","timestamp":1e308,"message":123456789012345678901234}', 202),
        (b'{"asset_name":"a","signature":"x","labels":{"deep":[[[[[1]]]]]}}', 202),
    ],
)
async def test_odd_bodies_are_never_our_fault(front: Front, body: bytes, status: int):
    assert (await front.post(body)).status == status


async def test_a_thousand_alerts_fit_into_one_body(front: Front):
    answer = await front.post([{**ALERT, "signature": f"Fault {chr(97 + n % 7)}"} for n in range(1000)])
    assert answer.body["accepted"] == 1000 and len(answer.results) == 1000
    assert await front.incidents() == 7
    assert (await front.post([ALERT] * 1001)).status == 422


async def test_a_body_over_a_mebibyte_is_refused_however_it_comes(front: Front):
    large = b'{"asset_name":"a","signature":"' + b"x" * webhooks.LARGEST + b'"}'
    assert (await front.post(large)).status == 413
    assert await told(front) == [
        "A tool (generic shape) sent a body that was not taken, and nothing of it is kept: "
        "A body may have 1,048,576 bytes."
    ]

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 50_000):
            yield large[start : start + 50_000]

    headers = {"X-API-Key": front.acme.api_key}
    async with front.client.post("/api/webhooks/alerts", data=pieces(), headers=headers) as answer:
        assert answer.status == 413 and answer.content_type == "application/problem+json"
    exact = orjson.dumps({**ALERT, "message": ""})
    exact = exact[:-2] + b"m" * (webhooks.LARGEST - len(exact)) + exact[-2:]
    assert len(exact) == webhooks.LARGEST
    assert (await front.post(exact)).status == 202


async def test_compressed_bodies_are_refused_unread(front: Front):
    bomb = gzip.compress(b"[" + b"0," * 20_000_000)
    assert (await front.post(bomb, headers={"Content-Encoding": "gzip"})).status == 415
    assert (await front.post(headers={"Content-Encoding": "identity"})).status == 202


async def test_a_body_that_does_not_come_is_not_waited_for(front: Front, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(webhooks, "SLOWEST", 0.1)

    async def slow() -> AsyncIterator[bytes]:
        yield b'{"asset_name":'
        await asyncio.sleep(5)
        yield b'"a"}'

    headers = {"X-API-Key": front.acme.api_key}
    async with front.client.post("/api/webhooks/alerts", data=slow(), headers=headers) as answer:
        assert answer.status == 408


async def test_a_body_in_pieces_is_put_together(front: Front):
    async def pieces() -> AsyncIterator[bytes]:
        for letter in orjson.dumps(ALERT):
            yield bytes([letter])
            await asyncio.sleep(0)

    headers = {"X-API-Key": front.acme.api_key}
    async with front.client.post("/api/webhooks/alerts", data=pieces(), headers=headers) as answer:
        assert answer.status == 202


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_no_framing_makes_it_our_fault(front: Front):
    key = front.acme.api_key.encode()
    start = b"POST /api/webhooks/alerts HTTP/1.1\r\nHost: x\r\nX-API-Key: " + key + b"\r\n"
    for rest in (
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 99999999999999999999999\r\n\r\nx",
        b"Content-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX",
        b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: nonsense\r\n\r\nhello",
        b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        b"Expect: the unexpected\r\nContent-Length: 2\r\n\r\n{}",
        b"X-Long: " + b"a" * 20_000 + b"\r\n\r\n",
        b"X-Delivery-ID: \xff\xfe\x80\r\nContent-Length: 2\r\n\r\n[]",
        b"webhook-id: \xff\r\nCookie: \xff\r\nX-Odd: \xff\xfe\r\nContent-Length: 1\r\n\r\n{",
        b"Authorization: \xff\xff\r\nX-Signature: \xff\r\nX-Timestamp: \xff\r\nContent-Length: 2\r\n\r\n[]",
        b"bad header\r\n\r\n",
        b": empty\r\n\r\n",
        b"\x00: \x00\r\n\r\n",
    ):
        line = await front.raw(start + rest)
        assert line == b"" or line.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4", b"HTTP/1.0 4")), (rest, line)
    for whole in (
        b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /api/webhooks/alerts HTTP/1.1\r\nHost: x\r\nX-API-Key: \xff\xfe\r\nContent-Length: 0\r\n\r\n",
        b"POST /api/webhooks/alerts?api_key=%ff%00%ed%a0%80 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"POST /api/webhooks/%zz%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST " + b"/" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /api/webhooks/alerts HTTP/9.9\r\nHost: x\r\n\r\n",
    ):
        line = await front.raw(whole)
        assert line == b"" or line.split()[1].startswith(b"4"), (whole, line)
    assert (await front.post()).status == 202


async def test_a_sender_that_hangs_up_in_the_middle_harms_nobody(front: Front):
    start = b"POST /api/webhooks/alerts HTTP/1.1\r\nHost: x\r\nX-API-Key: " + front.acme.api_key.encode()
    assert await front.raw(start + b"\r\nContent-Length: 500\r\n\r\n{") in (
        b"",
        b"HTTP/1.1 400 Bad Request\r\n",
    )
    assert await letters(front) == []
    assert (await front.post()).status == 202


@pytest.mark.parametrize("backend", ["sqlite"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_bodies_that_went_through_a_mill_are_never_our_fault(data: st.DataObject, mill: Mill):
    mill.check(data)


class Mill:
    """A front door on an event loop of its own, for a property that is no coroutine."""

    def __init__(self, runner: asyncio.Runner, front: Front) -> None:
        self._runner, self._front = runner, front

    def check(self, data: st.DataObject) -> None:
        tool = data.draw(st.sampled_from(["alerts", "alertmanager"]))
        good: Any = (
            ALERT if tool == "alerts" else {"alerts": [{"status": "firing", "labels": {"alertname": "X"}}]}
        )
        if data.draw(st.booleans()):
            body = bytearray(orjson.dumps(good))
            for _ in range(data.draw(st.integers(1, 6))):
                at = data.draw(st.integers(0, len(body) - 1))
                body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(min_size=1, max_size=4))
            sent = bytes(body)
        else:
            name = data.draw(st.sampled_from([*good, "labels", "timestamp", "alerts"]))
            made = {**good, name: data.draw(json_values)}
            sent = _dumped(made)
        answer: Answered = self._runner.run(self._front.post(sent, tool=tool))
        assert answer.status in (202, 400, 422), (sent, answer.body)


def _dumped(value: Any) -> bytes:
    import json

    return json.dumps(value).encode("utf-8", "surrogatepass")


@pytest.fixture
def mill(database_url: str, vault: Any, catalogue: Any, clock: Any) -> Any:
    from bot.settings import Settings
    from storage.database import Database

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:

        async def opened() -> tuple[Any, Any]:
            database = Database(database_url, vault)
            core = Core(
                settings=Settings(aw_database_url=database_url),
                database=database,
                clock=clock,
                catalogue=catalogue,
            )
            context = standing(core)
            front = await context.__aenter__()
            return context, front

        context, front = runner.run(opened())
        yield Mill(runner, front)
        runner.run(context.__aexit__(None, None, None))
        runner.run(front.core.database.close())
