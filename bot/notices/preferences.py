"""How a person wants to be told things, as it is typed."""

from __future__ import annotations

import re
from dataclasses import replace

from engine.company import Reach, User
from engine.errors import Refused
from engine.hours import WrongHours, business_hours
from engine.notice import REPORTS, Transport

_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_WAYS = (Transport.CHAT, Transport.EMAIL, Transport.SMS, Transport.VOICE)


def told(user: User, phone: str | None, quiet_hours: str | None, tell: list[str] | None) -> User:
    """None leaves it as it is, nothing takes it away. Raises Refused."""
    if phone is not None:
        user = replace(user, phone=_phone(phone))
    if quiet_hours is not None:
        user = replace(user, quiet_hours=_hours(user, quiet_hours.strip()))
    if tell is not None:
        reach = {} if tell == [""] else {**user.reach, **dict(_reach(one) for one in tell)}
        user = replace(user, reach=reach)
    return user


def _phone(text: str) -> str | None:
    number = re.sub(r"[\s()/.-]", "", text)
    if number and not _NUMBER.fullmatch(number):
        raise Refused(f"“{text[:40]}” is no phone number.", hint="Write it with its country: +436601234567.")
    return number or None


def _hours(user: User, text: str) -> str:
    try:
        business_hours(user.timezone, text)
    except WrongHours as error:
        raise Refused(f"“{text[:60]}” are no hours: {error}.", hint="For example `22:00-07:00`.") from None
    return text


def _reach(text: str) -> tuple[str, Reach]:
    way, _, far = (part.strip().lower() for part in text.partition("="))
    if way == REPORTS:
        if far not in (Reach.ALL.value, Reach.OFF.value):
            raise Refused(f"“{text[:40]}” says not whether.", hint="Write reports=all or reports=off.")
        return way, Reach(far)
    if way not in {one.value for one in _WAYS} or far not in {one.value for one in Reach}:
        ways, reaches = (", ".join(one.value for one in kinds) for kinds in (_WAYS, Reach))
        hint = f"Write WAY=REACH: {ways} = {reaches}; or reports=all for reports by mail."
        raise Refused(f"“{text[:40]}” is no way to tell somebody things.", hint=hint)
    return way, Reach(far)
