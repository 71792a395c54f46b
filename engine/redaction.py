"""What is taken out of a text before it leaves this program: secrets, people's addresses, other companies' names.

What remains has to be worth reading: machine names, numbers, paths and plain addresses of the network stay.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

SECRET, MAIL, ADDRESS, NAME = "[secret]", "[mail]", "[address]", "[name]"
PLACEHOLDERS = (SECRET, MAIL, ADDRESS, NAME)
_SHORTEST_NAME = 3
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_HIDDEN = re.compile(r"[\ud800-\udfff\ufe00-\ufe0f\U000e0000-\U000e0fff]")
_SECRET_WORD = (
    r"[\w.-]*(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|credential\w*|api[_ -]?key|access[_ -]?key"
    r"|private[_ -]?key|account[_ -]?key|shared[_ -]?key|signature|sig|auth(?:orization)?|cookie|session[_ -]?id"
    r"|jsessionid|connection[_ -]?string)"
)
_QUOTED = r"""\"[^\"\n]*\"(?!\s*[:=])|'[^'\n]*'(?!\s*[:=])"""
"""A quoted value; a quote that opens the next name is none."""
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z0-9 ]{3,40}-----.*?(?:-----END [A-Z0-9 ]{3,40}-----|\Z)", re.DOTALL), SECRET),
    (re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>|]{1,2000}", re.IGNORECASE), ADDRESS),
    (re.compile(r"\bwww\.[^\s\"'<>|]{1,2000}", re.IGNORECASE), ADDRESS),
    (re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"), MAIL),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?"), SECRET),
    (re.compile(r"\b(?:Bearer|Basic|Digest|Negotiate)\s+[\w.~+/=-]{6,}", re.IGNORECASE), SECRET),
    (
        re.compile(
            r"\b(?:aw_|xox[a-z]-|xapp-|gh[pousr]_|github_pat_|glpat-|sk-|sk_live_|rk_live_|pk_live_|AIza|ya29\.|SG\.|npm_|hf_"
            r"|dop_v1_|shpat_|AKIA|ASIA|AROA|AIDA)[\w.-]{8,}"
        ),
        SECRET,
    ),
    (
        re.compile(rf"(?i)(?<![\w.-])({_SECRET_WORD})([\"']?\s*(?:=>|[:=]|\bis\b)\s*)(?:{_QUOTED}|[\"']*[^\s,;&\"']+)"),
        rf"\1\2{SECRET}",
    ),
    (re.compile(rf"(?i)(?<![\w.-])(--?{_SECRET_WORD}\s+)(?:{_QUOTED}|[\"']*[^\s,;]+)"), rf"\1{SECRET}"),
    (re.compile(r"(?<![\w+=-])(?=[\w+=-]*[0-9])(?=[\w+=-]*[a-z])(?=[\w+=-]*[A-Z])[A-Za-z0-9+_=-]{24,}"), SECRET),
    (re.compile(r"(?<![\w+=-])(?=\w*[0-9])(?=\w*[A-Za-z])[A-Za-z0-9]{24,}(?![\w-])"), SECRET),
)  # fmt: skip


def visible(text: str) -> str:
    """Without control, direction and hidden marks; letters in their plain form, so that nothing reads other than it
    is compared."""
    plain = unicodedata.normalize("NFKC", _HIDDEN.sub("", text))
    return _CONTROL.sub("", plain)


def redacted(text: str, others: Iterable[str] = ()) -> str:
    """The text with secrets and addresses replaced; `others` are names of which nothing may be said."""
    text = visible(text)
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    told = names(tuple(sorted({*others})))
    return told.sub(NAME, text) if told is not None else text


@lru_cache(maxsize=64)
def names(others: tuple[str, ...]) -> re.Pattern[str] | None:
    """What finds any of these names, however they are spaced and written; None without names."""
    told = {" ".join(visible(one).split()) for one in others}
    long = sorted((one for one in told if len(one) >= _SHORTEST_NAME), key=lambda one: (-len(one), one))
    if not long:
        return None
    spelled = (r"[\s_.-]*".join(map(re.escape, one.replace("-", " ").split())) for one in long)
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(spelled)})(?![^\W_])", re.IGNORECASE)
