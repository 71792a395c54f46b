"""What people and scripts see of a command: tables, one JSON document, one clear line when something is refused."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from engine.errors import AlertWhispererError, Refused

REFUSED, INTERRUPTED = 1, 130


@contextmanager
def ending() -> Iterator[None]:
    """Turn what ends a command early into its exit code and a line on standard error; never a traceback.

    AW_LOG_LEVEL=DEBUG lets a fault of the program itself through with its traceback.
    """
    try:
        yield
    except AlertWhispererError as error:
        stop(refusal_text(error))
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(REFUSED) from None
    except OSError as error:
        stop(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except Exception as error:
        if _debugging():
            raise
        text = (str(error).splitlines() or [""])[0]
        stop(f"A fault of this program: {type(error).__name__}: {text} (AW_LOG_LEVEL=DEBUG shows where)")


def _debugging() -> bool:
    from bot.settings import WrongSetting, read

    try:
        return read().aw_log_level == "DEBUG"
    except WrongSetting:
        return False


def refusal_text(error: AlertWhispererError) -> str:
    hint = error.hint if isinstance(error, Refused) else ""
    return f"{error} {hint}".strip()


def stop(text: str) -> NoReturn:
    """End the command as refused."""
    for line in text.splitlines() or ["refused"]:
        print(line if line.startswith(" ") else f"aw: {line}", file=sys.stderr)
    raise SystemExit(REFUSED)


def warn(text: str) -> None:
    print(f"aw: warning: {text}", file=sys.stderr)


def say(text: str) -> None:
    print(text)


def say_json(document: Any) -> None:
    """The one document on standard output."""
    indent = 2 if sys.stdout.isatty() else None
    print(json.dumps(document, ensure_ascii=False, indent=indent, default=str))


def say_table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, nothing: str) -> None:
    """A table; `nothing` is said instead of an empty one. Cell texts are shown as they are, never as markup."""
    if not rows:
        print(nothing)
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(heading, overflow="fold", no_wrap=place == 0)
    for row in rows:
        table.add_row(*(Text(shown(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def say_facts(facts: Sequence[tuple[str, object]]) -> None:
    """Name and value, one pair a line, aligned."""
    widest = max((len(name) for name, _ in facts), default=0)
    for name, value in facts:
        print(f"{name:<{widest}}  {shown(value)}")


def shown(value: object) -> str:
    """A cell's text: nothing as a dash, lists joined, control characters of outside texts made harmless."""
    if value is None or value == "" or value == [] or value == {}:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(shown(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}={shown(one)}" for name, one in value.items())
    return "".join(sign if sign.isprintable() or sign == "\n" else "�" for sign in str(value))
