"""`/aw patches` and `/aw verify`: what a company's clouds say when they are asked now."""

from __future__ import annotations

from typing import assert_never

from bot.actions.companies import ShowPatches, VerifyAccess
from bot.cards.card import Card, Element, Facts, Line, Moment, Reply, Said, Strong, Table, Title, Tone, When
from bot.cards.incident import cut
from bot.checks.finding import Finding, Outcome
from bot.clouds import verify
from bot.clouds.azure import azure_app
from bot.clouds.patches import COMPLIANT, UNSCANNED, Patches, Scan, scan
from bot.core import Core
from bot.place import Place
from bot.questions import company_meant
from engine.access import Actor, Verb
from engine.company import Company, CompanyContext
from storage.transaction import Transaction

MOST_MACHINES, MOST_FINDINGS = 30, 30
_TONES = {COMPLIANT: Tone.GOOD, UNSCANNED: Tone.INFO}


async def handle(core: Core, action: ShowPatches | VerifyAccess, place: Place, actor: Actor) -> Reply:
    """Raises Refused."""
    match action:
        case ShowPatches():
            company, context, asset = await core.read(lambda tx: _whose(tx, action, place, actor))
            return Said(patches_card(company, asset, await scan(context, asset)))
        case VerifyAccess():
            company, context = await core.read(lambda tx: _verified(tx, action, place, actor))
            return Said(access_card(company, await verify.company(context, azure_app(core.settings))))
        case _:
            assert_never(action)


async def _whose(
    tx: Transaction, action: ShowPatches, place: Place, actor: Actor
) -> tuple[Company, CompanyContext, str]:
    """The company, which its channel says too, and the machine that was named, if one was."""
    words = action.words.split()
    here = await tx.companies.get(place.company_id) if place.company_id is not None else None
    named = words[:1] if here is None or words[:1] == [here.slug] else []
    asset = " ".join(words[len(named) :])
    company = await company_meant(tx, "".join(named), place, actor, Verb.REQUEST_RUN, "patches")
    return company, await tx.companies.context(company.id), asset


async def _verified(
    tx: Transaction, action: VerifyAccess, place: Place, actor: Actor
) -> tuple[Company, CompanyContext]:
    company = await company_meant(tx, action.company, place, actor, Verb.MSP_SETTINGS, "verify")
    return company, await tx.companies.context(company.id)


def patches_card(company: Company, asset: str, found: Scan) -> Card:
    lacking = [one for one in found.machines if one.state not in (COMPLIANT, UNSCANNED)]
    unknown = [one for one in found.machines if one.state == UNSCANNED]
    if asset and len(found.machines) == 1:
        title, tone = f"{found.machines[0].asset}: {_said(found.machines[0])}", _tone(found.machines[0])
    elif not found.machines:
        title, tone = f"Nothing is known of the patches of {company.name}", Tone.INFO
    else:
        parts = [f"{len(lacking)} of {len(found.machines)} machines of {company.name} lack patches"]
        parts += [f"{len(unknown)} never scanned"] if unknown else []
        title, tone = ", ".join(parts), Tone.HIGH if lacking else Tone.GOOD
    elements: list[Element] = [Title(tone, (Strong(title),))]
    rows = sorted(found.machines, key=lambda one: (one not in lacking, -(one.missing or 0), one.asset))
    if rows:
        headings = ("", "", "missing", "critical", "security", "failed", "restart", "scanned")
        elements.append(Table(headings, tuple(_row(one) for one in rows[:MOST_MACHINES])))
    notes: list[Line] = [(f"AWS does not say: {cut(one, 400)}",) for one in found.refusals]
    if len(rows) > MOST_MACHINES:
        notes.append((f"and {len(rows) - MOST_MACHINES} more: `aw asset patches {company.slug}`",))
    notes.append(("as AWS Patch Manager found it at its last scan; nothing was scanned now",))
    elements.append(Facts(tuple(notes)))
    return Card(summary=title, elements=tuple(elements))


def _tone(one: Patches) -> Tone:
    return _TONES.get(one.state, Tone.HIGH)


def _said(one: Patches) -> str:
    if one.missing:
        return f"{one.missing} patch{'' if one.missing == 1 else 'es'} missing"
    return one.state


def _row(one: Patches) -> tuple[Line, ...]:
    def number(value: int | None) -> Line:
        return ("–" if value is None else str(value),)

    at: Line = (Moment(one.scanned_at, When.DATE_TIME),) if one.scanned_at else ("–",)
    counts = (one.missing, one.critical, one.security, one.failed, one.pending_reboot)
    return ((Strong(cut(one.asset, 60)),), (one.state,), *(number(value) for value in counts), at)


def access_card(company: Company, findings: list[Finding]) -> Card:
    wrong = [one for one in findings if one.outcome is Outcome.BAD]
    said = f"{len(wrong)} to mend" if wrong else "proven as far as it can be"
    title = f"Our access to {company.name}: {said}"
    rows = [*wrong, *(one for one in findings if one.outcome is not Outcome.BAD)]
    lines: list[Line] = [_finding(one) for one in rows[:MOST_FINDINGS]]
    if len(rows) > MOST_FINDINGS:
        lines.append((f"and {len(rows) - MOST_FINDINGS} more: `aw company verify {company.slug}`",))
    lines.append(("nothing was changed there",))
    tone = Tone.BAD if wrong else Tone.GOOD
    return Card(summary=title, elements=(Title(tone, (Strong(title),)), Facts(tuple(lines))))


def _finding(one: Finding) -> Line:
    mend = f" → {cut(one.mend, 300)}" if one.mend else ""
    return (f"{one.outcome.sign} ", Strong(cut(one.subject, 80)), f": {cut(one.text, 400)}{mend}")
