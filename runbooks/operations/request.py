"""Asking for a run: by a person, or by the system where the company lets low risk run by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from engine.access import SYSTEM, Actor, Denied, may, who_could
from engine.audit import AuditKind, TimelineKind
from engine.cloud import Cloud, Provider, clouds_for, place_of
from engine.company import Asset, Autonomy, CompanyContext
from engine.errors import NotFound, Refused
from engine.identifiers import new_id
from engine.incident import Incident
from engine.jobs import ExpireApproval, RemindApproval, StartRun
from engine.operations.record import tell
from runbooks import policy
from runbooks import run as state
from runbooks.approvals import ASKS, REMIND, TTL, digest
from runbooks.catalogue import Catalogue
from runbooks.executors.gcp import REASON as NOTHING_RUNS
from runbooks.operations.record import Said, prove, publish, save, want_approval
from runbooks.ports import RunsTransaction
from runbooks.run import Run, RunStatus, Target
from runbooks.runbook import Purpose, Risk, Runbook, platform_of, script_for, validate_parameters

MOST_TARGETS = 50
"""Machines of one run; AWS takes no more in one command, and more are more than one approval should cover."""

_WAITS_FOR = {
    Risk.LOW: "a company admin or an MSP admin",
    Risk.MEDIUM: "a company admin or an MSP admin",
    Risk.HIGH: "an MSP admin",
}


async def request(
    tx: RunsTransaction,
    incident: Incident,
    runbook: Runbook,
    parameters: Mapping[str, object],
    targets: Sequence[str] | None = None,
    *,
    context: CompanyContext,
    actor: Actor,
    now: datetime,
    reason: str,
) -> Run:
    """Ask for a run on the incident's asset, or on the named assets of the same company.

    Low risk is approved at once and starts; more waits for an approval. Raises Refused with the obstacle.
    """
    _check_actor(incident, runbook, context, actor, now)
    run = plan(incident, runbook, parameters, targets, context=context, actor=actor, now=now, reason=reason)
    await _check_not_active(tx, run, actor=actor, now=now)
    if run.status is RunStatus.APPROVED:
        await check_rate(tx, run, context, now=now)
    tx.runs.add(run)
    if run.status is RunStatus.APPROVED:
        prove(tx, run, _asked(run), actor=actor, now=now)
        await publish(tx, run, _started_at_once(run), actor=actor, now=now)
        tx.jobs.put(StartRun(company_id=run.company_id, run_id=run.id), due_at=now)
        return run
    await publish(tx, run, _asked(run), actor=actor, now=now)
    await want_approval(tx, run, now=now)
    tx.jobs.put(ExpireApproval(company_id=run.company_id, run_id=run.id), due_at=now + TTL)
    tx.jobs.put(RemindApproval(company_id=run.company_id, run_id=run.id), due_at=now + TTL - REMIND)
    return run


async def consider(
    tx: RunsTransaction, incident_id: int, context: CompanyContext, catalogue: Catalogue, now: datetime
) -> Run | None:
    """A new incident: run the best fitting low-risk runbook by itself where the company allows it, or else ask for a
    medium-risk one, which then waits for an approval.

    None when there is nothing to run; when something fits but cannot run, the incident's story says why.
    """
    incident = await tx.incidents.get(incident_id)
    if incident is None or not incident.open:
        return None
    asset = _asset_of(incident, context)
    platform = platform_of(asset.platform) if asset else None
    fitting = (incident.category, incident.signature, platform)
    candidates = catalogue.by_itself(*fitting)
    acting = (one for one in candidates if policy.policy_of(context.company, one).mode is Autonomy.ACT)
    runbook = next(acting, None)
    if runbook is None:
        return None
    if any(run.runbook_id == runbook.id for run in await tx.runs.of_incident(incident.id)):
        return None
    reason = f"meant for “{incident.category}” incidents"
    if runbook.risk is Risk.LOW:
        own = policy.policy_of(context.company, runbook).own
        reason += f", low risk, and {context.company.name} lets {'this one' if own else 'low risk'} run"
    try:
        return await request(tx, incident, runbook, {}, context=context, actor=SYSTEM, now=now, reason=reason)
    except Refused as refusal:
        text = f"{runbook.title} would fit but did not run by itself: {refusal.reason}"
        tell(tx, incident, TimelineKind.RUN, text, actor=SYSTEM, now=now, told=False)
        return None


def plan(
    incident: Incident,
    runbook: Runbook,
    parameters: Mapping[str, object],
    targets: Sequence[str] | None,
    *,
    context: CompanyContext,
    actor: Actor,
    now: datetime,
    reason: str,
) -> Run:
    """The run as it would be, decided without reading or writing anything. Raises Refused."""
    if not incident.open:
        raise Refused(f"{incident.label} is not open.", hint="Reopen it first.", code="stale")
    assets = _assets(incident, targets, context)
    cloud, where = _where(assets, context)
    values = validate_parameters(runbook, parameters, labels=shared_labels(assets))
    platform = where[0].platform
    rule = policy.policy_of(context.company, runbook)
    policy.check_size(rule, context.company, len(where))
    low = rule.approvals == 0
    run = Run(
        id=new_id(now),
        company_id=incident.company_id,
        incident_id=incident.id,
        runbook_id=runbook.id,
        runbook_version=runbook.version,
        title=runbook.title,
        risk=runbook.risk,
        parameters=values,
        targets=where,
        account=cloud.account,
        region=where[0].region,
        executor=Provider(cloud.provider).executor,
        script=script_for(runbook, platform, values),
        verify_script=script_for(runbook, platform, values, verify=True),
        timeout=runbook.timeout,
        output_limit=runbook.output_limit,
        looks=runbook.purpose is Purpose.LOOK,
        status=RunStatus.APPROVED if low else RunStatus.PENDING_APPROVAL,
        reason=reason,
        requested_by=actor.id,
        requested_by_name=actor.name,
        requested_at=now,
        expires_at=None if low else now + TTL,
        decided_at=now if low else None,
        decided_by_name="policy (low risk)" if low else "",
        approvals_needed=rule.approvals,
    )
    return replace(run, digest=digest(run))


async def check_rate(tx: RunsTransaction, run: Run, context: CompanyContext, *, now: datetime) -> None:
    """Before a run is let go: the company's runs of the last hour, counted exactly on all replicas. Raises Refused."""
    started, oldest = await tx.runs.take_turn(run.company_id, since=now - policy.HOUR)
    policy.check_rate(run, context.company.value("runs_per_hour"), started, oldest)


def _check_actor(
    incident: Incident, runbook: Runbook, context: CompanyContext, actor: Actor, now: datetime
) -> None:
    if actor.system:
        rule = policy.policy_of(context.company, runbook)
        why = policy.why_not_by_itself(rule, runbook.risk, incident, context, now)
        if why is not None:
            raise Refused(
                f"{runbook.title} ({runbook.risk.value} risk) is not asked for by itself here: {why}.",
                code="denied",
            )
    verb = ASKS[runbook.risk]
    answer = may(actor, verb, incident.company_id, incident)
    if isinstance(answer, Denied):
        if answer.foreign:
            raise NotFound(f"There is no {incident.label}.")
        could = who_could(context.people, verb, incident.company_id)
        raise Refused(
            answer.reason, who=tuple(user.id for user in could if user.role in answer.roles), code="denied"
        )


def _asset_of(incident: Incident, context: CompanyContext) -> Asset | None:
    return context.asset_called(incident.asset_name) or context.asset_called(incident.asset)


def _assets(incident: Incident, names: Sequence[str] | None, context: CompanyContext) -> tuple[Asset, ...]:
    company = context.company.name
    hint = "Add it to the inventory with its platform and instance id, or name another asset."
    if not names:
        asset = _asset_of(incident, context)
        if asset is None:
            text = f"“{incident.asset_name[:80]}” is not in the inventory of {company}."
            raise Refused(text, hint=hint, code="unknown_target")
        return (asset,)
    if len(names) > MOST_TARGETS:
        raise Refused(
            f"{len(names)} targets are too many; {MOST_TARGETS} fit in one run.", code="too_many_targets"
        )
    found = {name: context.asset_called(name) for name in names}
    unknown = [f"“{name[:80]}”" for name, asset in found.items() if asset is None]
    if unknown:
        text = f"Not in the inventory of {company}: {', '.join(unknown[:5])}."
        raise Refused(text, hint=hint, code="unknown_target")
    unique = {asset.id: asset for asset in found.values() if asset is not None}
    return tuple(unique.values())


def _where(assets: Sequence[Asset], context: CompanyContext) -> tuple[Cloud, tuple[Target, ...]]:
    """The one account in which all of these are, and each as a target."""
    found = [(_cloud_of(asset, context), asset) for asset in assets]
    if len({(cloud.provider, cloud.account) for cloud, _ in found}) > 1:
        accounts = " and ".join(sorted({cloud.label for cloud, _ in found}))
        raise Refused(
            f"One run takes machines of one account; these are in {accounts}.",
            hint="Split it.",
            code="mixed_targets",
        )
    cloud = found[0][0]
    targets = tuple(_target(asset, cloud, context) for asset in assets)
    if len({(target.platform, target.region) for target in targets}) > 1:
        raise Refused(
            "One run takes machines of one platform and one region.", hint="Split it.", code="mixed_targets"
        )
    return cloud, targets


def _cloud_of(asset: Asset, context: CompanyContext) -> Cloud:
    """The account of the company's in which this machine is. Raises Refused when it is not certain."""
    clouds, name = context.company.clouds, context.company.name
    if not clouds:
        raise Refused(
            f"{name} has no AWS account and no other cloud configured, so nothing can run there.",
            hint="An admin can add one with `aw company cloud add`.",
            code="no_cloud",
        )
    if not asset.cloud_ref:
        raise Refused(
            f"{asset.name} has no instance id in the inventory.", hint=_COMPLETE, code="incomplete_target"
        )
    place = place_of(asset.cloud_ref)
    if place is None:
        raise Refused(
            f"{asset.name} has “{asset.cloud_ref[:80]}” as its cloud reference, which no known cloud uses.",
            hint="Give an EC2 instance id or ARN, an Azure resource id, or a path of a Google Cloud instance.",
            code="incomplete_target",
        )
    if place.provider is Provider.GCP:
        raise Refused(f"{asset.name} is in Google Cloud. {NOTHING_RUNS}", code="no_executor")
    fitting = clouds_for(clouds, place)
    if len(fitting) > 1:
        accounts = ", ".join(cloud.account for cloud in fitting)
        raise Refused(
            f"{asset.name} ({asset.cloud_ref}) could be in several accounts: {accounts}.",
            hint="Give the machine's whole ARN as its cloud reference.",
            code="incomplete_target",
        )
    usable = [one for one in fitting if one.account and (one.external_id or one.provider != Provider.AWS)]
    if not usable:
        where = f"{place.provider.label} {place.account}".strip()
        raise Refused(
            f"{name} has no {where} configured, and {asset.name} is there.",
            hint="An admin can add it with `aw company cloud add`.",
            code="no_cloud",
        )
    return usable[0]


_COMPLETE = "Complete the asset first."


def _target(asset: Asset, cloud: Cloud, context: CompanyContext) -> Target:
    place = place_of(asset.cloud_ref)
    platform = platform_of(asset.platform)
    region = asset.region or (place.region if place else "") or cloud.region
    needs_region = cloud.provider == Provider.AWS  # elsewhere the reference says all
    missing = [
        word for word, value in (("platform", platform), ("region", region or not needs_region)) if not value
    ]
    if asset.company_id != context.company.id or missing or platform is None:
        text = f"{asset.name} has no {' and no '.join(missing or ['place'])} in the inventory."
        raise Refused(text, hint=_COMPLETE, code="incomplete_target")
    return Target(
        asset_name=asset.name,
        cloud_ref=asset.cloud_ref,
        platform=platform,
        region=region if needs_region else "",
    )


def shared_labels(assets: Sequence[Asset]) -> dict[str, str]:
    """The labels that all assets agree on; a value that differs is asked for instead of guessed."""
    first, *others = assets
    return {
        name: value
        for name, value in first.labels.items()
        if all(other.labels.get(name) == value for other in others)
    }


def _corrects(run: Run, other: Run) -> bool:
    """The same person asks for it differently while nobody has agreed yet: the newer one is meant."""
    mine = run.requested_by is not None and run.requested_by == other.requested_by
    undecided = other.status is RunStatus.PENDING_APPROVAL and not other.approvals
    return mine and undecided and (run.script, run.targets) != (other.script, other.targets)


async def _supersede(tx: RunsTransaction, other: Run, run: Run, *, actor: Actor, now: datetime) -> None:
    text = f"Superseded: {actor.name} asked for it differently."
    after = state.end(other, RunStatus.SUPERSEDED, outcome=text, now=now)
    said = Said(
        audit=AuditKind.RUN_VOIDED,
        text=f"{other.label} is superseded by a newer request of {actor.name}.",
        timeline=TimelineKind.APPROVAL,
        detail={"why": "superseded", "by_run": run.id},
    )
    await save(tx, other, after, said, actor=actor, now=now)


async def _check_not_active(tx: RunsTransaction, run: Run, *, actor: Actor, now: datetime) -> None:
    """Raises Refused when this runbook is asked for or under way on one of these machines."""
    for target in run.targets:
        other = await tx.runs.active_on(run.company_id, run.runbook_id, target.cloud_ref)
        if other is None:
            continue
        if _corrects(run, other):
            await _supersede(tx, other, run, actor=actor, now=now)
            continue
        waits = other.status is RunStatus.PENDING_APPROVAL
        state = "waits for an approval" if waits else "is under way"
        where = f" (INC-{other.incident_id})" if other.incident_id is not None else ""
        who = other.requested_by_name
        text = f"{run.title} {state} on {target.asset_name} already{where}: asked for by {who}."
        hint = "Decide or cancel that one first." if waits else "Wait for it, or cancel it."
        raise Refused(text, hint=hint, code="already_active")


def _asked(run: Run) -> Said:
    detail = {
        "parameters": dict(run.parameters),
        "targets": [target.cloud_ref for target in run.targets],
        "account": run.account,
        "region": run.region,
        "risk": run.risk.value,
        "why": run.reason,
    }
    whom = _WAITS_FOR[run.risk] if run.status is RunStatus.PENDING_APPROVAL else "nobody"
    if run.approvals_needed > 1:
        whom = f"{run.approvals_needed} people, each {whom}"
    waits = f"waits for {whom}"
    return Said(
        audit=AuditKind.RUN_REQUESTED,
        text=f"{run.requested_by_name} asked for {run.label} ({run.risk.value} risk); it {waits}.{_why(run)}",
        act=f"{run.title} {waits}",
        timeline=TimelineKind.APPROVAL,
        told=False,
        detail=detail,
    )


def _started_at_once(run: Run) -> Said:
    who = "by itself" if run.requested_by is None else f"for {run.requested_by_name}"
    return Said(
        audit=AuditKind.RUN_APPROVED,
        text=f"▶ {run.label} runs {who} (low risk).{_why(run)}",
        act=f"{run.title} started {who}",
        detail={"by": "policy", "risk": run.risk.value},
    )


def _why(run: Run) -> str:
    return f" Why: {run.reason}." if run.reason else ""
