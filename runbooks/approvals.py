"""Who may agree to a run, and to what exactly: an approval is bound to a digest of all that would happen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from engine.access import Actor, Denied, Verb, Via, may, who_could
from engine.company import User
from engine.errors import NotFound, Refused
from runbooks.run import Run, RunStatus
from runbooks.runbook import Risk

TTL = timedelta(minutes=30)
"""How long an approval may be given after it was asked for."""

REMIND = timedelta(minutes=10)
"""How long before that those who could decide are called, once."""

SHORTEST_SHOWN = 12
"""A button may carry the beginning of the digest, at least this many of its 64 digits."""

DECIDES: dict[Risk, Verb | None] = {
    Risk.LOW: None,
    Risk.MEDIUM: Verb.APPROVE_MEDIUM,
    Risk.HIGH: Verb.APPROVE_HIGH,
}
ASKS: dict[Risk, Verb] = {Risk.LOW: Verb.RUN_LOW, Risk.MEDIUM: Verb.REQUEST_RUN, Risk.HIGH: Verb.REQUEST_RUN}


def digest(run: Run) -> str:
    """SHA-256 in hex of what would happen: runbook, scripts, parameters, targets, account and region."""
    basis = {
        "company": run.company_id,
        "runbook": run.runbook_id,
        "version": run.runbook_version,
        "risk": run.risk.value,
        "script": run.script,
        "verify": run.verify_script,
        "timeout": int(run.timeout.total_seconds()),
        "parameters": dict(run.parameters),
        "targets": [[one.asset_name, one.cloud_ref, one.platform.value, one.region] for one in run.targets],
        "executor": run.executor,
        "account": run.account,
        "region": run.region,
    }
    if run.approvals_needed > 1:
        basis["approvals"] = run.approvals_needed
    text = json.dumps(basis, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def needed(run: Run) -> Verb | None:
    """What somebody has to be allowed to decide about this run; None when nobody is asked."""
    verb = DECIDES[run.risk]
    return Verb.APPROVE_MEDIUM if verb is None and run.approvals_needed > 0 else verb


def deciders(run: Run, people: Sequence[User]) -> tuple[User, ...]:
    """Who of the company's directory may decide this run, the requester and who agreed already left out."""
    verb = needed(run)
    if verb is None:
        return ()
    settled = {run.requested_by, *(one.by for one in run.approvals)}
    return tuple(user for user in who_could(people, verb, run.company_id) if user.id not in settled)


def check_decider(run: Run, actor: Actor, people: Sequence[User], *, verb_name: str = "approve") -> None:
    """Raises Refused (with who could) unless this person may decide this run."""
    verb = needed(run)
    others = tuple(user.id for user in deciders(run, people))
    if actor.user is None:
        raise Refused("A run is decided by a person.", who=others, code="denied")
    answer = may(actor, verb or Verb.RUN_LOW, run.company_id)
    if isinstance(answer, Denied):
        if answer.foreign:
            raise NotFound("There is no such run.")
        raise Refused(answer.reason, who=others, code="denied", hint="Ask one of them.")
    if actor.id == run.requested_by:
        text = f"You asked for {run.label} yourself, so somebody else has to {verb_name} it."
        raise Refused(text, who=others, code="own_request", hint="Ask one of them.")


def check_digest(run: Run, shown: str) -> None:
    """Raises Refused unless what was shown to the approver, a digest or its beginning, would run now."""
    if len(shown) < SHORTEST_SHOWN or digest(run) != run.digest or not run.digest.startswith(shown):
        raise Refused(
            f"{run.label} is no longer what the card showed.",
            hint="Look at the new card.",
            code="digest_changed",
        )


def check_time(run: Run, now: datetime) -> None:
    if run.expires_at is not None and now >= run.expires_at:
        raise Refused(f"The approval of {run.label} has expired.", hint="Ask for it again.", code="expired")


def why_void(run: Run, *, requester: User | None, approvers: Mapping[int, User]) -> str | None:
    """Why an approved run may not start after all, or None. All people as the directory has them now."""
    if run.status is not RunStatus.APPROVED:
        return f"it is {run.status.value}, not approved"
    if digest(run) != run.digest:
        return "its parameters, targets or script are not those that were approved"
    if run.requested_by is not None and not _still_may(requester, ASKS[run.risk], run.company_id):
        return f"{run.requested_by_name}, who asked for it, may no longer do so"
    verb = needed(run)
    if verb is None:
        return None
    if run.broken_by is not None:
        breaker = approvers.get(run.broken_by)
        may_still = _still_may(breaker, ASKS[run.risk], run.company_id)
        return None if may_still else "whoever broke the glass may no longer ask for it"
    if run.decided_by is None or run.decided_by not in approvers:
        return "nobody who is known here approved it"
    given = {one.by: one.name for one in run.approvals} or {run.decided_by: run.decided_by_name}
    if len(given) < run.approvals_needed:
        return f"{len(given)} of the {run.approvals_needed} who have to agree did"
    if run.requested_by in given:
        return "it was approved by the one who asked for it"
    for number, name in given.items():
        if not _still_may(approvers.get(number), verb, run.company_id):
            return f"{name}, who approved it, may no longer do so"
    return None


def still_may_ask(run: Run, requester: User | None) -> bool:
    return _still_may(requester, ASKS[run.risk], run.company_id)


def _still_may(user: User | None, verb: Verb, company_id: int) -> bool:
    return user is not None and not isinstance(
        may(Actor(user=user, via=Via.ENGINE), verb, company_id), Denied
    )
