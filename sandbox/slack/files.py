"""Files in Slack's three steps: an address to upload to, the bytes, and sharing them in a channel."""

from __future__ import annotations

import mimetypes
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiohttp import web

from sandbox.slack.arguments import Args
from sandbox.slack.chat import blocks_of, parent_of, signature
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.state import NO_TEXT, State

LARGEST = 1 << 30
SNIPPET = 1 << 20
_SHOWN = ("text/plain", "image/png", "image/jpeg", "image/gif", "application/pdf")


@dataclass(slots=True)
class File:
    """`body`: None until it is uploaded. `shared`: completed, and now to be seen."""

    id: str
    name: str
    length: int
    ticket: str
    title: str = ""
    body: bytes | None = None
    shared: bool = False

    @property
    def mimetype(self) -> str:
        return mimetypes.guess_type(self.name)[0] or "text/plain"


def upload_url(state: State, args: Args) -> dict[str, Any]:
    name, length = args.required("filename"), args.number("length", 0)
    if length < 1:
        raise SlackRefusal("invalid_arguments", ["[ERROR] must be more than 0 [json-pointer:/length]"])
    if length > LARGEST:
        raise SlackRefusal("file_upload_size_restricted")
    if args.text("snippet_type") and length > SNIPPET:
        raise SlackRefusal("snippet_too_large")
    made = File(state.new_id("F"), name, length, secrets.token_urlsafe(16))
    state.files[made.id] = made
    return {"upload_url": f"{args.origin}/slack/files/upload/{made.ticket}", "file_id": made.id}


def complete(state: State, args: Args) -> dict[str, Any]:
    wanted = args.structure("files", list, "invalid_arguments")
    if not wanted or not all(isinstance(one, dict) and "id" in one for one in wanted):
        raise SlackRefusal("invalid_arguments", ["[ERROR] missing required field: files"])
    found = []
    for one in wanted:
        file = state.files.get(str(one["id"]))
        if file is None or file.body is None:
            raise SlackRefusal("file_not_found")
        found.append((file, str(one.get("title") or file.name)))
    targets = args.names("channels") or args.names("channel_id")
    channels = [state.open_to_bot(one) for one in targets]
    parents = [parent_of(channel, args.text("thread_ts")) for channel in channels]
    for file, title in found:
        file.title, file.shared = title, True
    shared = [described(state, file, args.origin) for file, _ in found]
    for channel, parent in zip(channels, parents, strict=True):
        message = {**signature(state), "text": args.text("initial_comment"), "files": shared}
        blocks = blocks_of(args)
        if blocks:
            message |= {"blocks": blocks, "text": message["text"] or NO_TEXT}
        state.post(channel, {**message, "upload": True, **({"thread_ts": parent} if parent else {})})
    return {"files": shared}


def described(state: State, file: File, origin: str) -> dict[str, Any]:
    """Slack's file object, with `url` for the page."""
    path = f"/slack/files/{file.id}/{quote(file.name)}"
    kind = file.name.rpartition(".")[2].lower() if "." in file.name else "text"
    return {
        "id": file.id,
        "created": int(state.clock()),
        "timestamp": int(state.clock()),
        "name": file.name,
        "title": file.title,
        "mimetype": file.mimetype,
        "filetype": kind,
        "pretty_type": kind.upper(),
        "user": state.bot.user_id,
        "size": file.length,
        "mode": "hosted",
        "is_external": False,
        "is_public": True,
        "url_private": origin + path,
        "url_private_download": origin + path,
        "permalink": f"https://{state.domain}.slack.com/files/{state.bot.user_id}/{file.id}/{quote(file.name)}",
        "url": path,
    }


async def receive(state: State, request: web.Request) -> web.Response:
    """POST to an upload address: the bytes, raw or as the first part of a form."""
    ticket = request.match_info["ticket"]
    file = next((one for one in state.files.values() if one.ticket == ticket), None)
    if file is None or file.body is not None:
        return web.Response(status=404, text="Not found")
    body = await _bytes(request)
    if len(body) != file.length:
        return web.Response(status=400, text=f"expected {file.length} bytes, got {len(body)}")
    file.body = body
    return web.Response(text=f"OK - {len(body)}")


async def _bytes(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    for part in (await request.post()).values():
        return part.file.read() if isinstance(part, web.FileField) else str(part).encode()
    return b""


def give(state: State, request: web.Request) -> web.Response:
    file = state.files.get(request.match_info["file"])
    if file is None or file.body is None or not file.shared:
        return web.Response(status=404, text="Not found")
    kind = file.mimetype if file.mimetype in _SHOWN else "text/plain"
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
    charset = "utf-8" if kind.startswith("text/") else None
    return web.Response(body=file.body, content_type=kind, charset=charset, headers=headers)
