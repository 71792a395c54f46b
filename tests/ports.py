"""Ports that are told to a program before it listens there."""

from __future__ import annotations

import random
import socket
from itertools import count

LOWEST, HIGHEST = 15_000, 32_000
"""Below what the system gives away by itself: nobody's outgoing connection takes such a port meanwhile."""
_numbers = count(random.SystemRandom().randrange(HIGHEST - LOWEST))


def free_port() -> int:
    """One that is free on loopback, and that this process has not given away before. Processes begin at random
    places, so that two of them hardly ever meet."""
    for number in _numbers:
        port = LOWEST + number % (HIGHEST - LOWEST)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("numbers do not end")
