"""What the pretend machines are made of: a few kilobytes each, with large logs as sparse files."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.aws.folder import Folder

MB = 1 << 20
GB = 1 << 30
MEMORY_FILE = "etc/machine/memory"
DISK_FILE = "etc/machine/disk-size"


@dataclass(frozen=True, slots=True)
class File:
    """A file of a machine: `text`, or only a `size` in bytes; last touched `days_old` days ago."""

    path: str
    text: str = ""
    size: int | None = None
    days_old: float = 0


@dataclass(frozen=True, slots=True)
class Unit:
    """A service of a machine."""

    name: str
    description: str
    state: str = "active"


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory in MiB: `programs` use it, `slab` and `cached` are the kernel's and can be given back."""

    total: int
    programs: int
    slab: int
    cached: int
    swap: int = 0


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of machine. `filler`: what fills its disk, sized in proportion, for "fill-disk".
    `leaky`: the unit whose program takes more and more memory, for "memory-pressure"."""

    disk: int
    memory: Memory
    units: tuple[Unit, ...]
    files: tuple[File, ...]
    filler: tuple[File, ...]
    leaky: str
    platform_name: str = "Debian GNU/Linux"
    platform_version: str = "12"


LOGROTATE = """\
{globs} {{
  daily
  rotate 14
  missingok
  notifempty
  compress
  delaycompress
  postrotate
    systemctl reload {unit} >/dev/null 2>&1 || true
  endscript
}}
"""

_SYSTEM = (
    File(
        "etc/passwd", "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
    ),
    File("etc/group", "root:x:0:\nadm:x:4:\nnogroup:x:65534:\n"),
    File("etc/shadow", "root:*:20000:0:99999:7:::\n"),
    File("etc/os-release", 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'),
    File("etc/logrotate.conf", "weekly\nrotate 4\ncreate\ninclude /etc/logrotate.d\n"),
    File("etc/logrotate.d/rsyslog", LOGROTATE.format(globs="/var/log/syslog /var/log/auth.log", unit="cron")),
    File("var/log/syslog", "systemd[1]: Started Daily apt download activities.\n", size=38 * MB),
    File("var/log/auth.log", "sshd[611]: Server listening on 0.0.0.0 port 22.\n", size=2 * MB),
    File("var/log/syslog.1", size=52 * MB, days_old=1),
    File("var/log/wtmp", size=384),
    File("tmp/systemd-private-1f0c/keep", "in use\n", days_old=40),
)

_CRON = Unit("cron", "Regular background program processing daemon")

TEMPLATES: dict[str, Template] = {
    "web-server": Template(
        disk=20 * GB,
        memory=Memory(total=3840, programs=1450, slab=210, cached=1280, swap=1024),
        units=(
            Unit("nginx", "A high performance web server and a reverse proxy server"),
            Unit("apache2", "The Apache HTTP Server", "inactive"),
            _CRON,
        ),
        files=(
            *_SYSTEM,
            File("etc/nginx/nginx.conf", "user www-data;\nworker_processes auto;\n"),
            File("etc/logrotate.d/nginx", LOGROTATE.format(globs="/var/log/nginx/*.log", unit="nginx")),
            File("srv/www/index.html", "<h1>It works</h1>\n", days_old=200),
            File("srv/www/media/catalogue.tar", size=8 * GB, days_old=90),
            File("var/log/nginx/access.log", '10.0.4.7 - - "GET / HTTP/1.1" 200 612\n', size=90 * MB),
            File("var/log/nginx/error.log", "[notice] 811#811: start worker processes\n", size=3 * MB),
            File("var/log/nginx/access.log.1", size=140 * MB, days_old=1),
            *(File(f"var/log/nginx/access.log.{n}.gz", size=31 * MB, days_old=n) for n in range(2, 12)),
            File("var/cache/apt/archives/nginx-core_1.22.1-9_amd64.deb", size=260 * MB, days_old=35),
            File("tmp/upload-7f3a.part", size=120 * MB, days_old=12),
        ),
        filler=(
            *(File(f"var/log/nginx/access.log.{n}.gz", size=512 * MB, days_old=n) for n in range(12, 20)),
            File("var/log/nginx/debug.log.1", size=1843 * MB, days_old=9),
            File("var/cache/apt/archives/linux-image-6.1.0-28-amd64.deb", size=900 * MB, days_old=20),
            File("tmp/image-cache/resize-0001.tmp", size=2300 * MB, days_old=8),
        ),
        leaky="nginx",
    ),
    "db-server": Template(
        disk=100 * GB,
        memory=Memory(total=15800, programs=8200, slab=900, cached=5200, swap=2048),
        units=(
            Unit("postgresql", "PostgreSQL RDBMS"),
            Unit("mysql", "MySQL Community Server", "inactive"),
            _CRON,
        ),
        files=(
            *_SYSTEM,
            File("etc/postgresql/15/main/postgresql.conf", "max_connections = 200\n"),
            File(
                "etc/logrotate.d/postgresql-common",
                LOGROTATE.format(globs="/var/log/postgresql/*.log", unit="postgresql"),
            ),
            File("var/lib/postgresql/15/main/base/16384/2619", size=56 * GB, days_old=0.1),
            File("var/log/postgresql/postgresql-15-main.log", "LOG:  checkpoint complete\n", size=340 * MB),
            File("var/log/postgresql/postgresql-15-main.log.1", size=190 * MB, days_old=1),
            *(File(f"var/log/postgresql/postgresql-15-main.log.{n}.gz", size=95 * MB, days_old=7 * n)
              for n in range(2, 9)),
        ),
        filler=(
            File("var/tmp/pg_dump-nightly.sql", size=18 * GB, days_old=10),
            *(File(f"var/log/postgresql/postgresql-15-main.log.{n}.gz", size=2 * GB, days_old=7 * n)
              for n in range(9, 16)),
            File("var/cache/apt/archives/postgresql-15_15.14-0_amd64.deb", size=2 * GB, days_old=30),
        ),
        leaky="postgresql",
    ),
    "app-server": Template(
        disk=30 * GB,
        memory=Memory(total=7800, programs=2900, slab=520, cached=2300, swap=2048),
        units=(Unit("acme-app", "Acme order service"), Unit("redis-server", "Advanced key-value store"), _CRON),
        files=(
            *_SYSTEM,
            File("opt/acme-app/config.ini", "[server]\nport = 8443\nworkers = 4\n"),
            File("opt/acme-app/releases/2026.11.tar", size=12 * GB, days_old=20),
            File("etc/logrotate.d/acme-app", LOGROTATE.format(globs="/var/log/acme-app/*.log", unit="acme-app")),
            File("var/log/acme-app/app.log", "INFO order 88123 accepted\n", size=620 * MB),
            File("var/log/acme-app/app.log.1", size=160 * MB, days_old=1),
            *(File(f"var/log/acme-app/app.log.{n}.gz", size=64 * MB, days_old=n) for n in range(2, 10)),
        ),
        filler=(
            *(File(f"var/log/acme-app/trace-2026110{n}.log.gz", size=1100 * MB, days_old=23 - n) for n in range(1, 8)),
            File("tmp/heap-dump.hprof", size=5200 * MB, days_old=6),
        ),
        leaky="acme-app",
    ),
    "windows-server": Template(
        disk=60 * GB,
        memory=Memory(total=8100, programs=3600, slab=300, cached=2100),
        units=(Unit("W3SVC", "World Wide Web Publishing Service"), Unit("Spooler", "Print Spooler")),
        files=(
            File("var/windows/Windows.vhdx", size=33 * GB, days_old=60),
            File("var/windows/inetpub/logs/LogFiles/W3SVC1/u_ex261101.log", size=4 * GB, days_old=22),
        ),
        filler=(File("var/windows/inetpub/logs/LogFiles/W3SVC1/u_ex261001.log", size=19 * GB, days_old=53),),
        leaky="W3SVC",
        platform_name="Microsoft Windows Server 2022 Datacenter",
        platform_version="10.0.20348",
    ),
}  # fmt: skip


def build(template: Template, folder: Folder, hostname: str) -> None:
    """Puts a machine's files into its new, empty folder."""
    for name in ("etc", "home", "opt", "root", "run/units", "srv", "var/log/journal", "var/lib/logrotate"):
        folder.make(name)
    for name in ("tmp", "var/tmp"):
        folder.make(name, 0o1777)
    folder.write("etc/hostname", hostname + "\n")
    folder.write(DISK_FILE, f"{template.disk}\n")
    write_memory(folder, healthy_memory(template))
    for file in template.files:
        folder.write(file.path, file.text, size=file.size, days_old=file.days_old)
    for unit in template.units:
        write_unit(folder, unit.name, described(unit))
        folder.write(
            f"var/log/journal/{unit.name}.log",
            f"Nov 23 06:00:01 {hostname} systemd[1]: Started {unit.description}.\n",
        )


def described(unit: Unit) -> dict[str, str]:
    """The fields of a unit's state file, as the machine's systemctl reads them."""
    return {
        "description": unit.description,
        "state": unit.state,
        "enabled": "enabled" if unit.state == "active" else "disabled",
        "pid": "812" if unit.state == "active" else "0",
        "since": "Mon 2026-11-23 06:00:01 UTC",
        "broken": "",
    }


def healthy_memory(template: Template) -> dict[str, str]:
    """The fields of the memory file, in KiB."""
    memory = template.memory
    return {
        "total": str(memory.total * 1024),
        "programs": str(memory.programs * 1024),
        "leak": "0",
        "leak_unit": template.leaky,
        "slab": str(memory.slab * 1024),
        "cached": str(memory.cached * 1024),
        "shared": str(24 * 1024),
        "swap_total": str(memory.swap * 1024),
        "swap_used": "0",
        "swap_size": str(memory.swap * 1024),
    }


def pressed_memory(template: Template) -> dict[str, str]:
    """Under pressure: 4 % available; the leaking unit holds a third of all, the kernel's slabs a quarter."""
    fields = healthy_memory(template)
    total = template.memory.total * 1024
    slab, leak, cached = total // 4, total // 3, total // 40
    fields["slab"], fields["leak"], fields["cached"] = str(slab), str(leak), str(cached)
    fields["programs"] = str(total - slab - leak - cached - total // 50)
    fields["swap_used"] = str(int(fields["swap_total"]) * 9 // 10)
    return fields


def read_fields(text: str) -> dict[str, str]:
    """The `key=value` lines of a state file; the first of a key counts."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, found, value = line.partition("=")
        if found:
            fields.setdefault(key, value)
    return fields


def write_fields(folder: Folder, path: str, fields: dict[str, str]) -> None:
    folder.write(path, "".join(f"{key}={value}\n" for key, value in fields.items()))


def write_memory(folder: Folder, fields: dict[str, str]) -> None:
    write_fields(folder, MEMORY_FILE, fields)


def write_unit(folder: Folder, name: str, fields: dict[str, str]) -> None:
    write_fields(folder, f"run/units/{name}.state", fields)
