"""`aw company access` and `verify`: what a client applies to let us in, and the proof that it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import with_core
from bot.cli.words import Json, Slug, family
from bot.clouds.access import Format
from engine.cloud import Cloud, Provider
from engine.errors import AlertWhispererError, Refused

if TYPE_CHECKING:
    from bot.checks.finding import Finding
    from bot.core import Core
    from engine.company import CompanyContext
    from storage.transaction import Transaction

app = family("Companies: access to their clouds.")


@app.command("access")
def access(
    slug: Slug,
    form: Annotated[
        Format | None,
        typer.Option("--format", case_sensitive=False, help="By the company's cloud when left out."),
    ] = None,
    account: Annotated[
        str | None, typer.Option(metavar="ID", help="Which account, when the company has several.")
    ] = None,
    principal: Annotated[
        str | None, typer.Option(metavar="ARN", help="Whom an AWS role trusts; we ourselves when left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print what the client applies in its account: least privilege, filled in with the company's own ids."""
    from bot.clouds import access as client_access

    async def act(core: Core) -> tuple[Cloud, str]:
        context = await core.read(lambda tx: _context(tx, slug))
        return _chosen(context, form, account), core.settings.azure_client_id

    cloud, client_id = with_core(act)
    chosen = form or (Format.AZURE if cloud.provider == Provider.AZURE else Format.CLOUDFORMATION)
    trusted = client_access.principal_of(principal or "")
    if chosen is not Format.AZURE and not trusted:
        trusted = _ourselves()
    text = client_access.filled(chosen, cloud, principal=trusted, client_id=client_id)
    if as_json:
        return terminal.say_json({"format": chosen.value, "account": cloud.account, "text": text})
    terminal.say(text.rstrip())


@app.command("verify")
def verify(slug: Slug, as_json: Json = False) -> None:
    """Prove that the company's clouds let us in and no further, changing nothing; exit 1 on any problem."""

    async def act(core: Core) -> list[Finding]:
        from bot.clouds import verify as proving
        from bot.clouds.azure import azure_app

        context = await core.read(lambda tx: _context(tx, slug))
        return await proving.company(context, azure_app(core.settings))

    found = with_core(act)
    wrong = [one for one in found if one.outcome.value == "bad"]
    if as_json:
        terminal.say_json({"ok": not wrong, "findings": [one.document() for one in found]})
    else:
        rows = [[one.outcome.sign, one.subject, one.text, one.mend] for one in found]
        terminal.say_table(("", "WHAT", "FOUND", "MEND"), rows, nothing="Nothing to verify.")
        terminal.say("Access is proven as far as it can be." if not wrong else f"{len(wrong)} to mend.")
    if wrong:
        raise SystemExit(terminal.REFUSED)


async def _context(tx: Transaction, slug: str) -> CompanyContext:
    from engine.operations import directory

    return await tx.companies.context((await directory.company_called(tx, slug)).id)


def _chosen(context: CompanyContext, form: Format | None, account: str | None) -> Cloud:
    found = [
        one
        for one in context.company.clouds
        if (form is None or one.provider == form.provider)
        and (account is None or one.account == account.strip().lower())
        and one.provider != Provider.GCP
    ]
    if len(found) == 1:
        return found[0]
    name, hint = context.company.name, f"`aw company cloud list {context.company.slug}` shows what it has."
    if not found:
        raise Refused(f"{name} has no such account.", hint=f"{hint} `aw company cloud add` adds one.")
    raise Refused(f"{name} has several accounts: say which with --account.", hint=hint)


def _ourselves() -> str:
    """The ARN that AWS knows us by; a warning when it cannot be asked."""
    from bot.clouds import access as client_access
    from runbooks.executors.aws_access import try_roles

    try:
        arn: Any = try_roles([])[0]
    except AlertWhispererError as error:
        terminal.warn(f"AWS did not say who we are ({error}); give --principal, or fill it in.")
        return ""
    return client_access.principal_of(str(arn))
