"""One runbook's own rule at a company, as the command line and REST change it."""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import Refused


def changed(
    rules: Mapping[str, str], runbook_id: str, mode: str | None, approvals: int | None, usual: str
) -> dict[str, str]:
    """The rules with that one set; `company` takes it away. `usual` is the company's own mode."""
    others = {name: rule for name, rule in rules.items() if name != runbook_id}
    if mode == "company":
        return others
    if mode is not None and mode not in ("observe", "propose", "act"):
        raise Refused(
            f"“{mode[:30]}” is no mode.", hint="There are observe, propose, act, and company.", code="invalid"
        )
    known, _, count = rules.get(runbook_id, usual).partition("/")
    agree = str(approvals) if approvals is not None else count
    others[runbook_id] = (mode or known) + (f"/{agree}" if agree else "")
    return dict(sorted(others.items()))
