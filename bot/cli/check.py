"""`aw check`: every setting and every configured service, each problem with its mend."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli import terminal
from bot.cli.words import Json


def check(
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Only print a fresh key for AW_SECRET_KEY.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check every setting and reach every configured service; exit 1 on any problem."""
    if new_key:
        from cryptography.fernet import Fernet

        key = Fernet.generate_key().decode()
        return terminal.say_json({"key": key}) if as_json else terminal.say(key)
    import asyncio

    from bot.checks.whole import Outcome, everything

    found = asyncio.run(everything())
    bad = [one for one in found if one.outcome is Outcome.BAD]
    if as_json:
        terminal.say_json({"ok": not bad, "findings": [one.document() for one in found]})
    else:
        for one in found:
            mend = f"\n    → {one.mend}" if one.mend else ""
            terminal.say(f"{one.outcome.sign} {one.subject}: {one.text}{mend}")
        terminal.say("All is well." if not bad else f"{len(bad)} to mend.")
    if bad:
        raise SystemExit(terminal.REFUSED)
