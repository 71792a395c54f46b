"""A person says whose name that is. Their word is final: nothing that alerts say later changes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from engine.access import Actor
from engine.alert import normal_asset
from engine.aliases import Alias, Verdict
from engine.audit import AuditKind, entry
from engine.errors import NotFound, Refused
from engine.ports import Transaction


async def decide(
    tx: Transaction, company_id: int, name: str, asset: str, *, same: bool, actor: Actor, now: datetime
) -> Alias:
    """Accept that `name` is `asset`, or say that it is not; without an asset, of what it is taken for now.

    Raises NotFound when there is no such guess, Refused for what makes no sense."""
    context = await tx.companies.context(company_id)
    known = await tx.knowledge.aliases(company_id)
    name = normal_asset(name)
    if not asset:
        taken = context.alias(name)
        if taken is None:
            raise NotFound(f"{name} is not taken for anything.", hint="Name the asset too.")
        asset = taken.asset
    listed = context.asset_called(asset)
    asset = listed.name.strip().lower() if listed else normal_asset(asset)
    owner = next(
        (one for one in context.assets if name in _spellings(one.name, one.cloud_ref, *one.aliases)), None
    )
    if owner is not None:
        raise Refused(
            f"{name} is {owner.name} in the asset list.", hint="The list goes before what is learned."
        )
    if name == asset or not name:
        raise Refused("One asset cannot be its own other name.", code="invalid")
    if same and any(one.holds and one.name == asset for one in known):
        raise Refused(
            f"{asset} is itself a further name.", hint="Name the asset that it belongs to.", code="invalid"
        )
    before = next((one for one in known if (one.name, one.asset) == (name, asset)), None)
    made = replace(
        before or Alias(company_id=company_id, name=name, asset=asset),
        verdict=Verdict.ACCEPTED if same else Verdict.REFUSED,
        decided_by=actor.name,
        decided_at=now,
    )
    others = [
        replace(one, verdict=Verdict.REFUSED, decided_by=actor.name, decided_at=now)
        for one in known
        if same and one.holds and one.name == name and one.asset != asset
    ]
    await tx.knowledge.put_aliases([*others, made])
    await tx.companies.touch(company_id)
    kind = AuditKind.ALIAS_ACCEPTED if same else AuditKind.ALIAS_REFUSED
    was = before.verdict.value if before else ""
    tx.audit.add(entry(kind, company_id=company_id, actor=actor, subject=name, now=now, asset=asset, was=was))
    return made


def _spellings(*names: str) -> set[str]:
    return {normal_asset(name) for name in names if name}
