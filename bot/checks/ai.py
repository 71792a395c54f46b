"""`aw check`, AI: which models are asked, and whether each is there for us."""

from __future__ import annotations

import asyncio

from bot.ai.models import models
from bot.checks.finding import Finding, bad, good, off
from bot.settings import Settings
from engine.errors import AlertWhispererError

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
        try:
            said = await asyncio.wait_for(model.check(), PATIENCE)
            found.append(good("AI", f"{order} {model.name}: it {said}"))
        except TimeoutError:
            found.append(bad("AI", f"{model.name} did not answer in {PATIENCE:.0f} s", _MEND))
        except AlertWhispererError as error:
            found.append(bad("AI", f"{model.name}: {error}", _MEND))
        finally:
            await model.close()
    return found


_MEND = "Check its key, its name (AW_AI_MODEL) and the way out of this machine; cards are right without it meanwhile."
