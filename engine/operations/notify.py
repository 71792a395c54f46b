"""Having people told: each thing once for each way a person wants it, and the job that carries it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from engine import notice as rules
from engine.alert import Severity
from engine.company import User
from engine.incident import Incident
from engine.notice import Notice, NoticeKind, Transport
from engine.people_jobs import Notify
from engine.people_ports import PeopleTransaction


def notify(
    tx: PeopleTransaction,
    users: Iterable[User],
    kind: NoticeKind,
    text: str,
    *,
    key: str,
    now: datetime,
    incident: Incident | None = None,
    urgent: bool | None = None,
    only: Sequence[Transport] = (),
) -> None:
    """Tell these people that, each once for this `key`. Critical incidents are urgent unless said otherwise: they
    pierce quiet hours. `only` names ways that are used whatever the person prefers."""
    pressing = (
        urgent if urgent is not None else incident is not None and incident.severity is Severity.CRITICAL
    )
    for user in {one.id: one for one in users}.values():
        for transport in only or rules.ways(user, kind, urgent=pressing, set_up=tx.ways):
            _put(
                tx,
                Notice(
                    key=key,
                    company_id=incident.company_id if incident else 0,
                    user_id=user.id,
                    incident_id=incident.id if incident else None,
                    kind=kind,
                    transport=transport,
                    urgent=pressing,
                    text=text,
                    at=now,
                    due_at=rules.due(user, urgent=pressing, now=now),
                ),
            )


async def notify_assigned(tx: PeopleTransaction, incident_id: int, *, now: datetime) -> None:
    """Tell who was given a new incident, by the ways besides its card that this person wants."""
    incident = await tx.incidents.get(incident_id)
    if incident is None or not incident.open or incident.assignee_id is None or incident.touched:
        return
    user = await tx.users.get(incident.assignee_id)
    if user is not None and not incident.test:
        key = f"assigned:{incident.id}:{incident.reopened}:{user.id}"
        text = f"is yours: {incident.assigned_reason}."
        notify(tx, [user], NoticeKind.ASSIGNED, text, key=key, now=now, incident=incident)


async def notify_closed(tx: PeopleTransaction, incident: Incident, *, now: datetime) -> None:
    """Tell the client's contact that it is over, when a person had it in hand: what healed by itself is no news."""
    if (
        not incident.touched
        or incident.test
        or incident.merged_into is not None
        or Transport.EMAIL not in tx.ways
    ):
        return
    company = (await tx.companies.context(incident.company_id)).company
    if company.value("contact_email"):
        # each company's own destination: two may have one address, and neither is to read of the other
        key, place = f"closed:{incident.id}:{incident.reopened}", contact_of(company.id)
        notify_place(
            tx, Transport.EMAIL, place, NoticeKind.CLOSED, "is resolved.", key=key, now=now,
            incident=incident, due_at=now + rules.SETTLED,
        )  # fmt: skip


def contact_of(company_id: int) -> str:
    """The place that is a company's contact, whoever that is when it is told."""
    return f"contact of company {company_id}"


def notify_place(
    tx: PeopleTransaction,
    transport: Transport,
    address: str,
    kind: NoticeKind,
    text: str,
    *,
    key: str,
    now: datetime,
    incident: Incident | None = None,
    due_at: datetime | None = None,
) -> None:
    """The same for a place: a channel (`slack:C0OPS`), a URL, a shared mailbox; later when `due_at` is given."""
    _put(
        tx,
        Notice(
            key=key,
            company_id=incident.company_id if incident else 0,
            user_id=None,
            address=address,
            incident_id=incident.id if incident else None,
            kind=kind,
            transport=transport,
            urgent=due_at is None,
            text=text,
            at=now,
            due_at=due_at or now,
        ),
    )


def _put(tx: PeopleTransaction, notice: Notice) -> None:
    tx.notices.add(notice)
    job = Notify(company_id=0, transport=notice.transport.value, destination=notice.destination)
    tx.jobs.put(job, due_at=notice.due_at)
