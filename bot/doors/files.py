"""Files that a chat cannot hold, read at links of our own: a link is for one file of one company and has an end.

Whoever has the link can read the file until then, as whoever is in a channel can read what was posted there; what was
made for one person ends with that person's rights.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from urllib.parse import quote

import structlog
from aiohttp import web

from bot.core import Core
from bot.file_links import ADDRESS, signatures
from engine.access import Actor, Via
from engine.audit import AuditKind, entry
from storage.files import Changed, LinkedFile
from storage.transaction import Transaction

log = structlog.get_logger()
NOTED_EVERY = timedelta(hours=1)
"""A link that is read over and over stands in the audit log once in this time."""
_KINDS = {
    ".png": "image/png",
    ".pdf": "application/pdf",
    ".csv": "text/csv",
    ".json": "application/json",
    ".txt": "text/plain",
}
_READER = Actor(user=None, via=Via.API, label="whoever has the link")


def routes(core: Core) -> list[web.RouteDef]:
    async def answer(request: web.Request) -> web.Response:
        now = core.clock.now()
        given, name = request.match_info["token"], request.match_info["name"]
        try:
            file = await core.read(lambda tx: _file(tx, given, now))
        except Changed as error:
            log.error("a file is not what was put there", file=str(error))
            return _no(
                500, "This file is damaged on our side: ask for it again in the chat, and tell the MSP."
            )
        if isinstance(file, web.Response):
            return file
        if file.name != name:
            return _no(404, _UNKNOWN)
        if request.method == "GET":
            await core.write(lambda tx: _note(tx, file, now))
        return web.Response(body=file.body, headers=_headers(file))

    return [web.get(f"{ADDRESS}/{{token}}/{{name}}", answer)]


_UNKNOWN = "There is no such file. Check that the whole link was copied, or ask for it again in the chat."
_OVER = "This link ended on {:%Y-%m-%d %H:%M} UTC. Ask for the file again in the chat."
_NO_MORE = (
    "This file may not be read any more: who it was made for has no access, or the company is archived."
)


async def _file(tx: Transaction, given: str, now: datetime) -> LinkedFile | web.Response:
    """What the link is for, or the answer that says why not. Raises Changed."""
    token, _, signature = given.rpartition("-")
    good = [hmac.compare_digest(one.encode(), signature.encode()) for one in signatures(token, tx.vault)]
    if not any(good):
        return _no(404, _UNKNOWN)
    company, file_id, expires = token.split("-")
    until = datetime.fromtimestamp(int(expires), UTC)
    if until <= now:
        return _no(410, _OVER.format(until))
    file = await tx.files.get(file_id)
    if file is None or (str(file.company_id), file.expires_at) != (company, until):
        return _no(404, _UNKNOWN)
    return file if await _may(tx, file) else _no(410, _NO_MORE)


async def _may(tx: Transaction, file: LinkedFile) -> bool:
    if file.company_id:
        company = await tx.companies.get(file.company_id)
        if company is None or company.archived_at is not None:
            return False
    if file.user_id is None:
        return True
    user = await tx.users.get(file.user_id)
    return user is not None and user.works_for(file.company_id)


async def _note(tx: Transaction, file: LinkedFile, now: datetime) -> None:
    if await tx.files.note(file.id, since=now - NOTED_EVERY, now=now):
        line = entry(
            AuditKind.FILE_READ,
            company_id=file.company_id,
            actor=_READER,
            subject=file.name,
            now=now,
            made_for=file.user_id,
        )
        tx.audit.add(line)


def _headers(file: LinkedFile) -> dict[str, str]:
    """It is kept on a disk, never run beside our other addresses."""
    kind = _KINDS.get(PurePath(file.name).suffix, "application/octet-stream")
    charset = "; charset=utf-8" if kind.startswith("text/") else ""
    return {
        **_QUIET,
        "Content-Type": f"{kind}{charset}",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
    }


_QUIET = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


def _no(status: int, why: str) -> web.Response:
    return web.Response(status=status, text=why, headers=_QUIET)
