"""Signatures: ours and those of Standard Webhooks, five minutes either way, two secrets during a rotation."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from integrations.signatures import Unsigned, check
from tests.clock import START

OLD, NEW = b"old-secret", b"new-secret"
BODY = b'{"asset_name":"web-01"}'
NOW = int(START.timestamp())


def ours(body: bytes = BODY, *, secret: bytes = NEW, at: int | str = NOW) -> CIMultiDict[str]:
    digest = hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return CIMultiDict({"x-timestamp": str(at), "x-signature": f"sha256={digest}"})


def standard(
    body: bytes = BODY, *, secret: bytes = NEW, at: int = NOW, name: str = "msg_1"
) -> CIMultiDict[str]:
    digest = base64.b64encode(hmac.new(secret, f"{name}.{at}.".encode() + body, hashlib.sha256).digest())
    return CIMultiDict(
        {"webhook-id": name, "webhook-timestamp": str(at), "webhook-signature": f"v1,{digest.decode()}"}
    )


def accepted(headers: CIMultiDict[str], body: bytes = BODY, *secrets: bytes) -> str | None:
    try:
        return check(headers, body, secrets=secrets or (NEW,), now=START)
    except Unsigned:
        return None


@pytest.mark.parametrize("sign", [ours, standard])
def test_a_good_signature_has_one_identity(sign):
    assert accepted(sign()) == accepted(sign())
    assert accepted(sign()) != accepted(sign(at=NOW + 1))
    assert accepted(ours()) != accepted(standard())


@pytest.mark.parametrize("sign", [ours, standard])
@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_five_minutes_either_way_are_in_time(sign, seconds: int):
    assert accepted(sign(at=NOW + seconds))


@pytest.mark.parametrize("sign", [ours, standard])
@pytest.mark.parametrize("seconds", [-301, 301, -(10**8), 10**8])
def test_anything_further_is_not(sign, seconds: int):
    assert accepted(sign(at=NOW + seconds)) is None


@pytest.mark.parametrize("sign", [ours, standard])
def test_another_body_or_secret_is_refused(sign):
    assert accepted(sign(), BODY + b" ") is None
    assert accepted(sign(secret=b"wrong")) is None


@pytest.mark.parametrize("sign", [ours, standard])
def test_during_a_rotation_both_secrets_hold(sign):
    for secret in (OLD, NEW):
        assert accepted(sign(secret=secret), BODY, NEW, OLD)
    assert accepted(sign(secret=OLD), BODY, NEW) is None


def test_standard_webhooks_secrets_are_base64_and_several_signatures_may_be_given():
    raw = b"0123456789abcdef01234567"
    kept = b"whsec_" + base64.b64encode(raw)
    headers = standard(secret=raw)
    assert accepted(headers, BODY, kept)
    assert accepted(headers, BODY, base64.b64encode(raw))
    headers["webhook-signature"] = f"v1a,xyz v1,AAAA {headers['webhook-signature']}"
    assert accepted(headers, BODY, kept)


@pytest.mark.parametrize("missing", ["x-timestamp", "x-signature"])
def test_half_of_the_headers_is_no_signature(missing: str):
    headers = ours()
    del headers[missing]
    assert accepted(headers) is None


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_half_of_the_standard_headers_is_no_signature(missing: str):
    headers = standard()
    del headers[missing]
    assert accepted(headers) is None


@pytest.mark.parametrize("stamp", ["", "-1", "1e9", "٣", "1" * 40, " 5", "2026-03-04T09:00:00Z", f"{NOW}.0"])
def test_a_time_in_another_form_is_refused(stamp: str):
    assert accepted(ours(at=stamp)) is None


def test_an_empty_secret_behind_the_prefix_signs_nothing():
    headers = standard(secret=b"")
    assert accepted(headers, BODY, b"whsec_") is None


header_text = st.text(st.characters(exclude_characters="\r\n\x00"), max_size=80)


@given(header_text, header_text, st.binary(max_size=50))
def test_no_header_whatever_breaks_the_check(first: str, second: str, body: bytes):
    assert accepted(CIMultiDict({"X-Signature": first, "X-Timestamp": second}), body) is None
    assert accepted(CIMultiDict({"X-Signature": first, "X-Timestamp": str(NOW)}), body) is None
    strange = {"webhook-id": first, "webhook-timestamp": str(NOW), "webhook-signature": second}
    assert accepted(CIMultiDict(strange), body) is None


def test_bytes_that_are_no_text_in_a_header_are_a_wrong_signature():
    assert accepted(CIMultiDict({"X-Signature": "sha256=\udcff", "X-Timestamp": str(NOW)})) is None
    strange = {"webhook-id": "\udcff", "webhook-timestamp": str(NOW), "webhook-signature": "v1,\udcff ü"}
    assert accepted(CIMultiDict(strange)) is None
