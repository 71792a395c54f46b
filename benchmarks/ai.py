"""`python -m benchmarks.ai`: how well whoever is set up (`AW_AI`, keys; nobody: the offline analyst) classifies alerts
and chooses runbooks, what that costs and how long it takes.

A set of our own lies beside this file. The public webhook bodies and recorded streams lie beside the checkout
(`--data`); only our labels for them are here, and what is not there is left out, and said. `--most` limits how many
cases of a set are asked about.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bot import settings as settings_of
from bot.ai.brief import Case, questions
from bot.ai.desk import Desk, Outcome
from bot.ai.models import models
from engine.alert import Alert, AlertStatus, Severity, StoredAlert
from engine.classification import classify, severity_of_word
from engine.company import Asset, Company
from engine.incident import Incident, IncidentStatus
from engine.opinion import Use
from engine.redaction import visible
from integrations import SOURCES
from integrations.sources.decoding import decode
from runbooks.catalogue import Catalogue, load
from runbooks.runbook import platform_of
from tests.clock import START

LABELS = Path(__file__).parent / "labels"
BESIDE = Path(__file__).parents[1].parent / "shared" / "data"
COMPANY = Company(id=1, slug="bench", name="Bench")
USES = (Use.CLASSIFY, Use.SUGGEST, Use.ANALYSE)


@dataclass(frozen=True, slots=True)
class Labelled:
    """An alert, and what is right for it. `runbooks` with None in it: none is right as well. `weight`: so many alerts
    of its stream are of this kind."""

    alert: Alert
    platform: str
    categories: frozenset[str]
    severities: frozenset[Severity]
    runbooks: frozenset[str | None]
    weight: int = 1


@dataclass(slots=True)
class Score:
    name: str
    cases: int = 0
    alerts: int = 0
    category: int = 0
    category_alerts: int = 0
    severity: int = 0
    severity_of: int = 0
    fitting: int = 0
    named: int = 0
    wanted: int = 0
    wanted_named: int = 0
    analysed: int = 0
    by_rules: int = 0
    micros: int = 0
    tokens: int = 0
    seconds: list[float] = field(default_factory=list)


def rows(name: str) -> Iterator[list[str]]:
    for line in (LABELS / name).read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


def names(text: str) -> frozenset[str | None]:
    return frozenset(None if one == "-" else one for one in text.split())


def own(file: str) -> Iterator[Labelled]:
    for number, (platform, word, signature, message, category, severity, fits) in enumerate(rows(file)):
        alert = Alert(
            asset_name=f"host-{number:03d}",
            signature=signature,
            severity_word=word or None,
            message=message,
            tool="monitor",
        )
        severities = frozenset(Severity(one) for one in severity.split())
        where = "" if platform == "-" else platform
        yield Labelled(alert, where, frozenset(category.split()), severities, names(fits))


def bodies(data: Path) -> Iterator[Labelled]:
    folder = data / "payloads"
    labels = {key: (category, fits) for key, category, fits in rows("bodies.tsv")}
    for case in json.loads((folder / "expected.json").read_text("utf-8"))["cases"]:
        told = [one for one in case["alerts"] if one["status"] == "firing"]
        keys = [key for key in labels if key.startswith(f"{case['tool']}/{case['case']}#")]
        if not keys:
            continue
        found = SOURCES[case["tool"]](decode((folder / case["file"]).read_bytes()), {})
        for key in keys:
            place = int(key.rpartition("#")[2])
            truth = told[min(place, len(told) - 1)]["severity"] or []
            category, fits = labels[key]
            severities = frozenset(Severity(one) for one in truth)
            yield Labelled(found[place], "", frozenset(category.split()), severities, names(fits))


def stream(path: Path) -> Iterator[Labelled]:
    """Each kind of alert of a stream once, with how often it came."""
    labels = [
        (tool, re.compile(pattern), category, fits) for tool, pattern, category, fits in rows("streams.tsv")
    ]
    kinds: dict[tuple[str, str], list[Any]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            one = json.loads(line)
            kind = (one["tool_source"], re.sub(r"\d+", "0", one["signature"]))
            kinds.setdefault(kind, [one, 0])[1] += 1
    for (tool, _), (one, count) in kinds.items():
        found = next(
            ((category, fits) for of, pattern, category, fits in labels
             if of == tool and pattern.search(one["signature"])), None,
        )  # fmt: skip
        if found is None:
            continue
        alert = Alert(
            asset_name=one["asset_name"],
            signature=one["signature"],
            severity_word=one["severity"],
            message=one["message"] or "",
            tool=tool,
        )
        word = severity_of_word(one["severity"])
        severities = frozenset({word} if word is not None else ())
        yield Labelled(alert, "linux", frozenset(found[0].split()), severities, names(found[1]), count)


def case_of(one: Labelled, catalogue: Catalogue) -> Case:
    """The incident that this alert would open."""
    said = one.alert
    judged = classify(severity_word=said.severity_word, signature=said.signature, message=said.message)
    incident = Incident(
        id=1,
        company_id=1,
        correlation_key="k",
        title=visible(said.signature),
        asset=said.asset_name or "",
        asset_name=said.asset_name or "",
        signature=said.signature,
        category=judged.category,
        severity=judged.severity,
        status=IncidentStatus.NEW,
        opened_at=START,
        last_alert_at=START,
        opened_reason=f"because {judged.why}",
        tools=(said.tool,),
    )
    stored = StoredAlert(
        id="a1", company_id=1, incident_id=1, fingerprint="f", correlation_key="k", dedup_key=None,
        asset_name=said.asset_name or "", asset="", title=said.signature, signature=said.signature, tool=said.tool,
        severity=judged.severity, status=AlertStatus.FIRING, message=said.message, labels={}, first_at=START,
        last_at=START, count=1, link=None, occurred_at=None,
    )  # fmt: skip
    platform = platform_of(one.platform) if one.platform else None
    fits = [it.runbook.id for it in catalogue.matching(judged.category, said.signature, platform)]
    asset = Asset(id=1, company_id=1, name=said.asset_name or "", platform=one.platform)
    return Case(incident=incident, company=COMPANY, asset=asset, alerts=[stored], before=[], fits=fits)


async def asked(desk: Desk, one: Labelled, catalogue: Catalogue, score: Score) -> None:
    case = case_of(one, catalogue)
    made = questions(case, catalogue, [COMPANY], USES)
    found: dict[Use, Outcome] = {}
    for question in made.questions:
        began = time.perf_counter()
        found[question.use] = await desk.ask(question)
        score.seconds.append(time.perf_counter() - began)
    score.cases += 1
    score.alerts += one.weight
    for outcome in found.values():
        score.by_rules += outcome.by_rules
        score.micros += sum(spent.micros for spent in outcome.spent)
        score.tokens += sum(spent.tokens_in + spent.tokens_out for spent in outcome.spent)
    chosen, runbook = found[Use.CLASSIFY].opinion, found[Use.SUGGEST].opinion
    right = chosen is not None and chosen.category in one.categories
    score.category += right
    score.category_alerts += one.weight * right
    if one.severities:
        score.severity_of += 1
        score.severity += chosen is not None and chosen.severity in one.severities
    named = runbook.runbook if runbook is not None else None
    score.named += named is not None
    score.fitting += named is not None and named in one.runbooks
    if None not in one.runbooks:
        score.wanted += 1
        score.wanted_named += named in one.runbooks
    score.analysed += found[Use.ANALYSE].opinion is not None


def sets(data: Path, most: int) -> Iterator[tuple[str, list[Labelled] | None]]:
    """Each set by its name; None where it is not there."""
    yield "our own", list(own("own.tsv"))[:most]
    yield "held out", list(own("held.tsv"))[:most]
    yield "public webhook bodies", list(bodies(data))[:most] if (data / "payloads").is_dir() else None
    for name in ("rca_dev", "overlay_dev", "ait_dev"):
        path = data / "corr" / name / "alerts.jsonl.gz"
        yield f"stream {name}, kinds", list(stream(path))[:most] if path.exists() else None


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} % ({part} of {whole})" if whole else "–"


def table(who: str, scores: Sequence[Score]) -> Table:
    shown = Table(
        "set", "cases", "category right", "… by alerts", "severity right", "runbook named that fits",
        "… where one is needed", "says something", "dollars", "p50 / p99 ms", title=who,
    )  # fmt: skip
    for one in scores:
        times = sorted(one.seconds)
        p50, p99 = times[len(times) // 2] * 1000, times[int(len(times) * 0.99)] * 1000
        shown.add_row(
            one.name,
            str(one.cases),
            share(one.category, one.cases),
            f"{100 * one.category_alerts / one.alerts:.0f} %",
            share(one.severity, one.severity_of),
            share(one.fitting, one.named),
            share(one.wanted_named, one.wanted),
            share(one.analysed, one.cases),
            f"{one.micros / 1e6:.4f} ({one.tokens:,} tokens)",
            f"{p50:.2f} / {p99:.2f}",
        )
    return shown


async def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.ai", description=__doc__)
    parser.add_argument("--data", type=Path, default=BESIDE)
    parser.add_argument("--most", type=int, default=1000)
    given = parser.parse_args()
    settings, catalogue = settings_of.read(), load()
    desk = Desk(models(settings), price=settings.ai_price, both=settings.aw_ai == "both")
    who = ", ".join(one.name for one in desk.models) or "the offline analyst"
    console, scores = Console(width=200), []
    for name, cases in sets(given.data, given.most):
        if cases is None:
            console.print(f"not measured: {name} is not there ({given.data})")
            continue
        score = Score(name)
        for one in cases:
            await asked(desk, one, catalogue, score)
        scores.append(score)
        if desk.models and score.by_rules:
            console.print(f"{name}: {score.by_rules} answers are the offline analyst's, nobody else gave one")
    console.print(table(who, scores))
    await desk.close()


if __name__ == "__main__":
    asyncio.run(main())
