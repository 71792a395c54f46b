"""A report as a card: the figures first, who and what behind them, and where the rest is."""

from __future__ import annotations

from bot.actions.companies import PostReport, SendReport
from bot.cards.card import (
    Actions,
    Body,
    Button,
    Card,
    Chart,
    Element,
    Facts,
    Line,
    Moment,
    Strong,
    Table,
    Title,
    Tone,
    When,
)
from bot.cards.incident import cut
from bot.reports import words
from bot.reports.summary import summary_elements
from engine.opinion import Opinion
from engine.report import Report

MOST_ROWS = 5


def report_card(
    report: Report,
    *,
    scope: str = "",
    people: bool = True,
    buttons: bool = True,
    summary: Opinion | None = None,
) -> Card:
    """`scope` is what its buttons carry. `people`: the asker may see how each of them did, and what models cost."""
    said = words.headline(report)
    elements: list[Element] = [Title(Tone.INFO, (Strong(said),))]
    since, until = Moment(report.since, When.DATE_TIME), Moment(report.until, When.DATE_TIME)
    elements.append(Facts((("from ", since, " to ", until),)))
    elements += summary_elements(summary)
    if report.incidents:
        elements += [_figures(report), _days(report), *_severities(report), *_checks(report)]
        if people:
            elements += _people(report)
    if people:
        elements += _models(report)
    elements += [*_runbooks(report), *_quiet(report)]
    if buttons and scope:
        elements.append(
            Actions(
                (
                    Button("Send me the files", SendReport(scope)),
                    Button("Post it in the channel", PostReport(scope)),
                )
            )
        )
    return Card(summary=said, elements=tuple(elements), kind="report")


def _figures(report: Report) -> Table:
    rows: list[tuple[str, str]] = [
        ("noise reduction", words.percent(report.noise_reduction)),
        ("healed without a person", _healed(report)),
        ("response in time", words.kept(report.response)),
        ("resolved in time", words.kept(report.resolution)),
        ("until somebody took it", words.times(report.acknowledge)),
        ("until it was resolved", words.times(report.resolve)),
        ("still open", f"{report.open:,}"),
    ]
    if report.booked_minutes or report.drafted_minutes:
        rows.append(("time put in", words.hours(report)))
    if report.noise.minutes:
        rows.append(("of it on noise", words.noise(report.noise)))
    if report.reopened:
        rows.append(("came back", words.many(report.reopened, "incident")))
    return Table((), tuple(((Strong(name),), (value,)) for name, value in rows))


def _healed(report: Report) -> str:
    if not report.self_healed:
        return "none"
    by_runbook = f", {report.healed_by_runbook} by a runbook" if report.healed_by_runbook else ""
    return f"{report.self_healed:,} ({words.percent(report.self_healed_percent)}{by_runbook})"


def _days(report: Report) -> Chart:
    counts = [sum(day.incidents.values()) for day in report.days]
    most = max(range(len(counts)), key=lambda place: counts[place])
    peak = f"most on {report.days[most].day:%a %d %b}: {words.many(counts[most], 'incident')}"
    return Chart(tuple(float(one) for one in counts), ("Incidents a day; ", peak))


def _severities(report: Report) -> list[Element]:
    rows: list[tuple[Line, ...]] = [
        (
            (one.severity.value,),
            (f"{one.incidents:,}",),
            (words.spent(one.acknowledge.mean),),
            (words.spent(one.resolve.mean),),
            (words.percent(one.response.percent),),
            (words.percent(one.resolution.percent),),
        )
        for one in report.severities
    ]
    return [Table(("severity", "incidents", "MTTA", "MTTR", "response SLA", "resolution SLA"), tuple(rows))]


def _checks(report: Report) -> list[Element]:
    costly = any(one.noise.minutes for one in report.checks)
    rows: list[tuple[Line, ...]] = [
        (
            (cut(one.title, 60),),
            (cut(one.asset_name, 40),),
            (f"{one.alerts:,}",),
            (f"{one.incidents:,}",),
            (words.spent(one.hands_on) if one.hands_on else words.NONE,),
            *([(words.noise(one.noise),)] if costly else []),
        )
        for one in report.checks[:MOST_ROWS]
    ]
    headings: tuple[str, ...] = ("noisiest checks", "where", "alerts", "incidents", "hands-on")
    headings += ("its noise cost",) if costly else ()
    return [Table(headings, tuple(rows))] if rows else []


def _people(report: Report) -> list[Element]:
    rows: list[tuple[Line, ...]] = [
        (
            (cut(one.name, 40),),
            (f"{one.claimed:,}",),
            (f"{one.resolved:,}",),
            (words.spent(one.acknowledge.mean),),
            (words.spent(one.resolve.mean),),
        )
        for one in report.people[:MOST_ROWS]
    ]
    return [Table(("who", "took", "resolved", "MTTA", "MTTR"), tuple(rows))] if rows else []


def _models(report: Report) -> list[Element]:
    """What asking models cost: the MSP's own business."""
    lines: list[Line] = []
    for one in report.models:
        cost = f", ${one.micros / 1_000_000:.2f}" if one.micros else ""
        vain = f" ({one.failed:,} in vain)" if one.failed else ""
        used = one.tokens_in + one.tokens_out
        lines.append((f"🤖 {cut(one.model, 60)}: asked {one.asked:,} times{vain}, {used:,} tokens{cost}",))
    return [Facts(tuple(lines))] if lines else []


def _runbooks(report: Report) -> list[Element]:
    rows: list[tuple[Line, ...]] = [
        (
            (cut(one.runbook_id, 40),),
            (f"{one.runs:,}",),
            (f"{one.verified:,}",),
            (words.percent(one.percent),),
        )
        for one in report.runbooks[:MOST_ROWS]
    ]
    return [Table(("runbook", "runs", "verified", "share"), tuple(rows))] if rows else []


def _quiet(report: Report) -> list[Element]:
    lines: list[Element] = [Body((f"🗓 {words.in_step(one)}.",)) for one in report.series[:MOST_ROWS]]
    if len(report.series) > MOST_ROWS:
        lines.append(Facts(((f"{len(report.series) - MOST_ROWS} more come back in step",),)))
    if held := words.held(report):
        lines.append(Body((f"🔕 Held back: {held}.",)))
    if report.silent_sources:
        named = ", ".join(cut(one, 60) for one in report.silent_sources[:5])
        lines.append(Body((f"⚠ Silent now: {named}.",)))
    return lines
