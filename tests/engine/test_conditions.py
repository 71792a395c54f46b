"""Different words for one trouble come together; different parts and different troubles stay apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.alert import normal_signature
from engine.conditions import alike, apart, condition, differ

WORDS = st.text("abcdefghij 0123456789", min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("signature", "name"),
    [
        ("Host unreachable", "unreachable"),
        ("Zabbix agent is not available / not responding", "unreachable"),
        ("Free space on C: low", "disk"),
        ("CPU load high", "cpu"),
        ("Out of memory: swap exhausted", "memory"),
        ("SSL certificate expires in 3 days", "certificate"),
        ("Veeam backup job failed", "backup"),
        ("Service nginx is down", "service"),
        ("High packet loss", "network"),
        ("UPS battery low", "hardware"),
        ("something nobody foresaw", None),
    ],
)
def test_the_condition_behind_a_signature(signature: str, name: str | None) -> None:
    assert condition(normal_signature(signature)) == name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("disk c almost full", "low free space on drive c"),
        ("cpu load high", "processor utilization above #"),
        ("order export stuck", "orders export stuck"),
    ],
)
def test_two_wordings_of_one_trouble(one: str, other: str) -> None:
    found = alike(one, other)
    assert found is not None and found.why


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("port 443 down", "port 80 down"),
        ("drive c full", "drive d full"),
        ("disk full", "cpu high"),
        ("order export stuck", "invoice printing slow"),
    ],
)
def test_what_is_never_brought_together(one: str, other: str) -> None:
    assert alike(one, other) is None


def test_a_host_that_is_down_explains_other_trouble_on_it() -> None:
    assert not differ("host unreachable", "service nginx down")
    assert differ("disk full", "cpu high")
    assert differ("port 443 down", "port 80 down") and apart("port 443 down", "port 80 down")


@given(WORDS, WORDS)
def test_likeness_is_symmetric_and_everything_is_like_itself(one: str, other: str) -> None:
    assert (alike(one, other) is None) == (alike(other, one) is None)
    assert alike(one, one) is not None
