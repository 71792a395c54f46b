"""A script that somebody types: a runbook for one run, always of high risk, with the same way and the same proof."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from engine.errors import Refused
from runbooks.catalogue import Catalogue
from runbooks.run import Run
from runbooks.runbook import Platform, Risk, Runbook, Scripts

CUSTOM = "custom-script"
LONGEST = 8_000
"""Characters of a typed script: what can be read as a whole before it is agreed to."""
_SHEBANG = "#!/bin/bash\n"


def typed(given: Mapping[str, object]) -> Runbook:
    """The runbook behind `script`, `check` and `platform`. Raises Refused."""
    unknown = sorted(set(given) - {"script", "check", "platform"})
    if unknown:
        raise Refused(f"A custom script has no {unknown[0][:40]}.", code="bad_parameters")
    script, check = (_text(given.get(name), name) for name in ("script", "check"))
    word = str(given.get("platform") or Platform.LINUX.value).strip().lower()
    if word not in list(Platform):
        raise Refused(f"“{word[:30]}” is neither linux nor windows.", code="bad_parameters")
    return _runbook(Platform(word), script, check)


def runbook_of(run: Run, catalogue: Catalogue) -> Runbook:
    """The runbook that a run is of: from the catalogue, or as it was typed. Raises NotFound."""
    if run.runbook_id != CUSTOM:
        return catalogue.get(run.runbook_id)
    texts = (run.script, run.verify_script)
    script, check = (one.removeprefix(_SHEBANG) for one in texts)
    return _runbook(run.platform, script, check)


def _text(value: object, name: str) -> str:
    text = str(value or "").replace("\r\n", "\n").strip("\n")
    if not text.strip():
        what = "what is to run" if name == "script" else "a command that ends with 0 only when it helped"
        raise Refused(f"A custom script needs {what}.", code="bad_parameters")
    if len(text) > LONGEST:
        raise Refused(
            f"The {name} has {len(text):,} characters; {LONGEST:,} can be agreed to.",
            hint="Make a runbook of it.",
            code="bad_parameters",
        )
    return text


def _runbook(platform: Platform, script: str, check: str) -> Runbook:
    try:
        scripts = Scripts(script=script, verify=check)
    except ValidationError as error:
        why = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise Refused(f"This script cannot be sent: it {why}.", code="bad_parameters") from error
    return Runbook(
        id=CUSTOM,
        version=1,
        title="Custom script",
        description="A script that somebody typed for this incident.",
        risk=Risk.HIGH,
        risk_reason="nobody has tested it",
        timeout_seconds=600,
        platforms={platform: scripts},
        undo="Nothing is known about how to undo it.",
    )
