"""`aw check`, AI: which models are asked, and whether each is there for us."""

from __future__ import annotations

import asyncio

from bot.ai.models import models
from bot.checks.finding import Finding, bad, good, off
from bot.settings import Settings
from engine.errors import AlertWhispererError
from integrations.ai.prompt import NotAllowed

PATIENCE = 15.0
"""Seconds for one model."""


async def ai(settings: Settings) -> list[Finding]:
    asked = models(settings)
    if not asked:
        text = (
            f"no model is asked (AW_AI={settings.aw_ai}): the offline analyst answers, from the rules alone"
        )
        return [off("AI", text, "docs/ai.md says how to set one up.")]
    found: list[Finding] = []
    for place, model in enumerate(asked):
        order = "first" if place == 0 else "then"
        whose = _ON_WHOSE_BILL if place == 0 and settings.bedrock_by_chance else ""
        try:
            said = await asyncio.wait_for(model.check(), PATIENCE)
            found.append(good("AI", f"{order} {model.name}: it {said}{whose}"))
        except TimeoutError:
            found.append(bad("AI", f"{model.name} did not answer in {PATIENCE:.0f} s", _MEND))
        except NotAllowed as error:
            text = f"{model.name} is not asked: {error}. It was tried as AWS is set up here (AW_AI={settings.aw_ai})"
            found.append(off("AI", text, "docs/ai.md says how to allow it; nothing is wrong without it."))
        except AlertWhispererError as error:
            found.append(bad("AI", f"{model.name}: {error}", _MEND))
        finally:
            await model.close()
    return found


_ON_WHOSE_BILL = (
    ", on the bill of this machine's AWS account, as AWS is set up here and allows it; "
    "AW_AI=off, or AW_AI_MODEL with another's model, ends that"
)
_MEND = "Check its key, its name (AW_AI_MODEL) and the way out of this machine; cards are right without it meanwhile."
