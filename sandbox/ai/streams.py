"""An answer in pieces, as the services send it: server-sent events, and for Bedrock frames of Amazon's event stream."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

PIECE = 24
"""Characters of an answer that come at a time."""


def events(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A finished message of the Messages API as the events that make it."""
    start = {**message, "content": [], "stop_reason": None, "usage": {**message["usage"], "output_tokens": 1}}
    yield {"type": "message_start", "message": start}
    for index, block in enumerate(message["content"]):
        tool = block["type"] == "tool_use"
        begun = {**block, "input": {}} if tool else {**block, "text": ""}
        yield {"type": "content_block_start", "index": index, "content_block": begun}
        text = json.dumps(block["input"]) if tool else block.get("text", "")
        for place in range(0, len(text), PIECE):
            piece = text[place : place + PIECE]
            delta = (
                {"type": "input_json_delta", "partial_json": piece}
                if tool
                else {"type": "text_delta", "text": piece}
            )
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield {
        "type": "message_delta",
        "delta": delta,
        "usage": {"output_tokens": message["usage"]["output_tokens"]},
    }
    yield {"type": "message_stop"}


def sse(event: Mapping[str, Any]) -> bytes:
    named = f"event: {event['type']}\n" if "type" in event else ""
    return f"{named}data: {json.dumps(event)}\n\n".encode()


def frame(event: Mapping[str, Any]) -> bytes:
    """One `chunk` of Bedrock's InvokeModelWithResponseStream."""
    payload = json.dumps({"bytes": base64.b64encode(json.dumps(event).encode()).decode()}).encode()
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()
        for name, value in (
            (":event-type", "chunk"),
            (":content-type", "application/json"),
            (":message-type", "event"),
        )
    )
    prelude = struct.pack("!II", len(headers) + len(payload) + 16, len(headers))
    body = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + payload
    return body + struct.pack("!I", zlib.crc32(body))


def gemini(answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A finished answer of Gemini as the pieces that make it: text bit by bit, the reason and the count last."""
    (candidate,) = answer["candidates"]
    parts = (candidate.get("content") or {}).get("parts") or []
    for part in parts:
        text = part.get("text")
        pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)] if text else [None]
        for piece in pieces:
            said = {"text": piece} if piece is not None else part
            yield {"candidates": [{"index": 0, "content": {"role": "model", "parts": [said]}}]}
    ending = {name: value for name, value in candidate.items() if name != "content"}
    yield {"candidates": [ending], "usageMetadata": answer["usageMetadata"]}
