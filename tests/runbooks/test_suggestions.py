"""Which runbook an alert gets, from the words that tools use; and that no text makes finding it slow."""

from __future__ import annotations

import time

import pytest

from engine.alert import normal_signature
from engine.classification import CATEGORIES, classify
from runbooks import catalogue
from runbooks.runbook import Platform

LIBRARY = catalogue.load()
LINUX, WINDOWS = Platform.LINUX, Platform.WINDOWS

EXPECTED: list[tuple[str, Platform | None, str | None]] = [
    ("Disk space usage on / is above 90%", LINUX, "disk-clean-up"),
    ("FilesystemAlmostFull: no space left on device", LINUX, "disk-clean-up"),
    ("Low disk space on C:", WINDOWS, "disk-clean-up-windows"),
    ("Zulip server low storage", None, "disk-clean-up"),
    ("Inode usage high on /tmp", LINUX, "temp-clean-up"),
    ("Docker images take too much space", LINUX, "docker-prune"),
    ("Log file size growing: /var/log/app/app.log", LINUX, "log-rotation"),
    ("SMART: reallocated sectors on /dev/sda", LINUX, "disk-health"),
    ("RAID array degraded", LINUX, "disk-health"),
    ("High memory usage", LINUX, "clear-memory-cache"),
    ("HighMemoryUsage", LINUX, "clear-memory-cache"),
    ("Memory usage high", WINDOWS, "process-report"),
    ("OOM killer: out of memory", LINUX, "process-report"),
    ("Swap usage is over 80%", LINUX, "swap-reset"),
    ("CPU load average too high", LINUX, "process-report"),
    ("CPU utilization 97%", WINDOWS, "process-report"),
    ("Process convert is stuck", LINUX, "kill-stuck-process"),
    ("Service nginx is not running", LINUX, "restart-nginx"),
    ("Apache httpd down", LINUX, "restart-apache"),
    ("IIS application pool stopped", WINDOWS, "restart-iis"),
    ("W3SVC service stopped", WINDOWS, "restart-iis"),
    ("Service acme-app failed", LINUX, "restart-service"),
    ("Service Spooler stopped", WINDOWS, "print-spooler-restart"),
    ("Print queue stuck on printer office", WINDOWS, "print-spooler-restart"),
    ("Container web is unhealthy", LINUX, "restart-container"),
    ("PostgreSQL is down", LINUX, "restart-service"),
    ("PostgreSQL too many connections", LINUX, "postgresql-connection-reset"),
    ("MySQL max connections reached", LINUX, "mysql-connection-reset"),
    ("MySQL replication lag", LINUX, "mysql-health-check"),
    ("Replication lag", LINUX, "mysql-health-check"),
    ("Connection pool exhausted", LINUX, "mysql-health-check"),
    ("Connection refused by upstream", LINUX, "network-diagnostics"),
    ("PostgreSQL transaction id wraparound", LINUX, "postgresql-health-check"),
    ("Slow queries on database orders", LINUX, "slow-query-report"),
    ("Database query delays", None, "slow-query-report"),
    ("SSL certificate expires in 7 days", LINUX, "certificate-renewal"),
    ("SSL certificate expires in 7 days", WINDOWS, "certificate-check"),
    ("TLS certificate mismatch", LINUX, "certificate-check"),
    ("NTP clock drift detected", LINUX, "ntp-resync"),
    ("Time drift too large", WINDOWS, "ntp-resync"),
    ("DNS resolution failed", LINUX, "dns-flush"),
    ("DNS lookup timeout", WINDOWS, "dns-flush"),
    ("A-Dns-Val1", LINUX, "network-diagnostics"),
    ("500 /login_query", LINUX, "network-diagnostics"),
    ("SSH login attempt", LINUX, "login-report"),
    ("Packet loss to gateway", LINUX, "network-diagnostics"),
    ("Host unreachable", LINUX, "network-diagnostics"),
    ("Website down", None, "network-diagnostics"),
    ("Backup job failed", LINUX, "backup-rerun"),
    ("Veeam backup warning", LINUX, "backup-check"),
    ("Cron job missed its run", LINUX, "rerun-scheduled-job"),
    ("Scheduled task failed", WINDOWS, "rerun-scheduled-job"),
    ("Security updates available: 12", LINUX, "security-patches-list"),
    ("Missing security patches: 3 critical", LINUX, "security-patches-apply"),
    ("Brute force attack: failed logins for root", LINUX, "login-report"),
    ("Too many disconnected RDP sessions", WINDOWS, "user-session-clean-up"),
    ("Reboot required", LINUX, "reboot"),
    ("Permission denied: access to /srv/www failed", LINUX, "permission-fix"),
    ("apt package cache too large", LINUX, "package-cache-clean-up"),
    ("Unhandled exception: TypeError", LINUX, None),
    ("Order value below forecast", None, None),
]


@pytest.mark.parametrize(("text", "platform", "expected"), EXPECTED)
def test_an_alert_gets_the_runbook_meant_for_it(
    text: str, platform: Platform | None, expected: str | None
) -> None:
    category = classify(severity_word=None, signature=text, message="").category
    best = LIBRARY.best(category, normal_signature(text), platform)
    assert (best.id if best else None) == expected


def test_every_category_has_something_to_offer_on_both_systems() -> None:
    def offered(category: str, platform: Platform) -> bool:
        return any(True for _ in LIBRARY.matching(category, "nothing telling", platform))

    without = {
        platform: {category for category in CATEGORIES if not offered(category, platform)}
        for platform in Platform
    }
    assert without == {LINUX: {"other"}, WINDOWS: {"other", "backup", "log", "database"}}


@pytest.mark.parametrize(
    "unit", ["disk", "disk ", "memory high ", "a", "a ", "service service down", "1", "_", "process "]
)
def test_hostile_text_costs_no_time(unit: str) -> None:
    hostile = unit * (20_000 // len(unit))
    began = time.process_time()
    LIBRARY.matching("disk", hostile, None)
    assert time.process_time() - began < 0.2
