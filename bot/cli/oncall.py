"""`aw oncall`: plans of who is on call, and the calendar of them."""

from __future__ import annotations

import sys
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.user import user_called
from bot.cli.words import Json, family
from engine.errors import Refused
from engine.hours import named_week, named_zone

if TYPE_CHECKING:
    from bot.core import Core
    from storage.transaction import Transaction

app = family("On call: who is called when, in turns.")
AHEAD = timedelta(days=90)

Name = Annotated[str, typer.Argument(metavar="ROTATION", help="Its name, such as nights.")]
Hours = Annotated[
    str, typer.Option(metavar="HOURS", help="Such as mon-fri 17:00-08:00; always when left out.")
]


@app.command("add")
def add(
    name: Name,
    timezone: Annotated[
        str, typer.Option(metavar="ZONE", help="The clock that it is on; the MSP's own when left out.")
    ] = "",
    company: Annotated[
        list[str] | None, typer.Option(metavar="SLUG", help="Whom it is for; repeat it; all when left out.")
    ] = None,
    hours: Hours = "",
) -> None:
    """A new rotation; `layer` puts people into it. `--hours` are those in which somebody should be on call."""

    async def write(tx: Transaction, now: datetime) -> None:
        from engine.oncall import Rotation
        from engine.operations import configure, directory, oncall

        ids = [(await directory.company_called(tx, slug)).id for slug in company or ()]
        plan = Rotation(
            id=0,
            name=name.strip(),
            timezone=named_zone(timezone or await configure.msp_timezone(tx)),
            companies=frozenset(ids),
            hours=named_week(hours),
        )
        await oncall.put(tx, plan, actor=operator(), now=now)

    _run(write)
    terminal.say(f"✓ {name} is there. Next: aw oncall layer {name} --person kim@msp.example")


@app.command("layer")
def layer(
    name: Name,
    person: Annotated[list[str], typer.Option(metavar="EMAIL", help="Who takes turns, in order; repeat it.")],
    every: Annotated[
        str, typer.Option(metavar="TURN", help="daily, weekly, or days such as 14d.")
    ] = "weekly",
    start: Annotated[str, typer.Option(metavar="DATE", help="When the first turn begins; today.")] = "",
    at: Annotated[str, typer.Option(metavar="TIME", help="When turns are handed over.")] = "09:00",
    hours: Hours = "",
) -> None:
    """A layer of people who take turns. The first layer that counts at a moment decides."""

    async def write(tx: Transaction, now: datetime) -> None:
        from engine.oncall import Layer
        from engine.operations import oncall
        from engine.schedule import wall

        plan = await oncall.called(tx, name)
        people = tuple([(await user_called(tx, email)).id for email in person])
        try:
            first = datetime.fromisoformat(start).date() if start else wall(now, plan.timezone).date()
            handed = time.fromisoformat(at.zfill(5))
        except ValueError:
            raise Refused("That is no date or time.", hint="--start 2026-12-01 --at 09:00") from None
        days = {"daily": 1, "weekly": 7}.get(every) or int(
            every.rstrip("d") if every.rstrip("d").isdigit() else 0
        )
        made = Layer(people=people, days=days, start=first, at=handed, hours=named_week(hours))
        await oncall.add_layer(tx, plan.name, made, actor=operator(), now=now)

    _run(write)
    terminal.say(f"✓ {len(person)} take turns in {name}.")


@app.command("override")
def override(
    name: Name,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Who stands in.")],
    begin: Annotated[str, typer.Argument(metavar="FROM", help="Such as 2026-12-24T18:00, on its clock.")],
    end: Annotated[str, typer.Argument(metavar="TO", help="Such as 2026-12-25T08:00.")],
) -> None:
    """Somebody stands in for whoever it would be."""

    async def write(tx: Transaction, now: datetime) -> None:
        from engine.operations import oncall
        from engine.schedule import instant

        plan, user = await oncall.called(tx, name), await user_called(tx, email)
        try:
            times = [
                instant(datetime.fromisoformat(one).replace(tzinfo=None), plan.timezone)
                for one in (begin, end)
            ]
        except ValueError:
            raise Refused("That is no time.", hint="Write it as 2026-12-24T18:00.") from None
        await oncall.stand_in(tx, plan.name, user, times[0], times[1], actor=operator(), now=now)

    _run(write)
    terminal.say(f"✓ {email} stands in.")


@app.command("remove")
def remove(name: Name) -> None:
    """Take a rotation away."""

    async def write(tx: Transaction, now: datetime) -> None:
        from engine.operations import oncall

        await oncall.remove(tx, name, actor=operator(), now=now)

    _run(write)
    terminal.say(f"✓ {name} is gone.")


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """The rotations: who is on call now, who comes next, and the gaps of the next week."""

    async def act(core: Core) -> list[dict[str, Any]]:
        from engine.oncall import gaps, shifts

        now = core.clock.now()

        async def look(tx: Transaction) -> list[dict[str, Any]]:
            emails = {user.id: user.email for user in await tx.users.all()}
            found = []
            for one in await tx.rotations.all():
                coming = shifts(one, now, now + AHEAD)
                after = next((it for it in coming if it.begin > now), None)
                who = one.at(now)
                found.append(
                    {
                        "name": one.name,
                        "timezone": one.timezone,
                        "now": emails.get(who) if who is not None else None,
                        "next": emails.get(after.user_id) if after and after.user_id is not None else None,
                        "next_at": after.begin.isoformat() if after else None,
                        "gaps": [
                            [it.begin.isoformat(), it.end.isoformat()]
                            for it in gaps(one, now, now + timedelta(days=7))
                        ],
                    }
                )
            return found

        return await core.read(look)

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    rows = [[one["name"], one["now"], one["next"], one["next_at"], len(one["gaps"])] for one in found]
    terminal.say_table(
        ("ROTATION", "NOW", "NEXT", "FROM", "GAPS"), rows, nothing="None yet: `aw oncall add --help`."
    )


@app.command("export")
def export(
    name: Name, out: Annotated[Path, typer.Option(metavar="FILE", help="Where the calendar is written.")]
) -> None:
    """The next 90 days as an iCalendar file."""

    async def act(core: Core) -> bytes:
        from bot.shift.calendar import people_of
        from engine.oncall import shifts
        from engine.operations import oncall
        from integrations.calendars import written

        now = core.clock.now()

        async def look(tx: Transaction) -> bytes:
            rotation = await oncall.called(tx, name)
            coming = [(rotation.name, one) for one in shifts(rotation, now, now + AHEAD)]
            return written(rotation.name, coming, people_of(await tx.users.all()), now)

        return await core.read(look)

    out.write_bytes(with_core(act))
    terminal.say(f"✓ {out}")


@app.command("import")
def take_in(
    name: Name,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|URL|-", help="An iCalendar file, its https address, or - for standard input."
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be taken in; change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take shifts in from a calendar elsewhere: they go before the layers, in place of those taken in before."""

    async def act(core: Core) -> list[dict[str, Any]]:
        from bot.shift import calendar

        if source.startswith(("https://", "http://")):
            body = await calendar.fetched(core, source)
        else:
            body = sys.stdin.buffer.read() if source == "-" else _file(Path(source))
        found = await calendar.take_in(core, name, body, actor=operator(), only_look=dry_run)
        return [
            {
                "person": person.email,
                "begin": one.begin.isoformat(),
                "end": one.end.isoformat(),
                "title": one.title,
            }
            for person, one in found.shifts
        ]

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    rows = [[one["person"], one["begin"][:16], one["end"][:16], one["title"]] for one in found]
    terminal.say_table(("PERSON", "FROM (UTC)", "TO (UTC)", "ENTRY"), rows, nothing="No shift.")
    terminal.say(f"{'would take in' if dry_run else '✓ took in'} {len(found)} shifts")


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from None


@app.command("feed")
def feed(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Whose calendar program reads it.")],
    rotation: Annotated[str, typer.Option(metavar="NAME", help="All of this rotation, not one's own.")] = "",
    revoke: Annotated[bool, typer.Option("--revoke", help="End all addresses of this person.")] = False,
    as_json: Json = False,
) -> None:
    """The address under which somebody's calendar program reads shifts, or the end of it."""

    async def act(core: Core) -> dict[str, Any]:
        from bot.shift import calendar

        async def write(tx: Transaction) -> dict[str, Any]:
            user, now = await user_called(tx, email), core.clock.now()
            if revoke:
                return {"revoked": await calendar.revoke(tx, user=user, actor=operator(), now=now)}
            address = core.settings.public_url
            return {
                "url": await calendar.share(
                    tx, rotation, user=user, address=address, actor=operator(), now=now
                )
            }

        return await core.write(write)

    answer = with_core(act)
    if as_json:
        return terminal.say_json(answer)
    terminal.say(answer["url"] if "url" in answer else f"✓ {answer['revoked']} addresses ended")


def _run(write: Any) -> None:
    async def act(core: Core) -> None:
        await core.write(lambda tx: write(tx, core.clock.now()))

    with_core(act)
