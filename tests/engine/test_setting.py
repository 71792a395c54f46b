"""Settings: how values are read and said, and which of the places that say something holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.company import Company, configured, own_settings, settled
from engine.errors import Refused
from engine.setting import SETTINGS, Layers, Origin, resolve, resolved, setting_called
from engine.setting_kinds import Span
from engine.sla import SlaPolicy
from tests.given import a_company

READ = [
    ("window", "10", 600, "10 min"),
    ("window", "10m", 600, "10 min"),
    ("window", "10 min", 600, "10 min"),
    ("window", "1h30m", 5400, "90 min"),
    ("window", "2 hours", 7200, "2 h"),
    ("window", "1d", 86400, "1 d"),
    ("reopen_window", "never", 0, "never"),
    ("reopen_window", "0", 0, "never"),
    ("sla_critical_response", "off", 0, "off"),
    ("sla_low_resolution", "3d", 259200, "3 d"),
    ("autonomy", "Observe", "observe", "observe"),
    ("timezone", "Europe/Vienna", "Europe/Vienna", "Europe/Vienna"),
    ("rate_limit", "1,000", 1000, "1,000"),
    ("burst", "0", 0, "0"),
    ("sla_hours", "Always", "", "always"),
    (
        "sla_hours",
        "Europe/Vienna; mon-fri 8-17",
        "Europe/Vienna; mon-fri 08:00-17:00",
        "Europe/Vienna; mon-fri 08:00-17:00",
    ),
    ("sla_around_the_clock", "High, critical", ["critical", "high"], "critical, high"),
    ("sla_around_the_clock", "none", [], "none"),
    ("contact_email", "Ops@Acme.example", "ops@acme.example", "ops@acme.example"),
    ("contact_email", "none", "", "none"),
    ("hourly_rate", "95 eur", "95.00 EUR", "95.00 EUR"),
    ("hourly_rate", "none", "", "none"),
]


@pytest.mark.parametrize(("name", "typed", "kept", "said"), READ)
def test_what_people_type_is_understood(name: str, typed: str, kept: Any, said: str) -> None:
    setting = SETTINGS[name]
    assert setting.read(typed) == kept
    assert setting.words(kept) == said
    assert setting.kind.holds(kept)


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        *[("window", words) for words in ("", "0", "25h", "ten", "10 10", "-5", "5x", "1h 5", "٣")],
        *[("rate_limit", words) for words in ("0", "1001", "1.5", "", "²")],
        ("autonomy", "everything"),
        ("timezone", "Mars/Base"),
        ("sla_hours", "Mars/Base; mon-fri 8-17"),
        ("sla_hours", ""),
        ("sla_around_the_clock", "critical, awful"),
        ("contact_email", "ops at acme"),
        ("hourly_rate", "-5 EUR"),
        ("hourly_rate", "95"),
        ("contact_email", "a@b.c, d@e.f"),
        ("contact_email", "a@b.c\u202e"),
        ("timezone", "../etc/passwd"),
    ],
)
def test_what_cannot_be_is_refused_with_what_may_stand_there(name: str, typed: str) -> None:
    with pytest.raises(Refused) as refused:
        SETTINGS[name].read(typed)
    assert name in refused.value.reason
    assert SETTINGS[name].kind.expects in refused.value.hint


def test_a_name_nearly_right_is_told_the_right_one() -> None:
    assert setting_called("Reopen-Window").name == "reopen_window"
    with pytest.raises(Refused) as refused:
        setting_called("windw")
    assert "`window`" in refused.value.hint


@pytest.mark.parametrize("where", list(product([None, 600, 1200], repeat=3)))
def test_the_nearest_place_that_says_something_holds(
    where: tuple[int | None, int | None, int | None],
) -> None:
    """Every combination of set and not set at the MSP, the group and the company."""
    msp, group, own = where
    at = [{"window": one} if one is not None else {} for one in where]
    layers = Layers(at[0], at[1], at[2])
    found = resolve(SETTINGS["window"], layers)
    expected: tuple[int | None, Origin] = (900, Origin.DEFAULT)
    for kept, origin in ((own, Origin.COMPANY), (group, Origin.GROUP), (msp, Origin.MSP)):
        if kept is not None:
            expected = (kept, origin)
            break
    assert (found.kept, found.origin) == expected
    company = settled(replace(a_company(), layers=layers))
    assert company.window == timedelta(seconds=expected[0] or 0) == company.value("window")


@pytest.mark.parametrize("rubbish", ["600", -1, True, 1.5, [], {}])
def test_rubbish_in_the_store_is_passed_over(rubbish: Any) -> None:
    found = resolve(SETTINGS["window"], Layers(msp={"window": 600}, company={"window": rubbish}))
    assert (found.kept, found.origin) == (600, Origin.MSP)


def test_every_default_may_stand_there_and_a_plain_company_has_them() -> None:
    for setting in SETTINGS.values():
        assert setting.kind.holds(setting.default)
        assert setting.read(setting.words(setting.default)) == setting.default
        assert setting.means.endswith(".")
    plain = Company(id=1, slug="acme", name="Acme")
    assert settled(plain) == plain
    assert own_settings(plain) == {}
    assert {one.origin for one in resolved(plain.layers)} == {Origin.DEFAULT}


def test_what_a_company_was_made_with_becomes_its_own() -> None:
    company = replace(a_company(), window=timedelta(minutes=5), sla=SlaPolicy(targets={}))
    own = own_settings(company)
    assert own["window"] == 300
    assert own["sla_critical_response"] == 0
    assert "reopen_window" not in own
    again = settled(replace(company, layers=Layers(company=own)))
    assert again.window == company.window
    assert all(both == (timedelta(0), timedelta(0)) for both in again.sla.targets.values())


_SPANS = sorted(name for name, one in SETTINGS.items() if isinstance(one.kind, Span))
_LAYER = st.dictionaries(st.sampled_from(_SPANS), st.integers(60, 80_000), max_size=4)


@given(msp=_LAYER, group=_LAYER, own=_LAYER, name=st.sampled_from(_SPANS), kept=st.integers(60, 80_000))
def test_setting_and_unsetting_are_inverse_and_touch_nothing_else(
    msp: dict[str, int], group: dict[str, int], own: dict[str, int], name: str, kept: int
) -> None:
    before = settled(replace(a_company(), layers=Layers(msp, group, own)))
    changed = configured(before, **{name: kept})
    assert changed.value(name) == timedelta(seconds=kept)
    assert own_settings(changed) == own | {name: kept}
    for other in SETTINGS:
        assert other == name or changed.value(other) == before.value(other)
    free = configured(changed, **{name: None})
    inherited = resolve(SETTINGS[name], Layers(msp, group))
    assert free.value(name) == inherited.value
    assert name not in own_settings(free)


@given(st.integers(1, 1440 * 60))
def test_a_span_that_is_said_is_read_as_the_same(minutes: int) -> None:
    setting = SETTINGS["sla_low_resolution"]
    assert setting.read(setting.words(minutes * 60)) == minutes * 60
