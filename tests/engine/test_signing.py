"""Signing secrets: kept as a few lines, rotated with an overlap that never grows."""

from __future__ import annotations

import base64
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.signing import SigningSecret, pack, rotated, unpack
from tests.clock import START

values = st.text("abcXYZ019-_=+/", min_size=1, max_size=60)
moments = st.none() | st.integers(0, 10**9).map(lambda seconds: START + timedelta(microseconds=seconds))
secrets_of = st.lists(st.builds(SigningSecret, values, moments), min_size=1, max_size=4)


@given(secrets_of)
def test_they_come_back_as_they_were_kept(secrets: list[SigningSecret]) -> None:
    assert unpack(pack(secrets)) == tuple(secrets)


@given(secrets_of, st.integers(0, 10**9))
def test_after_a_rotation_the_fresh_one_leads_and_nothing_holds_longer_than_before(
    secrets: list[SigningSecret], seconds: int
) -> None:
    until = START + timedelta(microseconds=seconds)
    first, *rest = rotated(secrets, "fresh", until=until, now=START)
    assert first == SigningSecret("fresh")
    assert all(one.until is not None and START < one.until <= until for one in rest)
    assert len(rest) == sum(min(one.until or until, until) > START for one in secrets)


def test_libraries_for_standard_webhooks_get_the_same_bytes() -> None:
    assert base64.b64decode(SigningSecret("s3cr3t").whsec.removeprefix("whsec_")) == b"s3cr3t"
