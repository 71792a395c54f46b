"""Dead letters read again, with the parsers of this version: for the command line and for chat."""

from __future__ import annotations

from difflib import get_close_matches

from bot.core import Core
from engine.access import Actor
from engine.alert import Alert
from engine.errors import Refused
from engine.intake import DeadLetter
from engine.operations import dead_letters
from engine.operations.dead_letters import TakenIn
from integrations import SOURCES
from integrations.sources.decoding import Undecodable, decode
from integrations.sources.reading import Malformed

MOST_OF_A_COMPANY = 10_000
"""Dead letters kept of one company; its oldest go first."""


async def replay(core: Core, letter_id: int, *, actor: Actor, tool: str = "") -> TakenIn:
    """Take a dead letter in, once; `tool` reads it as another tool's. Raises NotFound, and Refused when it still
    cannot be understood."""
    letter = await core.read(lambda tx: tx.dead_letters.get(letter_id))
    if letter is None:
        raise dead_letters.unknown(letter_id)
    as_tool = tool or letter.tool
    alerts = [] if letter.replayed_at is not None else understood(letter, as_tool)
    return await core.write(
        lambda tx: dead_letters.take_in(
            tx, letter_id, alerts, tool=as_tool, actor=actor, now=core.clock.now()
        )
    )


def understood(letter: DeadLetter, tool: str) -> list[Alert]:
    """Its alerts. Raises Refused saying why there are none yet."""
    parse = SOURCES.get(tool)
    if parse is None:
        close = closest_tool(tool)
        hint = f"Read it as another tool's: `aw deadletter replay {letter.id} --as {close or 'TOOL'}`."
        raise Refused(f"There is no tool “{tool}”.", hint=hint)
    try:
        return list(parse(decode(letter.body), letter.headers))
    except (Undecodable, Malformed) as error:
        raise Refused(
            f"Dead letter {letter.id} still cannot be understood: {error}",
            hint="It stays where it is; replay it after a fix.",
        ) from error


def no_such_tool(tool: str) -> str:
    """Why a body for this tool is a dead letter, and how it is read after all."""
    close = closest_tool(tool)
    meant = f" Did you mean “{close}”? Then replay it with `--as {close}`." if close else ""
    return f"There is no tool “{tool}”.{meant}"


def closest_tool(tool: str) -> str:
    """The tool that was probably meant, or nothing."""
    return next(iter(get_close_matches(tool, SOURCES, n=1)), "")
