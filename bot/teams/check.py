"""`aw check`, Teams: the registration is whole, Microsoft signs us in, the app is in every company's conversation."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

import aiohttp

from bot.checks.finding import Finding, bad, good, off
from bot.settings import Settings
from bot.teams.connector import Connector, NotThere
from bot.teams.registration import registration
from engine.company import Company
from engine.errors import AlertWhispererError, Permanent

_SIGN_IN = {
    "AADSTS7000215": "Copy the secret's Value again, not its Secret ID, into MICROSOFT_APP_PASSWORD.",
    "AADSTS7000222": "The secret has expired: make a new one and put it into MICROSOFT_APP_PASSWORD.",
    "AADSTS700016": "Check MICROSOFT_APP_ID, and that MICROSOFT_APP_TENANT_ID is the tenant it is registered in.",
    "AADSTS90002": "Check MICROSOFT_APP_TENANT_ID: it is the Directory (tenant) ID.",
}
"""What Microsoft's sign-in says, by the code that its answer begins with."""
_SETTINGS = (
    "Check MICROSOFT_APP_ID, MICROSOFT_APP_PASSWORD and MICROSOFT_APP_TENANT_ID; docs/teams.md says where."
)
_NETWORK = "Check the network and the proxy."


async def teams(settings: Settings, companies: Sequence[Company], service_url: str) -> list[Finding]:
    """`service_url`: where Teams was last heard from; "" when it has not spoken yet."""
    missing = settings.teams_missing
    if not settings.teams_on:
        if len(missing) == 3:
            return [off("Teams", "it is off: MICROSOFT_APP_ID is not set", "docs/teams.md says how.")]
        return [
            bad(one, "not set, so Teams is off", "docs/teams.md says where it is found.") for one in missing
        ]
    if importlib.util.find_spec("botbuilder") is None:
        return [bad("Teams", "its library is not installed", "Install alert-whisperer[teams].")]
    async with aiohttp.ClientSession(trust_env=True) as session:
        connector = Connector(registration(settings), session)
        try:
            await connector.token()
        except AlertWhispererError as error:
            return [_not_signed_in(error)]
        found = [good("Teams", f"Microsoft signs in the app {settings.microsoft_app_id}"), _door(settings)]
        bound = [(one, one.teams_conversation) for one in companies if one.teams_conversation]
        if not service_url:
            mend = "Add the app to a team and mention it once; then bind the companies' channels."
            return [*found, off("Teams service", "Teams has not spoken to us yet", mend)]
        for company, conversation in bound:
            found.append(await _conversation(connector, service_url, company, conversation))
        if not bound:
            mend = "`aw company set SLUG --teams-conversation ID`"
            found.append(off("Teams channels", "no company is bound to one", mend))
    return found


def _door(settings: Settings) -> Finding:
    address = f"{settings.public_url}/api/messages"
    if not address.startswith("https://") and not settings.aw_teams_url:
        mend = "Set AW_PUBLIC_URL to the https address that is the bot's messaging endpoint in Azure."
        return bad("Teams requests", f"Microsoft does not call {address}: it is no https address", mend)
    return good("Teams requests", f"signed ones are taken at {address}")


def _not_signed_in(error: AlertWhispererError) -> Finding:
    if not isinstance(error, Permanent):
        return bad("Teams", str(error), _NETWORK)
    said, _, _ = str(error).partition(" — ")
    mend = next((mend for code, mend in _SIGN_IN.items() if f"{code}:" in said), _SETTINGS)
    return bad("Teams", said, mend)


async def _conversation(
    connector: Connector, service_url: str, company: Company, conversation: str
) -> Finding:
    """Only those of a conversation are told who is in it."""
    subject = f"Teams channel of {company.slug}"
    place = ("v3", "conversations", conversation, "pagedmembers")
    try:
        await connector.call("GET", service_url, *place, repeatable=True)
    except NotThere:
        mend = (
            f"Mention the bot there: it says the id. `aw company set {company.slug} --teams-conversation ID`"
        )
        return bad(subject, f"Teams knows no conversation {conversation}", mend)
    except Permanent as error:
        return bad(subject, str(error), "Add the app to that team or chat.")
    except AlertWhispererError as error:
        return bad(subject, str(error), _NETWORK)
    return good(subject, "the app is in it")
