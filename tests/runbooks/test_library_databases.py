"""Runbooks about databases, against a real PostgreSQL server and a stand-in for MySQL's client; and about swap."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Cluster
from tests.runbooks.machine import Machine, Room

POSTGRES = "postgres:x:999:999::/var/lib/postgresql:/bin/bash\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    """The folder of a server whose socket is where psql looks for it."""
    cluster = Cluster(local=True)
    cluster.start()
    cluster.folder.chmod(0o755)
    (socket,) = (one for one in cluster.folder.glob(".s.PGSQL.*") if one.suffix != ".lock")
    (cluster.folder / ".s.PGSQL.5432").symlink_to(socket.name)
    yield cluster.folder
    cluster.stop()


@pytest.fixture
def database(machine: Machine) -> Machine:
    machine.write("etc/passwd", machine.read("etc/passwd") + POSTGRES)
    return machine


def room(server: Path, during: str = "true") -> Room:
    return {"lent": {str(server): "/var/run/postgresql"}, "during": during}


def sessions(statement: str, number: int, state: str = "idle") -> str:
    """Bash that opens so many sessions of a plain user and waits until their statement has led to this state."""
    return f"""
    psql -X -q -U postgres -d postgres -c "CREATE ROLE app LOGIN" 2>/dev/null
    for ((one = 0; one < {number}; one++)); do
      ( {{ echo "{statement}"; /usr/bin/sleep 30; }} | psql -X -q -U app -d postgres >/dev/null 2>&1 ) &
    done
    until [ "$(psql -X -A -t -U postgres -d postgres -c "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'
      AND state LIKE '{state}%' AND query <> ''")" -ge {number} ]; do /usr/bin/sleep 0.05; done
    """  # noqa: S608 - the statements of these tests


def test_postgresql_is_checked(database: Machine, server: Path) -> None:
    done = database.run("postgresql-health-check", **room(server))
    assert (done.code, done.err) == (0, "")
    assert "PostgreSQL 1" in done.out and "transaction_age" in done.out
    said = database.holds("postgresql-health-check", **room(server))
    assert said.startswith("It answers; 1 of 100 connections are in use (1 %)")
    full = room(server, sessions("SELECT 1;", 12))
    many = database.run("postgresql-health-check", {"limit_percent": 10}, verify=True, **full)
    assert (many.code, many.err) == (1, "13 of 100 connections are in use (13 %), the limit is 10 %.\n")
    down = database.run("postgresql-health-check", verify=True)
    assert (down.code, down.err) == (1, "PostgreSQL does not answer.\n")
    assert database.refused("postgresql-health-check").startswith("the local server does not let us in: ")


def test_idle_connections_of_postgresql_end_and_others_stay(database: Machine, server: Path) -> None:
    given = {"idle_minutes": 0, "limit_percent": 10}
    idle, busy = sessions("BEGIN; SELECT 1;", 12), sessions("SELECT pg_sleep(9);", 1, "active")
    full = database.run("postgresql-connection-reset", given, verify=True, **room(server, idle))
    assert full.code == 1
    assert full.err.startswith("13 of 100 connections are still in use (13 %)")
    done = database.run("postgresql-connection-reset", given, **room(server, idle))
    assert (done.code, done.err) == (0, "")
    assert done.out.count("ended ") == 12
    assert "app postgres, idle in transaction for" in done.out
    assert "After: 1 of 100 connections are in use" in done.out
    kept = database.run("postgresql-connection-reset", given, **room(server, busy))
    assert (kept.code, "None was idle for 0 minutes." in kept.out) == (0, True)
    database.holds("postgresql-connection-reset", given, **room(server))


def test_nothing_is_asked_of_postgresql_where_it_is_not(machine: Machine) -> None:
    for runbook in ("postgresql-health-check", "postgresql-connection-reset", "slow-query-report"):
        assert machine.refused(runbook) == "there is no system user postgres on this machine."
    machine.hide("psql")
    for runbook in ("postgresql-health-check", "postgresql-connection-reset", "slow-query-report"):
        assert machine.refused(runbook) == "psql is missing on this machine."


def test_slow_statements_of_postgresql_are_listed_without_their_values(
    database: Machine, server: Path
) -> None:
    given = {"seconds": 1}
    secret = "SELECT pg_sleep(3), 'it''s secret', 4711;"
    slow = sessions(secret, 1, "active") + "/usr/bin/sleep 1.2"
    done = database.run("slow-query-report", given, **room(server, slow))
    assert (done.code, done.err) == (0, "")
    assert "SELECT pg_sleep(?), " in done.out
    assert "secret" not in done.out and "4711" not in done.out
    assert "pg_stat_statements is not there" in done.out
    said = database.holds("slow-query-report", given, **room(server, slow))
    assert re.match(r"[1-9] statements have been running for more than 1 seconds", said)
    gone = database.run("slow-query-report", verify=True)
    assert (gone.code, gone.err) == (1, "The database server does not answer.\n")


@pytest.fixture
def mysql(machine: Machine) -> Machine:
    lines = ["1 app Sleep 9000", "2 app Sleep 8000", "3 app Query 50", "4 root Sleep 9000", "5 app Sleep 10"]
    machine.write("run/mysql/sessions", "\n".join(lines) + "\n")
    machine.write("run/mysql/most", "10\n")
    return machine


def test_mysql_is_checked(mysql: Machine) -> None:
    done = mysql.run("mysql-health-check")
    assert (done.code, done.err) == (0, "")
    assert "10.11.6-MariaDB" in done.out and "It is no replica." in done.out
    assert mysql.holds("mysql-health-check") == "It answers; 6 of 10 connections are in use (60 %).\n"
    full = mysql.run("mysql-health-check", {"limit_percent": 50}, verify=True)
    assert (full.code, full.err) == (1, "6 of 10 connections are in use (60 %), the limit is 50 %.\n")
    for lag, said in (
        ("900", "This replica is 900 seconds behind, the limit is 300.\n"),
        ("NULL", "Its replication has stopped.\n"),
    ):
        mysql.write("run/mysql/lag", lag)
        behind = mysql.run("mysql-health-check", verify=True)
        assert (behind.code, behind.err) == (1, said)
    mysql.write("run/mysql/denied")
    assert "Access denied for user" in mysql.refused("mysql-health-check")
    assert mysql.run("mysql-health-check", verify=True).err == "The database server does not answer.\n"


def test_idle_connections_of_mysql_end_and_others_stay(mysql: Machine) -> None:
    done = mysql.mended("mysql-connection-reset", {"limit_percent": 50})
    assert "Ending 2 sessions idle for 30 minutes" in done.out
    assert mysql.read("run/mysql/calls") == "KILL 1\nKILL 2\n"
    assert "After: 4 of 10 connections are in use." in done.out
    mysql.write("run/mysql/denied")
    assert "Access denied for user" in mysql.refused("mysql-connection-reset")


def test_slow_statements_of_mysql_are_listed(mysql: Machine) -> None:
    given = {"engine": "mysql", "seconds": 30}
    done = mysql.run("slow-query-report", given)
    assert (done.code, done.err) == (0, "")
    assert "3 app 50 SELECT" in done.out and "performance_schema is off" in done.out
    assert mysql.holds("slow-query-report", given) == (
        "1 statements have been running for more than 30 seconds.\n"
    )
    mysql.write("run/mysql/denied")
    assert "Access denied for user" in mysql.refused("slow-query-report", given)


def test_swap_is_emptied(machine: Machine) -> None:
    machine.write("run/swap", "2000 1500\n")
    machine.write("run/memory", "100 3000\n")
    done = machine.mended("swap-reset")
    assert "Before: 1500 of 2000 MB of the swap space are in use" in done.out
    assert "After: 0 of 2000 MB of the swap space are in use" in done.out
    assert machine.read("run/calls") == "swapoff -a\nswapon -a\n"


def test_swap_stays_when_the_memory_would_not_take_it(machine: Machine) -> None:
    assert machine.refused("swap-reset") == "this machine has no swap space switched on."
    machine.write("run/swap", "2000 1500\n")
    assert "only 200 MB of the memory are available" in machine.refused("swap-reset")
    assert not machine.has("run/calls")
    machine.write("run/memory", "100 3000\n")
    machine.write("run/swap-stuck")
    failed = machine.run("swap-reset")
    assert failed.code == 255
    assert "Cannot allocate memory" in failed.err
    assert machine.read("run/calls") == "swapoff -a\nswapon -a\n"
    machine.write("run/swap", "0 0\n")
    assert machine.run("swap-reset", verify=True).err == "The swap space is switched off.\n"
