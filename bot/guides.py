"""The guides: the pages of docs/tools and docs/guides, as text and as a card; docs/tools/README.md tells their form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from bot.cards.card import Body, Card, Code, Element, Facts, Log, Mark, Strong, Title, Tone
from engine.errors import NotFound

FOLDER = Path(__file__).parent.parent / "docs"
"""In a checkout and in an installed program alike: the wheel has the same folders."""
_SHELVES = ("guides", "tools")
_ADDRESS, _KEY = "<your address>", "<your key>"
_FENCE = re.compile(r"^( *)```[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_MARKS = re.compile(r"`([^`\n]+)`|\*\*([^*\n]+)\*\*")
_ITEM = re.compile(r"^(?:\d+\.|-) ")


@dataclass(frozen=True, slots=True)
class Guide:
    """One page: its name as it is asked for, its title, and the page itself."""

    name: str
    title: str
    text: str


def every() -> list[Guide]:
    """All of them: what is not about one tool first, each group by its title."""
    return [
        guide
        for shelf in _SHELVES
        for guide in sorted(
            (_read(file) for file in (FOLDER / shelf).glob("*.md") if file.stem != "README"),
            key=lambda one: one.title.lower(),
        )
    ]


def called(name: str) -> Guide:
    """Raises NotFound with the closest name."""
    wanted = name.strip().lower()
    known = {guide.name: guide for guide in every()}
    titled = {guide.title.lower(): guide for guide in known.values()}
    found = known.get(wanted) or known.get(wanted.replace(" ", "")) or titled.get(wanted)
    if found is not None:
        return found
    close = get_close_matches(wanted, known, n=1) or [one for one in known if wanted and wanted in one][:1]
    hint = f"Did you mean `guide {close[0]}`?" if close else "`guide` alone lists them."
    raise NotFound(f"There is no guide “{name[:40]}”.", hint=hint)


def filled(guide: Guide, *, address: str, company: str = "") -> str:
    """The page with the address of this server, and with whose key it is where that is known."""
    whose = f"<the key of {company}>" if company else _KEY
    return guide.text.replace(_ADDRESS, address).replace(_KEY, whose)


def guide_card(guide: Guide, *, address: str, company: str = "") -> Card:
    """The same page in chat: headings, steps, and what is pasted in one piece."""
    page = filled(guide, address=address, company=company).partition("\n")[2]
    elements: list[Element] = [Title(Tone.INFO, (Strong(guide.title),)), *_elements(page)]
    if "<the key of" in page or _KEY in page:
        elements.append(
            Facts((("A key is shown once, when it is made: ", Code("aw company rotate-key"), "."),))
        )
    return Card(summary=f"Guide: {guide.title}", elements=tuple(elements))


def list_card() -> Card:
    guides = every()
    general = [guide for guide in guides if (FOLDER / "guides" / f"{guide.name}.md").is_file()]
    elements = (
        Title(Tone.INFO, (Strong("Guides"),)),
        Body(("How things work here: ", *_names(general))),
        Body(("Tools: ", *_names([guide for guide in guides if guide not in general]))),
        Facts((("For example ", Code("/aw guide zabbix"), "; in a company's channel its key is named."),)),
    )
    return Card(summary=f"{len(guides)} guides", elements=elements)


def _names(guides: list[Guide]) -> Iterator[Mark]:
    for number, guide in enumerate(guides):
        yield from ((", ",) if number else ())
        yield Code(guide.name)


def _read(file: Path) -> Guide:
    text = file.read_text("utf-8")
    return Guide(name=file.stem, title=text.partition("\n")[0].removeprefix("# ").strip(), text=text)


def _elements(page: str) -> Iterator[Element]:
    at = 0
    for fence in _FENCE.finditer(page):
        yield from _prose(page[at : fence.start()])
        indent = len(fence.group(1))
        yield Log("\n".join(line[indent:] for line in fence.group(2).rstrip("\n").split("\n")))
        at = fence.end()
    yield from _prose(page[at:])


def _prose(text: str) -> Iterator[Element]:
    """Paragraphs; what belongs to one list stays in one."""
    for part in re.split(r"\n\s*\n", text.strip()):
        if part.startswith("## "):
            heading, _, rest = part.partition("\n")
            yield Body((Strong(heading.removeprefix("## ")),))
            part = rest
        if part.strip():
            yield Body(tuple(_marked(_joined(part))))


def _joined(part: str) -> str:
    """Lines that were only broken to fit a page are one again; items stay lines of their own."""
    lines: list[str] = []
    for line in part.strip().split("\n"):
        if not lines or _ITEM.match(line):
            lines.append(line.strip())
        else:
            lines[-1] += f" {line.strip()}"
    return "\n".join(f"• {line[2:]}" if line.startswith("- ") else line for line in lines)


def _marked(text: str) -> Iterator[Mark]:
    at = 0
    for mark in _MARKS.finditer(text):
        if mark.start() > at:
            yield text[at : mark.start()]
        yield Code(mark.group(1)) if mark.group(1) else Strong(mark.group(2))
        at = mark.end()
    if at < len(text):
        yield text[at:]
