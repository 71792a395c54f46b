"""The Teams app package: the zip that an administrator uploads, with its manifest and icons. The same settings always
give the same bytes, so that two packages can be compared."""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bot.answers import WORDS
from bot.teams.icons import ACCENT, colour, outline
from bot.teams.search import COMMAND, LOOKED_FOR
from engine.errors import Refused

MANIFEST = "1.29"
SCHEMA = f"https://developer.microsoft.com/en-us/json-schemas/teams/v{MANIFEST}/MicrosoftTeams.schema.json"
SCOPES = ("team", "personal", "groupChat")
"""A company's incidents go to a channel or a group chat; what is for one person goes to their own chat."""
OFFERED = (
    "status", "list", "home", "claim", "note", "run", "resolve", "hold", "escalate", "snooze", "report",
)  # fmt: skip
"""The words that Teams offers while somebody types; it takes twelve, and help is the last."""
READS_ALONG = "ChannelMessage.Read.Group"
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NAME, _FULL_NAME, _DEVELOPER = 30, 100, 32
_ALWAYS = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the zip: the earliest that a zip can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`website` is where the app's page, privacy and terms links lead; the public address when it is empty.
    `reads_along`: asks a team's owner to let the bot read replies that do not mention it."""

    app_id: str
    public_url: str
    version: str
    name: str = "Alert Whisperer"
    developer: str = "Alert Whisperer"
    website: str = ""
    reads_along: bool = False


def package(wanted: Wanted) -> bytes:
    """The zip. Raises Refused for what Teams would not take."""
    whole = json.dumps(manifest(wanted), ensure_ascii=False, indent=2) + "\n"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in (
            ("manifest.json", whole.encode()),
            ("color.png", colour()),
            ("outline.png", outline()),
        ):
            about = zipfile.ZipInfo(name, _ALWAYS)
            about.external_attr, about.create_system = 0o644 << 16, 3
            archive.writestr(about, body, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def manifest(wanted: Wanted) -> dict[str, Any]:
    """Raises Refused for what Teams would not take."""
    app_id, host = _app_id(wanted.app_id), _host(wanted.public_url)
    website = wanted.website or wanted.public_url.rstrip("/")
    _host(website, "The website")
    for what, text, most in (("name", wanted.name, _NAME), ("developer", wanted.developer, _DEVELOPER)):
        if not 0 < len(text.strip()) <= most:
            raise Refused(f"Teams takes 1 to {most} characters as the {what}, not {len(text.strip())}.")
    made: dict[str, Any] = {
        "$schema": SCHEMA,
        "manifestVersion": MANIFEST,
        "version": wanted.version,
        "id": app_id,
        "developer": {
            "name": wanted.developer.strip(),
            "websiteUrl": website,
            "privacyUrl": website,
            "termsOfUseUrl": website,
        },
        "name": {
            "short": wanted.name.strip(),
            "full": f"{wanted.name.strip()}: incidents and runbooks"[:_FULL_NAME],
        },
        "description": {
            "short": "Alerts in, one card per incident, approved runbooks out.",
            "full": "Alerts of all monitoring tools become a few incidents, each one card in its client's channel. "
            "Claim and resolve with a press, approve runbooks in the thread, and see whether they helped.",
        },
        "icons": {"color": "color.png", "outline": "outline.png"},
        "accentColor": ACCENT,
        "bots": [
            {
                "botId": app_id,
                "scopes": list(SCOPES),
                "isNotificationOnly": False,
                "supportsFiles": False,
                "commandLists": [{"scopes": list(SCOPES), "commands": commands()}],
            }
        ],
        "composeExtensions": [_finding(app_id)],
        "defaultInstallScope": "team",
        "defaultGroupCapability": {"team": "bot", "groupchat": "bot"},
        "validDomains": [host],
    }
    if wanted.reads_along:
        made["webApplicationInfo"] = {"id": app_id}
        permission = {"name": READS_ALONG, "type": "Application"}
        made["authorization"] = {"permissions": {"resourceSpecific": [permission]}}
    return made


def _finding(app_id: str) -> dict[str, Any]:
    """Incidents are found from any conversation."""
    how = "INC-42, or words of it, its asset or its company"
    asked = {"name": LOOKED_FOR, "title": "INC-42, or words", "description": how, "inputType": "text"}
    command = {
        "id": COMMAND,
        "type": "query",
        "title": "Find an incident",
        "description": how,
        "context": ["compose", "commandBox"],
        "initialRun": True,
        "parameters": [asked],
    }
    return {"botId": app_id, "commands": [command]}


def commands() -> list[dict[str, str]]:
    """What Teams offers while somebody types, out of what help shows: the word, and how it is used. A number is never
    put in: whoever presses too quickly would act on it."""
    shown: dict[str, str] = {}
    for usage, what, _ in WORDS:
        typed = usage.removeprefix("/aw ")
        shown.setdefault(typed.split()[0], f"{typed} — {what}"[:128])
    known = [{"title": word, "description": shown[word]} for word in OFFERED]
    return [*known, {"title": "help", "description": "what you can do here"}]


def _app_id(given: str) -> str:
    hint = (
        "Set MICROSOFT_APP_ID to the Application (client) ID of the bot's app registration, or give --app-id."
    )
    if not given:
        raise Refused("There is no app id.", hint=hint)
    if not _GUID.fullmatch(given):
        raise Refused(
            f"“{given}” is no app id: it looks like 00000000-0000-0000-0000-000000000000.", hint=hint
        )
    return given.lower()


def _host(given: str, what: str = "The public address") -> str:
    hint = (
        "Set AW_PUBLIC_URL to the https address at which Microsoft reaches this server, or give --public-url."
    )
    if not given:
        raise Refused("There is no public address.", hint=hint)
    try:
        parts = urlsplit(given)
        host = parts.hostname or ""
    except ValueError:
        raise Refused(f"{what} “{given}” is no address.", hint=hint) from None
    if parts.scheme != "https" or "." not in host or re.search(r"[^a-z0-9.-]", host):
        raise Refused(f"{what} “{given}” is nothing that Teams would take.", hint=hint)
    return host
