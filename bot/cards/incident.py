"""The incident's card, top to bottom as PRODUCT §4 wants it: what and where, clocks, evidence, memory, one row of
buttons, the last action. Only acts that are valid now have a button."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.actions.incidents import Details, Note, Reopen, Split, Why
from bot.ai.words import opinion_elements
from bot.articles.cards import kept_buttons, kept_fact, known_line
from bot.cards.card import (
    Actions,
    Body,
    Button,
    Card,
    Code,
    Deadline,
    Deadlines,
    DeadlineState,
    Element,
    Facts,
    Line,
    Moment,
    Person,
    Progress,
    Strong,
    Title,
    Tone,
    When,
)
from bot.cards.incident_buttons import incident_buttons
from bot.views import IncidentView
from engine.company import User
from engine.incident import Incident, duration
from engine.operations import escalate
from engine.root_cause import SILENT
from engine.sla import ClockKind, ClockState, SlaClock
from engine.suppression import QuietKind, hush, resting_until
from runbooks.run import Run as RunRecord
from runbooks.run import RunStatus
from runbooks.runbook import Risk

MESSAGE_LENGTH = 280
FAR = timedelta(hours=10)
"""A due time beyond this needs its day."""
_CLOCK_STATES = {
    ClockState.RUNNING: DeadlineState.RUNNING,
    ClockState.WARNED: DeadlineState.SOON,
    ClockState.BREACHED: DeadlineState.OVER,
    ClockState.MET: DeadlineState.MET,
    ClockState.MISSED: DeadlineState.MISSED,
}
_PROMISES = {ClockKind.RESPONSE: "respond", ClockKind.RESOLUTION: "resolve"}
_RUN_TONES = {
    RunStatus.PENDING_APPROVAL: Tone.WAITING,
    RunStatus.SUCCEEDED: Tone.GOOD,
    RunStatus.FAILED: Tone.BAD,
    RunStatus.TIMED_OUT: Tone.BAD,
    RunStatus.UNKNOWN: Tone.BAD,
    RunStatus.VOID: Tone.BAD,
}


def incident_card(view: IncidentView) -> Card:
    incident = view.incident
    elements = _open(view) if incident.open else _resolved(view)
    times = f" ×{incident.count}" if incident.count > 1 else ""
    state = "" if incident.open else " (merged)" if incident.merged_into else " (resolved)"
    summary = (
        f"{incident.label} · {incident.severity} · {incident.title} · {incident.asset_name}{times}{state}"
    )
    return Card(summary=summary, elements=tuple(elements), kind="incident", incident=incident.label)


def _open(view: IncidentView) -> list[Element]:
    incident = view.incident
    elements: list[Element] = [Title(Tone(incident.severity.value), _headline(incident)), _where(view)]
    if view.clocks:
        elements.append(Deadlines(_deadlines(view), (_owner(view), *_next_call(view))))
    else:
        elements.append(Facts((_owner(view),)))
    elements.extend(_rest(view))
    message = _message(view)
    if message:
        elements.append(Body((message,), quoted=True))
    elements.extend(_pattern(view))
    elements.extend(_group(view))
    elements.extend(opinion_elements(view.opinions, incident, view.alerts))
    elements.extend(_memory(view))
    elements.extend(known_line(view.like_it))
    elements.extend(_run_line(view))
    elements.append(incident_buttons(view))
    elements.extend(_last_action(view))
    return elements


def _headline(incident: Incident) -> Line:
    times: Line = (f"  ×{incident.count}",) if incident.count > 1 else ()
    return (
        Strong(f"{incident.label} · {cut(incident.title, 120)}"),
        f" · {cut(incident.asset_name, 60)}",
        *times,
    )


def _where(view: IncidentView) -> Facts:
    incident, asset = view.incident, view.asset
    what = incident.asset_name
    if asset is not None:
        words = [word for word in (asset.platform, "critical asset" if asset.critical else "") if word]
        what += f" ({', '.join(words)})" if words else ""
    items: list[Line] = [(Strong(view.company.name),), (cut(what, 90),), (" + ".join(incident.tools),)]
    items.append(("since ", Moment(incident.opened_at)))
    if incident.reopened:
        items.append((f"came back {incident.reopened}×",))
    return Facts(tuple(items))


def _deadlines(view: IncidentView) -> tuple[Deadline, ...]:
    shown = []
    for clock in sorted(view.clocks, key=lambda one: one.kind is ClockKind.RESOLUTION):
        if clock.paused_at is not None:
            continue  # a time that moves on while it is read says nothing: what is left is said below
        state = _CLOCK_STATES[clock.state(view.now)]
        far = clock.due_at - view.now > FAR
        shown.append(Deadline(_clock_label(clock, state), clock.due_at, state, far))
    return tuple(shown)


def left_span(left: timedelta) -> str:
    return f"{span_text(left)} left" if left > timedelta(0) else f"{span_text(-left)} over the time"


def _clock_label(clock: SlaClock, state: DeadlineState) -> str:
    verb = "Respond" if clock.kind is ClockKind.RESPONSE else "Resolve"
    if state is DeadlineState.MET:
        return f"{verb}ed in time" if verb == "Respond" else "Resolved in time"
    if state is DeadlineState.MISSED:
        return "Responded late" if verb == "Respond" else "Resolved late"
    return f"{verb} was due" if state is DeadlineState.OVER else f"{verb} by"


def _owner(view: IncidentView) -> Line:
    incident, user = view.incident, view.assignee
    if user is None:
        why = f" ({incident.assigned_reason})" if incident.assigned_reason else ""
        return (f"nobody has it yet{cut(why, 120)}",)
    if incident.touched:
        return ("in the hands of ", person(user))
    why = incident.assigned_reason.removeprefix(f"{user.name}: ")
    return ("for ", person(user, notify=not incident.test), f" ({cut(why, 120)})" if why else "")


def _next_call(view: IncidentView) -> tuple[Line, ...]:
    """Who is called next unless it is taken or solved, and when; nobody while it is quiet."""
    hop = view.next_call
    chain = escalate.chain_of(view.context)
    if hop is None or hop.step >= len(chain.steps) or resting_until(view.incident, view.context, view.now):
        return ()
    at = max(hop.at, view.now)
    style = When.DATE_TIME if at - view.now > FAR else When.TIME
    return ((f"↗ {cut(chain.steps[hop.step].words, 60)} at ", Moment(at, style)),)


def _rest(view: IncidentView) -> list[Element]:
    """Why nobody is reminded of it just now, and until when."""
    incident = view.incident
    items: list[Line] = []
    held = hush(incident, view.context, view.now)
    if held is not None and held.rule is not None and held.stretch is not None:
        rule = held.rule
        still = ", its clocks stand still" if rule.kind is QuietKind.MAINTENANCE else ""
        why = f" ({cut(rule.reason, 100)}, by {cut(rule.by, 40)}){still}"
        items.append((f"🔕 {rule.label} until ", Moment(held.stretch.ends_at), why))
    if incident.snoozed_until is not None and incident.snoozed_until > view.now:
        items.append(
            (f"💤 snoozed by {cut(incident.snoozed_by or '', 40)} until ", Moment(incident.snoozed_until))
        )
    if incident.waiting_since is not None:
        what = f": {cut(incident.waiting_for, 150)}" if incident.waiting_for else ""
        items.append(("⏸ waits for the client since ", Moment(incident.waiting_since, When.DATE_TIME), what))
    items += [
        (f"⏸ {left_span(clock.left(view.now))} to {_PROMISES[clock.kind]}",)
        for clock in view.clocks
        if clock.paused_at is not None
    ]
    return [Facts(tuple(items))] if items else []


def person(user: User, *, notify: bool = False) -> Person:
    return Person(user.name, user.slack_user, user.teams_user, notify)


def _message(view: IncidentView) -> str:
    own = [one for one in view.alerts if one.correlation_key == view.incident.correlation_key]
    newest = max(own or view.alerts, key=lambda alert: (alert.last_at, alert.id), default=None)
    return cut(" ".join(newest.message.split()), MESSAGE_LENGTH) if newest and newest.message else ""


def _group(view: IncidentView) -> list[Element]:
    """What it holds beside its own problem, where that probably began, and what may belong with it."""
    incident = view.incident
    items: list[Line] = []
    if incident.held:
        titles = {alert.correlation_key: f"{alert.title} on {alert.asset_name}" for alert in view.alerts}
        said = [titles.get(key.correlation_key, f"{key.signature} on {key.asset}") for key in view.joined]
        names = [cut(one, 60) for one in said[:2]]
        more = f" and {incident.held - len(names)} more" if incident.held > len(names) else ""
        children = sum(1 for key in view.joined if key.under)
        under = f" ({_count(children, 'child', 'children')} held)" if children else ""
        items.append((f"⛓ holds {incident.held} further{under}: ", "; ".join(names), more))
    if incident.cause and incident.held:
        items.append(cause_line(incident, 160))
    if incident.related:
        items.append((f"may belong with {', '.join(f'INC-{one}' for one in incident.related[:3])}",))
    return [Facts(tuple(items))] if items else []


def cause_line(incident: Incident, most: int) -> Line:
    """`likely began with db-01 (0.62): only it says …`, or `likely cause: sw-01, silent itself (0.56): …`."""
    asset, _, why = incident.cause.partition(": ")
    sure = f" ({incident.confidence / 100:.2f})" if incident.confidence else ""
    if why.startswith(SILENT):
        rest = why.removeprefix(SILENT).lstrip("; ")
        return ("likely cause: ", Strong(cut(asset, 60)), f", {SILENT}{sure}: {cut(rest, most)}")
    return ("likely began with ", Strong(cut(asset, 60)), f"{sure}: {cut(why, most)}" if why else sure)


def _count(many: int, one: str, more: str) -> str:
    return f"{many} {one if many == 1 else more}"


def _pattern(view: IncidentView) -> list[Element]:
    """That it flaps, or comes in rounds, and whether this one is as always."""
    incident = view.incident
    if not incident.track:
        return []
    track = incident.course
    elements: list[Element] = []
    flaps = track.flaps
    if flaps is not None:
        quiet = Moment(_moment(track.quiet_at))
        now: Line = ("firing now",) if incident.firing else ("well now; over if it is quiet until ", quiet)
        elements.append(Facts((("🔁 ", Strong(flaps.text)), now)))
    if track.unlike:
        elements.append(Facts((("🗓 ", Strong(track.unlike)), (track.rhythm,))))
    elif track.rhythm:
        items: list[Line] = [("🗓 ", track.rhythm)]
        if track.longest:
            items.append((f"over in {span_text(timedelta(seconds=track.longest))} at most so far",))
        if track.until is not None:
            items.append(("nobody is called before ", Moment(_moment(track.until))))
        elements.append(Facts(tuple(items)))
    return elements


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _memory(view: IncidentView) -> list[Element]:
    """Seen before: how often, when last, and by what it was fixed."""
    if not view.before:
        return []
    last = view.before[0]
    items: list[Line] = [("seen before: ", Strong(f"{len(view.before)}×"))]
    if last.resolved_at is not None:
        items.append(("last ", Moment(last.resolved_at, When.DATE_TIME)))
    took = duration(last)
    if took is not None:
        fixed = (
            f"fixed by {last.resolved_by} in {span_text(took)}"
            if last.resolved_by
            else f"took {span_text(took)}"
        )
        items.append((fixed,))
    return [Facts(tuple(items))]


def _suggested(view: IncidentView) -> list[Element]:
    """Why this runbook is the one that is offered, where its past says something."""
    rate = view.rates.get(view.best.id) if view.best is not None else None
    if view.best is None or rate is None or not rate.of:
        return []
    return [Facts(((Strong(view.best.title), f" {rate.words(view.company.name)}"),))]


def _run_line(view: IncidentView) -> list[Element]:
    run = view.run
    if run is None:
        return _suggested(view)
    return [Progress(_RUN_TONES.get(run.status, Tone.WORKING), run_words(run))]


def run_words(run: RunRecord) -> Line:
    """One line on how a run stands, as the card and the thread say it."""
    name = Strong(run.title)
    match run.status:
        case RunStatus.PENDING_APPROVAL:
            return (name, f" waits for an approval ({run.risk} risk), asked for by {run.requested_by_name}")
        case RunStatus.APPROVED | RunStatus.STARTING:
            return (name, f" is starting on {run.target_names}", f": {run.waiting}" if run.waiting else "")
        case RunStatus.RUNNING:
            return (name, f" is running on {run.target_names}", f": {run.waiting}" if run.waiting else "")
        case RunStatus.VERIFYING:
            return (name, " ran; checking whether it helped")
        case _:
            outcome = run.outcome or run.error or run.status.value.replace("_", " ")
            return (name, f": {cut(outcome, 200)}", f" · {run.held}" if run.held else "")


def _last_action(view: IncidentView) -> list[Element]:
    """What happened last, unless the line about the run says that already."""
    incident, run = view.incident, view.run
    if not incident.last_action or incident.last_action_at is None:
        return []
    moments = (run.requested_at, run.decided_at, run.started_at, run.finished_at) if run else ()
    if incident.last_action_at in moments:
        return []
    return [Facts(((cut(incident.last_action, 200), " · ", Moment(incident.last_action_at)),))]


def _merged(view: IncidentView, into: int) -> list[Element]:
    """Two lines: what it was, and what it is part of now."""
    incident = view.incident
    items: list[Line] = [(f"⛓ part of INC-{into} now: {cut(incident.resolution, 220)}",)]
    undo = Button("Undo: split it out", Split(into, incident.label))
    more = (Button("Why this card?", Why(incident.id)), Button("Details", Details(incident.id)))
    return [Title(Tone.INFO, _headline(incident)), Facts(tuple(items)), Actions((undo,), more)]


def _resolved(view: IncidentView) -> list[Element]:
    """Two lines: what it was, and how it ended."""
    incident = view.incident
    if incident.merged_into is not None:
        return _merged(view, incident.merged_into)
    took = duration(incident)
    fix = _fix(view)
    items: list[Line] = [(f"Resolved by {incident.resolved_by or 'nobody in particular'}",)]
    if took is not None:
        items.append((f"after {span_text(took)}",))
    if fix:
        items.append(fix)
    if incident.resolved_at is not None:
        items.append((Moment(incident.resolved_at),))
    if incident.track and (rhythm := incident.course.rhythm):
        items.append((f"🗓 {rhythm}",))
    number = incident.id
    items.extend(kept_fact(view.article))
    asked, kept = kept_buttons(incident, view.article)
    more = (
        *kept,
        Button("Reopen", Reopen(number)),
        Button("Add a note", Note(number)),
        Button("Why this card?", Why(number)),
        Button("Details", Details(number)),
    )
    return [Title(Tone.GOOD, _headline(incident)), Facts((*items,)), Actions(asked, more)]


def _fix(view: IncidentView) -> Line:
    done = next((run for run in view.runs if run.status is RunStatus.SUCCEEDED and not run.looks), None)
    if done is not None:
        return ("fix: ", Code(done.runbook_id), f" (verified{f', {done.held}' if done.held else ''})")
    return (cut(view.incident.resolution, 160),) if view.incident.resolution else ()


def risk_words(risk: Risk) -> str:
    return f"{risk.value} risk"


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def span_text(span: timedelta) -> str:
    """`45 s`, `7 min`, `3 h 20 min`, `2 days`: what a person would say."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{hours // 24} days"


def left_text(due_at: datetime, now: datetime) -> str:
    """`12 min left` or `5 min over`."""
    span = due_at - now
    return f"{span_text(span)} left" if span >= timedelta(0) else f"{span_text(-span)} over"
