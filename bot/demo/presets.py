"""What the demo's monitoring tools send: a button each, and the evening that plays by itself."""

from __future__ import annotations

from typing import Any

from bot.demo.cast import ACME, GLOBEX, INITECH

Preset = dict[str, Any]


def _alert(asset: str, signature: str, severity: str, message: str, tool: str, **more: Any) -> dict[str, Any]:
    said = {"asset_name": asset, "signature": signature, "severity": severity, "message": message}
    return said | {"tool_source": tool, "dedup_key": f"{asset}/{signature}"} | more


def _recovery(alert: dict[str, Any], message: str) -> dict[str, Any]:
    return alert | {"status": "resolved", "message": message}


def _preset(name: str, title: str, *alerts: dict[str, Any], **more: Any) -> Preset:
    return {"id": name, "title": title, "alerts": list(alerts), **more}


_DISK = _alert(
    "acme-web-01.acme.example",
    "Disk usage high on /",
    "critical",
    "/ is 94 % full, 1.2 GB left",
    "prometheus",
    labels={"mount": "/"},
)
_DATA = _alert(
    "acme-files-01",
    "Disk usage high on /",
    "critical",
    "/ is 94 % full, 1.2 GB left",
    "prometheus",
    labels={"mount": "/"},
)
"""What fills it is somebody's data: the clean-up ends without an error, and its check says that it did not help."""
_LOG = _alert(
    "acme-app-01",
    "Log file growing fast",
    "warning",
    "/var/log/acme-app/app.log has grown to 620 MB",
    "zabbix",
)
_MEMORY = _alert(
    "acme-web-02",
    "Memory usage high",
    "high",
    "4 % of the memory is available, swap is nearly used up",
    "datadog",
)
_CASCADE = (
    _alert("acme-db-01", "Host unreachable", "critical", "No answer to ping for 60 s", "zabbix"),
    _alert(
        "acme-app-01", "Connection pool exhausted", "high", "0 of 40 connections to db-01 free", "datadog"
    ),
    _alert("acme-web-01", "HTTP 500 rate high", "high", "38 % of the requests fail", "prometheus"),
    _alert("acme-web-02", "HTTP 500 rate high", "high", "41 % of the requests fail", "prometheus"),
)
"""The database goes, and all that needs it follows: one incident, three held under it."""
_SERVICE = _alert(
    "globex-app-01",
    "Service nginx down",
    "critical",
    "The patient portal does not answer: nginx is not running",
    "checkmk",
)
_DATABASE = _alert(
    "globex-db-02",
    "Replication lag",
    "high",
    "The replica is 340 s behind globex-db-01",
    "prometheus",
)
_HANGING = _alert(
    "acme-files-01",
    "Service redis-server down",
    "high",
    "Uploads are refused: redis-server does not answer",
    "checkmk",
)
"""It takes minutes to start: whoever restarted it has time to stop that."""
_REBOOT = _alert(
    "initech-win-01",
    "Reboot required",
    "warning",
    "Updates are installed and wait for a reboot",
    "nagios",
)
"""Not in the middle of the day: somebody should say no, and why."""
_FRONT = _alert(
    "acme-web-01",
    "Service nginx down",
    "critical",
    "nginx is not running on acme-web-01 and acme-web-02",
    "checkmk",
)
"""Two machines, and only one of them will come back: the other's configuration is broken."""
_BACKUP = _alert(
    "initech-nas-01",
    "Backup job failed",
    "high",
    "Nightly-Full: 2 of 14 machines were not saved, the repository cannot be reached",
    "veeam",
)
_SITE = _alert(
    "initech-win-01",
    "Service W3SVC stopped",
    "critical",
    "The web shop answers with 503",
    "nagios",
)
_SCRUB = _alert(
    "globex-nas-01",
    "Read latency high",
    "warning",
    "Reads take 140 ms: the array is being scrubbed",
    "checkmk",
)
PAST = {"globex": _SCRUB}
"""What each company's monitoring has said on the days before, at this time: it comes every day, and goes by itself."""
_TUNNEL = _alert(
    "initech-vpn-01",
    "VPN tunnel to the branch down",
    "high",
    "Peer 198.51.100.7 does not answer",
    "zabbix",
)
_FLAPS = [_recovery(_TUNNEL, "The tunnel is up") if turn % 2 else _TUNNEL for turn in range(10)]


def recovery_of(alert: dict[str, Any]) -> dict[str, Any]:
    return _recovery(alert, "Well again")


def _provider(slug: str, machine: str) -> Preset:
    """Mail goes through the same provider at every client, and it fails everywhere at once."""
    words = "Mail relay smtp.mailhub.example does not answer"
    alert = _alert(machine, words, "high", "Connection timed out after 30 s; 112 mails wait", "uptimekuma")
    others = [one.slug for one in (ACME, GLOBEX, INITECH) if one.slug != slug]
    return _preset("mail-relay-down", "The mail provider fails, at all three clients", alert, also=others)


def _provider_back(slug: str, machine: str) -> Preset:
    first = _provider(slug, machine)
    (alert,) = first["alerts"]
    return _preset(
        "mail-relay-up", "The mail provider is back", _recovery(alert, "It answers again"), also=first["also"]
    )


def _break(machine: str, how: str) -> dict[str, str]:
    instances = {one.name: one.instance for client in (ACME, GLOBEX, INITECH) for one in client.machines}
    return {"instance": instances[machine], "how": how}


_BEHIND_THE_SWITCH = (
    ("globex-sw-ward-3", 1, "Switch unreachable", "critical", 6),
    ("globex-ups-ward", 2, "UPS on battery", "critical", 5),
    ("globex-ap", 8, "Access point unreachable", "high", 6),
    ("globex-voip", 6, "SIP registration failed", "high", 5),
    ("globex-cam", 6, "Video stream lost", "medium", 4),
    ("globex-pc", 24, "Agent not reporting", "medium", 5),
    ("globex-print", 6, "Printer offline", "low", 3),
)
"""What hangs on one floor's switch: name, how many there are, what their monitoring says, how often it says so."""


def _storm() -> list[dict[str, Any]]:
    """The floor's power fails, and everything on it complains, again and again, all mixed up."""
    once = [
        (f"{name}-{number:02}" if count > 1 else name, words, severity, times)
        for name, count, words, severity, times in _BEHIND_THE_SWITCH
        for number in range(1, count + 1)
    ]
    turns = [
        (turn / times + place / 7 % 1 / times, asset, words, severity)
        for place, (asset, words, severity, times) in enumerate(once)
        for turn in range(times)
    ]
    return [
        _alert(asset, words, severity, f"{words}: {asset}, ward 3", "zabbix")
        for _, asset, words, severity in sorted(turns)
    ]


_STORM = _storm()
_STAYS = "UPS on battery"


def _calm() -> list[dict[str, Any]]:
    """What comes back when the power does: all but the batteries."""
    once = {(one["asset_name"], one["signature"]): one for one in _STORM}
    return [_recovery(one, "Reachable again") for (_, words), one in once.items() if words != _STAYS]


def presets(slug: str) -> list[Preset]:
    """The buttons of one company's monitoring."""
    return _PRESETS[slug]


_PRESETS: dict[str, list[Preset]] = {
    "acme": [
        _preset(
            "disk-full",
            "Disk full on acme-web-01",
            _DISK,
            breaks=[_break("acme-web-01", "fill-disk")],
        ),
        _preset(
            "disk-recovered", "Disk of acme-web-01 is fine again", _recovery(_DISK, "/ is below 85 % again")
        ),
        _preset(
            "disk-full-of-data",
            "Disk full on acme-files-01, of data that no clean-up may touch",
            _DATA,
            breaks=[_break("acme-files-01", "fill-data")],
        ),
        _preset("log-growth", "Log growing on acme-app-01", _LOG),
        _preset(
            "log-recovered", "Log of acme-app-01 is fine again", _recovery(_LOG, "The log is small again")
        ),
        _preset(
            "memory-pressure",
            "Memory pressure on acme-web-02",
            _MEMORY,
            breaks=[_break("acme-web-02", "memory-pressure")],
        ),
        _preset(
            "web-down",
            "nginx down on two machines: /aw run restart-nginx INC-… on acme-web-01, acme-web-02",
            _FRONT,
            breaks=[_break("acme-web-01", "stop-unit:nginx"), _break("acme-web-02", "break-unit:nginx")],
        ),
        _preset("web-recovered", "nginx of Acme is up again", _recovery(_FRONT, "nginx runs")),
        _preset(
            "service-hangs",
            "redis-server hangs on acme-files-01: have its restart approved, then press [Stop run]",
            _HANGING,
            breaks=[_break("acme-files-01", "hang-unit:redis-server")],
        ),
        _preset("hanging-recovered", "redis-server answers again", _recovery(_HANGING, "It answers")),
        _preset("cascade", "acme-db-01 is gone, and what needs it follows", *_CASCADE, over_seconds=6),
        _provider("acme", "acme-mail-01"),
        _provider_back("acme", "acme-mail-01"),
        _preset("cascade-over", "acme-db-01 is back", *(_recovery(one, "Well again") for one in _CASCADE)),
        _preset(
            "memory-recovered",
            "Memory of acme-web-02 is fine again",
            _recovery(_MEMORY, "Memory is available again"),
        ),
    ],
    "globex": [
        _preset(
            "service-down",
            "nginx down on globex-app-01: the request shows what differs from the one approved last week",
            _SERVICE,
            breaks=[_break("globex-app-01", "stop-unit:nginx")],
        ),
        _preset("service-recovered", "nginx on globex-app-01 is up again", _recovery(_SERVICE, "nginx runs")),
        _preset("daily-scrub", "globex-nas-01 is slow, as every day at this time", _SCRUB),
        _preset(
            "daily-scrub-fails",
            "globex-nas-01 is slow, and worse than ever",
            _SCRUB | {"severity": "high", "message": "Reads take 2,300 ms: the scrub found bad sectors"},
        ),
        _preset("daily-scrub-over", "globex-nas-01 is fast again", recovery_of(_SCRUB)),
        _preset("replication-lag", "Replication lag on globex-db-02", _DATABASE),
        _preset("storm", f"Storm at Globex: {len(_STORM)} alerts in 25 s", *_STORM, over_seconds=25),
        _provider("globex", "globex-mail-01"),
        _provider_back("globex", "globex-mail-01"),
        _preset("storm-over", "Ward 3 has power again", *_calm(), over_seconds=3),
    ],
    "initech": [
        _preset("flapping", "VPN tunnel of Initech flaps: 10 changes in 30 s", *_FLAPS, over_seconds=30),
        _preset("backup-failed", "Backup failed on initech-nas-01", _BACKUP),
        _preset("backup-recovered", "The backup of initech-nas-01 ran", _recovery(_BACKUP, "14 of 14 saved")),
        _preset(
            "service-down",
            "Web shop down on initech-win-01",
            _SITE,
            breaks=[_break("initech-win-01", "stop-unit:W3SVC")],
        ),
        _preset(
            "reboot-wanted",
            "initech-win-01 wants a reboot: ask for it, then [Reject] it and say why",
            _REBOOT,
        ),
        _preset("reboot-done", "initech-win-01 was rebooted", _recovery(_REBOOT, "The updates are in use")),
        _provider("initech", "initech-mail-01"),
        _provider_back("initech", "initech-mail-01"),
        _preset("service-recovered", "The web shop is up again", _recovery(_SITE, "The web shop answers")),
    ],
}

EVENING = [
    {"after_seconds": after, "company": company, "preset": preset}
    for after, company, preset in (
        (1, "acme", "disk-full"),
        (4, "globex", "service-down"),
        (7, "acme", "memory-pressure"),
        (10, "initech", "backup-failed"),
        (12, "globex", "daily-scrub"),
        (15, "acme", "log-growth"),
        (20, "initech", "flapping"),
        (40, "acme", "disk-recovered"),
        (50, "acme", "log-recovered"),
        (70, "acme", "cascade"),
        (95, "globex", "mail-relay-down"),
    )
]
"""A disk that heals alone, a restart and a memory that wait for a decision, a backup that waits for a person, a
NAS that is slow as every day, a tunnel that flaps, and a database whose fall takes three others along, in one
incident."""
