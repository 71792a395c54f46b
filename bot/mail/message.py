"""A mail with its headers, ready to be carried. `EmailMessage` encodes whatever stands in them, or refuses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from bot.mail.compose import Mail
from engine.errors import Permanent

_NEVER = '<>(),;:\\"[]'
"""Signs that an address only has in quotes, which nobody uses."""
POLICY = SMTP.clone(raise_on_defect=False)


@dataclass(frozen=True, slots=True)
class Attached:
    """A file beside a mail; of the media type `main`/`sub`."""

    name: str
    main: str
    sub: str
    body: bytes


def message(
    mail: Mail,
    *,
    sender: str,
    to: str,
    name: str = "",
    id: str,
    about: str = "",
    now: datetime,
    picture: tuple[str, bytes] | None = None,
    attached: Sequence[Attached] = (),
) -> EmailMessage:
    """`id` is the same whenever this mail is tried again, so that a mailbox can fold what came twice; `about` what
    mail programs gather in one conversation; `picture`, a name and a PNG, stands where the HTML says `cid:name`. Raises
    Permanent for an address that is none."""
    domain = parseaddr(sender)[1].rpartition("@")[2]
    made = EmailMessage(policy=POLICY)
    made["From"] = sender
    made["To"] = recipient(to, name)
    made["Subject"] = mail.subject
    made["Date"] = format_datetime(now)
    made["Message-ID"] = f"<{id}@{domain}>"
    made["X-Alert-Whisperer-Notice"] = id
    if about:
        made["References"] = f"<{about}@{domain}>"
    made["Auto-Submitted"] = "auto-generated"
    made["X-Auto-Response-Suppress"] = "All"
    made["List-Unsubscribe"] = f"<mailto:{parseaddr(sender)[1]}?subject=unsubscribe>"
    made.set_content(mail.text, cte="quoted-printable")
    made.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    if picture is not None:
        html = made.get_body(("html",))
        assert html is not None
        html.add_related(picture[1], "image", "png", cid=f"<{picture[0]}>", disposition="inline")
    for one in attached:
        made.add_attachment(one.body, maintype=one.main, subtype=one.sub, filename=one.name)
    return made


def recipient(to: str, name: str = "") -> Address:
    """Raises Permanent."""
    try:
        local, _, domain = to.partition("@")
        if (
            not (local and domain)
            or not to.isprintable()
            or any(one.isspace() or one in _NEVER for one in to)
        ):
            raise ValueError
        return Address(" ".join(name.split()) if name.isprintable() else "", addr_spec=to)
    except (ValueError, IndexError) as error:
        raise Permanent(f"“{to[:80]}” is no e-mail address.") from error
