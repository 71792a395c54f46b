"""A machine's root folder, touched from outside.

Scripts run in it as they please, so nothing in it is trusted: no link a script may have left is ever followed, no
pipe opened, and only bounded amounts are read.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DAY = 86_400
COUNTED = ("etc", "home", "opt", "root", "run", "srv", "tmp", "var")
"""The folders that count as used disk; the rest belongs to the host and is only lent."""

_MOST_READ = 65_536
_MOST_ENTRIES = 50_000
_STEP = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Folder:
    """`path`: the folder on the host. `owner`: the host's user id that scripts run as, None for our own."""

    def __init__(self, path: Path, owner: int | None = None) -> None:
        self.path = path
        self._owner = owner

    def write(self, inside: str, text: str = "", *, size: int | None = None, days_old: float = 0) -> None:
        """Creates a file anew. `size` in bytes makes it that large and sparse; `days_old` sets its times back."""
        with self._parent(inside, create=True) as (parent, name):
            _unlink(parent, name)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = os.open(name, flags, 0o644, dir_fd=parent)
            try:
                os.write(handle, text.encode())
                if size is not None:
                    os.ftruncate(handle, max(size, len(text.encode())))
                if self._owner is not None:
                    os.fchown(handle, self._owner, self._owner)
                if days_old:
                    then = time.time() - days_old * DAY
                    os.utime(handle, (then, then))
            finally:
                os.close(handle)

    def read(self, inside: str) -> str:
        """The beginning of a file; empty when there is none that can be read safely."""
        try:
            with self._parent(inside) as (parent, name):
                handle = os.open(
                    name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent
                )
                try:
                    if not stat.S_ISREG(os.fstat(handle).st_mode):
                        return ""
                    return os.read(handle, _MOST_READ).decode(errors="replace")
                finally:
                    os.close(handle)
        except OSError:
            return ""

    def names(self, inside: str) -> list[str]:
        """What a folder holds, sorted; empty when there is no such folder."""
        try:
            with self._parent(f"{inside}/.") as (parent, _):
                return sorted(os.listdir(parent)[:_MOST_ENTRIES])
        except OSError:
            return []

    def remove(self, inside: str) -> None:
        """Removes a file, if there is one."""
        try:
            with self._parent(inside) as (parent, name):
                _unlink(parent, name)
        except (FileNotFoundError, NotADirectoryError):
            return

    def make(self, inside: str, mode: int = 0o755) -> None:
        """Makes a folder and those above it."""
        with self._parent(f"{inside}/.", create=True) as (parent, _):
            os.fchmod(parent, mode)

    def used(self) -> int:
        """Bytes in use: the apparent size of all files and folders, as `du --apparent-size` counts them."""
        total = entries = 0
        waiting = [self.path / top for top in COUNTED]
        while waiting and entries < _MOST_ENTRIES:
            here = waiting.pop()
            try:
                total += here.lstat().st_size
                with os.scandir(here) as found:
                    for entry in found:
                        entries += 1
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(Path(entry.path))
                        else:
                            total += entry.stat(follow_symlinks=False).st_size
            except OSError:  # gone in the meantime, or never there
                continue
        return total

    @contextmanager
    def _parent(self, inside: str, *, create: bool = False) -> Iterator[tuple[int, str]]:
        *above, name = inside.strip("/").split("/")
        handle = os.open(self.path, _STEP)
        try:
            for step in above:
                if create:
                    self._make_step(handle, step)
                below = os.open(step, _STEP, dir_fd=handle)
                os.close(handle)
                handle = below
            yield handle, name
        finally:
            os.close(handle)

    def _make_step(self, handle: int, step: str) -> None:
        try:
            os.mkdir(step, 0o755, dir_fd=handle)
        except FileExistsError:
            return
        if self._owner is not None:
            os.chown(step, self._owner, self._owner, dir_fd=handle, follow_symlinks=False)


def _unlink(parent: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return
