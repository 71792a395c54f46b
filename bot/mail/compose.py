"""A mail's subject, text and HTML, by jinja2 templates in a sandbox: ours, or an installation's own in their place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import structlog
from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bot.mail.said import Said
from bot.mail.words import Item
from engine.errors import Permanent

log = structlog.get_logger()
OURS = Path(__file__).parent / "templates"
KINDS = ("assignment", "warning", "breach", "escalation", "handoff", "closure", "notice", "digest", "report")
"""The mails there are; each is NAME.html and NAME.txt, whose first line is the subject."""
SUBJECT = 180
SIGNATURE = "-- "
"""The line above which mail programs cut a quotation."""
_SUBJECT_LINE = "Subject: "


@dataclass(frozen=True, slots=True)
class Mail:
    subject: str
    text: str
    html: str


class WrongTemplate(Permanent):
    """A template of the installation's own cannot be used; the text says where and why."""


def compose(
    kind: str, items: Sequence[Item], *, reader: str, sender: str, folder: Path | None = None
) -> Mail:
    """The mail about these, the first foremost. A template of one's own that fails is said in the log, and ours is
    used in its place: no mail is lost for it."""
    values = {"items": items, "item": items[0], "reader": Said(reader), "sender": Said(sender)}
    if folder is not None:
        try:
            return _rendered(kind, values, folder)
        except WrongTemplate as error:
            log.error("a mail template cannot be used; ours is", error=str(error))
    return _rendered(kind, values, None)


def faults(folder: Path, items: Sequence[Item]) -> list[str]:
    """What is wrong with the templates in that folder: each mail is made once of these."""
    values = {"items": items, "item": items[0], "reader": Said("Kim"), "sender": Said("Alert Whisperer")}
    found = []
    for kind in KINDS:
        try:
            _rendered(kind, values, folder)
        except WrongTemplate as error:
            found.append(str(error))
    return found


def _rendered(kind: str, values: dict[str, Any], folder: Path | None) -> Mail:
    try:
        html = _environment(folder, html=True).get_template(f"{kind}.html").render(values)
        whole = _environment(folder, html=False).get_template(f"{kind}.txt").render(values)
    except (
        TemplateError,
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        OSError,
    ) as error:
        name = error.name if isinstance(error, TemplateNotFound) else kind
        raise WrongTemplate(f"mail template {name}: {type(error).__name__}: {error}") from error
    first, _, text = whole.lstrip().partition("\n")
    if not first.startswith(_SUBJECT_LINE):
        raise WrongTemplate(f"mail template {kind}.txt: its first line has to be `Subject: …`")
    return Mail(_one_line(first.removeprefix(_SUBJECT_LINE)), f"{_tidy(text)}\n", html.strip() + "\n")


def _one_line(text: str) -> str:
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= SUBJECT else line[: SUBJECT - 1].rstrip() + "…"


def _tidy(text: str) -> str:
    """No trailing spaces, never two empty lines: templates leave both behind."""
    return re.sub(
        r"\n{3,}",
        "\n\n",
        "\n".join(line if line == SIGNATURE else line.rstrip() for line in text.split("\n")),
    ).strip()


@lru_cache(maxsize=8)
def _environment(folder: Path | None, *, html: bool) -> ImmutableSandboxedEnvironment:
    places = [FileSystemLoader(one) for one in (folder, OURS) if one is not None]
    made = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader(places),
        undefined=StrictUndefined,
        autoescape=html,
        finalize=None if html else _plain,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.clear()
    return made


def _plain(value: Any) -> Any:
    return value.plain if isinstance(value, Said) else value
