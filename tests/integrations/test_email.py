"""Mail over the wire: to a mail server and to SES, which take what the real ones take and refuse what they refuse."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.bounce import Undeliverable
from engine.errors import AlertWhispererError, Ambiguous, Permanent, Transient
from integrations.email import SesMail, SmtpMail, SmtpServer, ses_refusal, smtp_server
from sandbox.faults import Do, Fault
from sandbox.smtp import SmtpSink
from tests.sandbox.aws_fixtures import KEY_ID, SECRET, VERIFIED, cloud


def a_mail(to: str = "Kim <kim@msp.example>", text: str = "It is full.\n.\nReally.") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = (
        f"Northwind <{VERIFIED}>",
        to,
        "[Critical] Plattenplatz – web-01",
    )
    made["Message-ID"] = "<batch-1@msp.example>"
    made.set_content(text)
    made.add_alternative("<p>Größe</p>", subtype="html")
    return made


@asynccontextmanager
async def smtp(sink: SmtpSink, **server: Any) -> AsyncIterator[SmtpMail]:
    trust = server.pop("trust", None)
    async with sink.running():
        values = {"host": "127.0.0.1", "port": sink.port, "tls": False, **server}
        mail = SmtpMail(SmtpServer(**values), trust=trust)
        yield mail
        mail.close()


def certificates(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server shows, and who trusts it."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sink")]),
    )
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "cert.pem").write_bytes(pem)
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    shows = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    shows.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return shows, ssl.create_default_context(cadata=pem.decode())


async def test_a_mail_arrives_as_it_was_written() -> None:
    sink = SmtpSink()
    async with smtp(sink) as mail:
        assert "lets us in" in await mail.check()
        await mail.send(a_mail())
    (taken,) = sink.taken
    assert (taken.sender, taken.recipients, taken.encrypted) == (VERIFIED, ("kim@msp.example",), False)
    assert taken.message["Subject"] == "[Critical] Plattenplatz – web-01"
    assert taken.message["Message-ID"] == "<batch-1@msp.example>"
    plain, html = taken.message.get_body(("plain",)), taken.message.get_body(("html",))
    assert plain is not None and plain.get_content().split() == ["It", "is", "full.", ".", "Really."]
    assert html is not None and "Größe" in html.get_content()


@pytest.mark.parametrize("from_the_start", [False, True])
async def test_it_is_encrypted_and_signed_in_where_the_server_can(
    tmp_path: Path, from_the_start: bool
) -> None:
    shows, trust = certificates(tmp_path)
    sink = SmtpSink(users={"aw": "p@ss:word/"}, tls=shows, from_the_start=from_the_start)
    how = {"tls": from_the_start, "user": "aw", "password": "p@ss:word/"}
    async with smtp(sink, trust=trust, **how) as mail:
        await mail.send(a_mail())
    assert (sink.taken[0].encrypted, sink.taken[0].user) == (True, "aw")
    async with smtp(sink, trust=trust, **how | {"password": "wrong"}) as mail:
        with pytest.raises(Permanent, match="refused to let us in: 535") as refused:
            await mail.check()
        assert "wrong" not in str(refused.value)
    async with smtp(sink, **how) as mail:
        with pytest.raises(Permanent, match="cannot be used"):
            await mail.send(a_mail())


@pytest.mark.parametrize(
    ("sink", "kind", "words"),
    [
        (
            SmtpSink(refuses={"kim@msp.example": "550 5.1.1 No such user"}),
            Permanent,
            "refused the address: 550",
        ),
        (SmtpSink(refuses={"kim@msp.example": "450 4.7.1 Greylisted"}), Transient, "450"),
        (SmtpSink(answers_data="554 5.7.1 Looks like spam"), Permanent, "refused the mail: 554"),
        (SmtpSink(answers_data="452 4.3.1 Full"), Transient, "452"),
        (SmtpSink(hangs_up=1), Ambiguous, "hung up"),
        (SmtpSink(users={"aw": "secret"}), Permanent, "530"),
    ],
)
async def test_each_refusal_says_whether_it_may_be_tried_again(
    sink: SmtpSink, kind: type[AlertWhispererError], words: str
) -> None:
    async with smtp(sink) as mail:
        with pytest.raises(kind, match=words) as refused:
            await mail.send(a_mail())
    gone = isinstance(refused.value, Undeliverable)
    assert gone == ("refused the address: 550" in words), "only then is the address itself at fault"
    assert type(refused.value) is (Undeliverable if gone else kind)


async def test_a_server_that_is_away_is_for_later() -> None:
    away = SmtpMail(SmtpServer("127.0.0.1", 1, False))
    with pytest.raises(Transient):
        await away.send(a_mail())
    away.close()


async def test_a_password_is_not_sent_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.email._LOCAL", ())
    sink = SmtpSink(users={"aw": "secret"})
    async with smtp(sink, user="aw", password="secret") as mail:
        with pytest.raises(Permanent, match="in the clear"):
            await mail.send(a_mail())
    assert sink.taken == []


def test_an_address_of_a_server_is_read_or_refused_without_its_password() -> None:
    assert smtp_server("smtp://a%40b:p%2Fw@mx.example:2525") == SmtpServer(
        "mx.example", 2525, False, "a@b", "p/w"
    )
    assert smtp_server("smtps://mx.example").port == 465 and smtp_server("smtp://mx.example").port == 587
    for wrong in (
        "mx.example",
        "http://x:secret@mx",
        "smtp://",
        "smtp://x:secret@mx:99999",
        "smtp://x:secret@mx/p",
        "smtp://x:secretä@mx",
    ):
        with pytest.raises(ValueError, match=r".") as refused:
            smtp_server(wrong)
        assert "secret" not in str(refused.value)


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    values = {
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    for name, value in (values | {"AWS_EC2_METADATA_DISABLED": "true"}).items():
        monkeypatch.setenv(name, value)
    return monkeypatch


async def test_ses_carries_it_and_its_refusals_are_told_apart(
    tmp_path: Path, amazon: pytest.MonkeyPatch
) -> None:
    async with cloud(tmp_path) as made:
        amazon.setenv("AWS_ENDPOINT_URL_SESV2", made.endpoint)
        ses = SesMail()
        assert "of 50,000 mails" in await ses.check()
        await ses.send(a_mail())
        (kept,) = made.world.mails
        assert kept.to == ("kim@msp.example",) and kept.subject == "[Critical] Plattenplatz – web-01"
        assert dict(kept.headers)["Message-ID"] == "<batch-1@msp.example>" and "Größe" in kept.html
        stranger = a_mail()
        stranger.replace_header("From", "evil@other.example")
        with pytest.raises(Permanent, match="not verified"):
            await ses.send(stranger)
        made.world.faults.add(Fault(service="ses", times=3, do=Do.RATELIMITED))
        with pytest.raises(Transient, match="no more just now") as busy:
            await ses.send(a_mail())
        assert type(busy.value) is Transient and busy.value.retry_after
        made.world.faults.add(Fault(service="ses", times=1, do=Do.STATUS, status=503))
        await ses.send(a_mail())
        assert len(made.world.mails) == 2, "the client's own retry"
        made.world.ses.paused = True
        with pytest.raises(Permanent, match="paused"):
            await ses.send(a_mail())
        with pytest.raises(Permanent, match="paused"):
            await ses.check()
        ses.close()
    away = SesMail()
    with pytest.raises(Transient, match="cannot be reached"):
        await away.send(a_mail())
    away.close()


def test_what_ses_says_in_words() -> None:
    assert "AWS support" in str(ses_refusal("AccountSuspendedException", "x", 400))
    assert isinstance(ses_refusal("InternalFailure", "x", 500), Ambiguous)
    daily = ses_refusal("TooManyRequestsException", "Daily message quota exceeded.", 429)
    assert isinstance(daily, Transient) and daily.retry_after == timedelta(minutes=15)
    assert "ses:SendEmail" in str(ses_refusal("AccessDeniedException", "no", 403))
