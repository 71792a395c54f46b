"""`aw company`, continued: API keys and signing secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.words import Json, Slug, family

if TYPE_CHECKING:
    from datetime import timedelta

    from bot.core import Core
    from engine.company import Company
    from engine.signing import SigningSecret
    from storage.transaction import Transaction

app = family("Companies: keys and secrets.")

Overlap = Annotated[
    str, typer.Option(metavar="TIME", help="How long the old one still holds beside it: 30m, 24h, 7d, or 0.")
]


@app.command("rotate-key")
def rotate_key(
    slug: Slug,
    overlap: Overlap = "24h",
    ttl: Annotated[
        str | None, typer.Option(metavar="TIME", help="When the new key ends by itself, such as 90d.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a new API key; prints it, once. The old ones hold for the overlap."""

    async def act(core: Core) -> dict[str, Any]:
        from bot.tokens import ttl_of
        from engine.operations import directory

        span, life = _overlap(overlap), ttl_of(ttl) if ttl is not None else None

        async def write(tx: Transaction) -> dict[str, Any]:
            now = core.clock.now()
            company, key = await directory.rotate_key(
                tx, slug, overlap=span, ttl=life, actor=operator(), now=now
            )
            return {
                "slug": company.slug,
                "api_key": key,
                "expires_at": (now + life).isoformat() if life else None,
                "old_keys_until": (now + span).isoformat(),
            }

        return await core.write(write)

    answer = with_core(act)
    if as_json:
        return terminal.say_json(answer)
    facts = [("API key", answer["api_key"]), ("Old keys hold until", answer["old_keys_until"])]
    if answer["expires_at"]:
        facts.append(("It ends", answer["expires_at"]))
    terminal.say_facts(facts)


@app.command("keys")
def keys(slug: Slug, as_json: Json = False) -> None:
    """List a company's API keys; never the keys themselves."""

    async def act(core: Core) -> list[dict[str, Any]]:
        from engine.operations import directory

        async def look(tx: Transaction) -> list[dict[str, Any]]:
            company, now = await directory.company_called(tx, slug), core.clock.now()
            return [
                {
                    "id": one.id,
                    "created_at": one.created_at.isoformat(),
                    "last_used_at": one.last_used_at.isoformat() if one.last_used_at else None,
                    "expires_at": one.expires_at.isoformat() if one.expires_at else None,
                    "active": one.expires_at is None or now < one.expires_at,
                }
                for one in await tx.companies.keys(company.id)
            ]

        return await core.read(look)

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    rows = [
        [
            one["id"],
            one["created_at"],
            one["last_used_at"],
            one["expires_at"],
            "yes" if one["active"] else "no",
        ]
        for one in found
    ]
    headings = ("ID", "CREATED", "LAST USED", "EXPIRES", "HOLDS")
    terminal.say_table(headings, rows, nothing="No key: `aw company rotate-key` makes one.")


@app.command("revoke-key")
def revoke_key(
    slug: Slug,
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `aw company keys` lists it.")],
    as_json: Json = False,
) -> None:
    """End one API key at once."""

    async def act(core: Core) -> Company:
        from engine.operations import directory

        async def write(tx: Transaction) -> Company:
            now = core.clock.now()
            return await directory.revoke_key(tx, slug, key_id.strip(), actor=operator(), now=now)

        return await core.write(write)

    company = with_core(act)
    if as_json:
        return terminal.say_json({"slug": company.slug, "revoked": key_id.strip()})
    terminal.say(f"The key {key_id.strip()} of {company.name} has ended.")


@app.command("rotate-secret")
def rotate_secret(slug: Slug, overlap: Overlap = "24h", as_json: Json = False) -> None:
    """Make a new signing secret; prints it, once. The old one holds for the overlap."""

    async def act(core: Core) -> dict[str, Any]:
        from engine.operations import directory

        span = _overlap(overlap)

        async def write(tx: Transaction) -> dict[str, Any]:
            now = core.clock.now()
            company, fresh = await directory.rotate_secret(tx, slug, overlap=span, actor=operator(), now=now)
            return {
                "slug": company.slug,
                **secret_document(fresh),
                "old_secret_until": (now + span).isoformat(),
            }

        return await core.write(write)

    answer = with_core(act)
    if as_json:
        return terminal.say_json(answer)
    terminal.say_facts([*secret_facts(answer), ("The old one holds until", answer["old_secret_until"])])


def secret_document(secret: SigningSecret | None) -> dict[str, str | None]:
    """A secret that is shown this once, in our form and in that of Standard Webhooks."""
    return {
        "hmac_secret": secret.value if secret else None,
        "standard_webhooks_secret": secret.whsec if secret else None,
    }


def secret_facts(answer: dict[str, Any]) -> list[tuple[str, object]]:
    names = (("Signing secret", "hmac_secret"), ("… for Standard Webhooks", "standard_webhooks_secret"))
    return [(name, answer[key]) for name, key in names if answer.get(key)]


def _overlap(text: str) -> timedelta:
    from datetime import timedelta

    from bot.tokens import ttl_of

    return timedelta(0) if text.strip() == "0" else ttl_of(text)
