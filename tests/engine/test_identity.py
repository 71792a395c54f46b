"""What makes two alerts the same problem, whatever spelling a tool chooses, and what must stay apart."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.alert import (
    Alert,
    Identity,
    Severity,
    fingerprint,
    normal_asset,
    normal_signature,
    worst,
)
from engine.company import Asset, Company, CompanyContext
from engine.correlation import identify

ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=300)
HOST = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?(\.[a-z][a-z0-9]{0,5}){0,3}", fullmatch=True)


@pytest.mark.parametrize(
    ("spelling", "same"),
    [
        ("WEB-01", "web-01"),
        ("  web-01  ", "web-01"),
        ("web-01.acme.example", "web-01"),
        ("web-01.acme.example.", "web-01"),
        ("web-01:9100", "web-01"),
        ("WEB-01.acme.example:9100", "web-01"),
        ("10.0.0.7", "10.0.0.7"),
        ("10.0.0.7:9182", "10.0.0.7"),
        ("[fe80::1]:9100", "fe80::1"),
        ("fe80::1", "fe80::1"),
        ("https://Shop.acme.example:8443/health?x=1", "shop.acme.example"),
        ("http://www.acme.example/", "acme.example"),
        ("https://user:secret@shop.acme.example/", "shop.acme.example"),
        ("web-01.acme.example:9100/metrics", "web-01"),
        ("Main Office   Printer", "main office printer"),
        ("i-0123456789abcdef0", "i-0123456789abcdef0"),
        ("cart-7d9f8b6c5d-x2k4q", "cart"),
        (
            "/subscriptions/1/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/WEB-01",
            "web-01",
        ),
        ("https://", "https://"),
        ("[]:9100", "[]:9100"),
        (":8080", ":8080"),
        ("", ""),
    ],
)
def test_an_asset_has_one_short_name(spelling: str, same: str) -> None:
    assert normal_asset(spelling) == same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("web-01", "web-02"),
        ("10.0.0.7", "10.0.0.8"),
        ("10.0.0.7", "10.1.0.7"),
        ("https://shop.acme.example/", "https://mail.acme.example/"),
        ("fe80::1", "fe80::2"),
        ("prod/api", "prod/db"),
        ("arn:aws:elb:eu:1:loadbalancer/app/one/1f", "arn:aws:elb:eu:1:loadbalancer/app/two/2f"),
        ("/subscriptions/a/vm/one", "/subscriptions/a/vm/two"),
        ("www.acme.example", "www.other.example"),
        ("a" * 300 + "1", "a" * 300 + "2"),
    ],
)
def test_different_assets_stay_apart(one: str, other: str) -> None:
    assert normal_asset(one) != normal_asset(other)


@given(HOST)
def test_the_short_name_of_a_short_name_is_itself(name: str) -> None:
    name = name.removeprefix("www.")
    assert normal_asset(normal_asset(name)) == normal_asset(name)


@given(ANY_TEXT, st.integers(1, 40))
def test_any_text_can_name_an_asset(name: str, times: int) -> None:
    name *= times
    assert len(normal_asset(name)) <= 200


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Disk C: 91% full (12:04)", "disk c 95 % full"),
        ("CPU load 3.14 on core", "cpu load 2.71 on core"),
        ("Ping 210ms, limit 200 ms", "ping 950 ms limit 200ms"),
        ("job 6f9619ff-8b86-d011-b42d-00cf4fc964ff failed", "job 11111111-2222-3333-4444-555555555555 failed"),
        ("Backup of 2026-03-04T09:00:00Z failed", "Backup of 2026-03-05 10:30 failed"),
        ("no answer from 10.0.0.7:443", "no answer from 10.0.0.8:443"),
        ("container 4f2a9c81b3de restarted", "container 99aa88bb77cc restarted"),
        ("HighMemory", "highmemory"),
        ("Service_down", "service down"),
        ("Service-down!", "service down"),
        ("Nightly_20260304_0100 failed", "nightly 20260305 0100 failed"),
        ("free space 10 GB", "Free space: 9.5GB"),
        ("queue at 12,345", "queue at 7"),
    ],
)  # fmt: skip
def test_what_changes_at_every_send_does_not_split_a_problem(one: str, other: str) -> None:
    assert normal_signature(one) == normal_signature(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("disk full", "memory full"),
        ("Disk C: full", "Disk D: full"),
        ("eth0 down", "eth1 down"),
        ("sda1 full", "sdb1 full"),
        ("HTTP 5xx", "HTTP 4xx"),
        ("nginx stopped", "apache2 stopped"),
        ("load1 high", "load15 high"),
        ("w3svc down", "mssql down"),
    ],
)
def test_different_problems_stay_apart(one: str, other: str) -> None:
    assert normal_signature(one) != normal_signature(other)


@given(ANY_TEXT)
def test_any_text_has_a_signature_that_is_bounded_and_never_empty(text: str) -> None:
    found = normal_signature(text)
    assert 1 <= len(found) <= 200
    assert found == found.strip()


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["disk", "C:", "91%", "12:04", "2026-03-04", "10.0.0.7", "eth0", "4 GB", "deadbeef99"]),
            st.text(" _-/:.()abcx0123456789%", max_size=6),
        ),
        max_size=12,
    )
)  # fmt: skip
@settings(max_examples=300)
def test_the_signature_of_a_signature_is_itself(parts: list[str]) -> None:
    once = normal_signature(" ".join(parts))
    assert normal_signature(once) == once


@pytest.mark.parametrize(
    "hostile",
    [
        "1" * 100_000,
        "1," * 50_000 + "x",
        "1." * 50_000 + "x",
        "a" * 100_000,
        "a1" * 50_000 + "g",
        "-" * 100_000,
        " " * 100_000 + "x",
        "1 " * 50_000,
        "0" * 99_999 + "_",
        "9:" * 50_000,
        "2026-03-04T09:00:00." + "1" * 100_000 + "x",
        "+" * 50_000 + "1" * 50_000,
        "::" * 50_000,
        "[" * 100_000,
        "@" * 100_000,
        "http://" + "/" * 100_000,
        "." * 100_000,
        "#" * 100_000,
    ],
)
def test_hostile_text_costs_no_time(hostile: str) -> None:
    began = time.process_time()
    normal_signature(hostile)
    normal_asset(hostile)
    assert time.process_time() - began < 0.5


def test_the_fingerprint_is_the_tools_own_key_or_else_what_it_says() -> None:
    disk, full = Identity(asset="web-01", signature="disk full"), Identity(asset="web-01", signature="full")
    assert fingerprint(disk, "zabbix", "evt-1") == fingerprint(full, "zabbix", "evt-1")
    assert fingerprint(disk, "zabbix", "evt-1") != fingerprint(disk, "zabbix", "evt-2")
    assert fingerprint(disk, "zabbix", "evt-1") != fingerprint(disk, "nagios", "evt-1")
    assert fingerprint(disk, "zabbix", None) != fingerprint(full, "zabbix", None)
    assert fingerprint(disk, "zabbix", "\ud800") and len(fingerprint(disk, "x", None)) == 32


@given(st.sampled_from(Severity), st.sampled_from(Severity))
def test_the_worst_of_two_is_the_one_that_nothing_is_worse_than(one: Severity, other: Severity) -> None:
    found = worst(one, other)
    assert found in (one, other)
    assert not one.worse_than(found) and not other.worse_than(found)


def _context(*assets: Asset) -> CompanyContext:
    return CompanyContext(company=Company(id=1, slug="acme", name="Acme"), assets=assets, people=())


WEB = Asset(
    id=1,
    company_id=1,
    name="Web-01.acme.example",
    aliases=("shop", "192.0.2.10"),
    cloud_ref="i-0123456789abcdef0",
)


@pytest.mark.parametrize(
    "spelling",
    ["web-01.acme.example", "WEB-01", "web-01:9100", "shop", "192.0.2.10:443", "i-0123456789abcdef0", "https://web-01.acme.example/x"],
)  # fmt: skip
def test_the_asset_list_knows_one_machine_under_all_its_names(spelling: str) -> None:
    said = Alert(asset_name=spelling, signature="disk full", tool="x")
    assert identify(said, _context(WEB)).asset == "web-01.acme.example"


def test_an_unlisted_asset_goes_by_its_short_name() -> None:
    said = Alert(asset_name="mail-7.acme.example", signature="disk full", tool="x")
    assert identify(said, _context(WEB)).asset == "mail-7"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Port 443 down", "Port 80 down"),
        ("vlan 10 unreachable", "vlan 20 unreachable"),
        ("disk 0 failed", "disk 1 failed"),
        ("eth0 link down", "eth1 link down"),
        ("fan 2 stopped", "fan 3 stopped"),
        ("job 12 failed", "job 13 failed"),
        ("Disk C: 91% full", "Disk D: 91% full"),
    ],
)
def test_a_number_that_names_a_part_keeps_two_problems_apart(one: str, other: str) -> None:
    assert normal_signature(one) != normal_signature(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("disk 91% full", "disk 95% full"),
        ("Disk 91 % full on /var", "disk 7 % full on /var"),
        ("job 123456 failed", "job 654321 failed"),
        ("port 443 down for 3 min", "port 443 down for 17 min"),
        ("interface 10.0.0.1 errors 12", "interface 10.0.0.1 errors 4000"),
    ],
)
def test_other_numbers_never_split_a_problem(one: str, other: str) -> None:
    assert normal_signature(one) == normal_signature(other)
