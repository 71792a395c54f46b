"""Acts on what a company is set up with: settings, names, intake, clouds, reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.actions.act import Act


@dataclass(frozen=True, slots=True)
class ShowPatches(Act):
    """How a company's machines are patched, or one of them; `words` name the company, the machine, or both."""

    verb: ClassVar[str] = "patches"
    words: str = ""


@dataclass(frozen=True, slots=True)
class VerifyAccess(Act):
    """Prove that a company's clouds let us in and no further; `company` as in Status."""

    verb: ClassVar[str] = "verify"
    company: str = ""


@dataclass(frozen=True, slots=True)
class ShowReport(Act):
    """What a company got in a span of time; `words` are the company, the span (`30d`), and `--share` to post it."""

    verb: ClassVar[str] = "report"
    words: str = ""


@dataclass(frozen=True, slots=True)
class Aliases(Act):
    """Under which further names assets go; `words` are a company, or `accept`/`refuse`, a name and an asset."""

    verb: ClassVar[str] = "alias"
    words: str = ""


@dataclass(frozen=True, slots=True)
class PostReport(Act):
    """Picture and figures into the company's channel; `scope` is `company id:days`."""

    verb: ClassVar[str] = "report_post"
    scope: str


@dataclass(frozen=True, slots=True)
class SendReport(Act):
    """The same for the asker alone, in a direct message."""

    verb: ClassVar[str] = "report_send"
    scope: str


@dataclass(frozen=True, slots=True)
class DeadLetters(Act):
    """Those that wait; `company` as in Status."""

    verb: ClassVar[str] = "deadletters"
    company: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetterShown(Act):
    verb: ClassVar[str] = "deadletter"
    letter: int


@dataclass(frozen=True, slots=True)
class ReplayLetter(Act):
    verb: ClassVar[str] = "replay"
    letter: int


@dataclass(frozen=True, slots=True)
class WantSetting(Act):
    """Settings in people's words: shown, or what a change would do. Nothing is changed."""

    verb: ClassVar[str] = "config"
    words: str = ""


@dataclass(frozen=True, slots=True)
class ApplySetting(Act):
    """The change that was shown (`bot.words.config.Change`) comes true."""

    verb: ClassVar[str] = "config_apply"
    change: str


@dataclass(frozen=True, slots=True)
class KeepSetting(Act):
    """The change that was shown is not wanted."""

    verb: ClassVar[str] = "config_keep"
    change: str


@dataclass(frozen=True, slots=True)
class SendTest(Act):
    """A marked alert through the real door; `company` empty: the channel's."""

    verb: ClassVar[str] = "test"
    company: str = ""


OnClouds = ShowPatches | VerifyAccess
OnLetter = DeadLetters | DeadLetterShown | ReplayLetter
OnSetting = WantSetting | ApplySetting | KeepSetting
OnReport = ShowReport | PostReport | SendReport
