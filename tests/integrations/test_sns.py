"""Messages of SNS: which addresses may be asked, what is signed, and that nothing else is believed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.sns import Kind, WrongSignature, check, envelope, is_certificate, is_ours, signed
from sandbox.sns import Sns
from tests.clock import START

TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"


@pytest.fixture(scope="module")
def world() -> Sns:
    return Sns(url="https://sns.eu-central-1.amazonaws.com")


@pytest.fixture(scope="module")
def certificate(world: Sns) -> x509.Certificate:
    return x509.load_pem_x509_certificate(world._certificate)


def made(document: dict[str, Any]) -> Any:
    found = envelope(json.dumps(document).encode())
    assert found is not None
    return found


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [None, "", "ALARM: \u201cdisk\u201d", "two\nlines"])
def test_what_the_topic_signs_is_good(
    world: Sns, certificate: x509.Certificate, version: str, subject: str | None
) -> None:
    message = world.notification(TOPIC, {"a": "ä\n"}, at=START, subject=subject, version=version)
    check(made(message), certificate, now=START)
    check(made(world.subscription(TOPIC, at=START, version=version)), certificate, now=START)


@pytest.mark.parametrize(
    "name", ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Signature", "SignatureVersion"]
)
def test_any_change_is_noticed(world: Sns, certificate: x509.Certificate, name: str) -> None:
    message = world.notification(TOPIC, "down", at=START, subject="s")
    for value in (f"{message[name]}x", "", message[name][1:]):
        with pytest.raises(WrongSignature):
            check(made({**message, name: value}), certificate, now=START)


def test_a_field_that_is_added_or_taken_away_is_noticed(world: Sns, certificate: x509.Certificate) -> None:
    message = world.notification(TOPIC, "down", at=START)
    with pytest.raises(WrongSignature):
        check(made({**message, "Subject": "new"}), certificate, now=START)
    with_subject = world.notification(TOPIC, "down", at=START, subject="old")
    del with_subject["Subject"]
    with pytest.raises(WrongSignature):
        check(made(with_subject), certificate, now=START)
    with pytest.raises(WrongSignature):
        check(made({**message, "Type": "UnsubscribeConfirmation"}), certificate, now=START)


@pytest.mark.parametrize(("minutes", "good"), [(-6, False), (-5, True), (120, True), (121, False)])
def test_a_message_from_another_time_is_refused(
    world: Sns, certificate: x509.Certificate, minutes: int, good: bool
) -> None:
    message = made(world.notification(TOPIC, "down", at=START))
    now = START + timedelta(minutes=minutes)
    if good:
        check(message, certificate, now=now)
    else:
        with pytest.raises(WrongSignature, match="another time"):
            check(message, certificate, now=now)


def test_a_certificate_that_is_over_proves_nothing(world: Sns, certificate: x509.Certificate) -> None:
    at = certificate.not_valid_after_utc + timedelta(minutes=1)
    with pytest.raises(WrongSignature, match="does not hold"):
        check(made(world.notification(TOPIC, "down", at=at)), certificate, now=at)


PEM = "/SimpleNotificationService-1.pem"


@pytest.mark.parametrize(
    ("url", "good"),
    [
        (f"https://sns.eu-central-1.amazonaws.com{PEM}", True),
        (f"https://sns.cn-north-1.amazonaws.com.cn{PEM}", True),
        (f"https://sns.us-gov-west-1.amazonaws.com{PEM}", True),
        (f"http://sns.eu-central-1.amazonaws.com{PEM}", False),
        (f"https://sns.eu-central-1.amazonaws.com:443{PEM}", False),
        (f"https://sns.eu-central-1.amazonaws.com:8443{PEM}", False),
        (f"https://me@sns.eu-central-1.amazonaws.com{PEM}", False),
        (f"https://sns.eu-central-1.amazonaws.com@evil.example{PEM}", False),
        (f"https://sns.eu-central-1.amazonaws.com.evil.example{PEM}", False),
        (f"https://evil.example/sns.eu-central-1.amazonaws.com{PEM}", False),
        (f"https://xsns.eu-central-1.amazonaws.com{PEM}", False),
        (f"https://sns.evil.example.amazonaws.com{PEM}", False),
        (f"https://bucket.s3.amazonaws.com{PEM}", False),
        (f"https://sns.eu-central-1.amazonaws.com\\@evil.example{PEM}", False),
        (f"https://sns.eu-central-1.amazonaws.com{PEM}?x=.pem", False),
        (f"https://sns.eu-central-1.amazonaws.com{PEM}#.pem", False),
        ("https://sns.eu-central-1.amazonaws.com/x", False),
        (f"https://169.254.169.254{PEM}", False),
        (f"https://[::1{PEM}", False),
        (f"https://sns.eu-central-1.amazonaws.com:x{PEM}", False),
        (f"file:///sns.eu-central-1.amazonaws.com{PEM}", False),
        (f"//sns.eu-central-1.amazonaws.com{PEM}", False),
        (f"https://sns.eu-central-1.amazonaws.com\r\n{PEM}", False),
        ("", False),
    ],
)
def test_only_addresses_of_sns_itself_are_asked(url: str, good: bool) -> None:
    assert is_certificate(url) is good


def test_the_sandbox_is_asked_only_where_it_is_set() -> None:
    url = f"http://127.0.0.1:9/sns{PEM}"
    assert is_certificate(url, sandbox="http://127.0.0.1:9/sns") and not is_certificate(url)
    assert not is_ours("http://127.0.0.1:99/sns/x", sandbox="http://127.0.0.1:9")
    assert is_ours("https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=1")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"TopicArn" "Signature"',
        b'["TopicArn", "Signature"]',
        b'{"TopicArn": "x", "Signature": "y"}',
        b'{"Type": "Other", "MessageId": "1", "Message": "", "Timestamp": "", "TopicArn": "", "Signature": ""}',
        b'{"Type": "Notification", "MessageId": 1, "Message": "", "Timestamp": "", "TopicArn": "", "Signature": ""}',
    ],
)
def test_what_is_no_message_of_sns_is_left_to_the_parsers(body: bytes) -> None:
    assert envelope(body) is None


@settings(max_examples=100, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            name: st.text(max_size=40)
            for name in ("MessageId", "Message", "Timestamp", "TopicArn", "Signature")
        },
        optional={
            name: st.one_of(st.none(), st.text(max_size=40), st.integers())
            for name in ("Subject", "SigningCertURL", "SignatureVersion", "Token", "SubscribeURL")
        },
    ),
    st.sampled_from(Kind),
)
def test_no_message_whatever_is_our_fault(
    world: Sns, certificate: x509.Certificate, document: dict[str, Any], kind: Kind
) -> None:
    message = envelope(json.dumps({**document, "Type": kind.value}).encode())
    if message is not None:
        signed(message)
        assert not is_certificate(message.certificate_url)
        with pytest.raises(WrongSignature):
            check(message, certificate, now=START)
