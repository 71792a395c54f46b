"""Secrets at rest: Fernet key ring for what must be read back, and keys derived from it for chains and tokens."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class Vault:
    """`keys` are Fernet keys, newest first; older ones still open what they sealed."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("at least one key is needed")
        self._ring = MultiFernet([Fernet(key) for key in keys])
        self._raw = [key.encode() for key in keys]

    def seal(self, secret: bytes) -> bytes:
        return self._ring.encrypt(secret)

    def open(self, sealed: bytes) -> bytes:
        """Raises ValueError when no key of the ring fits."""
        try:
            return self._ring.decrypt(sealed)
        except InvalidToken as error:
            raise ValueError("this secret was sealed with a key that is not in AW_SECRET_KEY") from error

    def derived(self, purpose: str) -> list[bytes]:
        """One 32-byte key per ring key for a purpose, newest first."""
        return [hmac.new(raw, purpose.encode(), hashlib.sha256).digest() for raw in self._raw]
