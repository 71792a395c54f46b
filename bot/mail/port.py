"""What the bot needs of whatever carries mail. `integrations.email` has two: Amazon SES and SMTP."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Protocol

from bot.settings import Settings


class Mailer(Protocol):
    """Raises Transient, Ambiguous (it may have gone out: the same message may be sent again) or Permanent."""

    @property
    def name(self) -> str: ...

    async def send(self, message: EmailMessage) -> None: ...

    async def check(self) -> str:
        """In words, what it may send."""
        ...

    def close(self) -> None: ...


def mailer(settings: Settings) -> Mailer | None:
    """None when no mail is sent."""
    if not settings.email_on:
        return None
    from integrations.email import SesMail, SmtpMail, smtp_server

    url = settings.aw_smtp_url.get_secret_value()
    return SmtpMail(smtp_server(url)) if url else SesMail()
