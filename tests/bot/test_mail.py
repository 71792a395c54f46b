"""What a mail says and how: subjects as promised, nothing of an alert that works, headers nobody writes into."""

from __future__ import annotations

import re
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given as having
from hypothesis import settings as effort
from hypothesis import strategies as st

from bot.core import Core
from bot.mail.compose import KINDS, Mail, compose, faults
from bot.mail.message import Attached, message, recipient
from bot.mail.preview import example, preview
from bot.mail.said import Said, quoted, said
from bot.mail.words import Item, item
from bot.reports.gather import gather
from bot.reports.mail import PICTURE, report_mail
from engine.company import Company
from engine.errors import NotFound, Permanent
from tests import given
from tests.bot.shell import Shell
from tests.clock import START, TestClock

ACME = Company(id=1, slug="acme", name="Acme Corp")


@pytest.fixture
def backend() -> str:
    return "sqlite"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    key = Fernet.generate_key().decode()
    settings = {"AW_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'aw.db'}", "AW_SECRET_KEY": key}
    return Shell(tmp_path, settings)


def one(kind: str = "assignment", **changes: object) -> Item:
    made = item(example(ACME, START), kind=kind, text="is yours: least load.", zone="Europe/Vienna")
    return Item(**{name: getattr(made, name) for name in Item.__dataclass_fields__} | changes)


def made(kind: str, *items: Item, folder: Path | None = None) -> Mail:
    return compose(kind, items or (one(kind),), reader="Kim", sender="Northwind MSP", folder=folder)


class Tags(HTMLParser):
    """What a browser would see: the tags with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_subjects_are_as_promised():
    assert made("assignment").subject == "[Critical] New incident assigned – web-server-01"
    warned, breached = made("warning").subject, made("breach", one(level=2)).subject
    assert warned == "[SLA WARNING] INC-0 – web-server-01: 18 min left to respond"
    assert breached == "[SLA BREACH] INC-0 – web-server-01 escalated to level 2"
    late = item(example(ACME, START), kind="breach", text="", zone="UTC")
    assert made("breach", late).subject.startswith("[SLA BREACH] INC-0 – web-server-01: 18 min left")
    assert made("escalation", one(level=3)).subject == "[Critical] INC-0 escalated to level 3 – web-server-01"
    assert made("digest", one(), one()).subject == "2 notices, first INC-0 – web-server-01"


@pytest.mark.parametrize("kind", KINDS)
def test_every_mail_can_be_read_on_a_phone_in_the_dark_and_as_text(kind: str):
    mail = made(kind, one(kind, link="https://chat.example/archives/C1/p1"))
    seen = Tags(mail.html)
    assert (
        'name="color-scheme" content="light dark"' in mail.html and "prefers-color-scheme: dark" in mail.html
    )
    assert 'name="viewport"' in mail.html and "max-width:600px" in mail.html
    sizes = {int(size) for size in re.findall(r"font:(?:bold )?(\d+)px", mail.html)}
    assert min(sizes) >= 14 and 16 in sizes
    assert not {"script", "img", "link", "form", "iframe"} & {tag for tag, _ in seen.tags}
    for tag, about in seen.tags:
        style = about.get("style") or ""
        if tag in ("p", "h1") or "color:#" in style:
            assert "color:" in style and (
                "class" in about or "background:#" in style or tag in ("a", "span")
            ), about
    assert "Disk" in mail.text.title() or kind == "notice"
    assert "{{" not in mail.text + mail.html and "\n\n\n" not in mail.text and "\n-- \n" in mail.text


def test_promises_say_how_things_stand():
    late = item(example(ACME, START - timedelta(minutes=40)), kind="breach", text="x", zone="Europe/Vienna")
    assert late.pressing is not None
    view = example(ACME, START)
    over = item(
        type(view)(
            **{name: getattr(view, name) for name in view.__dataclass_fields__}
            | {"now": START + timedelta(hours=1)}
        ),
        kind="breach",
        text="x",
        zone="Europe/Vienna",
    )
    assert over.pressing is not None and over.pressing.tone == "over"
    assert over.pressing.says == "42 min too late to respond"
    assert "CET" in over.opened or "CEST" in over.opened


HOSTILE = [
    '<script>alert(1)</script> & "x"',
    "see https://evil.example/login now",
    "www.evil.example",
    "evil@evil.example",
    "\u202etxt.exe\r\nBcc: all@msp.example",
    "{{ 7*7 }} {% for x in y %}",
    "javascript://%0aalert(1)",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_an_alert_works_in_a_mail(kind: str, text: str):
    told = said(text, 200)
    hostile = one(kind, title=told, asset=told, company=told, message=quoted(text, 200), text=told, note=told)
    mail = made(kind, hostile)
    seen = Tags(mail.html)
    assert not [
        about for tag, about in seen.tags if tag == "a" or any(name.startswith("on") for name in about)
    ]
    assert "script" not in {tag for tag, _ in seen.tags}
    assert not re.search(
        r"(?i)://|www\.|\w@\w|evil\.", re.sub(r"<style>.*?</style>", "", mail.html, flags=re.S)
    )
    assert "\u202e" not in mail.html + mail.text and "://" not in mail.text
    assert "\n" not in mail.subject and "\r" not in mail.subject
    assert "49" not in mail.subject + mail.text.replace("7*7", "")


@effort(max_examples=150)
@having(st.text(max_size=60))
def test_whatever_an_alert_says_the_headers_stay_ours(text: str):
    mail = made("assignment", one(asset=said(text, 80), title=said(text, 80), message=quoted(text, 300)))
    raw = message(
        mail, sender="Northwind <alerts@msp.example>", to="kim@msp.example", name=text, id="b1", now=START
    ).as_bytes()
    read = message_from_bytes(raw, policy=default)
    assert read["Message-ID"] == "<b1@msp.example>" and read["Auto-Submitted"] == "auto-generated"
    assert read.get_all("Bcc") is None and len(read.get_all("Subject") or []) == 1
    assert [one.addr_spec for one in read["To"].addresses] == ["kim@msp.example"]
    assert len(read.get_all("To") or []) == 1 and read["List-Unsubscribe"].startswith(
        "<mailto:alerts@msp.example"
    )
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]


@having(st.text(max_size=200))
def test_what_was_said_reads_the_same_in_html(text: str):
    assert Tags(str(Said(text).__html__())).text == Tags(str(escape(text))).text.replace("\n", "")


@pytest.mark.parametrize("wrong", ["", "kim", "a b@c.d", "a@b\r\nBcc: x@y", "@", "a@", "<a@b>", "a@b,c@d"])
def test_an_address_that_is_none_is_refused_for_good(wrong: str):
    with pytest.raises(Permanent, match="no e-mail address"):
        recipient(wrong)


def test_templates_of_ones_own_take_the_place_of_ours_and_a_broken_one_loses_no_mail(tmp_path: Path):
    (tmp_path / "assignment.txt").write_text("Subject: Neu: {{ item.asset }}\nHallo {{ reader }}")
    mail = made("assignment", folder=tmp_path)
    assert (mail.subject, mail.text) == ("Neu: web-server-01", "Hallo Kim\n") and "web-server-01" in mail.html
    assert faults(tmp_path, [one()]) == []
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "handoff.txt").write_text("{{ item.nothing }}")
    (broken / "closure.txt").write_text("no subject")
    (broken / "breach.html").write_text("{{ ''.__class__.__mro__[1].__subclasses__() }}")
    wrong = faults(broken, [one()])
    assert len(wrong) == 3 and "SecurityError" in wrong[0] and "Subject" in "".join(wrong)
    assert made("handoff", folder=broken).subject == "[Critical] INC-0 handed over – web-server-01"


async def test_a_preview_is_of_the_newest_incident_or_says_that_it_is_an_example(core: Core):
    world = await given.world(core)
    mail, about = await preview(core, "assignment", world.acme)
    assert about.startswith("an example") and "Example:" in mail.text
    await world.tell(given.alert(asset="web-01", message="go to http://evil.example"))
    mail, about = await preview(core, "assignment", world.acme)
    assert about == "INC-1" and mail.subject == "[Critical] New incident assigned – web-01"
    assert "Kim" in mail.text and "http[:]//evil.example" in mail.text
    assert (await preview(core, "closure", world.acme))[1].startswith("an example")
    with pytest.raises(NotFound, match="no mail"):
        await preview(core, "love", world.acme)


def test_the_command_writes_the_html(shell: Shell, tmp_path: Path):
    shell("company", "add", "acme", "--name", "Acme Corp")
    out = tmp_path / "mail.html"
    told = shell("email", "preview", "assignment", "--company", "acme", "--out", str(out))
    assert told.code == 0 and "[Critical] New incident assigned" in told.out
    assert out.read_text().startswith("<!doctype html>")
    assert shell("email", "preview", "digest", "--company", "acme", "--text").out.startswith(
        "Subject: 2 notices"
    )
    document = shell("email", "preview", "closure", "--company", "acme", "--json").json
    assert document["subject"].startswith("[Resolved]") and set(document) == {
        "about",
        "subject",
        "text",
        "html",
    }
    refused = shell("email", "preview", "spam", "--company", "acme")
    assert refused.code == 1 and "assignment" in refused.err
    (tmp_path / "assignment.txt").write_text("{% broken")
    wrong = shell(
        "email",
        "preview",
        "assignment",
        "--company",
        "acme",
        settings={"AW_EMAIL_TEMPLATE_DIR": str(tmp_path)},
    )
    assert wrong.code == 1 and "mail template" in wrong.err


async def test_a_report_by_mail_has_its_picture_in_place_and_the_pdf_beside(
    world: given.World, clock: TestClock
):
    await world.tell(given.alert("web-01", '<b>disk</b> "full" https://evil.example'))
    clock.advance(minutes=1)
    report = await gather(world.core, world.acme, timedelta(days=30))
    mail = report_mail(world.core, report, reader="Ada")
    assert mail.subject.startswith("[Report] Acme, ") and "1 alert became 1 incident," in mail.text
    assert "Noise reduction: 0 %" in mail.text and "<b>disk" not in mail.html and "://evil" not in mail.html
    made = message(
        mail, sender="a@msp.example", to="ada@acme.example", id="x", now=START, picture=(PICTURE, b"\x89PNG"),
        attached=[Attached("acme.pdf", "application", "pdf", b"%PDF")],
    )  # fmt: skip
    read = message_from_bytes(made.as_bytes(), policy=default)
    kinds = [part.get_content_type() for part in read.walk()]
    assert kinds == [
        "multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
        "application/pdf",
    ]  # fmt: skip
    assert [one.get_filename() for one in read.iter_attachments()] == ["acme.pdf"]
    picture = next(part for part in read.walk() if part.get_content_type() == "image/png")
    assert picture["Content-ID"] == f"<{PICTURE}>" and f'src="cid:{PICTURE}"' in mail.html
