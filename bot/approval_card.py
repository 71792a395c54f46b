"""The approval card: exactly what would run, where, why, how to undo it; and the run's lines and output in a thread."""

from __future__ import annotations

from bot.actions import Approve, Reject
from bot.cards import (
    Actions,
    Body,
    Button,
    Card,
    Code,
    Element,
    Facts,
    Line,
    Log,
    Moment,
    Strong,
    Style,
    Title,
    Tone,
)
from bot.incident_card import cut, person, span_text
from bot.views import ApprovalView
from engine.audit import TimelineEntry, TimelineKind
from engine.company import User
from engine.incident import Incident
from engine.suppression import QuietKind, hush
from runbooks.run import Run, RunStatus
from runbooks.runbook import Risk

_RISK_TONES = {Risk.LOW: Tone.LOW, Risk.MEDIUM: Tone.MEDIUM, Risk.HIGH: Tone.CRITICAL}
_ENDED = {
    RunStatus.REJECTED: (Tone.BAD, "Rejected"),
    RunStatus.EXPIRED: (Tone.INFO, "Expired"),
    RunStatus.SUPERSEDED: (Tone.INFO, "No longer needed"),
    RunStatus.VOID: (Tone.BAD, "Void"),
    RunStatus.CANCELLED: (Tone.INFO, "Withdrawn"),
}
DIGEST_SHOWN = 64


def approval_card(view: ApprovalView) -> Card:
    run = view.run
    label = view.incident.label if view.incident else ""
    waiting = run.status is RunStatus.PENDING_APPROVAL
    elements = _waiting(view) if waiting else _decided(run)
    state = "Approval needed" if waiting else _decision(run)
    return Card(
        summary=f"{state}: {run.label} ({run.risk.value} risk)",
        elements=tuple(elements),
        kind="approval",
        incident=label,
    )


def _waiting(view: ApprovalView) -> list[Element]:
    run, runbook = view.run, view.runbook
    count = len(run.targets)
    where = f"{count} machine{'s' if count != 1 else ''}: {run.target_names}"
    facts: list[Line] = [
        (Strong(f"{run.risk.value} risk"), f": {runbook.risk_reason}" if runbook else ""),
        (f"asked for by {run.requested_by_name}",),
        *_planned(view),
    ]
    elements: list[Element] = [
        Title(_RISK_TONES[run.risk], (Strong(f"Approve “{run.title}” on {cut(run.target_names, 80)}?"),)),
        Facts(tuple(facts)),
        Body((Strong("Where: "), cut(where, 400), _place(run))),
    ]
    if run.parameters:
        pairs: list[str | Code | Strong] = [Strong("With: ")]
        for name, value in run.parameters.items():
            pairs += [f"{name} = ", Code(value), "  "]
        elements.append(Body(tuple(pairs)))
    changed = changes(view.last_approved, run)
    elements.append(Body((Strong("Last approved run here: "), changed)))
    elements.append(Log(run.script, caption="The exact script"))
    if runbook is not None:
        elements.append(Body((Strong("Undo: "), runbook.undo)))
    names = [part for user in view.deciders[:4] for part in (person(user, notify=True), " ")]
    who: Line = ("Who can decide: ", *names)
    if not view.deciders:
        who = ("Nobody here may decide this yet; an MSP admin has to be added.",)
    ends: Line = ("expires ", Moment(run.expires_at)) if run.expires_at else ()
    elements.append(Facts((who, ends) if ends else (who,)))
    digest = run.digest[:DIGEST_SHOWN]
    confirm = f"Run “{run.title}” on {cut(run.target_names, 120)} now?"
    elements.append(
        Actions(
            (
                Button("Approve", Approve(run.id, digest), Style.PRIMARY, confirm=confirm),
                Button("Reject", Reject(run.id), Style.DANGER),
            )
        )
    )
    return elements


def _place(run: Run) -> str:
    """The account that it would run in, and where in it if that is told apart."""
    return "".join(f" · {part}" for part in (f"{run.provider.label} {run.account}", run.region) if part)


def _planned(view: ApprovalView) -> list[Line]:
    """Whether it was asked for inside of a maintenance window."""
    if view.incident is None:
        return []
    held = hush(view.incident, view.context, view.run.requested_at)
    if held is None or held.rule is None or held.stretch is None or held.rule.kind is QuietKind.SILENCE:
        return []
    return [
        (f"inside {held.rule.label} (", cut(held.rule.reason, 80), ") until ", Moment(held.stretch.ends_at))
    ]


def changes(last: Run | None, run: Run) -> str:
    """What differs from the last approved run of this runbook at this company, in words."""
    if last is None:
        return "none; this is the first."
    differing = []
    if last.script != run.script:
        differing.append("the script text")
    if dict(last.parameters) != dict(run.parameters):
        names = sorted(
            name
            for name in {*last.parameters, *run.parameters}
            if last.parameters.get(name) != run.parameters.get(name)
        )
        differing.append("parameters " + ", ".join(names))
    if [one.cloud_ref for one in last.targets] != [one.cloud_ref for one in run.targets]:
        differing.append("the target")
    outcome = last.status.value.replace("_", " ")
    took = f" in {span_text(last.duration)}" if last.duration else ""
    said = "exactly the same" if not differing else "differs in " + " and ".join(differing)
    return f"{said}; it {outcome}{took}."


def _decision(run: Run) -> str:
    if run.status in _ENDED:
        return _ENDED[run.status][1]
    return "Approved"


def _decided(run: Run) -> list[Element]:
    """What was asked and how it was decided; nothing left to press."""
    tone, word = _ENDED.get(run.status, (Tone.GOOD, "Approved"))
    by = f" by {run.decided_by_name}" if run.decided_by_name and word in ("Approved", "Rejected") else ""
    items: list[Line] = [(f"{word}{by}",), (f"asked for by {run.requested_by_name}",)]
    if run.decided_at is not None:
        items.append((Moment(run.decided_at),))
    if run.decision_note:
        items.append((f"“{cut(run.decision_note, 200)}”",))
    elif word in ("Void", "Expired", "No longer needed") and run.outcome:
        items.append((cut(run.outcome, 200),))
    return [Title(tone, (Strong(f"{run.title} on {cut(run.target_names, 80)}"),)), Facts(tuple(items))]


def story_card(entry: TimelineEntry, incident: Incident, called: User | None = None) -> Card:
    """One told line of the timeline, with its output, as a message in the incident's thread. `called` is who should
    look at it now."""
    words = cut(entry.text, 2500)
    elements: list[Element] = []
    if entry.kind is TimelineKind.NOTE:
        elements.append(Body((Strong(f"{entry.actor}: "), words)))
    else:
        elements.append(Body((words, " ", person(called, notify=True)) if called else (words,)))
    if entry.body:
        elements.append(Log(entry.body))
    return Card(summary=cut(entry.text, 300), elements=tuple(elements), kind="story", incident=incident.label)
