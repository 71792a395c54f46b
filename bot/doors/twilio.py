"""What Twilio asks and tells: texts that people answer, calls that have to say something, and how messages went.

Every request is proven by its signature. Acts are compare-and-set and an answered text is known by its id, so a request
that comes again changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from xml.sax.saxutils import escape, quoteattr

from aiohttp import web

from bot.actions.incidents import Claim
from bot.actions.people import AcceptAsk
from bot.core import Core
from bot.doors.problems import problem
from bot.handlers.dispatch import handle
from bot.notices.phone import spoken
from bot.place import Place
from engine.access import Actor, Via
from engine.company import User
from engine.errors import Refused
from engine.notice import Notice, NoticeKind, Transport
from integrations.twilio import signed
from storage.transaction import Transaction

ANSWERED_WITHIN = timedelta(hours=12)
"""How long `1` means what was sent last."""
_ANSWER = re.compile(r"(?:(?:claim|ack|take)\s*)?(?:inc-?\s*)?(\d{1,9})", re.IGNORECASE)
_FAILED = ("failed", "undelivered", "busy", "no-answer", "canceled")
_NOBODY = "This number is not known here."

Form = Mapping[str, str]
Answer = Callable[[Core, str, Form], Awaitable[web.Response]]


def routes(core: Core) -> list[web.RouteDef]:
    def door(path: str, act: Answer) -> web.RouteDef:
        async def answer(request: web.Request) -> web.Response:
            form = {name: str(value) for name, value in (await request.post()).items()}
            url = f"{core.settings.public_url}{request.rel_url}"
            token = core.settings.twilio_auth_token.get_secret_value()
            if not signed(token, url, form, request.headers.get("X-Twilio-Signature", "")):
                return problem(403, "Not from Twilio", "The signature does not fit this address and form.")
            return await act(core, request.match_info.get("batch", ""), form)

        return web.post(path, answer)

    return [
        door("/twilio/sms", answered),
        door("/twilio/voice/{batch}", rung),
        door("/twilio/voice/{batch}/pressed", pressed),
        door("/twilio/status/{batch}", went),
    ]


async def answered(core: Core, _: str, form: Form) -> web.Response:
    """Somebody answered a text: `1` claims what they were sent last, or says that they have heard a page; another
    number claims that incident."""
    known, now = f"twilio:{form.get('MessageSid', '')[:64]}", core.clock.now()
    before = await core.read(lambda tx: tx.deliveries.answers([(0, known)]))
    if (0, known) in before:
        return _message(str(before[0, known]))
    user = await core.read(lambda tx: tx.users.by_phone(form.get("From", "")))
    said = await _claimed_by_text(core, user, form.get("Body", ""), now) if user else _NOBODY

    async def keep(tx: Transaction) -> None:
        if (0, known) not in await tx.deliveries.answers([(0, known)]):
            tx.deliveries.put(0, known, said, now=now)

    await core.write(keep)
    return _message(said)


async def _claimed_by_text(core: Core, user: User, body: str, now: datetime) -> str:
    found = _ANSWER.fullmatch(body.strip())
    if found is None:
        return "Reply 1 to claim what was sent last, or an incident's number."
    number = int(found[1])
    if number == 1 and body.strip() == "1":
        last = await core.read(lambda tx: tx.notices.last_by_phone(user.id, since=now - ANSWERED_WITHIN))
        if last is None:
            return "Nothing was sent to you in the last 12 hours. Reply with an incident's number."
        if last.incident_id is None:
            return await _heard(core, user, last)
        number = last.incident_id
    return await _claim(core, user, number)


async def _claim(core: Core, user: User, number: int) -> str:
    try:
        await handle(core, Claim(number), actor=Actor(user=user, via=Via.PHONE), place=Place())
    except Refused as refused:
        return refused.reason
    return f"INC-{number} is yours."


async def rung(core: Core, batch: str, form: Form) -> web.Response:
    """Somebody picked up: say what it is, and that 1 claims it."""
    user, notices = await _about(core, batch, form)
    if user is None or not notices:
        return _twiml(_say("This call is over."))
    first = notices[0]

    async def look(tx: Transaction) -> str:
        incident = await tx.incidents.get(first.incident_id) if first.incident_id is not None else None
        context = await tx.companies.context(first.company_id) if first.company_id else None
        return spoken(first, incident, context.company.name if context else "")

    text = await core.read(look)
    more = f" And {len(notices) - 1} more." if len(notices) > 1 else ""
    press = (
        "Press 1 to claim it." if first.incident_id is not None else "Press 1 to say that you have heard it."
    )
    where = quoteattr(f"{core.settings.public_url}/twilio/voice/{batch}/pressed")
    ask = _say(f"{text}{more} {press}") + _say(f"{text} {press}")
    return _twiml(
        f'<Gather numDigits="1" timeout="8" action={where} method="POST">{ask}</Gather>' + _say("Goodbye.")
    )


async def pressed(core: Core, batch: str, form: Form) -> web.Response:
    user, notices = await _about(core, batch, form)
    page = next((one for one in notices if one.kind is NoticeKind.PAGED and one.incident_id is None), None)
    if user is not None and page is not None and form.get("Digits") == "1":
        return _twiml(_say(f"{await _heard(core, user, page)} Goodbye."))
    number = next((one.incident_id for one in notices if one.incident_id is not None), None)
    if user is None or number is None or form.get("Digits") != "1":
        return _twiml(_say("Nothing was claimed. Goodbye."))
    return _twiml(_say(await _claim(core, user, number)))


async def _heard(core: Core, user: User, page: Notice) -> str:
    """A page about no incident: its key names what was asked."""
    try:
        ask = AcceptAsk(page.key.split(":")[1])
        await handle(core, ask, actor=Actor(user=user, via=Via.PHONE), place=Place())
    except Refused as refused:
        return refused.reason
    return "They are told that you have heard it."


async def went(core: Core, batch: str, form: Form) -> web.Response:
    """How a text or a call went; what did not arrive is said at its notices."""
    status = form.get("MessageStatus") or form.get("CallStatus") or ""
    if status in _FAILED:
        code = f" (Twilio {form['ErrorCode'][:10]})" if form.get("ErrorCode") else ""
        await core.write(lambda tx: tx.notices.not_delivered(batch, f"not delivered: {status}{code}"))
    return web.Response(status=204)


async def _about(core: Core, batch: str, form: Form) -> tuple[User | None, list[Notice]]:
    """Whom a call is for, and what it is about; nobody when it is not this number's."""

    async def look(tx: Transaction) -> tuple[User | None, list[Notice]]:
        notices = [one for one in await tx.notices.of_batch(batch) if one.transport is Transport.VOICE]
        user_id = notices[0].user_id if notices else None
        user = await tx.users.get(user_id) if user_id is not None else None
        if user is None or user.phone != form.get("To"):
            return None, []
        return user, notices

    return await core.read(look)


def _message(text: str) -> web.Response:
    return _twiml(f"<Message>{escape(text)}</Message>")


def _say(text: str) -> str:
    return f"<Say>{escape(text)}</Say>"


def _twiml(inner: str) -> web.Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?><Response>{inner}</Response>'
    return web.Response(text=body, content_type="text/xml")
