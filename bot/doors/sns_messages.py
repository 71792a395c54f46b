"""What comes through Amazon SNS: verified where its certificate can be had, and unwrapped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import orjson
from aiohttp import web

from bot.core import Core
from bot.doors.gate import Gate
from bot.doors.problems import problem
from bot.doors.sender import Known, Unauthorised
from bot.doors.sns import UNCHECKED, Verdict
from engine.access import SYSTEM
from engine.errors import Permanent, Transient
from engine.jobs import ConfirmTopic
from engine.operations import directory
from engine.operations.intake_story import tell_company
from integrations.sns import Envelope, Kind, WrongSignature, envelope
from storage.transaction import Transaction

AGAIN = timedelta(minutes=5)
TOKEN_HOLDS = timedelta(days=3)
"""How long SNS lets a subscription be confirmed."""


@dataclass(frozen=True, slots=True)
class Through:
    """A message of SNS. `proven`: its signature stands in for one of ours; `note` is said in the answer."""

    message: Envelope
    proven: bool

    @property
    def note(self) -> str:
        return "" if self.proven else UNCHECKED


async def look(core: Core, known: Known, body: bytes) -> Through | web.Response | None:
    """None: not from SNS. Raises Unauthorised for a wrong signature; a foreign topic is refused."""
    message = envelope(body)
    if message is None:
        return None
    try:
        verdict = await core.sns.check(message, core.clock.now())
    except WrongSignature as error:
        raise Unauthorised from error
    if message.kind is not Kind.CONFIRMATION and known.topics and message.topic not in known.topics:
        return problem(403, "Unknown topic", "The company takes no messages of this SNS topic.")
    if verdict is Verdict.UNCHECKED:
        if known.secrets:
            return problem(
                503, "Not now", f"{UNCHECKED}, and this company signs. Send it again.", retry_after=60
            )
        core.sns.unchecked += 1
    return Through(message, verdict is Verdict.GOOD)


async def subscription(core: Core, gate: Gate, company_id: int, through: Through) -> web.Response:
    """The beginning or the end of a subscription: nothing to take in, something to do."""
    message = through.message

    async def begin(tx: Transaction) -> None:
        job = ConfirmTopic(
            company_id=company_id, message_id=message.message_id[:100], envelope=message.pack()
        )
        tx.jobs.put(job, due_at=core.clock.now())

    async def end(tx: Transaction) -> None:
        said = f"The SNS topic {_name(message)} was unsubscribed: its alarms do not come here any more."
        await tell_company(tx, company_id, said, now=core.clock.now(), topic=f"sns|{message.topic}|ended")

    if message.kind is Kind.CONFIRMATION:
        await gate.write(company_id, begin)
        reason = "the subscription is being confirmed"
        if through.note:
            reason = f"the subscription is kept and confirmed as soon as SNS can be reached; {through.note}"
    else:
        await gate.write(company_id, end)
        reason = "the end of the subscription is noted"
    body = orjson.dumps({"accepted": 0, "results": [], "reason": reason})
    return web.Response(body=body, status=202, content_type="application/json")


async def confirm(core: Core, job: ConfirmTopic) -> None:
    """Do what `subscription` put: verify, confirm, and take the topic's messages from now on."""
    message = envelope(job.envelope.encode())
    if message is None:
        raise Permanent("The kept confirmation cannot be read.")
    now = core.clock.now()
    try:
        if now - message.sent_at > TOKEN_HOLDS:
            raise Permanent(f"SNS could not be reached for days; subscribe {message.topic} again.")
        verdict = await core.sns.check(message, message.sent_at)
    except WrongSignature as error:
        raise Permanent(f"The confirmation of {message.topic} is not from SNS: {error}.") from error
    if verdict is Verdict.UNCHECKED:
        raise Transient("SNS cannot be reached.", retry_after=AGAIN)
    try:
        await core.sns.confirm(message)
    except Transient as error:
        raise Transient(str(error), retry_after=AGAIN) from error
    await core.write(lambda tx: _learn(tx, core, job.company_id, message))


async def _learn(tx: Transaction, core: Core, company_id: int, message: Envelope) -> None:
    now = core.clock.now()
    if await directory.take_topic(tx, company_id, message.topic, actor=SYSTEM, now=now):
        said = f"The SNS topic {_name(message)} is subscribed: its alarms come in from now on."
        await tell_company(tx, company_id, said, now=now)


def _name(message: Envelope) -> str:
    return message.topic.rpartition(":")[2][:100] or "without a name"
