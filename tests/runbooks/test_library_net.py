"""Runbooks about certificates, time, names and the network, run for real: with real openssl, getent and sockets."""

from __future__ import annotations

import subprocess

import pytest

from tests.runbooks.machine import Machine

HOSTS = "127.0.0.1 localhost web.example\n"


def certificate(machine: Machine, path: str, days: int) -> None:
    """A real one for web.example, good for so many days, and its key beside it."""
    file = machine.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-keyout", str(file.with_suffix(".key")), "-out", str(file), "-days", str(days)]
    command += ["-subj", "/CN=web.example", "-addext", "subjectAltName=DNS:web.example"]
    subprocess.run(command, check=True, capture_output=True, timeout=30)


SERVES = """
openssl s_server -accept 8443 -cert /etc/tls/web.pem -key /etc/tls/web.key -quiet >/dev/null 2>&1 &
until (: <>/dev/tcp/127.0.0.1/8443) 2>/dev/null; do /usr/bin/sleep 0.05; done
"""


def test_a_certificate_is_looked_at(machine: Machine) -> None:
    machine.write("etc/hosts", HOSTS)
    certificate(machine, "etc/tls/web.pem", 60)
    given = {"host": "web.example", "port": 8443}
    done = machine.run("certificate-check", given, during=SERVES)
    assert (done.code, done.err) == (0, "")
    assert "CN = web.example" in done.out or "CN=web.example" in done.out
    assert "Hostname web.example does match certificate" in done.out
    said = machine.holds("certificate-check", given, during=SERVES)
    assert "is good for 59 more days" in said or "is good for 60 more days" in said
    soon = machine.run("certificate-check", {**given, "days": 90}, verify=True, during=SERVES)
    assert soon.code == 1
    assert "more days only, until" in soon.err
    assert machine.refused("certificate-check", given).startswith("web.example:8443 gives no certificate:")
    silent = machine.run("certificate-check", given, verify=True)
    assert (silent.code, silent.err) == (1, "web.example:8443 gives no certificate.\n")


def test_a_certificate_is_renewed_when_it_is_time(machine: Machine) -> None:
    certificate(machine, "etc/letsencrypt/live/web.example/cert.pem", 5)
    machine.write("run/units/nginx", "active\n")
    given = {"certificate": "web.example"}
    done = machine.mended("certificate-renewal", given)
    assert "nginx has read it." in done.out
    calls = machine.read("run/calls").splitlines()
    assert [line for line in calls if line.startswith("certbot")] == [
        "certbot renew --cert-name web.example --non-interactive --no-random-sleep-on-renew"
    ], "the second time there is nothing to renew"


def test_a_renewal_that_the_issuer_refuses_fails(machine: Machine) -> None:
    given = {"certificate": "web.example"}
    why = "certbot does not look after a certificate web.example on this machine."
    assert machine.refused("certificate-renewal", given) == why
    certificate(machine, "etc/letsencrypt/live/web.example/cert.pem", 5)
    machine.write("run/issuer-refuses")
    failed = machine.run("certificate-renewal", given)
    assert failed.code == 1
    assert "too many certificates already issued" in failed.err
    assert machine.run("certificate-renewal", given, verify=True).code == 1
    machine.hide("certbot")
    assert machine.refused("certificate-renewal", given) == "the command certbot is missing on this machine."


def test_a_clock_is_put_right_with_chrony(machine: Machine) -> None:
    machine.write("run/clock", "12.345000000 Normal\n")
    done = machine.mended("ntp-resync")
    assert "12.345000000 seconds slow" in done.out and "0.000012345 seconds slow" in done.out
    machine.write("run/clock", "0.000000000 Not synchronised\n")
    lost = machine.run("ntp-resync", verify=True)
    assert (lost.code, lost.err) == (1, "The clock is not synchronised: no time server answers.\n")


def test_a_clock_is_put_right_with_timesyncd_or_not_at_all(machine: Machine) -> None:
    why = "neither chrony nor systemd-timesyncd is at work on this machine."
    assert machine.refused("ntp-resync") == why
    machine.write("run/units/systemd-timesyncd", "active\n")
    machine.write("run/synchronised", "no\n")
    assert machine.run("ntp-resync", verify=True).err == "The clock is not synchronised.\n"
    machine.write("run/synchronised", "yes\n")
    done = machine.run("ntp-resync")
    assert (done.code, machine.read("run/calls")) == (0, "restart systemd-timesyncd\n")
    assert machine.holds("ntp-resync") == "The clock is synchronised.\n"


def test_the_cache_of_names_is_emptied(machine: Machine) -> None:
    machine.write("etc/hosts", HOSTS)
    machine.write("etc/resolv.conf", "nameserver 192.0.2.1\noptions timeout:1 attempts:1\n")
    machine.write("run/units/systemd-resolved", "active\n")
    done = machine.run("dns-flush", {"name": "web.example"})
    assert (done.code, done.err) == (0, "")
    assert "Emptied the cache of: systemd-resolved." in done.out
    assert "nameserver 192.0.2.1" in done.out
    assert machine.read("run/calls") == "resolvectl flush-caches\n"
    assert machine.holds("dns-flush", {"name": "web.example"}) == "web.example is found: 127.0.0.1.\n"
    missing = machine.run("dns-flush", {"name": "gone.example"}, verify=True)
    assert (missing.code, missing.err) == (1, "gone.example is not found.\n")
    machine.write("run/units/systemd-resolved", "inactive\n")
    nothing = machine.run("dns-flush", {"name": "web.example"})
    assert (nothing.code, "keeps no cache of names" in nothing.out) == (0, True)
    machine.hide("getent")
    assert machine.refused("dns-flush") == "the command getent is missing on this machine."


def test_the_network_is_looked_at(machine: Machine) -> None:
    machine.write("etc/hosts", HOSTS)
    certificate(machine, "etc/tls/web.pem", 60)
    given = {"host": "web.example", "port": 8443}
    done = machine.run("network-diagnostics", given, during=SERVES)
    assert (done.code, done.err) == (0, "")
    assert "port 8443 answers after" in done.out and "127.0.0.1/8" in done.out
    assert machine.holds("network-diagnostics", given, during=SERVES) == "web.example answers on port 8443.\n"
    deaf = machine.run("network-diagnostics", given, verify=True)
    assert (deaf.code, deaf.err) == (1, "web.example is found, but does not answer on port 8443.\n")
    assert "port 8443 does not answer" in machine.run("network-diagnostics", given).out
    unknown = machine.run("network-diagnostics", {"host": "gone.example"}, verify=True)
    assert (unknown.code, unknown.err) == (1, "The name gone.example is not found.\n")
    machine.hide("ip")
    assert machine.refused("network-diagnostics") == "the command ip is missing on this machine."


@pytest.mark.parametrize("host", ["web.example; id", "$(id)", "-oProxyCommand=id", "a b", "x" * 254])
def test_a_host_is_a_name_and_nothing_else(machine: Machine, host: str) -> None:
    from engine.errors import Refused

    with pytest.raises(Refused):
        machine.run("network-diagnostics", {"host": host})
