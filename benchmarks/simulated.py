"""Days of monitoring with the truth beside them: flapping, series, storms, planned work. Seeded: figures repeat."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
START = 1_790_000_000 - 1_790_000_000 % DAY
DAYS = 7
Line = tuple[float, dict[str, Any], dict[str, Any]]


def days(seed: int) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """(alert, truth) in order of time: three companies, a week each."""
    chance = random.Random(seed)
    lines: list[Line] = []
    for company in ("acme", "globex", "initech"):
        for kind in (_flapping, _series, _storm, _maintenance):
            lines += kind(chance, company)
    lines.sort(key=lambda line: line[0])
    return [({"timestamp": START + at, **alert}, truth) for at, alert, truth in lines]


def windows() -> list[dict[str, Any]]:
    """The planned work of each company, as its technicians would have typed it before the week began."""
    said_at = datetime.fromtimestamp(START, UTC).isoformat()
    return [
        {"company": company, "asset": "srv-*", "when": when, "timezone": zone, "said_at": said_at}
        for company, when, zone in (
            ("acme", "daily 01:00-03:00", "Europe/Vienna"),
            ("globex", "wed 22:00-02:00 weekly", "America/New_York"),
            ("initech", "fri 18:00 6h weekly", "Asia/Kolkata"),
        )
    ]


def _line(company: str, asset: str, signature: str, severity: str, **more: Any) -> dict[str, Any]:
    return {"company": company, "asset_name": asset, "signature": signature, "severity": severity,
            "tool_source": "simulated", "message": "", **more}  # fmt: skip


def _truth(kind: str, **more: Any) -> dict[str, Any]:
    return {"incident": None, "class": kind, "is_root": False, "root_asset": None, **more}


def _flapping(chance: random.Random, company: str) -> Iterator[Line]:
    """Bursts of firing and recovering; half of the tools never send the recovery."""
    for number in range(6 * DAYS):
        asset, tells = f"link{chr(97 + number % 9)}", number % 2 == 0
        at = number * 4 * HOUR + chance.uniform(0, HOUR)
        ends = at + chance.uniform(10, 45) * MINUTE
        burst, fires = f"{company}/{asset}/{number}", True
        while at < ends or not fires:
            alert = _line(
                company, asset, "Uplink state changed", "medium", status="firing" if fires else "resolved"
            )
            if fires or tells:
                yield at, alert, _truth("flap" if fires else "recovery", flap_id=burst)
            fires = not fires
            at += chance.uniform(20, 240)


def _series(chance: random.Random, company: str) -> Iterator[Line]:
    """Something every so often: nightly, every four hours, hourly, with jitter, drift and skipped rounds; one night
    the nightly one really fails."""
    for asset, step, jitter, drift in (
        ("nas", DAY, 900.0, 60.0), ("erp", 4 * HOUR, 600.0, 0.0), ("mail", HOUR, 180.0, 0.0),
        ("web", 2 * HOUR, 300.0, 20.0),
    ):  # fmt: skip
        rounds = int(DAYS * DAY / step)
        for number in range(rounds):
            if chance.random() < 0.06:
                continue
            at = 2 * HOUR + number * (step + drift) + chance.uniform(-jitter, jitter)
            signature = f"Scheduled run on {asset} ended with warnings"
            day = f"{company}/{asset}/{int(at // DAY)}"
            yield at, _line(company, asset, signature, "low"), _truth("periodic", periodic_day=day)
            if asset == "nas" and number == rounds - 2:
                truth = _truth("incident", incident=f"{company}/backup", root_asset=asset, is_root=True)
                yield at + 60, _line(company, asset, signature, "critical"), truth


def _storm(chance: random.Random, company: str) -> Iterator[Line]:
    """A minute in which everything speaks, and in it one thing that matters."""
    for day in range(1, DAYS, 2):
        began = day * DAY + 15 * HOUR
        for _ in range(1500):
            asset, sensor = f"pc{chance.randrange(150):03d}x", chr(97 + chance.randrange(10))
            alert = _line(company, asset, f"Sensor {sensor} out of range", "low")
            yield began + chance.uniform(0, MINUTE), alert, _truth("background")
        truth = _truth("incident", incident=f"{company}/storm/{day}", root_asset="fileserver", is_root=True)
        yield began + 30, _line(company, "fileserver", "Ransom note found", "critical"), truth


def _maintenance(chance: random.Random, company: str) -> Iterator[Line]:
    """Servers that are patched: reboots, services that stop and start, in every spelling of their names. The same
    trouble outside of the window and other assets inside of it are nobody's planned work."""
    zone, begin, hours, days_of_week = {
        "acme": ("Europe/Vienna", 1, 2, range(7)),
        "globex": ("America/New_York", 22, 4, (2,)),
        "initech": ("Asia/Kolkata", 18, 6, (4,)),
    }[company]
    troubles = (
        "Host unreachable",
        "Service stopped",
        "Agent not responding",
        "High CPU load",
        "Reboot detected",
    )
    for day in range(DAYS):
        local = datetime.fromtimestamp(START, UTC).date() + timedelta(days=day)
        if local.weekday() not in days_of_week:
            continue
        opens = datetime.combine(local, time(begin), ZoneInfo(zone)).timestamp() - START
        for _ in range(400):
            number = chance.randrange(40)
            name = chance.choice((f"srv-{number:02d}", f"SRV-{number:02d}.{company}.example"))
            at = opens + chance.uniform(1, hours * HOUR - 1)
            alert = _line(
                company, name, chance.choice(troubles), chance.choice(("medium", "high", "critical"))
            )
            yield at, alert, _truth("maintenance")
            other = _line(company, f"desk{chance.randrange(30)}k", "Printer queue stuck", "low")
            yield at, other, _truth("background")
        for side in (-1, 1):
            at = opens + (-40 * MINUTE if side < 0 else hours * HOUR + 40 * MINUTE)
            asset = f"srv-{chance.randrange(40):02d}"
            incident = f"{company}/srv/{day}/{side}"
            truth = _truth("incident", incident=incident, root_asset=asset, is_root=True)
            yield at, _line(company, asset, "Disk is failing", "critical"), truth
