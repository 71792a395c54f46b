"""`aw token`: bearer tokens of the REST interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.user import user_called
from bot.cli.words import Json, family
from engine.errors import Refused

if TYPE_CHECKING:
    from bot.core import Core
    from storage.transaction import Transaction

app = family("Tokens of the REST interface.")


@app.command("create")
def create(
    user: Annotated[str, typer.Option(metavar="EMAIL", help="Whose token it is.", show_default=False)],
    ttl: Annotated[str, typer.Option(metavar="TIME", help="How long it lasts: 30d, 12h, 45m.")] = "30d",
    as_json: Json = False,
) -> None:
    """Make a token that acts as a person; prints it, once."""

    async def act(core: Core) -> dict[str, Any]:
        from bot import tokens

        span = tokens.ttl_of(ttl)

        async def write(tx: Transaction) -> tokens.Minted:
            person = await user_called(tx, user)
            return await tokens.create(tx, person, ttl=span, actor=operator(), now=core.clock.now())

        minted = await core.write(write)
        return {"token": minted.token, "expires_at": minted.expires_at.isoformat(), "id": minted.id}

    answer = with_core(act)
    if as_json:
        return terminal.say_json(answer)
    names = (("Token", "token"), ("Expires", "expires_at"), ("Id, for revoking", "id"))
    terminal.say_facts([(name, answer[key]) for name, key in names])


@app.command("revoke")
def revoke(
    token: Annotated[str | None, typer.Argument(metavar="TOKEN", help="The token or its id.")] = None,
    user: Annotated[str | None, typer.Option(metavar="EMAIL", help="All tokens of this person.")] = None,
    as_json: Json = False,
) -> None:
    """End a token, or all of a person's."""
    if (token is None) == (user is None):
        raise Refused("Name one token, or a person with `--user EMAIL`.")

    async def act(core: Core) -> int:
        from bot import tokens

        async def write(tx: Transaction) -> int:
            now = core.clock.now()
            if user is not None:
                person = await user_called(tx, user)
                return await tokens.revoke_all(tx, person, actor=operator(), now=now)
            return await tokens.revoke(tx, token or "", actor=operator(), now=now)

        return await core.write(write)

    ended = with_core(act)
    if as_json:
        return terminal.say_json({"revoked": ended})
    terminal.say(f"{ended} token{'' if ended == 1 else 's'} revoked.")
