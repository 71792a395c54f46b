"""`python -m benchmarks.correlation`: how well and how fast alerts become incidents. Prints one table.

The recorded streams and the scorer lie beside the checkout (`--data`, `--scorer`); what is not there is left out, and
said. `--growth` measures the cost of an alert with 1,000 and with 1,000,000 open incidents instead.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import simulated
from bot.replay import quiet as replay_quiet
from bot.replay import run as replay
from engine.activity import Activity
from engine.alert import Severity
from engine.correlation import Rules
from engine.placing import Placing

SEEDS = (1, 2, 3)
COLUMNS = ("noise_reduction", "precision", "recall", "f1", "contamination", "fragments_per_incident", "root_hit1_all",
           "groups_per_flap_burst", "groups_per_periodic_series_day", "maintenance_held",
           "held_wrongly", "cross_company_groups", "missed_urgent_incidents")  # fmt: skip
HEADS = ("noise reduction", "precision", "recall", "F1", "contamination", "fragments", "root hit@1", "per flap burst",
         "per series and day", "in windows held", "others held", "across companies", "urgent missed")  # fmt: skip


def thinned(topology: list[dict[str, Any]], seed: int, *, edges: bool) -> list[dict[str, Any]]:
    """60 % of the assets, or 60 % of the dependencies."""
    chance = random.Random(seed)
    if not edges:
        return [one for one in topology if chance.random() < 0.6]
    return [
        one | {"depends_on": [name for name in one["depends_on"] if chance.random() < 0.6]}
        for one in topology
    ]


def variants(data: Path) -> Iterator[tuple[str, Path, Path, list[dict[str, Any]]]]:
    """(what, alerts, truth, topology) of every recorded stream."""
    for folder in sorted(data.iterdir()) if data.is_dir() else []:
        alerts, truth, near = folder / "alerts.jsonl.gz", folder / "truth.jsonl.gz", folder / "topology.jsonl"
        if not alerts.exists():
            continue
        topology = [json.loads(line) for line in near.read_text().splitlines()] if near.exists() else []
        yield folder.name, alerts, truth, topology
        if topology and folder.name.startswith("overlay"):
            for seed in SEEDS:
                yield (
                    f"{folder.name}, 60 % of assets ({seed})",
                    alerts,
                    truth,
                    thinned(topology, seed, edges=False),
                )
                yield (
                    f"{folder.name}, 60 % of edges ({seed})",
                    alerts,
                    truth,
                    thinned(topology, seed, edges=True),
                )
            yield f"{folder.name}, no topology", alerts, truth, []


def scored(
    scorer: Path,
    folder: Path,
    alerts: Path,
    truth: Path,
    topology: list[dict[str, Any]],
    windows: Sequence[dict[str, Any]] = (),
) -> tuple[dict[str, Any], float]:
    """The scorer's figures, and alerts per second of processor time."""
    near, out = folder / "topology.jsonl", folder / "out.jsonl"
    near.write_text("\n".join(json.dumps(one) for one in topology))
    opened = gzip.open if alerts.suffix == ".gz" else open
    with near.open("rb") as known, opened(alerts, "rb") as source, out.open("wb") as target:
        quiet = replay_quiet.rules(io.BytesIO("\n".join(json.dumps(one) for one in windows).encode()))
        engine = replay.Engine(Rules(), replay.topology(known), quiet)
        began = time.process_time()
        replay.run(replay.read(source), engine, out=target)  # type: ignore[arg-type]
        seconds = time.process_time() - began
    call = [sys.executable, str(scorer), str(alerts), str(truth), str(out), "--json"]
    figures = json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout)
    figures["held_wrongly"] = others_held(truth, out) if windows else None
    return figures, engine.alerts / seconds


def others_held(truth: Path, out: Path) -> float:
    """The share of firing alerts outside of every window that were held all the same."""
    with truth.open() as known, out.open() as answers:
        held = [
            json.loads(answer)["suppressed"]
            for one, answer in zip(known, answers, strict=True)
            if json.loads(one)["class"] not in ("maintenance", "recovery")
        ]
    return float(sum(held) / len(held))


def table(data: Path, scorer: Path) -> Table:
    found = Table("stream", *HEADS, "alerts/s")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for what, alerts, truth, topology in variants(data):
            _row(found, what, *scored(scorer, folder, alerts, truth, topology))
        for seed in SEEDS:
            alerts, truth = folder / "alerts.jsonl", folder / "truth.jsonl"
            lines = simulated.days(seed)
            alerts.write_text("\n".join(json.dumps(alert) for alert, _ in lines))
            truth.write_text("\n".join(json.dumps(known) for _, known in lines))
            _row(
                found,
                f"simulated days ({seed})",
                *scored(scorer, folder, alerts, truth, [], simulated.windows()),
            )
    return found


def _row(found: Table, what: str, figures: dict[str, Any], speed: float) -> None:
    cells = ("–" if figures[name] is None else f"{figures[name]:.3g}" for name in COLUMNS)
    found.add_row(what, *cells, f"{speed:,.0f}")


def microseconds(open_incidents: int, alerts: int = 20_000) -> float:
    """What one alert costs beside so many open incidents of one company: half repeats, half new keys."""
    placing = Placing(Activity(window=1e9))
    now, chance = datetime(2026, 1, 1, tzinfo=UTC), random.Random(1)
    for number in range(open_incidents):
        _place(placing, _machine(number), "odd", number + 1, now)
        now += timedelta(seconds=60)
    began = time.process_time()
    for number in range(alerts):
        old = chance.randrange(open_incidents)
        name = _machine(old) if number % 2 else _machine(open_incidents + number)
        _place(placing, name, "odd", old + 1 if number % 2 else open_incidents + number + 1, now)
        now += timedelta(seconds=1)
    return (time.process_time() - began) / alerts * 1e6


def _machine(number: int) -> str:
    """One of five sites, so that names tell something."""
    return f"{'abcde'[number % 5]}site-m{number:x}q"


def _place(placing: Placing, asset: str, signature: str, number: int, now: datetime) -> None:
    key = f"{asset}|{signature}"
    look = placing.look(key, asset, signature, Severity.HIGH, "bench", "", {}, now, now)
    placing.placed(look, look.row.incident or number)


def main() -> None:
    beside = Path(__file__).resolve().parent.parent.parent / "shared"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=beside / "data" / "corr")
    parser.add_argument("--scorer", type=Path, default=beside / "tools" / "score.py")
    parser.add_argument("--growth", action="store_true")
    given = parser.parse_args()
    console = Console(width=200)
    if given.growth:
        few, many = microseconds(1_000), microseconds(1_000_000)
        console.print(f"1,000 open: {few:.1f} µs · 1,000,000 open: {many:.1f} µs · {many / few:.2f}×")
        return
    if not given.scorer.exists():
        raise SystemExit(f"There is no scorer at {given.scorer}: name one with --scorer.")
    if not given.data.is_dir():
        console.print(f"No recorded streams at {given.data}: only the simulated days.")
    console.print(table(given.data, given.scorer))


if __name__ == "__main__":
    main()
