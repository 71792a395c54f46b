"""Mail on its way out: through Amazon SES, or through any SMTP server. Both block, so both work in threads.

A failure says whether it may be tried again: Transient (not now), Ambiguous (it may have gone out: the same message
again is folded by its id), Permanent (in words for whoever runs this).
"""

from __future__ import annotations

import asyncio
import re
import smtplib
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from engine.bounce import Undeliverable
from engine.errors import AlertWhispererError, Ambiguous, Permanent, Transient

T = TypeVar("T")
THREADS = 4
PATIENCE = 15.0
"""Seconds that a mail server may be silent."""
BUSY = timedelta(seconds=5)
FULL = timedelta(minutes=15)
"""How long to wait when SES has too many mails for this second, and for this day."""
_LOCAL = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """`tls`: encrypted from the first byte (smtps); otherwise as soon as the server can."""

    host: str
    port: int
    tls: bool
    user: str = ""
    password: str = field(default="", repr=False)


def smtp_server(url: str) -> SmtpServer:
    """The server behind `smtp(s)://user:password@host:port`. Raises ValueError in words; they repeat nothing secret."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the port is no number") from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("use smtp://USER:PASSWORD@HOST:PORT, or smtps://… for a server that begins with TLS")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("nothing may follow the port; write special characters of the password as %XX")
    tls = parts.scheme == "smtps"
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not (user + password).isascii():
        raise ValueError("user and password may have letters of ASCII only: SMTP knows no others")
    return SmtpServer(parts.hostname, port or (465 if tls else 587), tls, user, password)


class _Threads:
    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="mail")

    def close(self) -> None:
        """Mails under way are not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


class SesMail(_Threads):
    """SES v2. Which account, region and address are boto3's own settings (AWS_…, AWS_ENDPOINT_URL_SESV2)."""

    name = "Amazon SES"

    def __init__(self) -> None:
        super().__init__()
        self._made: Any = None

    def close(self) -> None:
        super().close()
        if self._made is not None:
            self._made.close()

    async def send(self, message: EmailMessage) -> None:
        """To whom its `To` says. SES gives it a Message-ID of its own. Raises Transient, Ambiguous, Permanent."""
        await self._in_thread(lambda: self._send(message))

    async def check(self) -> str:
        """In words, what the account may send. Raises as `send` does."""
        return await self._in_thread(self._check)

    # In a thread from here on.

    def _client(self) -> Any:
        import boto3.session
        from botocore.config import Config

        if self._made is None:
            retries = {"mode": "standard", "total_max_attempts": 3}
            config = Config(
                connect_timeout=3, read_timeout=PATIENCE, max_pool_connections=THREADS, retries=retries
            )
            self._made = boto3.session.Session().client("sesv2", config=config)
        return self._made

    def _send(self, message: EmailMessage) -> None:
        raw = message.as_bytes(policy=message.policy.clone(linesep="\r\n"))
        destination = {"ToAddresses": [parseaddr(str(message["To"]))[1]]}
        self._call(
            "send_email",
            FromEmailAddress=str(message["From"]),
            Destination=destination,
            Content={"Raw": {"Data": raw}},
        )

    def _check(self) -> str:
        account = self._call("get_account")
        quota = account.get("SendQuota", {})
        if not account.get("SendingEnabled", True):
            raise Permanent("Amazon SES has paused sending for this account.")
        sandbox = (
            "" if account.get("ProductionAccessEnabled") else "; only to verified addresses (SES sandbox)"
        )
        sent, most = quota.get("SentLast24Hours", 0), quota.get("Max24HourSend", 0)
        return f"{sent:,.0f} of {most:,.0f} mails sent in 24 hours{sandbox}"

    def _call(self, name: str, **arguments: Any) -> Any:
        from botocore import exceptions as theirs

        try:
            return getattr(self._client(), name)(**arguments)
        except theirs.ClientError as error:
            said = error.response.get("Error", {})
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            raise ses_refusal(str(said.get("Code", "")), str(said.get("Message", "")), status) from error
        except theirs.NoRegionError as error:
            raise Permanent("AWS_REGION is not set, so Amazon SES cannot be found.") from error
        except (theirs.NoCredentialsError, theirs.PartialCredentialsError) as error:
            raise Permanent("This program has no AWS credentials for Amazon SES.") from error
        except (
            theirs.EndpointConnectionError,
            theirs.ConnectTimeoutError,
            theirs.ProxyConnectionError,
        ) as error:
            raise Transient(f"Amazon SES cannot be reached ({type(error).__name__}).") from error
        except theirs.BotoCoreError as error:
            raise Ambiguous(f"Amazon SES did not answer ({type(error).__name__}).") from error


_SES_WORDS = {
    "SendingPausedException": "Amazon SES has paused sending for this account.",
    "AccountSuspendedException": "Amazon SES has suspended this account: AWS support has to be asked.",
    "MailFromDomainNotVerifiedException": "Amazon SES does not know the MAIL FROM domain as ours.",
    "MessageRejected": "Amazon SES refused the mail: {}",
    "AccessDeniedException": "AWS does not let this program send mail (ses:SendEmail, ses:GetAccount): {}",
}


def ses_refusal(code: str, message: str, status: int) -> AlertWhispererError:
    """Our error for an answer of SES."""
    said = " ".join(message.split())[:300]
    if code in ("TooManyRequestsException", "LimitExceededException", "ThrottlingException", "Throttling"):
        daily = "quota" in said.lower() or "daily" in said.lower()
        return Transient(f"Amazon SES takes no more just now: {said}", retry_after=FULL if daily else BUSY)
    if status >= 500:
        return Ambiguous(f"Amazon SES answered {status} {code}.")
    return Permanent(_SES_WORDS.get(code, f"Amazon SES refused the mail ({code}): {{}}").format(said))


class SmtpMail(_Threads):
    """One connection for each mail: there are few of them, and none is ever found closed. `trust` is for tests."""

    name = "SMTP"

    def __init__(self, server: SmtpServer, trust: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self._server = server
        self._trust = trust

    async def send(self, message: EmailMessage) -> None:
        """To whom its `To` says. Raises Transient, Ambiguous, Permanent."""
        await self._in_thread(lambda: self._send(message))

    async def check(self) -> str:
        """In words, what answers there. Raises as `send` does."""
        return await self._in_thread(self._check)

    # In a thread from here on.

    def _check(self) -> str:
        def look(smtp: smtplib.SMTP) -> str:
            smtp.noop()
            return f"{self._server.host}:{self._server.port} lets us in"

        return self._with(look)

    def _send(self, message: EmailMessage) -> None:
        sender, to = (parseaddr(str(message[name]))[1] for name in ("From", "To"))

        def hand_over(smtp: smtplib.SMTP) -> None:
            try:
                smtp.send_message(message, from_addr=sender, to_addrs=[to])
            except smtplib.SMTPServerDisconnected as error:
                raise Ambiguous("The mail server hung up before it said whether it took the mail.") from error
            except TimeoutError as error:
                raise Ambiguous("The mail server did not say in time whether it took the mail.") from error

        self._with(hand_over)

    def _with(self, act: Callable[[smtplib.SMTP], T]) -> T:
        """`act` on an open, encrypted where it can be, and signed-in connection."""
        server = self._server
        try:
            with self._connect() as smtp:
                if not server.tls:
                    smtp.ehlo()
                    if smtp.has_extn("starttls"):
                        smtp.starttls(context=self._context())
                    elif server.user and server.host not in _LOCAL:
                        raise Permanent(
                            "The mail server offers no TLS, and the password is not sent in the clear."
                        )
                if server.user:
                    smtp.login(server.user, server.password)
                return act(smtp)
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            refused = smtp_refusal(code, said, "refused the address")
            if _no_such_address(code, said):
                raise Undeliverable(str(refused)) from error
            raise refused from error
        except smtplib.SMTPAuthenticationError as error:
            raise smtp_refusal(error.smtp_code, error.smtp_error, "refused to let us in") from error
        except smtplib.SMTPResponseException as error:
            raise smtp_refusal(error.smtp_code, error.smtp_error, "refused the mail") from error
        except (smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError) as error:
            raise Permanent(f"The mail server cannot be used: {error}") from error
        except (smtplib.SMTPException, OSError) as error:
            raise Transient(
                f"The mail server cannot be reached ({type(error).__name__}: {error})."
            ) from error

    def _context(self) -> ssl.SSLContext:
        return self._trust or ssl.create_default_context()

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        if server.tls:
            return smtplib.SMTP_SSL(server.host, server.port, timeout=PATIENCE, context=self._context())
        return smtplib.SMTP(server.host, server.port, timeout=PATIENCE)


def _no_such_address(code: int, said: bytes | str) -> bool:
    """The mailbox itself is refused for good. Enhanced status codes (RFC 3463): 5.1.x addressing, 5.2.1 disabled; 5.7.x
    and others are about us. Without one 550, 551 and 553 are about the address (RFC 5321)."""
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    found = re.match(r"\s*5\.(\d{1,3})\.(\d{1,3})", words)
    if found is None:
        return code in (550, 551, 553)
    return 500 <= code < 600 and (found[1] == "1" or (found[1], found[2]) == ("2", "1"))


def smtp_refusal(code: int, said: bytes | str, what: str) -> AlertWhispererError:
    """4xx is for now (a full queue, a greylist), 5xx for good."""
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    text = f"The mail server {what}: {code} {' '.join(words.split())[:300]}"
    return Transient(text) if 400 <= code < 500 else Permanent(text)
