"""What people type after `/aw silence`, `/aw maint` and `/aw snooze`."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.actions.every import unpack
from bot.actions.incidents import Snooze
from bot.actions.quiet import (
    ConfirmQuiet,
    ConfirmQuietAll,
    DropQuiet,
    EndQuiet,
    EndQuietOf,
    ListQuiet,
    WantQuiet,
)
from bot.commands import parse
from bot.words.quiet import company_of, read
from engine.alert import Severity
from engine.errors import Refused
from engine.suppression import QuietKind, Scope

NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
SILENCE, MAINTENANCE = QuietKind.SILENCE, QuietKind.MAINTENANCE


def said(text, kind=SILENCE, here=None):
    return read(kind, text, slugs={"acme", "beta"}, timezone="UTC", here=here, now=NOW)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("silence", ListQuiet(SILENCE)),
        ("silence list", ListQuiet(SILENCE)),
        ("maint list Acme", ListQuiet(MAINTENANCE, "acme")),
        ("silence end 7", EndQuiet(7)),
        ("silence end INC-7", EndQuietOf(7)),
        ("maint end 3", EndQuiet(3)),
        ("silence web-01 2h New disk", WantQuiet(SILENCE, "web-01 2h New disk")),
        ("mute web-01 2h", WantQuiet(SILENCE, "web-01 2h")),
        ("maintenance sat 22:00-02:00 x", WantQuiet(MAINTENANCE, "sat 22:00-02:00 x")),
        ("snooze INC-42 2h", Snooze(42, "2h")),
        ("snooze 42 tomorrow 8am", Snooze(42, "tomorrow 8am")),
        ("snooze 2h INC-42", Snooze(42, "2h")),
        ("snooze tomorrow 8am inc42", Snooze(42, "tomorrow 8am")),
        ("snooze 42", Snooze(42, None)),
    ],
)
def test_words_become_actions(typed, meant):
    assert parse(typed) == [meant]


def test_in_a_thread_no_number_is_needed():
    assert parse("snooze 2h", here=7) == [Snooze(7, "2h")]
    assert parse("snooze", here=7) == [Snooze(7, None)]
    assert parse("silence 2h why", here=7) == [WantQuiet(SILENCE, "2h why", 7)]
    assert said("2h why", here=7).incident == 7


@pytest.mark.parametrize(
    ("typed", "why"),
    [("silence end", "Which one"), ("maint end x", "Which one"), ("snooze 2h", "Which incident")],
)
def test_what_is_missing_is_asked_for(typed, why):
    with pytest.raises(Refused, match=why):
        parse(typed)


@pytest.mark.parametrize(
    "act", [ConfirmQuiet(7), ConfirmQuietAll(7), DropQuiet(7), EndQuiet(7), EndQuietOf(7), Snooze(7)]
)
def test_the_acts_survive_a_button(act):
    assert unpack(act.verb, act.pack()) == act


@pytest.mark.parametrize(
    ("typed", "scope", "reason"),
    [
        ("web-01 2h replacing the disk", Scope(asset="web-01"), "replacing the disk"),
        ("acme web-01 2h why", Scope(asset="web-01"), "why"),
        ('"web-*" 2h two  spaces “kept”', Scope(asset="web-*"), "two  spaces “kept”"),
        ("web-01:9100 2h don't wait", Scope(asset="web-01:9100"), "don't wait"),
        ("10.0.0.5 2h x", Scope(asset="10.0.0.5"), "x"),
        ("site=Vienna 2h x", Scope(labels=(("site", "Vienna"),)), "x"),
        ("site:vienna rack:r7 2h x", Scope(labels=(("site", "vienna"), ("rack", "r7"))), "x"),
        ('sig="disk full" web-01 2h x', Scope(asset="web-01", signature="disk full"), "x"),
        ("signature=disk* 2h x", Scope(signature="disk*"), "x"),
        ("host=tomorrow 2h x", Scope(asset="tomorrow"), "x"),
        ("all 2h x", Scope(), "x"),
        ("acme everything 2h x", Scope(), "x"),
        ("https://shop.example/health 2h x", Scope(asset="https://shop.example/health"), "x"),
        ("web-01 2h", Scope(asset="web-01"), ""),
    ],
)
def test_what_a_silence_covers(typed, scope, reason):
    found = said(typed)
    assert found.scope == replace(scope, ceiling=Severity.HIGH), (
        "what is critical comes unless it says otherwise"
    )
    assert (found.reason, found.schedule.length) == (reason, timedelta(hours=2))


@pytest.mark.parametrize(
    ("typed", "kind", "ceiling"),
    [
        ("web-01 2h +critical x", SILENCE, Severity.CRITICAL),
        ("web-01 +criticals 2h x", SILENCE, Severity.CRITICAL),
        ("web-01 upto=medium 2h x", SILENCE, Severity.MEDIUM),
        ("web-01 max=P1 2h x", SILENCE, Severity.CRITICAL),
        ("sat 22:00-02:00 x", MAINTENANCE, Severity.CRITICAL),
        ("acme web-01 upto=low sat 22:00-02:00 x", MAINTENANCE, Severity.LOW),
    ],
)
def test_how_bad_may_be_held(typed, kind, ceiling):
    found = said(typed, kind)
    assert found.scope.ceiling is ceiling and found.reason == "x"


def test_a_window_without_a_scope_is_of_the_whole_company():
    found = said("acme sat 22:00-02:00 weekly kernel updates", MAINTENANCE)
    assert found.scope.everything and found.company == "acme" and found.reason == "kernel updates"
    assert found.schedule.rule == "FREQ=WEEKLY;BYDAY=SA"
    assert company_of("beta now 2h x", {"acme", "beta"}) == "beta"
    assert company_of("web-01 now 2h x", {"acme"}) is None


@pytest.mark.parametrize(
    ("typed", "kind", "why"),
    [
        ("web-01", SILENCE, "For how long"),
        ("web-01 because I say so", SILENCE, "one asset at a time"),
        ("web-01 web-02 2h x", SILENCE, "one asset at a time"),
        ("2h x", SILENCE, "What should be silent"),
        ("acme 2h x", SILENCE, "What should be silent"),
        ("web-01 upto=banana 2h x", SILENCE, "no severity"),
        ("web-01", MAINTENANCE, "When is it"),
        ("sat", MAINTENANCE, "From when to when"),
        ("a" * 300 + " 2h x", SILENCE, "at most 200"),
    ],
)
def test_what_is_not_understood_is_said(typed, kind, why):
    with pytest.raises(Refused, match=why) as refused:
        said(typed, kind)
    assert refused.value.reason


@given(text=st.text(max_size=120), kind=st.sampled_from(QuietKind), here=st.none() | st.integers(1, 9))
def test_no_text_breaks_it(text, kind, here):
    try:
        found = said(text, kind, here)
    except Refused:
        return
    assert found.schedule.stretches


EXAMPLE = re.compile(r"^(/aw (?:silence|maint|snooze) .+?)(?: {3,}.*)?$", re.MULTILINE)
PAGE = (Path(__file__).parent.parent.parent / "docs" / "quiet.md").read_text("utf-8")


def test_the_page_has_examples_of_each():
    lines = [line for found in EXAMPLE.findall(PAGE) for line in found.split(" · ")]
    assert len(lines) > 12 and {line.split()[1] for line in lines} == {"silence", "maint", "snooze"}


@pytest.mark.parametrize("line", [line for found in EXAMPLE.findall(PAGE) for line in found.split(" · ")])
def test_every_example_of_the_page_is_understood(line):
    (act,) = parse(line.removeprefix("/aw "), here=7)
    if isinstance(act, WantQuiet):
        found = said(act.words, act.kind, act.here)
        assert found.reason and found.schedule.over_at > NOW
    else:
        assert isinstance(act, ListQuiet | EndQuiet | EndQuietOf | Snooze)
