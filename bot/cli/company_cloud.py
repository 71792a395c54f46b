"""`aw company cloud`: the accounts in which a company's machines are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.words import Json, Slug, family
from engine.cloud import Cloud, Provider
from engine.errors import NotFound

if TYPE_CHECKING:
    from bot.core import Core
    from storage.transaction import Transaction

app = family("Clouds: the accounts in which a company's machines are.")

ProviderName = Annotated[Provider, typer.Argument(case_sensitive=False, help="aws, azure or gcp.")]


@app.command("add")
def add(
    slug: Slug,
    provider: ProviderName,
    role_arn: Annotated[str | None, typer.Option(metavar="ARN", help="AWS: the role to assume.")] = None,
    external_id: Annotated[
        str | None, typer.Option(metavar="ID", help="AWS: its external id; the company's own when left out.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="AWS: where machines are that say nothing else, such as eu-central-1.")
    ] = None,
    output_bucket: Annotated[
        str | None, typer.Option(metavar="NAME", help="AWS: a bucket for output too long for the API.")
    ] = None,
    output_prefix: Annotated[
        str | None, typer.Option(metavar="PREFIX", help="AWS: the prefix in that bucket.")
    ] = None,
    output_log_group: Annotated[
        str | None, typer.Option(metavar="NAME", help="AWS: a CloudWatch log group for long output instead.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(metavar="ID", help="Azure: the tenant.")] = None,
    subscription: Annotated[str | None, typer.Option(metavar="ID", help="Azure: the subscription.")] = None,
    project: Annotated[str | None, typer.Option(metavar="ID", help="Google Cloud: the project.")] = None,
    as_json: Json = False,
) -> None:
    """Add a cloud to a company, or change the one with that account."""
    given = {
        "role_arn": role_arn,
        "external_id": external_id,
        "region": region,
        "output_bucket": output_bucket,
        "output_prefix": output_prefix,
        "output_log_group": output_log_group,
        "tenant_id": tenant,
        "subscription_id": subscription,
        "project_id": project,
    }
    values = {name: value.strip() for name, value in given.items() if value is not None}

    async def act(core: Core) -> list[dict[str, Any]]:
        from engine.operations import directory

        async def write(tx: Transaction) -> list[dict[str, Any]]:
            company = await directory.company_called(tx, slug)
            made = Cloud(provider=provider.value, **values)
            before = next((one for one in company.clouds if _same(one, made)), None)
            if before is not None:
                made = replace(before, **values)
            others = [one for one in company.clouds if one is not before]
            changed = await directory.change_company(
                tx,
                replace(company, clouds=(*others, made)),
                actor=operator(),
                now=core.clock.now(),
                cloud_added=made.label,
            )
            return [document(one) for one in changed.clouds]

        return await core.write(write)

    _show(with_core(act), as_json)


@app.command("list")
def list_all(slug: Slug, as_json: Json = False) -> None:
    """List a company's clouds."""

    async def act(core: Core) -> list[dict[str, Any]]:
        from engine.operations import directory

        async def look(tx: Transaction) -> list[dict[str, Any]]:
            return [document(one) for one in (await directory.company_called(tx, slug)).clouds]

        return await core.read(look)

    _show(with_core(act), as_json)


@app.command("remove")
def remove(
    slug: Slug,
    account: Annotated[str, typer.Argument(help="The account, subscription or project.")],
    as_json: Json = False,
) -> None:
    """Take a cloud away from a company: nothing runs there any more."""

    async def act(core: Core) -> list[dict[str, Any]]:
        from engine.operations import directory

        async def write(tx: Transaction) -> list[dict[str, Any]]:
            company = await directory.company_called(tx, slug)
            left = tuple(one for one in company.clouds if one.account != account.strip().lower())
            if len(left) == len(company.clouds):
                raise NotFound(f"{company.name} has no cloud with the account “{account[:60]}”.")
            changed = await directory.change_company(
                tx,
                replace(company, clouds=left),
                actor=operator(),
                now=core.clock.now(),
                cloud_removed=account.strip().lower(),
            )
            return [document(one) for one in changed.clouds]

        return await core.write(write)

    _show(with_core(act), as_json)


def document(cloud: Cloud) -> dict[str, Any]:
    """A cloud as JSON: what belongs to its provider."""
    own: dict[str, tuple[str, ...]] = {
        Provider.AWS: (
            "role_arn",
            "external_id",
            "region",
            "output_bucket",
            "output_prefix",
            "output_log_group",
        ),
        Provider.AZURE: ("tenant_id",),
        Provider.GCP: (),
    }
    names = own[Provider(cloud.provider)]
    return {"cloud": cloud.provider, "account": cloud.account} | {
        name: getattr(cloud, name) or None for name in names
    }


def _same(one: Cloud, other: Cloud) -> bool:
    return (one.provider, one.account.lower()) == (other.provider, other.account.lower())


def _show(found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        return terminal.say_json(found)
    rows = [
        [
            one["cloud"],
            one["account"],
            {name: value for name, value in one.items() if value and name not in ("cloud", "account")},
        ]
        for one in found
    ]
    terminal.say_table(("CLOUD", "ACCOUNT", "SETTINGS"), rows, nothing="No cloud yet: nothing can run.")
