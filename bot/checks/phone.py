"""`aw check`, SMS and calls: Twilio knows us, and can reach us when somebody answers."""

from __future__ import annotations

from bot.checks.finding import Finding, bad, good, off
from bot.settings import Settings
from engine.errors import AlertWhispererError
from integrations.twilio import Twilio


async def phone(settings: Settings) -> list[Finding]:
    names = {
        "TWILIO_ACCOUNT_SID": settings.twilio_account_sid,
        "TWILIO_AUTH_TOKEN": settings.twilio_auth_token.get_secret_value(),
        "TWILIO_FROM": settings.twilio_from,
    }
    missing = [name for name, value in names.items() if not value]
    if missing:
        text = f"they are off: {', '.join(missing)} {'are' if len(missing) > 1 else 'is'} not set"
        return [off("SMS and calls", text, "docs/notifications.md says how.")]
    twilio = Twilio(
        sid=settings.twilio_account_sid,
        token=settings.twilio_auth_token.get_secret_value(),
        sender=settings.twilio_from,
        url=settings.aw_twilio_url,
    )
    try:
        found = [good("SMS and calls", await twilio.check())]
    except AlertWhispererError as error:
        found = [bad("SMS and calls", str(error), "Check the three TWILIO_… settings.")]
    finally:
        await twilio.close()
    if not settings.aw_public_url:
        text = "Twilio cannot reach us, so nobody can answer 1 to claim"
        found.append(off("Answers by phone", text, "Set AW_PUBLIC_URL."))
    return found
