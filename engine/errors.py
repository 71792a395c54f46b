"""Why something did not happen, in the three kinds the whole product handles.

`Refused` is an answer for a person, `Conflict` means somebody else was first, `Transient` may be tried again,
`Permanent` may not.
"""

from __future__ import annotations

from datetime import timedelta


class AlertWhispererError(Exception):
    """Anything this product raises on purpose; the text is fit for a person to read."""


class Refused(AlertWhispererError):
    """The act is not allowed or makes no sense now. `hint` says what to do instead, `who` could do it."""

    def __init__(
        self, reason: str, *, hint: str = "", who: tuple[int, ...] = (), code: str = "refused"
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.who = who
        self.code = code


class NotFound(Refused):
    """Nothing by that name that this person may see. The same words for a foreign and for a missing thing."""

    def __init__(self, reason: str, *, hint: str = "") -> None:
        super().__init__(reason, hint=hint, code="not_found")


class Conflict(Refused):
    """A compare-and-set lost: the thing changed since it was read."""

    def __init__(self, reason: str = "It changed a moment ago; look again.", *, hint: str = "") -> None:
        super().__init__(reason, hint=hint, code="conflict")


class Transient(AlertWhispererError):
    """The outside world did not answer well; trying again later is safe. `retry_after` is its own wish, if any."""

    def __init__(self, reason: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Ambiguous(Transient):
    """The call may or may not have taken effect: look before doing it again."""


class Permanent(AlertWhispererError):
    """Trying again cannot help: a wrong address, a missing permission, a refused body."""
