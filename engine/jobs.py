"""The typed things to do after a commit. A job is level-triggered: it names what to make right, not what to send.

`key` makes a job unique: putting it again while it waits only moves it (see storage.jobs).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, get_args

from engine.incident_jobs import CloseUnheard, DraftText, SetApart
from engine.people_jobs import (
    BeginLeave,
    BringAsk,
    ChangeShift,
    EndAsk,
    Escalate,
    Notify,
    RemindReview,
    RemindTime,
)
from engine.report_jobs import DeliverReport, MailReport, SendReports
from engine.run_jobs import RecheckRuns


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncCard:
    """Make the chat message of this card say what the database says."""

    kind: ClassVar[str] = "sync_card"
    company_id: int
    card_id: str

    @property
    def key(self) -> str:
        return f"card:{self.card_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncThread:
    """Make the incident's threads hold every line of its timeline that is to be told, in order."""

    kind: ClassVar[str] = "sync_thread"
    company_id: int
    incident_id: int

    @property
    def key(self) -> str:
        return f"thread:{self.incident_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSla:
    """Look at one incident's clocks: warn or breach what has been crossed, and wait for the next moment."""

    kind: ClassVar[str] = "check_sla"
    company_id: int
    incident_id: int

    @property
    def key(self) -> str:
        return f"sla:{self.incident_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsiderRunbook:
    """A new incident: run by itself what the company allows to run by itself."""

    kind: ClassVar[str] = "consider_runbook"
    company_id: int
    incident_id: int

    @property
    def key(self) -> str:
        return f"consider:{self.incident_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyseIncident:
    """Ask a model about an incident whose card stands there already; `tries` were in vain before this one."""

    kind: ClassVar[str] = "analyse_incident"
    company_id: int
    incident_id: int
    tries: int = 0

    @property
    def key(self) -> str:
        return f"analyse:{self.incident_id}:{self.tries}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TidyRuns:
    """An incident was resolved: close the approvals that still wait for it."""

    kind: ClassVar[str] = "tidy_runs"
    company_id: int
    incident_id: int

    @property
    def key(self) -> str:
        return f"tidy:{self.incident_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRun:
    """Start an approved run, at most once."""

    kind: ClassVar[str] = "start_run"
    company_id: int
    run_id: str

    @property
    def key(self) -> str:
        return f"run:{self.run_id}:start"


@dataclass(frozen=True, slots=True, kw_only=True)
class PollRun:
    """Ask how a started run is doing, and carry it on: output, verify step, end."""

    kind: ClassVar[str] = "poll_run"
    company_id: int
    run_id: str

    @property
    def key(self) -> str:
        return f"run:{self.run_id}:poll"


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRun:
    """Tell the executor to stop a run that somebody cancelled."""

    kind: ClassVar[str] = "cancel_run"
    company_id: int
    run_id: str

    @property
    def key(self) -> str:
        return f"run:{self.run_id}:cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireApproval:
    """Close an approval that nobody decided in time."""

    kind: ClassVar[str] = "expire_approval"
    company_id: int
    run_id: str

    @property
    def key(self) -> str:
        return f"run:{self.run_id}:expire"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemindApproval:
    """Call those who can decide about a run, once, before its approval expires."""

    kind: ClassVar[str] = "remind_approval"
    company_id: int
    run_id: str

    @property
    def key(self) -> str:
        return f"run:{self.run_id}:remind"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureHold:
    """See whether what a run fixed has come back, and after a day that it held."""

    kind: ClassVar[str] = "measure_hold"
    company_id: int
    run_id: str

    @property
    def key(self) -> str:
        return f"run:{self.run_id}:hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnQuiet:
    """Begin or close a stretch of a silence or a maintenance window, whichever is due, and wait for the next."""

    kind: ClassVar[str] = "turn_quiet"
    company_id: int
    rule_id: int

    @property
    def key(self) -> str:
        return f"quiet:{self.rule_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeIncident:
    """End a snooze whose time has come."""

    kind: ClassVar[str] = "wake_incident"
    company_id: int
    incident_id: int

    @property
    def key(self) -> str:
        return f"wake:{self.incident_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPattern:
    """See whether a flapping incident has been quiet for long enough, or an expected one goes on for too long."""

    kind: ClassVar[str] = "watch_pattern"
    company_id: int
    incident_id: int

    @property
    def key(self) -> str:
        return f"pattern:{self.incident_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseChildren:
    """Something that others depend on came back a while ago: what was held under it and still fires is heard."""

    kind: ClassVar[str] = "release_children"
    company_id: int
    incident_id: int

    @property
    def key(self) -> str:
        return f"release:{self.incident_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchHeartbeat:
    """A heartbeat's time may be over: say so once, or look again when it will be."""

    kind: ClassVar[str] = "watch_heartbeat"
    company_id: int
    name: str

    @property
    def key(self) -> str:
        return f"heartbeat:{self.company_id}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmTopic:
    """Confirm a subscription that Amazon SNS asks about; `envelope` is its message as it came."""

    kind: ClassVar[str] = "confirm_topic"
    company_id: int
    message_id: str
    envelope: str

    @property
    def key(self) -> str:
        return f"sns:{self.company_id}:{self.message_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndLimiting:
    """See whether a company is within its limit again, and say what was refused meanwhile."""

    kind: ClassVar[str] = "end_limiting"
    company_id: int

    @property
    def key(self) -> str:
        return f"limit:{self.company_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSources:
    """Look at how a company's sources speak: call what has fallen silent, and look again within the hour."""

    kind: ClassVar[str] = "judge_sources"
    company_id: int

    @property
    def key(self) -> str:
        return f"sources:{self.company_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnHistory:
    """Learn from what a company's monitoring has said in the last months: what follows what, who is whose address."""

    kind: ClassVar[str] = "learn_history"
    company_id: int

    @property
    def key(self) -> str:
        return f"learn:{self.company_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """The periodic look at everything that is due; `name` says which, and its key elects one replica."""

    kind: ClassVar[str] = "sweep"
    company_id: int
    name: str

    @property
    def key(self) -> str:
        return f"sweep:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchStorm:
    """Look whether a storm is over, and if not, when to look again."""

    kind: ClassVar[str] = "watch_storm"
    company_id: int
    storm_id: str

    @property
    def key(self) -> str:
        return f"storm:{self.storm_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimStorm:
    """Go on claiming a storm's incidents, up to `until`, for the person who pressed for all of them."""

    kind: ClassVar[str] = "claim_storm"
    company_id: int
    storm_id: str
    user_id: int
    via: str
    until: int

    @property
    def key(self) -> str:
        return f"storm:{self.storm_id}:claim:{self.user_id}"


Job = (
    SyncCard
    | SyncThread
    | CheckSla
    | ConsiderRunbook
    | AnalyseIncident
    | TidyRuns
    | StartRun
    | PollRun
    | CancelRun
    | ExpireApproval
    | RemindApproval
    | MeasureHold
    | TurnQuiet
    | WakeIncident
    | WatchPattern
    | ReleaseChildren
    | SetApart
    | CloseUnheard
    | DraftText
    | WatchHeartbeat
    | JudgeSources
    | LearnHistory
    | ConfirmTopic
    | EndLimiting
    | Sweep
    | WatchStorm
    | ClaimStorm
    | DeliverReport
    | SendReports
    | MailReport
    | Notify
    | Escalate
    | BeginLeave
    | BringAsk
    | EndAsk
    | ChangeShift
    | RemindReview
    | RemindTime
    | RecheckRuns
)
KINDS: dict[str, type[Job]] = {kind.kind: kind for kind in get_args(Job)}


def pack(job: Job) -> dict[str, Any]:
    return asdict(job)


def unpack(kind: str, payload: dict[str, Any]) -> Job:
    """The job behind a stored row. Raises KeyError for a kind that this version does not know."""
    return KINDS[kind](**payload)
