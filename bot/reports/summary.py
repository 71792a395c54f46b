"""A few lines on top of a report that is sent: what stands out. A model's where one was asked and can be believed,
else the rules' own; marked either way."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from bot.ai.brief import other_names
from bot.cards.card import Body, Element, Facts
from bot.core import Core
from bot.reports import words
from engine.analyst import MARK, NAME
from engine.company import Company
from engine.opinion import LINE, MOST_LINES, Opinion, Question, Unusable, Use, read
from engine.redaction import redacted
from engine.report import Report
from storage.transaction import Transaction

TOKENS = 2_500
MOST_CHECKS = 5


def rows(report: Report) -> list[str]:
    """The figures in words, as they are told; no person among them."""
    lines = [
        words.headline(report),
        f"noise reduction: {words.percent(report.noise_reduction)}",
        f"healed without a person: {report.self_healed} ({words.percent(report.self_healed_percent)})",
        f"responses in time: {words.kept(report.response)}",
        f"resolved in time: {words.kept(report.resolution)}",
        f"until somebody took it: {words.times(report.acknowledge)}",
        f"until it was resolved: {words.times(report.resolve)}",
        f"still open: {report.open}; came back: {report.reopened}",
    ]
    lines += [f"{one.severity.value}: {one.incidents} incidents" for one in report.severities]
    lines += [
        f"check: {one.title} on {one.asset_name}: {one.alerts} alerts, {one.incidents} incidents"
        for one in report.checks[:MOST_CHECKS]
    ]
    lines += [
        f"runbook {one.runbook_id}: {one.runs} runs, {one.verified} verified" for one in report.runbooks[:5]
    ]
    return lines


def by_rules(report: Report) -> list[str]:
    """What the figures say by themselves: the noisiest check, promises that were missed, what stays open."""
    lines = []
    if report.checks and report.alerts:
        first = report.checks[0]
        lines.append(f"Noisiest: {first.title} on {first.asset_name}, {words.many(first.alerts, 'alert')}.")
    missed = report.response.missed + report.resolution.missed
    if missed:
        lines.append(
            f"Promises missed: {words.many(report.response.missed, 'response')}, "
            f"{words.many(report.resolution.missed, 'resolution')}."
        )
    elif report.response.met:
        lines.append("Every promise that was due was kept.")
    if report.open or report.reopened:
        lines.append(f"Still open: {report.open}; came back: {report.reopened}.")
    return [line[:LINE] for line in lines][:MOST_LINES]


async def summary(core: Core, company: Company, report: Report) -> Opinion | None:
    """None where it is switched off or there is nothing to sum up."""
    if company.value("summaries") != "on" or not report.incidents:
        return None
    today = core.clock.now().astimezone(UTC).date()

    async def look(tx: Transaction) -> tuple[tuple[str, ...], int]:
        others = other_names(company, await tx.companies.all(archived=True))
        return others, await tx.opinions.tokens(company.id, today)

    others, used = await core.read(look)
    own = by_rules(report)
    seen = "\n".join(redacted(line, others) for line in [*rows(report), *own])
    seen = seen.replace(company.name, "the company")
    question = Question(use=Use.REPORT, seen=seen, runbooks={}, others=others)
    if core.desk.free and company.value("ai") == "on" and used + TOKENS <= company.value("ai_tokens"):
        (outcome,) = await core.desk.ask_all([question])
        await core.write(lambda tx: tx.opinions.spend(company.id, today, outcome.spent))
        if outcome.opinion is not None:
            return outcome.opinion
    answer: dict[str, Any] = {"lines": own, "confidence": 0.9, "evidence": [seen.split("\n", 1)[0][:200]]}
    try:
        return read(question, answer, model=NAME) if own else None
    except Unusable:
        return None


def summary_elements(said: Opinion | None) -> list[Element]:
    if said is None:
        return []
    sign = MARK if said.model == NAME else "🤖"
    return [Body((f"{sign} " + "\n".join(said.lines),)), Facts(((said.by,),))]
