"""Where Amazon SES says, through SNS, that mail did not arrive: `POST /ses/feedback`, for one topic of our own."""

from __future__ import annotations

from aiohttp import web

from bot.core import Core
from bot.doors.problems import problem
from bot.doors.sns import Verdict
from engine.access import SYSTEM
from engine.operations import bounces
from integrations.ses_feedback import feedback
from integrations.sns import Kind, WrongSignature, envelope
from storage.transaction import Transaction

PATH = "/ses/feedback"


def routes(core: Core) -> list[web.RouteDef]:
    async def heard(request: web.Request) -> web.Response:
        return await take(core, await request.read())

    return [web.post(PATH, heard)]


async def take(core: Core, body: bytes) -> web.Response:
    """Anybody can have SNS sign something: only the topic that `AW_SES_TOPIC` names is believed."""
    message = envelope(body)
    if message is None:
        return problem(400, "Not from SNS", "This address takes signed messages of Amazon SNS only.")
    if message.topic != core.settings.aw_ses_topic:
        return problem(403, "Unknown topic", "AW_SES_TOPIC names another topic.")
    try:
        verdict = await core.sns.check(message, core.clock.now())
    except WrongSignature as error:
        return problem(401, "Wrong signature", str(error))
    if verdict is not Verdict.GOOD:
        return problem(
            503, "Not now", "The certificate of SNS cannot be reached. Send it again.", retry_after=60
        )
    if message.kind is Kind.CONFIRMATION:
        await core.sns.confirm(message)
        return web.Response(status=202)
    told = feedback(message.message) if message.kind is Kind.NOTIFICATION else []

    async def act(tx: Transaction) -> None:
        known = (0, f"ses:{message.delivery}")
        if known in await tx.deliveries.answers([known]):
            return
        tx.deliveries.put(*known, {"addresses": len(told)}, now=core.clock.now())
        for one in told:
            await bounces.notice(tx, one, actor=SYSTEM, now=core.clock.now())

    await core.write(act)
    return web.Response(status=202)
