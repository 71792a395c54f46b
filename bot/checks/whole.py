"""Every setting and every configured service, tried: what is well, what is off, and what to mend and how."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from bot import settings as settings_of
from bot.checks.finding import Finding, Outcome, bad, good, off
from bot.settings import Settings, WrongSetting
from engine.cloud import Provider
from engine.company import Company
from runbooks.catalogue import read as read_runbooks
from storage.database import Database, newest_version
from storage.secrets import Vault

__all__ = ["Finding", "Outcome", "everything"]

LARGEST_SKEW = timedelta(seconds=5)
"""How far this machine's clock may be from the database's: signatures and tokens go by the time."""

_LOCAL = ("127.0.0.1", "localhost", "::1")


async def everything(environment: Mapping[str, str] | None = None) -> list[Finding]:
    """All findings, in the order in which things depend on each other. Nothing is changed anywhere."""
    try:
        settings = settings_of.read(environment)
    except WrongSetting as error:
        wrong = [line.partition(": ") for line in str(error).splitlines()]
        return [bad(name, why, "See docs/configuration.md.") for name, _, why in wrong]
    found = [good("Settings", "every value can be used"), _public_url(settings)]
    keys, key_findings = _keys(settings)
    found += key_findings
    companies: Sequence[Company] | None = None
    teams_at = ""
    if keys:
        companies, teams_at, database_findings = await _database(settings, keys)
        found += database_findings
    found += _runbooks(settings)
    if settings.slack_on:
        from bot.slack.check import slack

        found += await slack(settings, companies or ())
    else:
        found.append(off("Slack", "it is off: SLACK_BOT_TOKEN is not set", "docs/slack.md says how."))
    from bot.teams.check import teams

    found += await teams(settings, companies or (), teams_at)
    from bot.checks.ai import ai
    from bot.checks.mail import mail
    from bot.checks.phone import phone

    found += await mail(settings)
    found += await phone(settings)
    found += await ai(settings)
    return found + await _clouds(settings, companies or ())


async def _clouds(settings: Settings, companies: Sequence[Company]) -> list[Finding]:
    """Where runs can go."""
    used = {cloud.provider for one in companies for cloud in one.clouds}
    found: list[Finding] = []
    if Provider.AWS in used:
        from bot.checks.aws import aws

        found += await aws(companies)
    if Provider.AZURE in used:
        from bot.checks.azure import azure
        from bot.clouds.azure import azure_app

        found += await azure(companies, azure_app(settings))
    if not found:
        text = "no company has an account in AWS or Azure, so runbooks have nowhere to run"
        found.append(off("Clouds", text, "docs/clouds.md says how."))
    return found


def _public_url(settings: Settings) -> Finding:
    given = settings.aw_public_url
    if not given:
        text = f"not set: {settings.public_url} is what guides and webhooks will name"
        return off("AW_PUBLIC_URL", text, "Set it to the address at which the outside reaches this server.")
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return bad("AW_PUBLIC_URL", f"“{given}” is no address", "Write it like https://aw.example.com.")
    if parts.scheme == "http" and parts.hostname not in _LOCAL:
        return bad("AW_PUBLIC_URL", "keys would travel unencrypted", "Put TLS in front and write https://….")
    return good("AW_PUBLIC_URL", given)


def _keys(settings: Settings) -> tuple[list[str], list[Finding]]:
    """The key ring, and how it is kept."""
    path = settings.key_file
    if settings.aw_secret_key.get_secret_value():
        keys = settings.secret_keys()
        return keys, [good("AW_SECRET_KEY", f"{len(keys)} key{'s' if len(keys) > 1 else ''} in the ring")]
    mend = "Set AW_SECRET_KEY; `aw check --new-key` makes one."
    if not path.exists():
        return [], [off("AW_SECRET_KEY", f"not set: one will be made and kept in {path}", mend)]
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return [], [bad("AW_SECRET_KEY", f"others can read {path}", f"chmod 600 {path}")]
    try:
        keys = settings.secret_keys()
        Vault(keys)
    except (OSError, ValueError) as error:
        return [], [bad("AW_SECRET_KEY", f"{path} cannot be used: {error}", "Restore it from your backup.")]
    return keys, [off("AW_SECRET_KEY", f"not set: the key in {path} is used", mend)]


Known = tuple[Sequence[Company] | None, str, list[Finding]]
"""The companies, when they can be read; where Teams was last heard from; and how the database is."""


async def _database(settings: Settings, keys: Sequence[str]) -> Known:
    path = settings.key_file.parent / settings.aw_database_url.rpartition("/")[2].split("?")[0]
    if settings.aw_database_url.startswith("sqlite") and not path.exists():
        return None, "", [off("Database", f"{path} is not there yet", "`aw serve` or `aw migrate` makes it.")]
    database = Database(settings.aw_database_url, Vault(keys))
    try:
        return await _look_into(database, settings.teams_tenants[:1])
    except Exception as error:  # noqa: BLE001 - whatever keeps it from being used is the finding
        cause = " ".join(str(getattr(error, "orig", None) or error).split()) or type(error).__name__
        return (
            None,
            "",
            [bad("Database", f"it cannot be used: {cause}", "Check AW_DATABASE_URL and the server.")],
        )
    finally:
        await database.close()


async def _look_into(database: Database, tenants: Sequence[str]) -> Known:
    kind = "SQLite" if database.sqlite else "PostgreSQL"
    version, newest = await database.schema_version(), newest_version()
    if version != newest:
        text = f"{kind} is empty" if version is None else f"{kind} is of version {version}, this is {newest}"
        mend = "`aw migrate`" if version is None or version < newest else "Run the newer program."
        return None, "", [bad("Database", text, mend)]
    found = [good("Database", f"{kind}, version {version}")]
    skew = await database.now() - datetime.now(UTC)
    if abs(skew) > LARGEST_SKEW:
        text = f"the database's clock is {skew.total_seconds():+.0f} s from this machine's"
        found.append(bad("Clock", text, "Keep both in time with NTP."))
    else:
        found.append(good("Clock", f"the database's is {skew.total_seconds():+.1f} s from this machine's"))
    async with database.reading() as tx:
        companies = await tx.companies.all()
        heard = [await tx.teams.newest_of(one) for one in tenants]
        if not await tx.users.all():
            found.append(off("People", "nobody is known yet", "`aw user add --help`"))
    if not companies:
        found.append(off("Companies", "there is none yet", "`aw company add --help`"))
    for one in companies:
        if not one.slack_channel and not one.teams_conversation:
            mend = f"`aw company set {one.slug} --slack-channel ID`"
            found.append(
                off(f"Company {one.slug}", "no channel is bound: nobody will see its incidents", mend)
            )
    return companies, next((one.service_url for one in heard if one), ""), found


def _runbooks(settings: Settings) -> list[Finding]:
    found, faults = read_runbooks(settings.aw_runbook_dir)
    mend = "`aw runbook lint` after each change."
    wrong = [bad("Runbooks", str(fault), mend) for fault in faults]
    return wrong or [good("Runbooks", f"{len(found)} are sound")]
