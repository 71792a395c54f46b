"""A child process that does not outlive the one that started it, however that one ends."""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys
import threading
import time
from contextlib import suppress

_PR_SET_PDEATHSIG = 1
_LOOK_EVERY = 0.5
_GRACE = 8.0
"""Seconds that an orderly stop may take."""


def exit_with_parent() -> None:
    """From now on, stop this process (SIGTERM, then for certain) when its parent is gone, even by kill -9."""
    parent = os.getppid()
    if sys.platform == "linux":
        with suppress(
            OSError, AttributeError
        ):  # a C library without it: the thread below is slower and enough
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    threading.Thread(target=_watch, args=(parent,), name="tether", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os._exit(1)


def main() -> None:
    """`python -m bot.demo.tether MODULE ARGUMENTS…`: run a module, tied to its parent."""
    exit_with_parent()
    module, *arguments = sys.argv[1:]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
