"""A report drawn: one PNG for the chat, legible on a phone and on a dark theme, and a PDF of the same.

matplotlib is loaded when the first picture is drawn and never on the loop.
"""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING, Any

from bot.cards.incident import cut
from bot.reports import words
from engine.alert import Severity
from engine.report import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {
    Severity.CRITICAL: "#b91c1c",
    Severity.HIGH: "#ea580c",
    Severity.MEDIUM: "#eab308",
    Severity.LOW: "#2563eb",
    Severity.INFO: "#94a3b8",
}
_INK, _QUIET, _PAPER = "#0f172a", "#475569", "#ffffff"
_INCHES, _DOTS = (7.5, 6.6), 144
"""Few inches of many dots: the words stay legible where a chat or a mail shows it at half its width."""


def png(report: Report) -> bytes:
    """1080 × 950 dots on white, so that it reads the same on light and dark."""
    return _saved(report, "png")


def pdf(report: Report) -> bytes:
    return _saved(report, "pdf")


def alternative(report: Report) -> str:
    """What the picture shows, for who cannot see it."""
    parts = [
        words.headline(report),
        f"Response in time: {words.kept(report.response)}.",
        f"Resolved in time: {words.kept(report.resolution)}.",
    ]
    if report.checks:
        first = report.checks[0]
        parts.append(f"Noisiest: {first.title} on {first.asset_name}, {words.many(first.alerts, 'alert')}.")
    return " ".join(parts)[:1000]


def _saved(report: Report, form: str) -> bytes:
    figure = _drawn(report)
    out = io.BytesIO()
    title = f"{report.company} {report.since:%Y-%m-%d} to {report.until:%Y-%m-%d}"
    more: dict[str, Any] = {"metadata": {"Title": title}}
    figure.savefig(out, format=form, dpi=_DOTS, facecolor=_PAPER, **more)
    return out.getvalue()


def _drawn(report: Report) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=_INCHES, layout=ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.1))
    FigureCanvasAgg(figure)  # no global state of pyplot: two may be drawn at once
    grid = figure.add_gridspec(3, 2, height_ratios=(0.5, 1.6, 1.6))
    _tiles(figure.add_subplot(grid[0, :]), report)
    _by_day(figure.add_subplot(grid[1, :]), report)
    _promises(figure.add_subplot(grid[2, 0]), report)
    _noisiest(figure.add_subplot(grid[2, 1]), report)
    title = textwrap.fill(_plain(words.headline(report)), 66)
    figure.suptitle(title, color=_INK, fontsize=12, fontweight="bold")
    return figure


def _plain(text: str) -> str:
    """No name may be taken for a formula."""
    return text.replace("$", r"\$")


def _tiles(axes: Axes, report: Report) -> None:
    axes.set_axis_off()
    tiles = (
        ("noise reduction", words.percent(report.noise_reduction)),
        ("self-healed", words.percent(report.self_healed_percent)),
        ("response SLA", words.percent(report.response.percent)),
        ("resolution SLA", words.percent(report.resolution.percent)),
        ("MTTA", words.spent(report.acknowledge.mean)),
        ("MTTR", words.spent(report.resolve.mean)),
    )
    for place, (name, value) in enumerate(tiles):
        across = (place + 0.5) / len(tiles)
        axes.text(across, 0.62, value, ha="center", va="center", fontsize=13.5, fontweight="bold", color=_INK)
        axes.text(across, 0.05, name, ha="center", va="center", fontsize=9, color=_QUIET)


def _by_day(axes: Axes, report: Report) -> None:
    from matplotlib.ticker import MaxNLocator

    places = range(len(report.days))
    below = [0] * len(report.days)
    for severity in reversed(Severity):
        counts = [day.incidents.get(severity, 0) for day in report.days]
        if not any(counts):
            continue
        axes.bar(places, counts, bottom=below, color=_COLOURS[severity], label=severity.value, width=0.85)
        below = [one + other for one, other in zip(below, counts, strict=True)]
    step = max(1, len(report.days) // 8)
    axes.set_xticks(list(places)[::step], [f"{day.day:%d %b}" for day in report.days[::step]])
    axes.set_title("Incidents a day", loc="left", fontsize=11, color=_INK)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    if any(below):
        axes.legend(loc="upper left", fontsize=9, frameon=False, ncols=5)
        axes.set_ylim(0, max(below) * 1.25)
    _quiet_frame(axes)


def _promises(axes: Axes, report: Report) -> None:
    axes.set_title("Promises kept", loc="left", fontsize=11, color=_INK)
    rows = [one for one in reversed(report.severities) if one.response.percent is not None]
    if not rows:
        return _nothing(axes)
    places = range(len(rows))
    response = [one.response.percent or 0.0 for one in rows]
    resolution = [one.resolution.percent or 0.0 for one in rows]
    axes.barh([one + 0.2 for one in places], response, height=0.36, color="#0f766e", label="response")
    axes.barh([one - 0.2 for one in places], resolution, height=0.36, color="#7dd3c0", label="resolution")
    for place, row in zip(places, rows, strict=True):
        axes.text(
            2,
            place + 0.2,
            words.kept(row.response),
            va="center",
            fontsize=8,
            color=_PAPER if response[place] > 30 else _INK,
        )
        axes.text(2, place - 0.2, words.kept(row.resolution), va="center", fontsize=8, color=_INK)
    axes.set_yticks(list(places), [one.severity.value for one in rows])
    axes.set_xlim(0, 100)
    axes.set_xlabel("% in time", fontsize=9, color=_QUIET)
    axes.legend(fontsize=8, frameon=False, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0, ncols=2)
    _quiet_frame(axes)


def _noisiest(axes: Axes, report: Report) -> None:
    axes.set_title("Noisiest checks", loc="left", fontsize=11, color=_INK)
    rows = list(reversed(report.checks[:6]))
    if not rows:
        return _nothing(axes)
    places = range(len(rows))
    most = max(one.alerts for one in rows)
    axes.barh(places, [one.alerts for one in rows], color="#cbd5e1", height=0.8)
    for place, row in zip(places, rows, strict=True):
        said = _plain(f"{cut(row.title, 26)} · {cut(row.asset_name, 16)}")
        axes.text(most * 0.01, place, said, va="center", fontsize=8.5, color=_INK)
        axes.text(most * 1.02, place, f"{row.alerts:,}", va="center", fontsize=8.5, color=_QUIET)
    axes.set_yticks([])
    axes.set_xlim(0, most * 1.15)
    axes.set_xlabel("alerts", fontsize=9, color=_QUIET)
    _quiet_frame(axes)


def _nothing(axes: Axes) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, "nothing to show", ha="center", va="center", color=_QUIET)


def _quiet_frame(axes: Axes) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors=_QUIET, labelsize=9, length=0)
