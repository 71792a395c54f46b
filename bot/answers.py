"""Answers to questions, for the asker alone: help, status, lists, why, details. Cards like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from bot import why
from bot.actions.incidents import Why
from bot.cards.card import (
    Actions,
    Body,
    Button,
    Card,
    Code,
    Divider,
    Element,
    Facts,
    Line,
    Log,
    Moment,
    Strong,
    Table,
    Title,
    Tone,
    When,
)
from bot.cards.incident import cause_line, cut, left_text, run_words, span_text
from bot.cards.quiet import quiet_line
from bot.views import CompanyView, IncidentView
from engine.access import GRANTS, Actor, Verb
from engine.alert import AlertStatus, Severity
from engine.audit import TimelineEntry
from engine.company import Company, Role, User
from engine.evidence import JOIN
from engine.incident import Incident
from engine.patterns import FLAP_CHANGES, FLAP_QUIET, FLAP_SPAN
from engine.track import Track

WORDS: tuple[tuple[str, str, Verb], ...] = (
    ("/aw status [company]", "how a company is doing", Verb.SEE),
    ("/aw list", "what is open here", Verb.SEE),
    ("/aw home", "your queue, what you have to decide, what is due soon", Verb.SEE),
    ("/aw mine", "what you have", Verb.CLAIM),
    ("/aw board [company]", "what is due soon, by the odds that it will be late", Verb.CLAIM),
    ("/aw INC-42", "one incident and its buttons", Verb.SEE),
    ("/aw claim INC-42", "take it", Verb.CLAIM),
    ("/aw note INC-42 what you saw", "write it into the thread", Verb.NOTE),
    ("/aw ask INC-42 what changed before this?", "an answer from what is known here", Verb.INQUIRE),
    ("/aw kb disk full", "search what fixed it before; `/aw kb add INC-42`", Verb.READ_ARTICLE),
    ("/aw run disk-clean-up INC-42", "run a runbook", Verb.RUN_LOW),
    ("/aw resolve INC-42 what fixed it", "close it", Verb.RESOLVE),
    ("/aw time", "your drafted time, booked by a press; also /aw time INC-42", Verb.CLAIM),
    ("/aw hold INC-42 what for", "wait for the client: its clocks stand still", Verb.HOLD),
    ("/aw escalate INC-42 why", "call the next level now", Verb.ESCALATE),
    ("/aw oncall", "who is on call; `/aw oncall me 2h` stands in; `/aw oncall swap @bob`", Verb.CLAIM),
    ("/aw handoff @bob INC-42", "give it on, or all of yours; they have to accept", Verb.CLAIM),
    ("/aw page @bob why", "an urgent word; also `/aw page oncall acme why`", Verb.CLAIM),
    ("/aw leave until friday", "you get nothing while away; also mon-fri; /aw back", Verb.CLAIM),
    ("/aw who [company]", "who works for it, who is there, who is on call", Verb.CLAIM),
    ("/aw approve INC-42", "see what waits for an approval, and decide", Verb.APPROVE_MEDIUM),
    ("/aw reject INC-42 why", "say no to it", Verb.APPROVE_MEDIUM),
    ("/aw snooze INC-42 2h", "no reminders for a time", Verb.SNOOZE),
    ("/aw silence web-01 2h why", "hold its alerts; shows first what that hides", Verb.SILENCE),
    ("/aw silence list", "what is quiet, and how much it holds", Verb.SEE),
    ("/aw maint sat 22:00-02:00 weekly why", "plan maintenance", Verb.MAINTAIN),
    ("/aw report [company] [30d]", "what came in, what it became, how quickly; --share posts it", Verb.SEE),
    ("/aw merge INC-7 into INC-42", "they are one problem", Verb.MERGE),
    ("/aw split INC-42", "take a part out again", Verb.MERGE),
    ("/aw why INC-42", "why this card exists", Verb.SEE),
    ("/aw alias", "whose addresses those are; accept or refuse a guess", Verb.COMPANY_SETTINGS),
    ("/aw test [company]", "send a marked test alert and see each step", Verb.COMPANY_SETTINGS),
    ("/aw config [company]", "its settings and where each comes from", Verb.COMPANY_SETTINGS),
    ("/aw config acme window 10", "what that would have done; asks first", Verb.COMPANY_SETTINGS),
    ("/aw deadletter", "what tools sent that I could not read", Verb.COMPANY_SETTINGS),
    ("/aw patches [company] [asset]", "how its machines in AWS are patched", Verb.REQUEST_RUN),
    ("/aw verify [company]", "prove our access to its clouds, changing nothing", Verb.MSP_SETTINGS),
    ("/aw audit [company]", "who did what; also /aw audit INC-42", Verb.AUDIT),
    ("/aw guide [tool]", "how a tool is connected; also workflow, security", Verb.SEE),
    ("/aw outbreaks", "the same trouble at several companies", Verb.MSP_SETTINGS),
    ("/aw token [30d]", "a token for the REST interface; `/aw token revoke` ends yours", Verb.SEE),
    ("/aw whoami", "who I think you are", Verb.SEE),
)
"""What help shows: what to type, what it does, and who may."""
ROLE_NAMES = {
    Role.TECHNICIAN: "technician",
    Role.COMPANY_ADMIN: "company admin",
    Role.MSP_ADMIN: "MSP admin",
    Role.CLIENT_VIEWER: "client viewer",
}


_SIGNS = {
    AlertStatus.FIRING: "🔥",
    AlertStatus.RESOLVED: "✓",
    AlertStatus.NO_DATA: "∅ no data:",
    AlertStatus.NOTICE: "ℹ",
}


def help_card(actor: Actor) -> Card:
    """Only what this person may do."""
    role = actor.user.role if actor.user else Role.CLIENT_VIEWER
    rows = tuple(((Code(word), f"  {what}") for word, what, verb in WORDS if verb in GRANTS[role]))
    elements: tuple[Element, ...] = (
        Title(Tone.INFO, (Strong("What you can do here"),)),
        Table((), tuple((line,) for line in rows)),
        Facts(
            (
                ("INC-42, 42 and inc42 all work. In an incident's thread, mention me: no number is needed.",),
                ("Only you read an answer; with --share behind the words the company's channel does.",),
            )
        ),
    )
    return Card(summary="What you can do with /aw", elements=elements)


def whoami_card(actor: Actor, companies: Sequence[Company], mail_back: str = "") -> Card:
    """`mail_back`: why mail to them came back, if it did."""
    assert actor.user is not None
    user = actor.user
    names = ", ".join(company.name for company in companies) or "no company yet"
    elements: tuple[Element, ...] = (
        Title(Tone.INFO, (Strong(user.name), f", {ROLE_NAMES[user.role]}")),
        Facts(
            (
                (user.email,),
                (f"companies: {cut(names, 300)}",),
                (f"skills: {', '.join(sorted(user.skills)) or 'none named'}",),
                *([(f"⚠ mail to you comes back: {cut(mail_back, 200)}",)] if mail_back else []),
            )
        ),
    )
    return Card(summary=f"You are {user.name}, {ROLE_NAMES[user.role]}", elements=elements)


def status_card(view: CompanyView, people: Mapping[int, User], now: datetime) -> Card:
    name, total = view.company.name, sum(view.counts.values())
    held = quiet_line(view.quiet, now)
    silent: tuple[Element, ...] = (Facts((held,)),) if held else ()
    if not total:
        nothing: tuple[Element, ...] = (Title(Tone.GOOD, (Strong(name), ": nothing is open.")), *silent)
        return Card(summary=f"{name}: nothing is open", elements=nothing)
    worst = next(severity for severity in Severity if view.counts.get(severity.value))
    parts = [f"{view.counts[one.value]} {one.value}" for one in Severity if view.counts.get(one.value)]
    elements: list[Element] = [
        Title(Tone(worst.value), (Strong(f"{name}: {total} open"), f" ({', '.join(parts)})")),
        Table((), tuple(row(incident, people, view.due, now) for incident in view.open)),
    ]
    if view.waiting:
        titles = "; ".join(f"{run.title} on {run.target_names}" for run in view.waiting[:5])
        elements.append(Facts(((f"✋ waits for an approval: {cut(titles, 400)}",),)))
    elements.extend(silent)
    if total > len(view.open):
        elements.append(Facts(((f"and {total - len(view.open)} more; `/aw list` shows the newest.",),)))
    return Card(summary=f"{name}: {total} open", elements=tuple(elements))


def board_card(rows: Sequence[tuple[Company, Mapping[str, int]]]) -> Card:
    """Every company that the asker sees, worst first."""
    ordered = sorted(rows, key=lambda row: ([-row[1].get(one.value, 0) for one in Severity], row[0].slug))
    lines: list[tuple[Line, ...]] = []
    for company, counts in ordered:
        parts = [f"{counts[one.value]} {one.value}" for one in Severity if counts.get(one.value)]
        lines.append(((Strong(company.name), ": " + (", ".join(parts) or "nothing open")),))
    total = sum(sum(counts.values()) for _, counts in rows)
    title = Title(Tone.GOOD if not total else Tone.INFO, (Strong(f"{len(rows)} companies, {total} open"),))
    return Card(summary=f"{total} open in {len(rows)} companies", elements=(title, Table((), tuple(lines))))


def list_card(
    title: str,
    incidents: Sequence[Incident],
    people: Mapping[int, User],
    due: Mapping[int, datetime],
    now: datetime,
    *,
    total: int = 0,
    order: str = "worst",
) -> Card:
    """`total`: how many there are when only the first are given; `order`: which those are."""
    if not incidents:
        return Card(
            summary=f"{title}: nothing", elements=(Title(Tone.GOOD, (Strong(title), ": nothing open.")),)
        )
    rows = tuple(row(incident, people, due, now) for incident in incidents)
    count = f"{title}: {max(total, len(incidents)):,} open"
    elements: list[Element] = [Title(Tone.INFO, (Strong(count),)), Table((), rows)]
    if total > len(incidents):
        elements.append(
            Facts(((f"these are the {order} {len(incidents)}; {total - len(incidents):,} more",),))
        )
    return Card(summary=count, elements=tuple(elements))


_DOT = {
    Severity.CRITICAL: "🔴",
    Severity.HIGH: "🟠",
    Severity.MEDIUM: "🟡",
    Severity.LOW: "🔵",
    Severity.INFO: "⚪",
}


def row(
    incident: Incident, people: Mapping[int, User], due: Mapping[int, datetime], now: datetime
) -> tuple[Line, ...]:
    owner = people.get(incident.assignee_id) if incident.assignee_id is not None else None
    who = f"{owner.name}{'' if incident.touched else ' (not claimed)'}" if owner else "nobody"
    at = due.get(incident.id)
    times = f" ×{incident.count}" if incident.count > 1 else ""
    times += " 🔁" if incident.track and incident.course.flapping is not None else ""
    times += " 💤" if incident.snoozed_until is not None and incident.snoozed_until > now else ""
    return (
        (f"{_DOT[incident.severity]} ", Strong(incident.label), f" {cut(incident.title, 70)}{times}"),
        (cut(incident.asset_name, 40),),
        (who,),
        (left_text(at, now),) if at is not None else ("",),
    )


def why_card(view: IncidentView, around: why.Around | None = None, odds: Sequence[str] = ()) -> Card:
    """The rule, the key, the windows, the score, who and why; and what a different setting would have done."""
    incident, company = view.incident, view.company
    owner: Line = (incident.assigned_reason or "nobody was free",)
    window, reopen = span_text(company.window), span_text(company.reopen_window)
    elements: tuple[Element, ...] = (
        Title(Tone.INFO, (Strong(f"Why {incident.label} exists"),)),
        Body((Strong("Opened because "), incident.opened_reason, ".")),
        Body((Strong("Key "), Code(incident.correlation_key), f": {_taken(incident)} so far.")),
        *_pattern(view),
        *_joined(view),
        *(why.elements(around) if around is not None else ()),
        Body((Strong("Assigned because " if view.assignee else "Assigned to nobody: "), *owner, ".")),
        Body((Strong("Priority "), view.priority.explain(), ".")),
        *((Body((Strong("Odds of being late. "), " ".join(odds))),) if odds else ()),
        Facts(((f"window {window}, reopening within {reopen} after it is resolved",),)),
    )
    return Card(summary=f"Why {incident.label} exists", elements=elements)


def _taken(incident: Incident) -> str:
    """What it has taken in, by its own key and by those that it holds."""
    count = "1 alert" if incident.count == 1 else f"{incident.count:,} alerts"
    return f"{count}, what it holds included," if incident.held else count


def _pattern(view: IncidentView) -> list[Element]:
    """The rules of flapping and of series, as far as they have to do with it."""
    if not view.incident.track:
        return []
    track, now = view.incident.course, view.now
    found: list[Element] = []
    flaps = track.flaps
    if flaps is not None:
        rule = (
            f"{flaps.text[:1].upper()}{flaps.text[1:]} ",
            f"because it began or stopped firing at least {FLAP_CHANGES} times within "
            f"{span_text(timedelta(seconds=FLAP_SPAN))}. It stays one open incident until it has been quiet for "
            f"{span_text(timedelta(seconds=FLAP_QUIET))}; then it is over if monitoring said so last.",
        )
        found.append(Body((Strong(rule[0]), rule[1])))
    if track.rhythm:
        found.append(Body((Strong("Comes in rounds: "), f"{track.rhythm}.", *_due(view, track, now))))
    if track.unlike:
        found.append(
            Body((Strong(f"{track.unlike[:1].upper()}{track.unlike[1:]}."), " So people hear of it."))
        )
    elif track.until is not None:
        text = "as always so far: not worse, not at an unusual hour, and every round was over by itself. "
        found.append(
            Body((Strong("This one is "), text, "From ", _at(track.until), " on somebody is called."))
        )
    return found


def _due(view: IncidentView, track: Track, now: datetime) -> Line:
    due = track.next_at(view.company.timezone)
    if due is None:
        return ()
    return (" It was due again " if due < now.timestamp() else " Due again ", _at(due), ".")


def _at(at: float) -> Moment:
    return Moment(datetime.fromtimestamp(at, UTC), When.DATE_TIME)


def _joined(view: IncidentView) -> list[Element]:
    """Why each further problem is in it, the latest first; where it began, and what it was kept apart from."""
    incident = view.incident
    found: list[Element] = []
    if view.joined:
        lines = [f"{one.asset}: {one.signature}, {cut(one.reason, 300)}" for one in reversed(view.joined)]
        more = f"\nand {len(lines) - 8} more" if len(lines) > 8 else ""
        found.append(Body((Strong(f"Holds {incident.held} further problems:"),)))
        found.append(
            Log(
                "\n".join(lines[:8]) + more,
                caption=f"{JOIN:.2f} in all joins; each can be split out again: /aw split",
            )
        )
    if incident.cause:
        lead, *rest = cause_line(incident, 300)
        found.append(Body((f"{str(lead)[0].upper()}{str(lead)[1:]}", *rest, ".")))
    if incident.merged_into is not None:
        found.append(
            Body((Strong(f"Part of INC-{incident.merged_into} "), f"because {incident.resolution}."))
        )
    return found


def details_card(view: IncidentView, story: Sequence[TimelineEntry], odds: Sequence[str] = ()) -> Card:
    """Everything known: the alerts, the runs, the story so far."""
    incident = view.incident
    elements: list[Element] = [Title(Tone.INFO, (Strong(f"{incident.label} in detail"),))]
    shown = view.alerts[:8]
    rows = tuple(
        (
            (
                Strong(alert.tool),
                f" {_SIGNS[alert.status]} {cut(alert.title, 80)}",
            ),
            (f"×{alert.count}",),
            ("last ", Moment(alert.last_at, When.DATE_TIME)),
        )
        for alert in shown
    )
    elements.append(Table((), rows))
    newest = shown[-1] if shown else None
    if newest is not None and (newest.message or newest.labels):
        labels = "\n".join(f"{name} = {value}" for name, value in list(newest.labels.items())[:20])
        elements.append(
            Log("\n".join(part for part in (newest.message, labels) if part), caption="As the tool said it")
        )
    if view.runs:
        elements.append(Divider())
        elements.extend(Body(run_words(run)) for run in view.runs[:5])
    if story:
        elements.append(Divider())
        elements.append(
            Table(
                (),
                tuple(((Moment(one.at), f" {cut(' '.join(one.text.split()), 160)}"),) for one in story[-12:]),
            )
        )
    if odds:
        elements.append(Facts(tuple((one,) for one in odds)))
    elements.append(Actions((Button("Why this card?", Why(incident.id)),)))
    return Card(summary=f"{incident.label} in detail", elements=tuple(elements))
