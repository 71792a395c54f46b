"""A small HTTP/1.1 client on raw sockets: so cheap that the server is what is measured."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """`alerts` per second, how many answers there were, latencies in milliseconds, how many answers were refusals."""

    alerts: float
    answered: int
    p50: float
    p99: float
    refused: int


def one_alert(number: int) -> bytes:
    """About 300 bytes: 500 assets × 20 signatures, no two requests of a second alike."""
    return json.dumps(alert(number)).encode()


def alert(number: int) -> dict[str, object]:
    return {
        "asset_name": f"host-{number * 7 % 500}.bench.example",
        "signature": f"check {chr(97 + number % 20)} failed",
        "severity": ("critical", "high", "warning", "low")[number % 4],
        "message": "a message of the usual length, which says what was measured and what the limit is: 91 of 90",
        "tool_source": "bench",
        "labels": {"site": "north", "team": "ops"},
    }


def for_alertmanager(number: int) -> bytes:
    """The same alert as Alertmanager takes it."""
    one = alert(number)
    labels = {"alertname": one["signature"], "instance": one["asset_name"], "severity": one["severity"]}
    return json.dumps([{"labels": labels, "annotations": {"summary": one["message"]}}]).encode()


async def storm(
    port: int,
    key: str,
    *,
    connections: int,
    seconds: float,
    body: Callable[[int], bytes],
    each: int = 1,
    path: str = "/api/webhooks/alerts",
) -> Outcome:
    """Keep that many connections busy for so long; `each` is how many alerts one body carries."""
    latencies: list[float] = []
    refused = 0
    end = time.perf_counter() + seconds
    number = iter(range(10**9))

    async def one() -> None:
        nonlocal refused
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            data = body(next(number))
            head = (
                f"POST {path} HTTP/1.1\r\nHost: bench\r\nX-API-Key: {key}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
            )
            started = time.perf_counter()
            writer.write(head.encode() + data)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            latencies.append(time.perf_counter() - started)
            refused += not answer.startswith((b"HTTP/1.1 202", b"HTTP/1.1 200"))
        writer.close()
        await writer.wait_closed()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    took = time.perf_counter() - began
    latencies.sort()
    good = (len(latencies) - refused) * each
    return Outcome(
        alerts=good / took,
        answered=len(latencies),
        p50=latencies[len(latencies) // 2] * 1000,
        p99=latencies[int(len(latencies) * 0.99)] * 1000,
        refused=refused,
    )
