"""`aw email`: what people get by mail, to look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.words import Json, family
from engine.errors import Refused

if TYPE_CHECKING:
    from bot.core import Core
    from bot.mail.compose import Mail

app = family("Mail that people get.")


@app.callback()
def mails() -> None:
    """Mail that people get."""


@app.command("preview")
def preview(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="MAIL",
            help="assignment, warning, breach, escalation, handoff, closure, notice, digest or report.",
            show_default=False,
        ),
    ],
    company: Annotated[
        str, typer.Option(metavar="SLUG", help="Whose newest incident it is about.", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it there instead of showing it.")
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="The plain text instead of the HTML.")] = False,
    as_json: Json = False,
) -> None:
    """Show the mail about a company's newest incident, or about an example when it has had none."""

    async def act(core: Core) -> tuple[Mail, str]:
        from bot.mail.preview import preview as made
        from engine.operations import directory

        wanted = await core.read(lambda tx: directory.company_called(tx, company))
        return await made(core, kind.strip().lower(), wanted)

    mail, about = with_core(act)
    body = mail.text if text else mail.html
    if out is not None:
        try:
            out.write_text(body, "utf-8")
        except OSError as error:
            raise Refused(f"{out} cannot be written: {error.strerror}.") from None
    if as_json:
        return terminal.say_json(
            {"about": about, "subject": mail.subject, "text": mail.text, "html": mail.html}
        )
    if out is not None:
        return terminal.say(f"“{mail.subject}” about {about} is in {out}.")
    return terminal.say(f"Subject: {mail.subject}\n\n{body}" if text else body)


@app.command("bounced")
def bounced(as_json: Json = False) -> None:
    """List the addresses that mail came back from."""

    async def act(core: Core) -> list[dict[str, Any]]:
        found = await core.read(lambda tx: tx.bounces.all())
        return [
            {
                "address": one.address,
                "undeliverable_since": one.hard_at.isoformat(timespec="seconds") if one.hard_at else None,
                "reason": one.reason or None,
                "came_back_for_a_time": one.soft,
            }
            for one in found
        ]

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    rows = [list(one.values()) for one in found]
    return terminal.say_table(
        ("ADDRESS", "NO MAIL SINCE", "WHY", "FOR A TIME"), rows, nothing="No mail came back."
    )


@app.command("clear")
def clear(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="It is right again.", show_default=False)],
) -> None:
    """Have mail sent again to an address that it came back from."""

    async def act(core: Core) -> None:
        from engine.operations import bounces

        now = core.clock.now()
        await core.write(lambda tx: bounces.clear(tx, address, actor=operator(), now=now))

    with_core(act)
    terminal.say(f"Mail goes to {address.strip()} again.")
