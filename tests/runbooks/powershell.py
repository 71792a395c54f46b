"""What PowerShell's own tokenizer makes of the assignments in front of a script, written from its language reference.

A single-quoted string ends at any of five characters, and two of them in a row are one of it; nothing inside is ever
expanded. Read a file in the wrong code page, and a byte of a letter may be one of the five.
"""

from __future__ import annotations

import re

QUOTES = "'\u2018\u2019\u201a\u201b"
_ASSIGNMENT = re.compile(r"\$env:([A-Z][A-Z0-9_]*) = ")
_LETTER = re.compile(r"\[char\]0x([0-9a-f]{4})")
_JOIN = " + "


def string(source: str) -> tuple[str, str]:
    """The value of the single-quoted string that the source begins with, and what is left of the source."""
    assert source[:1] in tuple(QUOTES), f"no string: {source[:60]!r}"
    value: list[str] = []
    place = 1
    while True:
        letter = source[place]
        if letter in QUOTES:
            if source[place + 1 : place + 2] not in tuple(QUOTES):
                return "".join(value), source[place + 1 :]
            place += 1
            letter = source[place]
        value.append(letter)
        place += 1


def expression(source: str) -> tuple[str, str]:
    """The value of strings and letters joined with `+`, and what is left.

    It has to begin with a string: what `+` does is decided by what stands to the left of it.
    """
    first, rest = string(source)
    parts = [first]
    while rest.startswith(_JOIN):
        rest = rest.removeprefix(_JOIN)
        letter = _LETTER.match(rest)
        if letter:
            parts.append(chr(int(letter[1], 16)))
            rest = rest[letter.end() :]
        else:
            part, rest = string(rest)
            parts.append(part)
    return "".join(parts).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass"), rest


def assigned(text: str) -> tuple[dict[str, str], str]:
    """The environment that the assignments at the beginning of a script make, and the script after them."""
    environment: dict[str, str] = {}
    while named := _ASSIGNMENT.match(text):
        value, rest = expression(text[named.end() :])
        assert rest.startswith("\n"), f"something follows the value: {rest[:60]!r}"
        assert named[1] not in environment
        environment[named[1]] = value
        text = rest[1:]
    return environment, text
