"""A mail on its way: not to an address that mail came back from, and one that refuses it for good is remembered."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import parseaddr

from bot.core import Core
from engine.access import SYSTEM
from engine.bounce import Bounce, Undeliverable
from engine.errors import Permanent
from engine.operations import bounces


async def carry(core: Core, made: EmailMessage) -> None:
    """Raises Transient, Ambiguous or Permanent."""
    address = parseaddr(str(made["To"]))[1]
    if core.mailer is None:
        raise Permanent("no mail is sent here")
    await core.read(lambda tx: bounces.must_take(tx, address))
    try:
        await core.mailer.send(made)
    except Undeliverable as error:
        bounce = Bounce(address=address, hard=True, reason=str(error))
        await core.write(lambda tx: bounces.notice(tx, bounce, actor=SYSTEM, now=core.clock.now()))
        raise
