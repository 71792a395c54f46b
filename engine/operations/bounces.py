"""Mail that comes back is noticed: nothing is sent there any more, and who can mend it is told once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from engine.access import Actor
from engine.audit import AuditKind, entry
from engine.bounce import Bounce, BouncedAddress, Undeliverable
from engine.company import Role
from engine.errors import NotFound
from engine.notice import NoticeKind, Transport
from engine.operations.notify import notify
from engine.people_ports import PeopleTransaction


async def notice(tx: PeopleTransaction, bounce: Bounce, *, actor: Actor, now: datetime) -> None:
    """One that comes back for a time is only counted. Told twice, it changes nothing."""
    address = bounce.address.casefold()
    known = await tx.bounces.get(address) or BouncedAddress(address=address)
    if not bounce.hard:
        await tx.bounces.put(replace(known, soft=known.soft + 1, soft_at=now))
        return
    if known.hard_at is not None:
        return
    await tx.bounces.put(replace(known, hard_at=now, reason=bounce.reason))
    tx.audit.add(
        entry(AuditKind.MAIL_BOUNCED, company_id=0, actor=actor, subject=address, now=now, why=bounce.reason)
    )
    user = await tx.users.by_email(address)
    whose = f"{user.name} ({address})" if user is not None else address
    admins = [one for one in await tx.users.all() if one.role is Role.MSP_ADMIN and one != user]
    text = (
        f"Mail to {whose} comes back: {bounce.reason}. Nothing more is sent there. When the address is right again: "
        f"`aw email clear {address}`."
    )
    key = f"bounced:{address}:{int(now.timestamp())}"
    notify(tx, admins, NoticeKind.BOUNCED, text, key=key, now=now, urgent=False)
    if user is not None:
        told = (
            f"Mail to {address} comes back: {bounce.reason}. You get none until an MSP admin has mended it; what is "
            "told here in chat still comes."
        )
        notify(tx, [user], NoticeKind.BOUNCED, told, key=key, now=now, urgent=False, only=[Transport.CHAT])


async def must_take(tx: PeopleTransaction, address: str) -> None:
    """Raises Undeliverable for an address that mail came back from."""
    known = await tx.bounces.get(address.casefold())
    if known is not None and known.hard_at is not None:
        raise Undeliverable(f"mail to {address} came back on {known.hard_at:%Y-%m-%d}: {known.reason}")


async def clear(tx: PeopleTransaction, address: str, *, actor: Actor, now: datetime) -> None:
    """It is right again: mail goes there."""
    address = address.strip().casefold()
    if await tx.bounces.get(address) is None:
        raise NotFound(
            f"No mail came back from “{address[:80]}”.", hint="`aw email bounced` lists those that did."
        )
    await tx.bounces.forget(address)
    tx.audit.add(entry(AuditKind.MAIL_CLEARED, company_id=0, actor=actor, subject=address, now=now))
