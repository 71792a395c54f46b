"""The room a script runs in, and the command lines that build it: with bubblewrap, or with unshare and pivot_root."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

_CAPABILITIES = ("chown", "dac_override", "fowner", "kill")
"""Over its own files and processes only: the room is a user namespace of its own."""


@dataclass(frozen=True, slots=True)
class Room:
    """Host paths of what the room shows, and its limits.

    `root`: the machine's folder, its /. `shims`: stand-ins for systemctl, df …, in /usr/local/bin. `script`: what is
    to run there, seen as `shown_script`. `caches`: the file behind /proc/sys/vm/drop_caches. `lent`: further host
    folders, shown read-only.
    """

    root: Path
    shims: Path
    script: Path
    caches: Path
    hostname: str
    directory: str = "/"
    processes: int = 64
    memory: int = 1 << 30
    file_size: int = 1 << 30
    seconds: int = 172_800
    lent: tuple[str, ...] = ()

    @property
    def shown_script(self) -> str:
        """Where the room shows its script: outside of all that a script can change."""
        return f"/usr/local/lib/ssm/_script{self.script.suffix}"

    def moved(self, base: Path, place: Path) -> Room:
        """The same room when `base` is reached as `place`."""
        return replace(
            self,
            root=place / self.root.relative_to(base),
            shims=place / self.shims.relative_to(base),
            script=place / self.script.relative_to(base),
            caches=place / self.caches.relative_to(base),
        )


def _limited(room: Room, command: tuple[str, ...]) -> list[str]:
    limits = {"nproc": room.processes, "as": room.memory, "fsize": room.file_size, "core": 0, "nofile": 1024}
    return ["prlimit", *(f"--{name}={value}" for name, value in limits.items()), "--", *command]


def bubblewrap_command(room: Room, command: tuple[str, ...]) -> list[str]:
    argv = ["bwrap", "--unshare-user", "--uid", "0", "--gid", "0"]
    argv += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    argv += ["--hostname", room.hostname, "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    for capability in _CAPABILITIES:
        argv += ["--cap-add", f"CAP_{capability.upper()}"]
    argv += ["--bind", str(room.root), "/", "--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"]
    argv += ["--tmpfs", "/usr/local", "--ro-bind", str(room.shims), "/usr/local/bin"]
    argv += ["--ro-bind", str(room.script), room.shown_script, "--remount-ro", "/usr/local"]
    argv += ["--bind", str(room.caches), "/proc/sys/vm/drop_caches"]
    for folder in room.lent:
        argv += ["--ro-bind", folder, folder]
    return [*argv, "--chdir", room.directory, "--", *_limited(room, command)]


# Runs as root of a new user namespace. Every `set -e` failure ends it before the script is reached. /usr, /proc and
# /dev cannot have been replaced by a script: in each room they are mount points, which cannot be removed or renamed.
_BUILD = """
set -e
room=$1 shims=$2 script=$3 caches=$4 name=$5 directory=$6 shown=$7
shift 7
hostname "$name" 2>/dev/null || echo "$name" > /proc/sys/kernel/hostname
mount --bind "$room" "$room"
cd "$room"
mount --rbind /usr usr
mount -o remount,bind,ro,nosuid,nodev usr
mount -t proc -o nosuid,nodev,noexec proc proc
mount --bind "$caches" proc/sys/vm/drop_caches
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs dev
for device in null zero full random urandom; do
  : > "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs usr/local
mkdir -p usr/local/bin usr/local/lib/ssm
cp "$shims"/* usr/local/bin/
cp "$script" "usr/local/lib/ssm/${shown##*/}"
chmod 755 usr/local/bin/* usr/local/lib/ssm/*
mount -o remount,bind,ro,nosuid,nodev usr/local
pivot_root . .
umount -l .
cd "$directory"
exec setpriv --no-new-privs --bounding-set "$@"
"""


def unshare_command(room: Room, command: tuple[str, ...]) -> list[str]:
    argv = ["unshare", "--user", "--map-root-user", "--mount", "--propagation", "private", "--pid", "--fork"]
    argv += ["--kill-child", "--net", "--ipc", "--uts", "--", "sh", "-c", _BUILD, "sh"]
    argv += [str(room.root), str(room.shims), str(room.script), str(room.caches), room.hostname]
    argv += [room.directory, room.shown_script]
    # should this program be killed itself, bubblewrap ends the room; here the room's first process has to
    command = ("timeout", "--signal=KILL", str(room.seconds), *command)
    bounding = ",".join(["-all", *(f"+{capability}" for capability in _CAPABILITIES)])
    return [*argv, bounding, "--", *_limited(room, command)]
