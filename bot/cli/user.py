"""`aw user`: the people this program knows, what they may do and for whom."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.words import Json, family
from bot.notices.preferences import told
from engine.company import Role, User
from engine.errors import NotFound, Refused
from engine.hours import named_zone

if TYPE_CHECKING:
    from bot.core import Core
    from storage.transaction import Transaction

app = family("People: technicians, company admins, MSP admins and client viewers.")

RoleOption = Annotated[Role, typer.Option(case_sensitive=False, help="What the person may do.")]
Companies = Annotated[
    list[str] | None, typer.Option("--company", metavar="SLUG", help="A company they work for; repeat it.")
]
Skills = Annotated[
    list[str] | None, typer.Option("--skill", metavar="WORD", help="What they are good at; repeat it.")
]
SlackUser = Annotated[str | None, typer.Option(metavar="ID", help="Their Slack user, such as U0KIM.")]
TeamsUser = Annotated[str | None, typer.Option(metavar="ID", help="Their Teams (AAD) user.")]
Limit = Annotated[
    int | None, typer.Option(min=1, max=100, help="How many open incidents they can have at once.")
]
Phone = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="Their phone, such as +436601234567; '' for none.")
]
QuietHours = Annotated[
    str | None,
    typer.Option(
        metavar="HOURS", help="When only criticals may reach them, such as 22:00-07:00; '' for none."
    ),
]
Tell = Annotated[
    list[str] | None,
    typer.Option(
        metavar="WAY=REACH",
        help="chat, email, sms or voice = off, urgent or all, or reports=all; '' for what is usual; repeat it.",
    ),
]
Prefers = Annotated[
    list[str] | None,
    typer.Option(metavar="SLUG", help="A company whose incidents they get first; repeat it; '' for none."),
]
Timezone = Annotated[str | None, typer.Option(metavar="ZONE", help="Their time zone.")]


@app.command("add")
def add(
    name: Annotated[str, typer.Option(help="The person's name.", show_default=False)],
    email: Annotated[str, typer.Option(help="The person's e-mail address.", show_default=False)],
    role: RoleOption,
    company: Companies = None,
    skill: Skills = None,
    slack_user: SlackUser = None,
    teams_user: TeamsUser = None,
    workload_limit: Limit = None,
    timezone: Timezone = None,
    phone: Phone = None,
    quiet_hours: QuietHours = None,
    tell: Tell = None,
    as_json: Json = False,
) -> None:
    """Add a person."""
    blank = User(id=0, name=name.strip(), email=email.strip(), role=role)

    async def act(core: Core) -> dict[str, Any]:
        from engine.operations import directory

        async def write(tx: Transaction) -> dict[str, Any]:
            user = _changed(blank, skill, slack_user, teams_user, workload_limit, timezone)
            user = replace(told(user, phone, quiet_hours, tell), companies=await _ids(tx, company or ()))
            stored = await directory.add_user(tx, user, actor=operator(), now=core.clock.now())
            return document(stored, await _slugs(tx))

        return await core.write(write)

    answer = with_core(act)
    if role is Role.TECHNICIAN and not company:
        terminal.warn(
            f"{answer['name']} serves no company yet: `aw user set {answer['email']} --company SLUG`"
        )
    if as_json:
        return terminal.say_json(answer)
    terminal.say(f"{answer['name']} is added as {role.value.replace('_', ' ')}.")


@app.command("list")
def list_all(
    company: Annotated[str | None, typer.Option(metavar="SLUG", help="Who works for this company.")] = None,
    as_json: Json = False,
) -> None:
    """List the people."""

    async def act(core: Core) -> list[dict[str, Any]]:
        from engine.operations import directory

        async def look(tx: Transaction) -> list[dict[str, Any]]:
            slugs, users = await _slugs(tx), list(await tx.users.all())
            if company is not None:
                wanted = await directory.company_called(tx, company)
                users = [one for one in users if one.works_for(wanted.id)]
            loads = await tx.users.loads([one.id for one in users])
            back = {one.address: one.reason for one in await tx.bounces.all() if one.hard_at is not None}
            return [
                document(one, slugs)
                | {"open_incidents": loads[one.id].open, "mail_comes_back": back.get(one.email.casefold())}
                for one in users
            ]

        return await core.read(look)

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    headings = ("NAME", "E-MAIL", "ROLE", "COMPANIES", "SKILLS", "SLACK", "OPEN")
    names = ("name", "email", "role", "companies", "skills", "slack_user", "open_incidents")
    for one in found:
        if one["mail_comes_back"]:
            one["email"] += " (mail comes back)"
    rows = [
        [("all" if name == "companies" and one["role"] == Role.MSP_ADMIN else one[name]) for name in names]
        for one in found
    ]
    terminal.say_table(headings, rows, nothing="Nobody yet: `aw user add --help`.")


@app.command("set")
def change(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Whom to change.", show_default=False)],
    name: Annotated[str | None, typer.Option(help="A new name.")] = None,
    role: Annotated[Role | None, typer.Option(case_sensitive=False, help="A new role.")] = None,
    company: Companies = None,
    no_company: Annotated[bool, typer.Option("--no-company", help="Take all companies away.")] = False,
    skill: Skills = None,
    slack_user: SlackUser = None,
    teams_user: TeamsUser = None,
    workload_limit: Limit = None,
    timezone: Timezone = None,
    prefers: Prefers = None,
    phone: Phone = None,
    quiet_hours: QuietHours = None,
    tell: Tell = None,
    available: Annotated[
        bool | None, typer.Option("--available/--unavailable", help="Whether they get new incidents.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Change a person; what is left out stays. `--company` and `--skill` replace the whole list."""

    async def act(core: Core) -> dict[str, Any]:
        from engine.operations import directory

        async def write(tx: Transaction) -> dict[str, Any]:
            before = await user_called(tx, email)
            after = _changed(before, skill, slack_user, teams_user, workload_limit, timezone)
            after = told(after, phone, quiet_hours, tell)
            given: dict[str, Any] = {
                "name": name.strip() if name else None,
                "role": role,
                "available": available,
            }
            after = replace(after, **{key: value for key, value in given.items() if value is not None})
            if prefers:
                after = replace(after, prefers=await _ids(tx, [one for one in prefers if one]))
            if company or no_company:
                after = replace(after, companies=await _ids(tx, company or ()))
            if after.role in (Role.COMPANY_ADMIN, Role.CLIENT_VIEWER) and not after.companies:
                text = f"A {after.role.value.replace('_', ' ')} belongs to a company."
                raise Refused(text, hint="Add `--company SLUG`.")
            slugs = await _slugs(tx)
            old, new = document(before, slugs), document(after, slugs)
            what = {key: value for key, value in new.items() if old[key] != value}
            if what:
                now = core.clock.now()
                after = await directory.change_user(tx, after, actor=operator(), now=now, **what)
            return document(after, slugs)

        return await core.write(write)

    answer = with_core(act)
    if as_json:
        return terminal.say_json(answer)
    terminal.say_facts([(key.replace("_", " "), value) for key, value in answer.items()])


async def user_called(tx: Transaction, email: str) -> User:
    user = await tx.users.by_email(email)
    if user is None:
        raise NotFound(f"There is nobody with the address “{email}”.", hint="`aw user list` names them.")
    return user


def document(user: User, slugs: Mapping[int, str]) -> dict[str, Any]:
    """A person as JSON; companies by their short names."""
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "role": user.role.value,
        "companies": sorted(slugs[one] for one in user.companies if one in slugs),
        "skills": sorted(user.skills),
        "slack_user": user.slack_user,
        "teams_user": user.teams_user,
        "workload_limit": user.workload_limit,
        "available": user.available,
        "timezone": user.timezone,
        "prefers": sorted(slugs[one] for one in user.prefers if one in slugs),
        "phone": user.phone,
        "quiet_hours": user.quiet_hours,
        "tell": {str(way): reach.value for way, reach in sorted(user.reach.items())},
    }


async def _slugs(tx: Transaction) -> dict[int, str]:
    return {one.id: one.slug for one in await tx.companies.all(archived=True)}


async def _ids(tx: Transaction, slugs: Collection[str]) -> frozenset[int]:
    from engine.operations import directory

    return frozenset([(await directory.company_called(tx, slug)).id for slug in slugs])


def _changed(
    user: User,
    skills: list[str] | None,
    slack_user: str | None,
    teams_user: str | None,
    workload_limit: int | None,
    timezone: str | None,
) -> User:
    given: dict[str, Any] = {}
    if skills:
        given["skills"] = frozenset(one.strip().lower() for one in skills if one.strip())
    if slack_user is not None:
        given["slack_user"] = slack_user.strip() or None
    if teams_user is not None:
        given["teams_user"] = teams_user.strip() or None
    if workload_limit is not None:
        given["workload_limit"] = workload_limit
    if timezone is not None:
        given["timezone"] = named_zone(timezone)
    return replace(user, **given)
