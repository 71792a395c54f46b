"""Runbooks about services, containers, processes and jobs, run for real."""

from __future__ import annotations

import pytest

from tests.runbooks.machine import Machine

LISTENS = "/usr/bin/perl /run/listen.pl & until (: <>/dev/tcp/127.0.0.1/80) 2>/dev/null; do :; done"
LISTEN = """use IO::Socket::INET;
my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 80, Listen => 9, ReuseAddr => 1) or die;
while (my $c = $s->accept) { close $c }
"""
WEB = [("restart-nginx", "nginx", "reload"), ("restart-apache", "apache2", "graceful")]


@pytest.mark.parametrize(("runbook", "unit", "gentle"), WEB)
def test_a_web_server_is_restarted_and_answers(
    machine: Machine, runbook: str, unit: str, gentle: str
) -> None:
    machine.write("run/listen.pl", LISTEN)
    machine.write(f"run/units/{unit}", "failed\n")
    done = machine.mended(runbook, during=LISTENS)
    assert f"Before: {unit} is failed." in done.out and f"After: {unit} is active." in done.out
    assert machine.read("run/calls") == f"restart {unit}\n" * 2
    machine.run(runbook, {"mode": gentle})
    assert machine.read("run/calls").endswith(f"reload {unit}\n")


@pytest.mark.parametrize(("runbook", "unit", "gentle"), WEB)
def test_a_web_server_that_is_active_but_deaf_is_no_success(
    machine: Machine, runbook: str, unit: str, gentle: str
) -> None:
    machine.write(f"run/units/{unit}", "active\n")
    deaf = machine.run(runbook, verify=True)
    assert (deaf.code, deaf.err) == (1, f"{unit} is active and does not listen on port 80.\n")
    machine.write("run/after-restart", "failed\n")
    failed = machine.run(runbook)
    assert failed.code == 1
    assert failed.err.endswith(f"The restart of {unit} failed.\n")
    assert "Active: failed" in failed.out


@pytest.mark.parametrize(("runbook", "unit", "gentle"), WEB)
def test_a_web_server_with_a_broken_configuration_is_not_touched(
    machine: Machine, runbook: str, unit: str, gentle: str
) -> None:
    machine.write(f"run/units/{unit}", "active\n")
    machine.write("run/broken", "unexpected end of file in line 42")
    assert "is broken, see the output; a restart would take it down." in machine.refused(runbook)
    assert "unexpected end of file in line 42" in machine.run(runbook).out
    assert not machine.has("run/calls")
    machine.hide("nginx", "apache2ctl", "apachectl", "httpd")
    assert "missing on this machine" in machine.refused(runbook)


def test_a_container_is_restarted(machine: Machine) -> None:
    machine.write("run/docker/containers", "c1 web exited 3 none\nc2 web-2 running 3 none\n")
    machine.write("run/docker/images")
    given = {"container": "web", "grace_seconds": 2}
    done = machine.mended("restart-container", given)
    assert "a line of the log" in done.out
    assert machine.read("run/docker/containers").splitlines()[1] == "c2 web-2 running 3 none"
    machine.write("run/docker/containers", "c1 web running 3 unhealthy\n")
    sick = machine.run("restart-container", given, verify=True)
    assert (sick.code, sick.err) == (1, "web runs, but Docker calls it unhealthy.\n")
    assert machine.refused("restart-container", {"container": "we"}) == (
        "there is no container we on this machine."
    )
    machine.write("run/docker/down")
    assert machine.refused("restart-container", given) == "the Docker daemon does not answer."


STUCK = {"process": "stuckjob", "older_minutes": 0, "grace_seconds": 1}
STARTS = '/opt/stuckjob & while [ "$(cat /proc/$!/comm)" != stuckjob ]; do :; done'
STUBBORN = "#!/bin/bash\ntrap '' TERM\nwhile :; do /usr/bin/sleep 0.1; done\n"


def test_a_stuck_process_is_asked_then_killed(machine: Machine) -> None:
    machine.write("opt/stuckjob", STUBBORN, mode=0o755)
    machine.write("opt/stuckjob-2", STUBBORN, mode=0o755)
    there = machine.run("kill-stuck-process", STUCK, verify=True, during=STARTS)
    assert there.code == 1
    assert there.err.startswith("1 processes stuckjob are still there")
    done = machine.run("kill-stuck-process", STUCK, during=f"{STARTS}; /opt/stuckjob-2 &")
    assert (done.code, done.err) == (0, "")
    assert "Asking 1 to end." in done.out
    assert "did not end by itself within 1 seconds: killing it." in done.out
    assert "After: 0 left." in done.out
    again = machine.run("kill-stuck-process", STUCK)
    assert (again.code, "nothing to end" in again.out) == (0, True)
    machine.holds("kill-stuck-process", STUCK, during="/opt/stuckjob-2 &")


def test_a_young_process_many_of_them_and_the_machine_s_own_are_not_ended(machine: Machine) -> None:
    machine.write("opt/stuckjob", STUBBORN, mode=0o755)
    young = machine.run("kill-stuck-process", {"process": "stuckjob"}, during=STARTS)
    assert (young.code, "nothing to end" in young.out) == (0, True)
    why = machine.refused("kill-stuck-process", {**STUCK, "most": 1}, during=f"{STARTS}; {STARTS}")
    assert why == "2 processes would be ended, more than 1."
    for name in ("systemd", "systemd-journald", "sshd", "amazon-ssm-agent", "postgres", "bash"):
        assert "does not end" in machine.refused("kill-stuck-process", {"process": name})


def test_the_job_behind_a_timer_is_run_again(machine: Machine) -> None:
    machine.write("run/units/nightly.service", "failed\n")
    machine.write("run/units/nightly", "failed\n")
    machine.write("run/jobs/nightly.service", "#!/bin/bash\necho ran >>/run/proof\n", mode=0o755)
    done = machine.mended("rerun-scheduled-job", {"job": "nightly.timer"})
    assert "nightly ended with code 0." in done.out
    assert machine.read("run/proof") == "ran\nran\n"
    machine.write("run/units/nightly", "activating\n")
    assert machine.refused("rerun-scheduled-job", {"job": "nightly"}) == "nightly is at work already."


def test_a_script_of_cron_is_run_again_and_its_failure_shows(machine: Machine) -> None:
    machine.write("etc/cron.daily/rotate", "#!/bin/bash\necho ran >>/run/proof\nexit 7\n", mode=0o755)
    done = machine.run("rerun-scheduled-job", {"job": "rotate"})
    assert (done.code, "rotate ended with code 7." in done.out) == (1, True)
    failed = machine.run("rerun-scheduled-job", {"job": "rotate"}, verify=True)
    assert (failed.code, failed.err) == (1, "rotate was run again and failed with code 7.\n")
    machine.write("etc/cron.daily/rotate", "#!/bin/bash\ntrue\n", mode=0o755)
    machine.mended("rerun-scheduled-job", {"job": "rotate"})


def test_a_job_that_others_may_change_is_switched_off_or_missing_does_not_run(machine: Machine) -> None:
    machine.write("etc/cron.daily/open", "#!/bin/bash\necho ran >>/run/proof\n", mode=0o777)
    machine.write("etc/cron.daily/off", "#!/bin/bash\necho ran >>/run/proof\n", mode=0o644)
    refused = machine.refused
    assert refused("rerun-scheduled-job", {"job": "open"}) == (
        "others than root may change /etc/cron.daily/open."
    )
    assert "is switched off" in refused("rerun-scheduled-job", {"job": "off"})
    assert refused("rerun-scheduled-job", {"job": "gone"}).startswith(
        "there is no service gone and no gone in"
    )
    held = "mkdir -p /run/alert-whisperer; exec 8>/run/alert-whisperer/lock-busy; /usr/bin/flock 8"
    machine.write("etc/cron.daily/busy", "#!/bin/bash\necho ran >>/run/proof\n", mode=0o755)
    assert refused("rerun-scheduled-job", {"job": "busy"}, during=held) == "busy is at work already."
    assert not machine.has("run/proof")
    never = machine.run("rerun-scheduled-job", {"job": "gone"}, verify=True)
    assert (never.code, never.err) == (1, "gone was not run again lately.\n")


def test_the_print_spooler_is_restarted(machine: Machine) -> None:
    machine.write("run/units/cups", "failed\n")
    machine.write("run/print/1", "job")
    kept = machine.mended("print-spooler-restart")
    assert "After: cups is active, 1 jobs wait." in kept.out
    left = machine.run("print-spooler-restart", {"jobs": "delete"}, verify=True)
    assert (left.code, left.err) == (1, "The spooler runs, but 1 jobs still wait.\n")
    deleted = machine.mended("print-spooler-restart", {"jobs": "delete"})
    assert "After: cups is active, 0 jobs wait." in deleted.out
    machine.hide("lpstat")
    assert machine.refused("print-spooler-restart") == "lpstat is missing on this machine; is CUPS installed?"
