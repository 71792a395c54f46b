"""What a press, a command, a form or a REST call asks for: one typed Action each, packed into a button as ids only.

A button carries no authority: who may do it is decided again when it arrives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, get_args

from engine.errors import Refused
from engine.suppression import QuietKind

LONGEST_VALUE = 150
"""What fits the tightest place a value goes into: an option of a Slack menu."""


@dataclass(frozen=True, slots=True)
class _Act:
    verb: ClassVar[str]

    def pack(self) -> str:
        """The ids as text, in the order of the fields. Raises ValueError when they do not fit a button."""
        parts = [_part(getattr(self, field.name)) for field in fields(self) if field.name in _IDS]
        packed = "|".join(parts)
        if len(packed) > LONGEST_VALUE:
            raise ValueError(f"{self.verb}: {len(packed)} characters do not fit a button")
        return packed

    def filled(self, answers: Mapping[str, str]) -> Any:
        """The same act with a form's answers in its free fields; answers of other names are parameters."""
        own = {field.name for field in fields(self)} - _FIXED
        known: dict[str, Any] = {name: value for name, value in answers.items() if name in own}
        others = {name: value for name, value in answers.items() if name not in own}
        if "parameters" in own and others:
            known["parameters"] = others
        for name in known.keys() & {"to", "number"}:
            known[name] = int(known[name])
        if "targets" in known:
            known["targets"] = names_in(known["targets"])
        return replace(self, **known)


def names_in(text: str) -> tuple[str, ...]:
    """The names in a list with commas, each once."""
    return tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))


_FIXED = {
    "incident",
    "run",
    "digest",
    "letter",
    "quiet",
    "storm",
    "scope",
    "change",
    "outbreak",
    "ask",
    "article",
}
_IDS = {*_FIXED, "runbook", "part"}


@dataclass(frozen=True, slots=True)
class Claim(_Act):
    verb: ClassVar[str] = "claim"
    incident: int


@dataclass(frozen=True, slots=True)
class Unclaim(_Act):
    verb: ClassVar[str] = "unclaim"
    incident: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Note(_Act):
    """`text` None asks for it with a form; so in the other acts."""

    verb: ClassVar[str] = "note"
    incident: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Resolve(_Act):
    verb: ClassVar[str] = "resolve"
    incident: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Reopen(_Act):
    verb: ClassVar[str] = "reopen"
    incident: int
    text: str | None = ""


@dataclass(frozen=True, slots=True)
class Assign(_Act):
    verb: ClassVar[str] = "assign"
    incident: int
    to: int | None = None


@dataclass(frozen=True, slots=True)
class Escalate(_Act):
    """One level up at once; `text` is why."""

    verb: ClassVar[str] = "escalate"
    incident: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class ExplainLate(_Act):
    """Why it is late, in the words of who had it."""

    verb: ClassVar[str] = "late"
    incident: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Leave(_Act):
    """The asker is away; `words` say when."""

    verb: ClassVar[str] = "leave"
    words: str = ""


@dataclass(frozen=True, slots=True)
class Back(_Act):
    """The asker is here again."""

    verb: ClassVar[str] = "back"


@dataclass(frozen=True, slots=True)
class OnCall(_Act):
    """Who is on call; `words` are `me` and for how long."""

    verb: ClassVar[str] = "oncall"
    words: str = ""


@dataclass(frozen=True, slots=True)
class Handoff(_Act):
    """Offer incidents to a colleague: these, or without any all that is in the asker's name. `words` are `accept`,
    `decline` or `back`, about an offer that is open."""

    verb: ClassVar[str] = "handoff"
    to: int | None = None
    incidents: tuple[int, ...] = ()
    text: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Page(_Act):
    """An urgent word to one person, or to whoever is on call for the company that `text` begins with. `about` is an
    incident."""

    verb: ClassVar[str] = "page"
    to: int | None = None
    on_call: bool = False
    about: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class AcceptAsk(_Act):
    """Yes to what a colleague asked; of a page: it is heard."""

    verb: ClassVar[str] = "ask_accept"
    ask: str


@dataclass(frozen=True, slots=True)
class DeclineAsk(_Act):
    verb: ClassVar[str] = "ask_decline"
    ask: str


@dataclass(frozen=True, slots=True)
class Board(_Act):
    """What is due soon; `company` as in Status."""

    verb: ClassVar[str] = "board"
    company: str = ""


@dataclass(frozen=True, slots=True)
class Merge(_Act):
    """The incident becomes part of `to`."""

    verb: ClassVar[str] = "merge"
    incident: int
    to: int | None = None


@dataclass(frozen=True, slots=True)
class Split(_Act):
    """`part` is the name of what goes out of it again (`engine.operations.regroup.Part`); empty asks which."""

    verb: ClassVar[str] = "split"
    incident: int
    part: str = ""


@dataclass(frozen=True, slots=True)
class Snooze(_Act):
    """`text` says for how long, in people's words."""

    verb: ClassVar[str] = "snooze"
    incident: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Hold(_Act):
    """The client is waited for; `text` says for what."""

    verb: ClassVar[str] = "hold"
    incident: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Resume(_Act):
    """The client has answered; `text` says what."""

    verb: ClassVar[str] = "resume"
    incident: int
    text: str | None = ""


@dataclass(frozen=True, slots=True)
class Run(_Act):
    """`runbook` empty asks which; `parameters` None asks for what is missing; without `targets`, the incident's own
    asset."""

    verb: ClassVar[str] = "run"
    incident: int
    runbook: str = ""
    parameters: Mapping[str, str] | None = None
    targets: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Approve(_Act):
    """`digest` is the beginning of what the card showed."""

    verb: ClassVar[str] = "approve"
    run: str
    digest: str


@dataclass(frozen=True, slots=True)
class Reject(_Act):
    verb: ClassVar[str] = "reject"
    run: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class BreakGlass(_Act):
    """Start what the card showed without an approval, nobody being there who could give one; `text` says why."""

    verb: ClassVar[str] = "break_glass"
    run: str
    digest: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class SignReview(_Act):
    """What was started so was looked at; `text` says what was found."""

    verb: ClassVar[str] = "sign_review"
    run: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Looking(_Act):
    """Somebody who could decide is at it."""

    verb: ClassVar[str] = "looking"
    run: str


@dataclass(frozen=True, slots=True)
class Again(_Act):
    """Ask once more for what expired, was withdrawn or is void, as it would be now."""

    verb: ClassVar[str] = "again"
    run: str


@dataclass(frozen=True, slots=True)
class Cancel(_Act):
    verb: ClassVar[str] = "cancel"
    run: str


@dataclass(frozen=True, slots=True)
class Why(_Act):
    verb: ClassVar[str] = "why"
    incident: int


@dataclass(frozen=True, slots=True)
class Details(_Act):
    verb: ClassVar[str] = "details"
    incident: int


@dataclass(frozen=True, slots=True)
class Show(_Act):
    """The incident's card, for the asker."""

    verb: ClassVar[str] = "show"
    incident: int


@dataclass(frozen=True, slots=True)
class Help(_Act):
    verb: ClassVar[str] = "help"


@dataclass(frozen=True, slots=True)
class ShowGuide(_Act):
    """How a tool is connected; `name` empty: which guides there are."""

    verb: ClassVar[str] = "guide"
    name: str = ""


@dataclass(frozen=True, slots=True)
class Status(_Act):
    """`company` empty: the channel's company, or all that the asker sees."""

    verb: ClassVar[str] = "status"
    company: str = ""


@dataclass(frozen=True, slots=True)
class ListOpen(_Act):
    verb: ClassVar[str] = "list"
    company: str = ""


@dataclass(frozen=True, slots=True)
class Mine(_Act):
    verb: ClassVar[str] = "mine"


@dataclass(frozen=True, slots=True)
class Home(_Act):
    """What waits for the asker."""

    verb: ClassVar[str] = "home"


@dataclass(frozen=True, slots=True)
class WhoAmI(_Act):
    verb: ClassVar[str] = "whoami"


@dataclass(frozen=True, slots=True)
class Who(_Act):
    """Who works for a company, and who of them is there; `company` as in Status."""

    verb: ClassVar[str] = "who"
    company: str = ""


@dataclass(frozen=True, slots=True)
class Token(_Act):
    """A token of the REST interface for the asker; `words` are how long it lasts, or `revoke`."""

    verb: ClassVar[str] = "token"
    words: str = ""


@dataclass(frozen=True, slots=True)
class ShowPatches(_Act):
    """How a company's machines are patched, or one of them; `words` name the company, the machine, or both."""

    verb: ClassVar[str] = "patches"
    words: str = ""


@dataclass(frozen=True, slots=True)
class VerifyAccess(_Act):
    """Prove that a company's clouds let us in and no further; `company` as in Status."""

    verb: ClassVar[str] = "verify"
    company: str = ""


@dataclass(frozen=True, slots=True)
class ReadAudit(_Act):
    """The newest entries; `words` are a company (`msp`: the MSP's own) or an incident."""

    verb: ClassVar[str] = "audit"
    words: str = ""


@dataclass(frozen=True, slots=True)
class Decide(_Act):
    """What waits for an approval in this incident: shown to be approved, or rejected with `text` as the reason."""

    verb: ClassVar[str] = "decide"
    incident: int
    agrees: bool
    text: str = ""


@dataclass(frozen=True, slots=True)
class ListOutbreaks(_Act):
    """The latest outbreaks across companies, for MSP admins."""

    verb: ClassVar[str] = "outbreaks"


@dataclass(frozen=True, slots=True)
class ShowOutbreak(_Act):
    """One of them with all its incidents, for the asker."""

    verb: ClassVar[str] = "outbreak"
    outbreak: int


@dataclass(frozen=True, slots=True)
class DismissOutbreak(_Act):
    """It is none: over, and its signature is left alone for a day."""

    verb: ClassVar[str] = "outbreak_dismiss"
    outbreak: int


@dataclass(frozen=True, slots=True)
class ShowReport(_Act):
    """What a company got in a span of time; `words` are the company, the span (`30d`), and `--share` to post it."""

    verb: ClassVar[str] = "report"
    words: str = ""


@dataclass(frozen=True, slots=True)
class Aliases(_Act):
    """Under which further names assets go; `words` are a company, or `accept`/`refuse`, a name and an asset."""

    verb: ClassVar[str] = "alias"
    words: str = ""


@dataclass(frozen=True, slots=True)
class PostReport(_Act):
    """Picture and figures into the company's channel; `scope` is `company id:days`."""

    verb: ClassVar[str] = "report_post"
    scope: str


@dataclass(frozen=True, slots=True)
class SendReport(_Act):
    """The same for the asker alone, in a direct message."""

    verb: ClassVar[str] = "report_send"
    scope: str


@dataclass(frozen=True, slots=True)
class DeadLetters(_Act):
    """Those that wait; `company` as in Status."""

    verb: ClassVar[str] = "deadletters"
    company: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetterShown(_Act):
    verb: ClassVar[str] = "deadletter"
    letter: int


@dataclass(frozen=True, slots=True)
class ReplayLetter(_Act):
    verb: ClassVar[str] = "replay"
    letter: int


@dataclass(frozen=True, slots=True)
class ClaimAll(_Act):
    """Take everything on a storm's board that nobody has."""

    verb: ClassVar[str] = "claim_all"
    storm: str


@dataclass(frozen=True, slots=True)
class SplitOut(_Act):
    """Give one incident of a storm's board a card of its own; `number` None asks which."""

    verb: ClassVar[str] = "split_out"
    storm: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class StormList(_Act):
    """What is open on a storm's board, for the asker."""

    verb: ClassVar[str] = "storm_list"
    storm: str


@dataclass(frozen=True, slots=True)
class WantQuiet(_Act):
    """A silence or a window in people's words: shown first, with what it would have hidden. `here` is the thread's
    incident."""

    verb: ClassVar[str] = "quiet"
    kind: QuietKind = QuietKind.SILENCE
    words: str = ""
    here: int | None = None


@dataclass(frozen=True, slots=True)
class ListQuiet(_Act):
    verb: ClassVar[str] = "quiet_list"
    kind: QuietKind | None = None
    company: str = ""


@dataclass(frozen=True, slots=True)
class ConfirmQuiet(_Act):
    """The preview with this number comes true."""

    verb: ClassVar[str] = "quiet_confirm"
    quiet: int


@dataclass(frozen=True, slots=True)
class ConfirmQuietAll(_Act):
    """As ConfirmQuiet, and critical alerts are held too."""

    verb: ClassVar[str] = "quiet_confirm_all"
    quiet: int


@dataclass(frozen=True, slots=True)
class DropQuiet(_Act):
    """The preview is not wanted."""

    verb: ClassVar[str] = "quiet_drop"
    quiet: int


@dataclass(frozen=True, slots=True)
class EndQuiet(_Act):
    verb: ClassVar[str] = "quiet_end"
    quiet: int


@dataclass(frozen=True, slots=True)
class EndQuietOf(_Act):
    """Everything that keeps this incident quiet by its number."""

    verb: ClassVar[str] = "quiet_end_of"
    incident: int


@dataclass(frozen=True, slots=True)
class WantSetting(_Act):
    """Settings in people's words: shown, or what a change would do. Nothing is changed."""

    verb: ClassVar[str] = "config"
    words: str = ""


@dataclass(frozen=True, slots=True)
class ApplySetting(_Act):
    """The change that was shown (`bot.words.config.Change`) comes true."""

    verb: ClassVar[str] = "config_apply"
    change: str


@dataclass(frozen=True, slots=True)
class KeepSetting(_Act):
    """The change that was shown is not wanted."""

    verb: ClassVar[str] = "config_keep"
    change: str


@dataclass(frozen=True, slots=True)
class SearchArticles(_Act):
    """The knowledge base; without `words` what is newest there."""

    verb: ClassVar[str] = "kb"
    words: str = ""


@dataclass(frozen=True, slots=True)
class ShowArticle(_Act):
    verb: ClassVar[str] = "kb_show"
    article: int


@dataclass(frozen=True, slots=True)
class WriteArticle(_Act):
    """What fixed it, to be kept; `fix` None asks for it with a form that has a draft in it."""

    verb: ClassVar[str] = "kb_write"
    incident: int
    title: str = ""
    problem: str = ""
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class EditArticle(_Act):
    verb: ClassVar[str] = "kb_edit"
    article: int
    title: str = ""
    problem: str = ""
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class ShareArticle(_Act):
    """For all companies, without the words of its own; `fix` None shows first what is left."""

    verb: ClassVar[str] = "kb_share"
    article: int
    title: str = ""
    problem: str = ""
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class RetireArticle(_Act):
    verb: ClassVar[str] = "kb_retire"
    article: int


@dataclass(frozen=True, slots=True)
class Inquire(_Act):
    """A person's own question about an incident."""

    verb: ClassVar[str] = "inquire"
    incident: int
    text: str = ""


OnArticle = SearchArticles | ShowArticle | WriteArticle | EditArticle | ShareArticle | RetireArticle
OnIncident = (
    Claim
    | Unclaim
    | Note
    | Resolve
    | Reopen
    | Assign
    | Merge
    | Split
    | Snooze
    | Hold
    | Resume
    | Run
    | Why
    | Details
    | Show
)
OnRun = Approve | Reject | BreakGlass | SignReview | Looking | Again | Cancel
Question = Help | Home | ShowGuide | Status | ListOpen | Mine | WhoAmI


@dataclass(frozen=True, slots=True)
class SendTest(_Act):
    """A marked alert through the real door; `company` empty: the channel's."""

    verb: ClassVar[str] = "test"
    company: str = ""


OnPeople = Escalate | ExplainLate | Leave | Back | OnCall | Board | Handoff | Page | AcceptAsk | DeclineAsk
OnAccess = Who | Token | ReadAudit
OnClouds = ShowPatches | VerifyAccess
OnLetter = DeadLetters | DeadLetterShown | ReplayLetter
OnQuiet = WantQuiet | ListQuiet | ConfirmQuiet | ConfirmQuietAll | DropQuiet | EndQuiet | EndQuietOf
OnSetting = WantSetting | ApplySetting | KeepSetting
OnStorm = ClaimAll | SplitOut | StormList
OnOutbreak = ListOutbreaks | ShowOutbreak | DismissOutbreak
OnReport = ShowReport | PostReport | SendReport
Action = (
    OnIncident
    | OnRun
    | OnLetter
    | OnQuiet
    | OnSetting
    | OnStorm
    | OnReport
    | OnOutbreak
    | OnPeople
    | SendTest
    | Aliases
    | OnAccess
    | OnArticle
    | Inquire
    | OnClouds
    | Decide
    | Question
)

_BY_VERB: dict[str, Any] = {
    kind.verb: kind
    for group in (
        OnIncident,
        OnRun,
        OnLetter,
        OnQuiet,
        OnSetting,
        OnStorm,
        OnReport,
        OnOutbreak,
        OnPeople,
        OnArticle,
        Question,
    )
    for kind in get_args(group)
}


VERBS = frozenset(_BY_VERB)


def unpack(verb: str, value: str) -> Action:
    """The act behind a pressed button. Raises Refused for a verb or value that no button of this version has."""
    kind = _BY_VERB.get(verb)
    if kind is None:
        raise Refused(
            "This button is from another version.", hint="Use the newest card.", code="unknown_button"
        )
    names = [field.name for field in fields(kind) if field.name in _IDS]
    parts = value.split("|") if value else []
    if len(parts) != len(names) or len(value) > LONGEST_VALUE:
        raise _unreadable()
    values: dict[str, Any] = {}
    for name, part in zip(names, parts, strict=True):
        if name in ("incident", "letter", "quiet", "outbreak", "article"):
            if not (part.isascii() and part.isdigit() and 0 < len(part) < 19):
                raise _unreadable()
            values[name] = int(part)
        else:
            values[name] = part
    act: Action = kind(**values)
    return act


def _unreadable() -> Refused:
    return Refused("This button cannot be read.", hint="Use the newest card.", code="unknown_button")


def _part(value: object) -> str:
    text = str(value)
    if "|" in text:
        raise ValueError(f"an id cannot hold “|”: {text!r}")
    return text
