"""A company's clouds by REST: how the machines there are patched, and whether we are let in."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from bot.api.bodies import Body
from bot.api.companies import company_seen
from bot.api.door import Ask, Endpoint
from bot.api.requests import EmptyRequest, Request
from bot.checks.finding import Outcome
from bot.clouds import verify
from bot.clouds.azure import azure_app
from bot.clouds.patches import scan
from engine.access import Denied, Verb, may
from engine.company import CompanyContext
from engine.errors import Refused
from storage.transaction import Transaction


class PatchQuery(Request):
    asset: str = Field("", max_length=256)


class PatchesBody(Body):
    """The numbers are null when Patch Manager never scanned the machine."""

    asset: str
    state: str
    missing: int | None
    critical: int | None
    security: int | None
    failed: int | None
    pending_reboot: int | None
    scanned_at: datetime | None


class PatchList(Body):
    """`refusals` names the accounts that do not say, and why."""

    machines: list[PatchesBody]
    refusals: list[str]


class FindingBody(Body):
    """`outcome` is `good`, `off` (not in use, or not to be proven) or `bad`; then `mend` says what to do."""

    outcome: Outcome
    subject: str
    text: str
    mend: str


class AccessBody(Body):
    ok: bool
    findings: list[FindingBody]


async def patches(ask: Ask) -> PatchList:
    query: PatchQuery = ask.query
    found = await scan(await _context(ask, Verb.REQUEST_RUN), query.asset)
    return PatchList(
        machines=[
            PatchesBody(
                asset=one.asset,
                state=one.state,
                missing=one.missing,
                critical=one.critical,
                security=one.security,
                failed=one.failed,
                pending_reboot=one.pending_reboot,
                scanned_at=one.scanned_at,
            )
            for one in found.machines
        ],
        refusals=found.refusals,
    )


async def verified(ask: Ask) -> AccessBody:
    context = await _context(ask, Verb.MSP_SETTINGS)
    found = await verify.company(context, azure_app(ask.core.settings))
    return AccessBody(
        ok=all(one.outcome is not Outcome.BAD for one in found),
        findings=[
            FindingBody(outcome=one.outcome, subject=one.subject, text=one.text, mend=one.mend)
            for one in found
        ],
    )


async def _context(ask: Ask, verb: Verb) -> CompanyContext:
    """Of a company that this person may see, if they may do this there."""

    async def look(tx: Transaction) -> CompanyContext:
        company = await company_seen(tx, ask.path["slug"], ask.actor)
        answer = may(ask.actor, verb, company.id)
        if isinstance(answer, Denied):
            raise Refused(answer.reason, code="denied")
        return await tx.companies.context(company.id)

    return await ask.core.read(look)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/companies/{slug}/patches",
        name="listPatches",
        summary="How a company's machines in AWS are patched, as Patch Manager found them at its last scan",
        act=patches,
        answer=PatchList,
        query=PatchQuery,
    ),
    Endpoint(
        method="POST",
        path="/api/msp/companies/{slug}/verify",
        name="verifyAccess",
        summary="Prove that a company's clouds let us in and no further, changing nothing there",
        act=verified,
        answer=AccessBody,
        body=EmptyRequest,
    ),
)
