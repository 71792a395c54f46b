"""Where a posted message is, as an address that opens it in Teams."""

from __future__ import annotations

from urllib.parse import quote, urlencode


def permalink(tenant: str, channel: str, ref: str) -> str:
    """`ref` as `TeamsChat` gives it: an activity, behind its thread's in a thread."""
    root, _, own = ref.rpartition(";")
    about = urlencode({"tenantId": tenant, "parentMessageId": root or own})
    return f"https://teams.microsoft.com/l/message/{quote(channel, safe=':@')}/{own}?{about}"
