"""Links to files that a chat cannot hold: each for one file of one company, signed, with an end. `bot.doors.files` is
where they are read."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePath
from urllib.parse import quote

from bot.core import Core
from bot.ports import Attachment
from storage.files import LinkedFile
from storage.secrets import Vault
from storage.transaction import Transaction

LASTS = timedelta(days=7)
PURPOSE = "file link"
ADDRESS = "/files"


@dataclass(frozen=True, slots=True)
class FileLink:
    name: str
    url: str
    until: datetime


async def linked(
    core: Core, files: Sequence[Attachment], *, company_id: int, user_id: int | None = None
) -> list[FileLink]:
    """Keep these and give their links, in order; none where no public address is set: a link there would be dead.
    `company_id` 0: over all companies. `user_id`: for that person alone."""
    address, now = core.settings.aw_public_url.rstrip("/"), core.clock.now()
    if not address:
        return []
    until = (now + LASTS).replace(microsecond=0)
    kept = [
        LinkedFile(
            id=secrets.token_hex(16),
            company_id=company_id,
            user_id=user_id,
            name=PurePath(one.name).name,
            body=one.body,
            expires_at=until,
        )
        for one in files
    ]

    async def keep(tx: Transaction) -> list[FileLink]:
        for one in kept:
            await tx.files.add(one, now=now)
        return [FileLink(one.name, f"{address}{_path(one, tx.vault)}", until) for one in kept]

    return await core.write(keep)


def _path(file: LinkedFile, vault: Vault) -> str:
    token = f"{file.company_id}-{file.id}-{int(file.expires_at.timestamp())}"
    return f"{ADDRESS}/{token}-{signatures(token, vault)[0]}/{quote(file.name, safe='')}"


def signatures(token: str, vault: Vault) -> list[str]:
    """One for each key of the ring, the newest first: a link outlives the rotation of a key."""
    return [hmac.new(key, token.encode(), hashlib.sha256).hexdigest()[:40] for key in vault.derived(PURPOSE)]
