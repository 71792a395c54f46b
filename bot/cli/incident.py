"""`aw incident`: what people work on, to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import with_core
from bot.cli.words import Json, family, number_of
from engine.errors import NotFound, Refused
from engine.incident import IncidentStatus

if TYPE_CHECKING:
    from bot.core import Core
    from storage.transaction import Transaction

app = family("Incidents.")

_WORDS = ("open", "all", *(one.value for one in IncidentStatus))


@app.command("list")
def list_all(
    company: Annotated[str | None, typer.Option(metavar="SLUG", help="Those of this company.")] = None,
    status: Annotated[str, typer.Option(help=f"One of {', '.join(_WORDS)}.")] = "open",
    most: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 100,
    as_json: Json = False,
) -> None:
    """List incidents, newest first; those that are open when nothing is said."""
    wanted = status.strip().lower()
    if wanted not in _WORDS:
        raise Refused(f"There is no status “{status}”.", hint=f"There are {', '.join(_WORDS)}.")

    async def act(core: Core) -> list[dict[str, Any]]:
        from engine.operations import directory

        async def look(tx: Transaction) -> list[dict[str, Any]]:
            chosen = await directory.company_called(tx, company) if company else None
            found = await tx.incidents.listed(
                company_ids=[chosen.id] if chosen else None,
                open_only=True if wanted == "open" else None,
                status=wanted if wanted not in ("open", "all") else None,
                most=most,
            )
            return [await _body(tx, core, one.id) for one in found]

        return await core.read(look)

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    headings = ("INCIDENT", "COMPANY", "SEVERITY", "STATUS", "WHAT", "WHERE", "×", "OWNER", "OPENED")
    rows = [
        [
            *(one[name] for name in ("id", "company", "severity", "status", "title", "asset", "count")),
            one["assignee"]["name"] if one["assignee"] else None,
            one["opened_at"][:16].replace("T", " "),
        ]
        for one in found
    ]
    terminal.say_table(headings, rows, nothing="No incident.")


@app.command("board")
def board(
    company: Annotated[str | None, typer.Option(metavar="SLUG", help="Those of this company.")] = None,
    most: Annotated[int, typer.Option(min=1, max=100, help="How many at most.")] = 20,
    as_json: Json = False,
) -> None:
    """What is due soon, by the odds that it will be late: worked out from how long the like of it took."""

    async def act(core: Core) -> list[dict[str, Any]]:
        from bot.shift.board import board_of, why_text
        from engine.operations import directory

        async def look(tx: Transaction) -> list[dict[str, Any]]:
            chosen = [await directory.company_called(tx, company)] if company else await tx.companies.all()
            slugs, now = {one.id: one.slug for one in chosen}, core.clock.now()
            view = await board_of(tx, chosen, offered_to=None, now=now, most=most)
            return [
                {
                    "id": one.incident.label,
                    "company": slugs[one.incident.company_id],
                    "severity": one.incident.severity.value,
                    "title": one.incident.title,
                    "promise": one.clock.kind.value,
                    "due_at": one.clock.due_at.isoformat(),
                    "share": round(one.odds.share, 3) if one.odds else None,
                    "why": why_text(one, now),
                }
                for one in view.due
            ]

        return await core.read(look)

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    headings = ("INCIDENT", "COMPANY", "SEVERITY", "WHAT", "PROMISE", "DUE", "WHY")
    names = ("id", "company", "severity", "title", "promise", "due_at", "why")
    rows = [[one[name] if name != "due_at" else one[name][:16] for name in names] for one in found]
    terminal.say_table(headings, rows, nothing="Nothing is due.")


@app.command("show")
def show(
    incident: Annotated[str, typer.Argument(metavar="INC-N", help="Such as INC-42 or 42.")],
    as_json: Json = False,
) -> None:
    """Show one incident with its alerts, its story and its runs."""
    number = number_of(incident)

    async def act(core: Core) -> dict[str, Any]:
        return await core.read(lambda tx: _whole(tx, core, number))

    answer = with_core(act)
    if as_json:
        return terminal.say_json(answer)
    owner = answer["assignee"]["name"] if answer["assignee"] else None
    names = ("company", "asset", "severity", "status", "opened_at", "count", "tools", "resolution")
    facts = [(name.replace("_", " "), answer[name]) for name in names]
    clocks = [f"{one['kind']} {one['state']}, due {one['due_at'][:16]}" for one in answer["sla"]]
    terminal.say(f"{answer['id']}  {terminal.shown(answer['title'])}")
    terminal.say_facts([*facts, ("owner", owner), ("sla", clocks), ("why", answer["opened_reason"])])
    for line in answer["story"]:
        terminal.say(f"{line['at'][:19]}  {line['actor']}: {terminal.shown(line['text'])}")


async def _body(tx: Transaction, core: Core, number: int) -> dict[str, Any]:
    from bot.api.bodies import incident_body

    incident = await tx.incidents.get(number)
    if incident is None:
        raise NotFound(f"There is no INC-{number}.", hint="`aw incident list --status all` names them.")
    context = await tx.companies.context(incident.company_id)
    body = incident_body(
        incident,
        company=context.company.slug,
        people={user.id: user for user in await tx.users.all()},
        clocks=await tx.clocks.of(number),
        now=core.clock.now(),
    )
    return body.model_dump(mode="json")


async def _whole(tx: Transaction, core: Core, number: int) -> dict[str, Any]:
    from bot.api.bodies import alert_body, run_summary, story_body

    plain = await _body(tx, core, number)
    incident = await tx.incidents.get(number)
    assert incident is not None
    alerts = [alert_body(one, company=plain["company"]) for one in await tx.alerts.of_incident(number)]
    story = [story_body(one) for one in await tx.timeline.of_incident(number)]
    runs = [run_summary(one) for one in await tx.runs.of_incident(number)]
    return plain | {
        "opened_reason": incident.opened_reason,
        "assigned_reason": incident.assigned_reason,
        "alerts": [one.model_dump(mode="json") for one in alerts],
        "story": [one.model_dump(mode="json") for one in story],
        "runs": [one.model_dump(mode="json") for one in runs],
    }
