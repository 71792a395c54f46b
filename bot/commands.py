"""The words after `/aw` (and after a mention) become the same Actions that buttons carry.

People are named by `@` and the number the directory knows them by; a platform puts those in place of its own mentions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches

from bot.actions.act import names_in
from bot.actions.companies import (
    Aliases,
    DeadLetters,
    DeadLetterShown,
    ReplayLetter,
    SendTest,
    ShowPatches,
    ShowReport,
    VerifyAccess,
    WantSetting,
)
from bot.actions.every import Action
from bot.actions.incidents import (
    Assign,
    Claim,
    Details,
    Hold,
    Merge,
    Note,
    Reopen,
    Resolve,
    Resume,
    Show,
    Snooze,
    Split,
    Unclaim,
    Why,
)
from bot.actions.people import (
    Back,
    Board,
    Escalate,
    ExplainLate,
    Handoff,
    Leave,
    OnCall,
    Page,
    ReadAudit,
    ShowTime,
    Token,
    Who,
)
from bot.actions.questions import READS, Help, Home, ListOpen, Mine, Share, ShowGuide, Status, WhoAmI
from bot.actions.quiet import EndQuiet, EndQuietOf, ListQuiet, WantQuiet
from bot.actions.runs import Decide, Run
from bot.actions.storms import ListOutbreaks
from bot.articles.words import article_act
from bot.inquiries.words import inquiry_act
from engine.errors import Refused
from engine.identifiers import incident_number
from engine.inquiry import asks
from engine.suppression import QuietKind

_PERMALINK = re.compile(r"<?https?://[^\s|>]+/archives/([A-Z0-9]+)/p(\d{10})(\d{6})[^\s|>]*(?:\|[^>]*)?>?")
MOST_AT_ONCE = 10
SHARE = "--share"

_ON_MANY: dict[str, Callable[[int], Action]] = {
    "claim": Claim,
    "ack": Claim,
    "take": Claim,
    "why": Why,
    "details": Details,
    "show": Show,
}
_ASKED = ("ask", "question")
_KB = ("kb", "knowledge", "articles")
_WITH_TEXT: dict[str, Callable[[int, str], Action]] = {
    "note": lambda number, text: Note(number, text or None),
    "comment": lambda number, text: Note(number, text or None),
    "resolve": Resolve,
    "close": Resolve,
    "reopen": Reopen,
    "hold": lambda number, text: Hold(number, _for_what(text)),
    "wait": lambda number, text: Hold(number, _for_what(text)),
    "resume": Resume,
    "escalate": Escalate,
    "late": lambda number, text: ExplainLate(number, text or None),
    "approve": lambda number, _text: Decide(number, True),
    "reject": lambda number, text: Decide(number, False, text),
    "unclaim": Unclaim,
    "release": Unclaim,
}
_PLAIN: dict[str, Callable[[], Action]] = {
    "home": Home,
    "mine": Mine,
    "me": Mine,
    "help": Help,
    "whoami": WhoAmI,
    "outbreaks": ListOutbreaks,
    "back": Back,
    "": Help,
}
_COMPANY: dict[str, Callable[[str], Action]] = {
    "test": SendTest,
    "guide": ShowGuide,
    "guides": ShowGuide,
    "status": Status,
    "report": ShowReport,
    "leave": Leave,
    "oncall": OnCall,
    "board": Board,
    "due": Board,
    "who": Who,
    "people": Who,
    "token": Token,
    "time": ShowTime,
    "hours": ShowTime,
    "audit": ReadAudit,
    "patches": ShowPatches,
    "verify": VerifyAccess,
    "alias": Aliases,
    "aliases": Aliases,
    "list": ListOpen,
    "ls": ListOpen,
    "open": ListOpen,
}
_QUIET = {
    "silence": QuietKind.SILENCE,
    "mute": QuietKind.SILENCE,
    "maint": QuietKind.MAINTENANCE,
    "maintenance": QuietKind.MAINTENANCE,
}
_ASKING = ("handoff", "page")
_SETTING = ("config", "settings", "set")
_OTHERS = {
    *_SETTING,
    *_ASKING,
    *_ASKED,
    *_KB,
    "run",
    "assign",
    "reassign",
    "merge",
    "split",
    "snooze",
    "deadletter",
}
WORDS = sorted({*_ON_MANY, *_WITH_TEXT, *_PLAIN, *_COMPANY, *_QUIET, *_OTHERS} - {""})


def parse(text: str, *, here: int | None = None) -> list[Action]:
    """The acts that a line asks for, in order. `here` is the incident of the thread it was typed in.

    Raises Refused with the closest known word, or saying which number is missing.
    """
    words = text.strip().split()
    first = words[0].lower() if words else ""
    if SHARE in map(str.lower, words) and first not in ("report", *_WITH_TEXT):
        return [_shared([word for word in words if word.lower() != SHARE], here)]
    rest = words[1:]
    number = incident_number(first)
    if number is not None:
        return [Show(one) for one in _numbers([first, *rest])[0]]
    if first in _KB or re.fullmatch(r"kb-\d{1,18}", first):
        return [article_act(rest if first in _KB else words, here)]
    if first in _ASKED or asks(text, known=first in WORDS):
        return [inquiry_act(rest if first in _ASKED else words, here)]
    if first in _PLAIN:
        return [_PLAIN[first]()]
    if first in _COMPANY:
        return [_COMPANY[first](" ".join(rest).lower())]
    if first in _ON_MANY:
        numbers, _ = _numbers(rest)
        return [_ON_MANY[first](one) for one in numbers or [_needed(first, here)]]
    if first in _WITH_TEXT:
        numbers, left = _numbers(rest)
        said = _after(text, len(words) - len(left)) if left else ""
        return [_WITH_TEXT[first](one, said) for one in numbers or [_needed(first, here)]]
    if first == "run":
        return [_run(rest, here)]
    if first == "snooze":
        return _snooze(text, rest, here)
    if first in _QUIET:
        return [_quiet(_QUIET[first], text, rest, here)]
    if first in _SETTING:
        return [WantSetting(" ".join(rest))]
    if first in ("assign", "reassign"):
        numbers, left = _numbers(rest)
        whom = next((int(word[1:]) for word in left if re.fullmatch(r"@\d{1,9}", word)), None)
        return [Assign(one, whom) for one in numbers or [_needed("assign", here)]]
    if first in _ASKING:
        return [(_handoff if first == "handoff" else _page)(rest, here)]
    if first in ("merge", "split"):
        return [(_merge if first == "merge" else _split)(rest, here)]
    if first in ("deadletter", "deadletters"):
        return _letters(rest)
    close = get_close_matches(first, WORDS, n=1)
    hint = f"Did you mean `/aw {close[0]}`?" if close else "`/aw` alone shows what you can do."
    raise Refused(f"I do not know “{first[:40]}”.", hint=hint, code="unknown_word")


def _shared(words: list[str], here: int | None) -> Action:
    """`status --share`: the answer is for all who read the place."""
    acts = parse(" ".join(words), here=here)
    if len(acts) != 1 or not isinstance(acts[0], READS):
        raise Refused(
            f"`/aw {' '.join(words)[:40]}` has no answer that can be shared.",
            hint="status, list, board, who, oncall, INC-42, why and details have: `/aw status --share`.",
            code="invalid",
        )
    return Share(acts[0])


def _for_what(text: str) -> str:
    """`hold INC-42 client: the password` waits for `the password`; `hold client` for nothing in particular."""
    first, _, rest = text.partition(" ")
    return rest.strip() if first.strip(":,").lower() in ("client", "customer") else text


_WHOM = re.compile(r"@\d{1,9}")


def _whom(words: list[str]) -> tuple[int | None, list[str]]:
    """The first person named, and the other words."""
    for place, word in enumerate(words):
        if _WHOM.fullmatch(word.rstrip(",:")):
            return int(word.rstrip(",:")[1:]), [*words[:place], *words[place + 1 :]]
    return None, words


def _handoff(rest: list[str], here: int | None) -> Action:
    """`handoff @bob`, `handoff @bob INC-3 INC-4 back at six`, `handoff @bob all`; `accept`, `decline`, `back`."""
    word = rest[0].lower() if len(rest) == 1 else ""
    if word in ("accept", "decline", "back"):
        return Handoff(words=word)
    to, left = _whom(rest)
    if to is None:
        raise Refused("Hand off to whom?", hint="For example `/aw handoff @bob INC-42`.", code="which")
    whole = bool(left) and left[0].lower() in ("all", "everything")
    numbers, left = _numbers(left[1:] if whole else left)
    if not numbers and here is not None and not whole:
        numbers = [here]
    return Handoff(to, tuple(numbers), " ".join(left))


def _page(rest: list[str], here: int | None) -> Action:
    """`page @bob the core switch is dead`, `page @bob INC-42`, `page oncall acme INC-42 please look`."""
    on_call = bool(rest) and rest[0].lower().replace("-", "") == "oncall"
    to, left = (None, rest[1:]) if on_call else _whom(rest)
    if to is None and not on_call:
        hint = "For example `/aw page @bob INC-42 please look` or `/aw page oncall acme`."
        raise Refused("Page whom?", hint=hint, code="which")
    number = next((incident_number(one) for one in left if re.match(r"inc[-_]?\d", one, re.IGNORECASE)), None)
    said = [one for one in left if number is None or incident_number(one) != number]
    return Page(to, on_call, number if number is not None else here, " ".join(said))


def _merge(words: list[str], here: int | None) -> Action:
    """`merge INC-7 into INC-12`, `merge 7 12`; in a thread `merge into INC-12`."""
    numbers, _ = _numbers([word for word in words if word.lower() not in ("into", "with", "to")])
    if len(numbers) > 2:
        raise Refused(
            "One at a time, please.", hint="For example `/aw merge INC-7 into INC-12`.", code="invalid"
        )
    if len(numbers) == 2:
        return Merge(numbers[0], numbers[1])
    if numbers and here is not None and numbers[0] != here:
        return Merge(here, numbers[0])
    return Merge(numbers[0] if numbers else _needed("merge", here))


def _split(words: list[str], here: int | None) -> Action:
    """`split INC-12` asks which part, `split INC-12 INC-7` takes INC-7 out again."""
    numbers, left = _numbers(words)
    if len(numbers) == 2:
        return Split(numbers[0], f"INC-{numbers[1]}")
    return Split(numbers[0] if numbers else _needed("split", here), left[0] if left else "")


def _letters(words: list[str]) -> list[Action]:
    """`deadletter`, `deadletter acme`, `deadletter 12`, `deadletter replay 12 13`."""
    replaying = bool(words) and words[0].lower() == "replay"
    given = [word for word in (words[1:] if replaying else words) if word.lower() != "show"]
    numbers = [int(word) for word in given if word.isascii() and word.isdigit() and len(word) < 19]
    if replaying and not numbers:
        raise Refused("Which dead letter?", hint="`/aw deadletter` lists those that wait.", code="which")
    if replaying or numbers:
        return [ReplayLetter(one) if replaying else DeadLetterShown(one) for one in _few(numbers)]
    return [DeadLetters(" ".join(given).lower())]


def permalink(text: str) -> tuple[str, str] | None:
    """(channel, ts) when the text holds a link to a message."""
    found = _PERMALINK.search(text)
    return (found.group(1), f"{found.group(2)}.{found.group(3)}") if found else None


def without_permalink(text: str, incident_id: int) -> str:
    """The same line with the link replaced by the number of the incident it leads to."""
    return _PERMALINK.sub(f" {incident_id} ", text)


def _numbers(words: list[str]) -> tuple[list[int], list[str]]:
    """The leading incident numbers (also `INC-4,INC-5`), and the words after them."""
    numbers: list[int] = []
    for place, word in enumerate(words):
        parts = [incident_number(part) for part in word.split(",") if part]
        if (
            not parts
            or None in parts
            or (numbers and not word.lower().startswith("inc") and not word.isdigit())
        ):
            return _few(numbers), words[place:]
        numbers.extend(part for part in parts if part is not None)
    return _few(numbers), []


def _few(numbers: list[int]) -> list[int]:
    if len(numbers) > MOST_AT_ONCE:
        raise Refused(f"{len(numbers)} incidents at once are too many; {MOST_AT_ONCE} work.", code="invalid")
    return list(dict.fromkeys(numbers))


def _needed(word: str, here: int | None) -> int:
    if here is None:
        raise Refused(
            f"Which incident? `/aw {word}` needs its number.",
            hint=f"For example `/aw {word} INC-42`. `/aw list` shows what is open.",
            code="which",
        )
    return here


def _after(text: str, count: int) -> str:
    """What follows the first `count` words, as it was typed."""
    return text.strip().split(maxsplit=count)[count] if len(text.split()) > count else ""


def _snooze(text: str, rest: list[str], here: int | None) -> list[Action]:
    """`snooze INC-42 2h`, `snooze 2h INC-42`; in a thread `snooze 2h`."""
    numbers, left = _numbers(rest)
    if numbers:
        said = _after(text, 1 + len(rest) - len(left)) if left else ""
    else:
        named = [one for one in rest if one.lower().startswith("inc") and incident_number(one) is not None]
        numbers = [number for one in named if (number := incident_number(one)) is not None]
        said = " ".join(one for one in rest if one not in named)
    return [Snooze(one, said or None) for one in numbers or [_needed("snooze 2h", here)]]


def _quiet(kind: QuietKind, text: str, rest: list[str], here: int | None) -> Action:
    """`list [company]`, `end 7`, or what is to be quiet."""
    word = rest[0].lower() if rest else "list"
    if word in ("list", "ls"):
        return ListQuiet(kind, " ".join(rest[1:]).lower())
    if word in ("end", "stop", "cancel", "off"):
        number = incident_number(rest[1]) if len(rest) > 1 else None
        if number is not None and not rest[1].isdigit():
            return EndQuietOf(number)
        if number is None:
            raise Refused(
                "Which one? Its number is needed.", hint="`/aw silence list` shows them.", code="which"
            )
        return EndQuiet(number)
    return WantQuiet(kind, _after(text, 1), here)


def _run(words: list[str], here: int | None) -> Action:
    """`run RUNBOOK [INC-42] [on MACHINE, MACHINE …] [name=value …]`."""
    place = [word.lower() for word in words].index("on") if "on" in map(str.lower, words) else len(words)
    after = words[place + 1 :]
    targets = names_in(",".join(word for word in after if "=" not in word))
    if place < len(words) and not targets:
        raise Refused(
            "On which machines?", hint="Write `/aw run restart-service on web-01, web-02`.", code="which"
        )
    words = [*words[:place], *(word for word in after if "=" in word)]
    numbers = [number for word in words if (number := incident_number(word)) is not None]
    names = [word.lower() for word in words if incident_number(word) is None and "=" not in word]
    given = dict(word.split("=", 1) for word in words if "=" in word and incident_number(word) is None)
    number = numbers[0] if numbers else _needed("run disk-clean-up", here)
    return Run(number, names[0] if names else "", given or None, targets)
