"""Every card as each platform shows it: kept as JSON, so that whoever changes one sees what people will see.

`make golden` keeps them as they are now; the difference is to be looked at.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import sqlalchemy as sa

from bot.cards.approval import story_card
from bot.cards.card import Asked, Card, Form, Said
from bot.commands import parse
from bot.handlers.dispatch import handle
from bot.notices.chat import notice_card
from bot.notices.port import Delivery
from bot.people import refusal
from bot.place import Place
from bot.shift.ask_card import ask_card, ask_view
from bot.slack.forms import modal
from bot.slack.render import message as slack_message
from bot.sync import shown_now
from bot.teams.buttons import Place as Where
from bot.teams.forms import form_card
from bot.teams.render import content, fits
from bot.teams.render import message as teams_message
from engine.ask import card_subject
from engine.company import User
from engine.errors import Refused
from engine.notice import NoticeKind
from engine.operations import handoff, outbreaks
from engine.operations.intake_story import tell_company
from engine.operations.notify import notify
from engine.outbreak import MspRecord
from sandbox.slack.blocks import check_message, check_view
from sandbox.teams.refusals import check_activity, check_card
from storage.transaction import Transaction
from tests import given
from tests.given import World

GOLDEN = Path(__file__).parent / "golden"
SCHEMA = Path(__file__).parents[1] / "schemas" / "adaptive_card_1.5.json"
KEEP = os.environ.get("AW_GOLDEN") == "keep"
ASKED = (
    ("help", "kim", "help"),
    ("help_of_a_viewer", "vera", "help"),
    ("home", "kim", "home"),
    ("home_of_an_admin", "root", "home"),
    ("whoami", "kim", "whoami"),
    ("status", "kim", "status acme"),
    ("status_of_all", "root", "status"),
    ("list", "kim", "list"),
    ("mine", "kim", "mine"),
    ("board", "kim", "board"),
    ("why", "kim", "why 1"),
    ("details", "kim", "details 1"),
    ("oncall", "kim", "oncall"),
    ("report", "root", "report acme 30d"),
    ("guides", "ada", "guide"),
    ("guide", "ada", "guide zabbix"),
    ("settings", "ada", "config acme"),
    ("setting", "ada", "config window"),
    ("setting_to_change", "ada", "config window 10"),
    ("silence_preview", "kim", "silence web-01 2h new disk"),
    ("maintenance_preview", "ada", "maint now 2h new switch"),
    ("silences", "kim", "silence list"),
    ("aliases", "ada", "alias"),
    ("dead_letters", "ada", "deadletter"),
    ("outbreaks", "root", "outbreaks"),
    ("form_note", "kim", "note 1"),
    ("form_assign", "kim", "assign 1"),
    ("form_snooze", "kim", "snooze 1"),
    ("form_run", "kim", "run 1"),
    ("form_run_values", "kim", "run restart-service 2"),
    ("form_merge", "kim", "merge 1"),
    ("refused", "vera", "claim 1"),
    ("unknown_word", "kim", "clam 1"),
)
"""Name, who, and what they type."""
LISTS = ("help", "help_of_a_viewer", "guides")
"""Lists that grow with everything: they have to be valid, and are not kept."""


@dataclass(frozen=True)
class Shown:
    """What people see: a card, or a form."""

    name: str
    what: Card | Form


async def every_card(world: World) -> list[Shown]:
    """One evening of one company, and everything that can be looked at in it."""
    who = await _people(world)
    found = [*await _incidents(world, who)]
    for name, person, words in ASKED:
        found.append(Shown(name, await _asked(world, who[person], words)))
    return found


async def _people(world: World) -> dict[str, User]:
    """Everybody is in Teams, too, and the company has a channel in both."""
    names = ("kim", "bob", "ada", "root", "vera")
    people = {name: replace(getattr(world, name), teams_user=f"aad-{name}") for name in names}

    async def link(tx: Transaction) -> None:
        for user in people.values():
            await tx.users.change(user)
        for company in (world.acme, world.globex):
            bound = replace(company, teams_conversation=f"19:{company.slug}@thread.tacv2")
            await tx.companies.change(bound)

    await world.core.write(link)
    return people


async def _do(world: World, who: User, *lines: str) -> None:
    for words in lines:
        for act in parse(words):
            await handle(world.core, act, actor=given.actor(who), place=Place(world.acme.id))


async def _incidents(world: World, who: dict[str, User]) -> list[Shown]:
    kim = who["kim"]
    await world.tell(given.alert(message="only 3 % *left* on <!channel> / {{DATE(x)}}"))
    found = [await _card(world, "incident", "incident:1")]
    await world.tell(given.alert(signature="Service nginx down", labels={"service": "nginx"}))
    await _do(world, kim, "run restart-service 2 unit=nginx reason it is down")
    run = await _run(world, 2)
    found.append(await _card(world, "approval", f"approval:{run}"))
    found.append(await _card(world, "incident_with_a_request", "incident:2"))
    world.core.clock.advance(minutes=9)  # type: ignore[attr-defined]
    await _do(world, kim, "claim 1", "hold 1 client: which disk may go", "note 1 it is /var")
    found.append(await _card(world, "incident_waiting", "incident:1"))
    await _do(world, kim, "resume 1")
    await _do(world, kim, "run restart-service 2 unit=mysql")
    found.append(await _card(world, "approval_no_longer_needed", f"approval:{run}"))
    await _do(world, kim, "resolve 2 restarted by hand")
    found.append(await _card(world, "incident_resolved", "incident:2"))
    world.core.clock.advance(minutes=31)  # type: ignore[attr-defined]
    await world.tell(*(given.alert(asset=f"pos-{name}", signature=f"Till {name} down") for name in "abcde"))
    found.append(Shown("notice", await _notice(world, kim)))
    found.append(await _story(world))
    found.append(await _handed_off(world, kim))
    return [*found, *await _companies(world)]


async def _story(world: World) -> Shown:
    """A line in a thread, with the output of what ran."""

    async def look(tx: Transaction) -> Card:
        story = await tx.timeline.of_incident(1)
        incident = await tx.incidents.get(1)
        assert incident is not None
        line = replace(story[-1], body="".join(f"/var/log/old.{n}.gz removed\n" for n in range(40)))
        return replace(story_card(line, incident), card_id="story:x:slack")

    return Shown("story", await world.core.read(look))


async def _handed_off(world: World, kim: User) -> Shown:
    now = world.core.clock.now()
    offer = handoff.offer
    actor = given.actor(kim)
    ask = await world.core.write(
        lambda tx: offer(tx, world.bob.id, [1], note="back at six", actor=actor, now=now)
    )
    view = await world.core.read(lambda tx: ask_view(tx, card_subject(ask.id, 1)))
    assert view is not None
    return Shown("ask", replace(ask_card(view), card_id="ask:1:slack"))


async def _companies(world: World) -> list[Shown]:
    now = world.core.clock.now()
    await world.core.write(
        lambda tx: tell_company(tx, world.acme.id, "Zabbix sent something I could not read.", now=now)
    )
    found = [await _card(world, "intake", f"intake:{world.acme.id}@C-acme")]
    words = "Mail relay smtp.hub.example does not answer"
    initech = await world.core.write(lambda tx: given.company(tx, "initech"))
    record = MspRecord(name="Northwind", slack_channel="C-ops", teams_conversation="19:ops@thread.tacv2")
    actor = given.actor(world.root)
    await world.core.write(lambda tx: outbreaks.set_msp(tx, record, actor=actor, now=now))
    for company, asset in ((world.acme, "a-mail"), (world.globex, "g-post"), (initech, "i-mx")):
        await world.tell(given.alert(asset, words, labels={}), company=company)
    await world.core.write(lambda tx: outbreaks.look(tx, now=now))
    found.append(await _card(world, "outbreak", "outbreak:1"))
    line, storm = await world.core.read(_drawn)
    return [*found, await _card(world, "intake_line", line), await _card(world, "storm", storm)]


async def _drawn(tx: Transaction) -> tuple[str, str]:
    """The names of cards that are drawn at random."""
    found = await tx.connection.execute(sa.text("SELECT id FROM cards ORDER BY id"))
    ids = [name.removesuffix(":slack") for name in found.scalars() if name.endswith(":slack")]
    line = next(one for one in ids if one.startswith("intake_line:"))
    return line, next(one for one in ids if one.startswith("storm:"))


async def _run(world: World, number: int) -> str:
    runs = await world.core.read(lambda tx: tx.runs.of_incident(number))
    return runs[0].id


async def _card(world: World, name: str, card_id: str) -> Shown:
    found = await shown_now(world.core, f"{card_id}:slack")
    assert found is not None, card_id
    return Shown(name, found[1])


async def _notice(world: World, user: User) -> Card:
    now = world.core.clock.now()

    async def tell(tx: Transaction) -> None:
        for number in (1, 3):
            incident = await tx.incidents.get(number)
            text = "needs you: nobody has it."
            notify(tx, [user], NoticeKind.ESCALATED, text, key=f"k{number}", incident=incident, now=now)

    async def look(tx: Transaction) -> Delivery:
        found = [one for number in (1, 3) for one in await tx.notices.of_incident(number)]
        incidents = await tx.incidents.get_many([1, 3])
        companies = {world.acme.id: world.acme}
        some = [one for one in found if one.kind is NoticeKind.ESCALATED]
        return Delivery(
            batch="b",
            notices=some,
            user=user,
            address="",
            incidents=incidents,
            companies=companies,
            now=now,
        )

    await world.core.write(tell)
    return notice_card(await world.core.read(look), "notice:b:slack")


async def _asked(world: World, who: User, words: str) -> Card | Form:
    try:
        (act,) = parse(words)
        reply = await handle(world.core, act, actor=given.actor(who), place=Place(world.acme.id))
    except Refused as refused:
        no = await refusal(world.core, refused)
        return Card(summary=no.reason, elements=(no,))
    match reply:
        case Said(card=card):
            return card
        case Asked(form):
            return form
        case other:
            raise AssertionError(f"{words}: {other}")


ULID, DIGEST = re.compile(r"\b[0-9][0-9a-hjkmnp-tv-z]{25}\b"), re.compile(r"\b[0-9a-f]{64}\b")


def as_kept(made: Any) -> str:
    """What is drawn at random is numbered in the order in which it stands there."""
    text = json.dumps(made, indent=1, ensure_ascii=False, sort_keys=True)
    for pattern, sign in ((ULID, "id"), (DIGEST, "digest")):
        for number, drawn in enumerate(dict.fromkeys(pattern.findall(text)), 1):
            text = text.replace(drawn, f"«{sign} {number}»")
    return text + "\n"


def in_slack(one: Shown) -> Any:
    return slack_message(one.what) if isinstance(one.what, Card) else modal(one.what, channel="C-acme")


def in_teams(one: Shown) -> Any:
    if isinstance(one.what, Form):
        return form_card(one.what)
    card = replace(one.what, card_id=one.what.card_id.replace(":slack", ":teams"))
    return teams_message(card, ["29:root"] if card.deciders else [])


def compare(platform: str, name: str, made: Any) -> str | None:
    """What is wrong with it."""
    path, text = GOLDEN / platform / f"{name}.json", as_kept(made)
    if KEEP:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    if not path.is_file():
        return f"{platform}/{name} is not kept yet"
    return None if path.read_text("utf-8") == text else f"{platform}/{name} is not as it was kept"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_every_card_is_as_it_was_kept_and_valid_on_both(world: World):
    made = await every_card(world)
    assert len({one.name for one in made}) == len(made)
    validator = jsonschema.Draft6Validator(json.loads(SCHEMA.read_text("utf-8")))
    wrong = []
    for one in made:
        here, there = in_slack(one), in_teams(one)
        if one.name not in LISTS:
            wrong += [compare("slack", one.name, here), compare("teams", one.name, there)]
        (check_message if isinstance(one.what, Card) else lambda _: None)(here["blocks"])
        if isinstance(one.what, Form):
            check_view({**here, "blocks": here["blocks"]}, "modal")
            views = [there]
        else:
            check_activity(there)
            views = [content(one.what, place) for place in Where]
        for view in views:
            check_card(view)
            assert fits(view), one.name
            plain = {name: value for name, value in view.items() if name != "msteams"}
            wrong += [f"{one.name}: {fault.message[:200]}" for fault in validator.iter_errors(plain)]
    assert not [one for one in wrong if one], "\n".join(
        [*filter(None, wrong), "`make golden` keeps what is now"]
    )
    kept = {path.stem for platform in ("slack", "teams") for path in (GOLDEN / platform).glob("*.json")}
    assert kept == {one.name for one in made} - set(LISTS), "what is no card any more is not kept either"


def test_every_kind_of_card_that_is_posted_is_among_them():
    bodies = [json.loads(path.read_text("utf-8")) for path in (GOLDEN / "slack").glob("*.json")]
    kinds = {one["metadata"]["event_payload"]["kind"] for one in bodies if "metadata" in one}
    assert kinds >= {
        "incident",
        "approval",
        "story",
        "intake",
        "intake_line",
        "storm",
        "outbreak",
        "notice",
        "ask",
    }
