"""The approval card: exactly what would run, where, why, how to undo it; and the run's lines and output in a thread."""

from __future__ import annotations

from collections.abc import Sequence

from bot.actions.people import ExplainLate
from bot.actions.runs import Again, Approve, BreakGlass, Looking, Reject, SignReview
from bot.cards.card import (
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
    When,
)
from bot.cards.incident import cut, person, span_text
from bot.views import ApprovalView
from engine.audit import TimelineEntry, TimelineKind
from engine.company import User
from engine.incident import Incident
from engine.suppression import QuietKind, hush
from runbooks import history
from runbooks.custom import CUSTOM
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
_WORTH_ANOTHER = (RunStatus.EXPIRED, RunStatus.VOID)
PIECE = 2_300
"""Characters of a script in one piece: what every renderer shows uncut."""
DIGEST_SHOWN = 64


def approval_card(view: ApprovalView) -> Card:
    run = view.run
    label = view.incident.label if view.incident else ""
    waiting = run.status is RunStatus.PENDING_APPROVAL
    elements = _waiting(view) if waiting else _decided(view)
    state = "Approval needed" if waiting else _decision(run)
    return Card(
        summary=f"{state}: {run.label} ({run.risk.value} risk)",
        elements=tuple(elements),
        kind="approval",
        incident=label,
        deciders=tuple(person(user) for user in view.deciders) if waiting else (),
    )


def _waiting(view: ApprovalView) -> list[Element]:
    run, runbook = view.run, view.runbook
    count = len(run.targets)
    where = f"{count} machine{'s' if count != 1 else ''}: {run.target_names}"
    facts: list[Line] = [
        (Strong(f"{run.risk.value} risk"), f": {runbook.risk_reason}" if runbook else ""),
        (f"asked for by {run.requested_by_name}", f": {cut(run.reason, 200)}" if run.reason else ""),
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
            pairs += [f"{name} = ", Code(value), "  ·  "]
        elements.append(Body(tuple(pairs[:-1])))
    elements.extend(_compared(view))
    elements.extend(_whole("The exact script", run.script))
    if run.runbook_id == CUSTOM:
        elements.extend(_whole("Its check", run.verify_script))
    if runbook is not None:
        elements.append(Body((Strong("Undo: "), runbook.undo)))
    names = [part for user in view.deciders[:4] for part in (person(user, notify=True), " ")]
    who: Line = ("Who can decide: ", *names)
    if not view.deciders:
        who = ("Nobody here may decide this yet; an MSP admin has to be added.",)
    ends: Line = ("expires ", Moment(run.expires_at)) if run.expires_at else ()
    elements.append(Facts((who, ends) if ends else (who,)))
    elements.extend(_agreed(run))
    digest = run.digest[:DIGEST_SHOWN]
    confirm = f"Run “{run.title}” on {cut(run.target_names, 120)} now?"
    buttons = [
        Button("Approve", Approve(run.id, digest), Style.PRIMARY, confirm=confirm, reserved=True),
        Button("Reject", Reject(run.id), Style.DANGER, reserved=True),
        Button("I look at it", Looking(run.id), reserved=True),
    ]
    if view.glass:
        elements.append(Facts((("Nobody who could agree can be reached: the glass may be broken.",),)))
        buttons.append(Button("Break glass…", BreakGlass(run.id, digest), Style.DANGER))
    elements.append(Actions(tuple(buttons)))
    return elements


def _whole(caption: str, text: str) -> list[Element]:
    """Every line of it, in as many pieces as it takes: what is agreed to is read, not cut."""
    pieces, piece = [], ""
    for line in text.splitlines(keepends=True):
        for start in range(0, len(line), PIECE):
            part = line[start : start + PIECE]
            if len(piece) + len(part) > PIECE:
                pieces.append(piece)
                piece = ""
            piece += part
    pieces.append(piece)
    if len(pieces) == 1:
        return [Log(text, caption=caption, what="script")]
    count = len(pieces)
    return [
        Log(one, caption=f"{caption} ({n} of {count})", what=f"script ({n} of {count})")
        for n, one in enumerate(pieces, 1)
    ]


def _place(run: Run) -> str:
    """The account that it would run in, and where in it if that is told apart."""
    return "".join(f" · {part}" for part in (f"{run.provider.label} {run.account}", run.region) if part)


def _planned(view: ApprovalView) -> list[Line]:
    """Whether it was asked for inside of a maintenance window, or not."""
    if view.incident is None:
        return []
    held = hush(view.incident, view.context, view.run.requested_at)
    if held is None or held.rule is None or held.stretch is None or held.rule.kind is QuietKind.SILENCE:
        return [("no maintenance is on",)]
    return [
        (f"inside {held.rule.label} (", cut(held.rule.reason, 80), ") until ", Moment(held.stretch.ends_at))
    ]


def _compared(view: ApprovalView) -> list[Element]:
    """How it went here before, and what is different from what was agreed to last."""
    run, earlier = view.run, view.earlier
    items: list[Line] = []
    went = history.ran(earlier)
    if went:
        newest, oldest = (one.finished_at for one in (went[0], went[-1]))
        since: Line = (Moment(newest, When.DATE_TIME),) if newest else ()
        if len(went) > 1 and oldest:
            since = (*since, " back to ", Moment(oldest, When.DATE_TIME))
        items.append((Strong("Here before: "), f"{history.marks(earlier)}  (newest first, ", *since, ")"))
    else:
        items.append((Strong("Here before: "), "never; this is the first"))
    took = history.typical(earlier)
    if took is not None:
        items.append((f"takes {span_text(took)} as a rule",))
    elements: list[Element] = [Facts(tuple(items))]
    last = history.last_agreed(earlier)
    if last is None or last.decided_at is None:
        return elements
    by = f"approved {span_text(view.now - last.decided_at)} ago by {last.decided_by_name}"
    changed = history.difference(last, run)
    if changed:
        elements.append(Log(changed, caption=f"What differs from the one {by}", what="what differs"))
    else:
        where = "" if _refs(last) == _refs(run) else ", but on other machines"
        elements.append(Body((Strong("Script and values: "), f"the same as {by}{where}")))
    return elements


def _refs(run: Run) -> set[str]:
    return {one.cloud_ref for one in run.targets}


def _agreed(run: Run) -> list[Element]:
    """Who has agreed, of how many, and who is at it."""
    items: list[Line] = []
    if run.approvals_needed > 1:
        names = f": {', '.join(one.name for one in run.approvals)}" if run.approvals else ""
        items.append((f"{len(run.approvals)} of {run.approvals_needed} agreed{names}",))
    for one in run.looking[-2:]:
        items.append((f"👀 {one.name} looks at it since ", Moment(one.at)))
    return [Facts(tuple(items))] if items else []


_BROKEN = "Started by break-glass"


def _decision(run: Run) -> str:
    if run.broken_by is not None:
        return _BROKEN
    return _came_to(run)[1]


def _came_to(run: Run) -> tuple[Tone, str]:
    """What became of the request: one that was let go stays approved, also when the run was stopped later."""
    let_go = run.status is RunStatus.CANCELLED and run.started_at is not None
    return (Tone.GOOD, "Approved") if let_go else _ENDED.get(run.status, (Tone.GOOD, "Approved"))


def _decided(view: ApprovalView) -> list[Element]:
    """What was asked and how it was decided; what came to nothing can be asked for once more."""
    run = view.run
    tone, word = _came_to(run)
    if run.broken_by is not None and word == "Approved":
        tone, word = Tone.BAD, _BROKEN
    by = (
        f" by {run.decided_by_name}"
        if run.decided_by_name and word in ("Approved", "Rejected", _BROKEN)
        else ""
    )
    items: list[Line] = [(f"{word}{by}",), (f"asked for by {run.requested_by_name}",)]
    if run.decided_at is not None:
        items.append((Moment(run.decided_at),))
    if run.decision_note:
        items.append((f"“{cut(run.decision_note, 200)}”",))
    elif word in ("Void", "Expired", "No longer needed") and run.outcome:
        items.append((cut(run.outcome, 200),))
    if view.newer is not None:
        at = Moment(view.newer.requested_at)
        items.append(
            (f"in its place: what {view.newer.requested_by_name} asked for at ", at, ", in this thread")
        )
    elements: list[Element] = [
        Title(tone, (Strong(f"{run.title} on {cut(run.target_names, 80)}"),)),
        Facts(tuple(items)),
        *_review(view),
    ]
    if view.incident is not None and view.incident.open and run.status in _WORTH_ANOTHER:
        elements.append(Actions((Button("Request again", Again(run.id)),)))
    return elements


def _review(view: ApprovalView) -> list[Element]:
    """What was started without an approval is not over before somebody else has signed it."""
    review = view.review
    if review is None:
        return []
    if review.signed_at is not None:
        by: Line = (f"signed by {review.signed_by_name} ", Moment(review.signed_at, When.DATE_TIME))
        return [Facts((by, (f"“{cut(review.note, 300)}”",)))]
    open_line = f"The review is open: an MSP admin other than {review.broken_by_name} has to sign it."
    return [Body((open_line,)), Actions((Button("Sign the review…", SignReview(view.run.id)),))]


def story_card(entry: TimelineEntry, incident: Incident, called: Sequence[User] = ()) -> Card:
    """One told line of the timeline, with its output, as a message in the incident's thread. `called` is who should
    look at it now."""
    words = cut(entry.text, 2500)
    elements: list[Element] = []
    if entry.kind is TimelineKind.NOTE:
        elements.append(Body((Strong(f"{entry.actor}: "), words)))
    else:
        elements.append(
            Body((words, *(part for user in called for part in (" ", person(user, notify=True)))))
        )
    if entry.body:
        elements.append(Log(entry.body))
    if entry.kind is TimelineKind.BREACHED:
        elements.append(Actions((Button("Why late?", ExplainLate(incident.id)),)))
    return Card(summary=cut(entry.text, 300), elements=tuple(elements), kind="story", incident=incident.label)
