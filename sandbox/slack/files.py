"""Files in Slack's three steps: ask for an address, upload there, complete and share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox.slack.arguments import Arguments
from sandbox.slack.workspace import Refused, Workspace

LARGEST = 16 << 20


def _upload_url(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    name, length = arguments.text("filename"), arguments.text("length")
    if not name or not length.isdigit() or not 0 < int(length) <= LARGEST:
        raise Refused("invalid_arguments")
    file_id = workspace.new_id("F0")
    workspace.files[file_id] = {"id": file_id, "name": name, "size": int(length), "shared": False}
    return {"upload_url": f"{workspace.base_url}/slack/files/{file_id}", "file_id": file_id}


async def upload(workspace: Workspace, request: web.Request) -> web.Response:
    """The bytes themselves, as a form or raw."""
    file_id = request.match_info["file"]
    if file_id not in workspace.files:
        return web.Response(status=404)
    if request.content_type == "multipart/form-data":
        parts = [value for value in (await request.post()).values() if isinstance(value, web.FileField)]
        body = parts[0].file.read() if parts else b""
    else:
        body = await request.read()
    workspace.file_bodies[file_id] = body
    return web.Response(text=f"OK - {len(body)}")


def download(workspace: Workspace, request: web.Request) -> web.Response:
    file_id = request.match_info["file"]
    if file_id not in workspace.file_bodies:
        return web.Response(status=404)
    name = workspace.files[file_id]["name"].replace('"', "")
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return web.Response(body=workspace.file_bodies[file_id], content_type="text/plain", headers=headers)


def _complete(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    wanted = arguments.given("files")
    if not isinstance(wanted, list) or any(one.get("id") not in workspace.file_bodies for one in wanted):
        raise Refused("file_not_found")
    found = []
    for one in wanted:
        known = workspace.files[one["id"]]
        known |= {
            "title": one.get("title") or known["name"],
            "mimetype": "text/plain",
            "url": f"/slack/files/{known['id']}",
            "shared": True,
        }
        found.append(known)
    channel = workspace.channels.get(arguments.text("channel_id"))
    if arguments.text("channel_id") and channel is None:
        raise Refused("channel_not_found")
    if channel is not None:
        bot = workspace.config.bot
        message: dict[str, Any] = {
            "ts": workspace.new_ts(),
            "type": "message",
            "user": bot.user_id,
            "bot_id": bot.bot_id,
            "text": arguments.text("initial_comment"),
            "files": found,
        }
        if arguments.text("thread_ts"):
            message["thread_ts"] = arguments.text("thread_ts")
        workspace.post(channel, message)
    return {"files": found}


METHODS: dict[str, Callable[[Workspace, Arguments], dict[str, Any]]] = {
    "files.getUploadURLExternal": _upload_url,
    "files.completeUploadExternal": _complete,
}
