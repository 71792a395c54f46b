"""`aw check`, e-mail: what carries it lets us in, and templates of one's own can be used."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.checks.finding import Finding, bad, good, off
from bot.mail.compose import KINDS, faults
from bot.mail.port import mailer
from bot.mail.preview import example
from bot.mail.words import item
from bot.settings import Settings
from engine.company import Company
from engine.errors import AlertWhispererError


async def mail(settings: Settings) -> list[Finding]:
    found: list[Finding] = []
    carrier = mailer(settings)
    if carrier is None:
        return [off("E-mail", "it is off: AW_EMAIL_FROM is not set", "docs/notifications.md says how.")]
    try:
        found.append(
            good("E-mail", f"{carrier.name}, from {settings.aw_email_from}: {await carrier.check()}")
        )
    except AlertWhispererError as error:
        found.append(bad("E-mail", str(error), "docs/notifications.md names what it needs."))
    finally:
        carrier.close()
    folder = settings.aw_email_template_dir
    if folder is not None:
        view = example(Company(id=0, slug="example", name="Example Ltd"), datetime.now(UTC))
        wrong = faults(folder, [item(view, kind=KINDS[0], text="is yours.", zone="UTC", level=1)])
        mend = "Ours is used in its place until it is mended; `aw email preview` shows it."
        found += [bad("Mail templates", one, mend) for one in wrong]
        if not wrong:
            found.append(good("Mail templates", f"those in {folder} can be used"))
    return found
