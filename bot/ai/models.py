"""Which models this installation asks, in which order, as its settings say."""

from __future__ import annotations

from collections.abc import Sequence

from bot.ai.port import Model
from bot.settings import Settings
from integrations.ai.anthropic import Claude
from integrations.ai.gemini import Gemini

CLAUDE, GEMINI = "claude-haiku-5-5", "gemini-3-flash"
"""Asked where no model is named: small ones, as the questions are small."""


def models(settings: Settings) -> Sequence[Model]:
    """Empty where AI is off. `auto`: Bedrock where its model is named, then Anthropic and Gemini where their keys are
    set."""
    chosen, named = settings.aw_ai, settings.aw_ai_model
    key, google = settings.anthropic_api_key.get_secret_value(), settings.gemini_api_key.get_secret_value()
    found: list[Model] = []
    if chosen == "bedrock" or (chosen == "auto" and bedrock_model(named)):
        found.append(Claude(model=named, bedrock=True))
    if chosen == "anthropic" or (chosen == "auto" and key):
        model = named if named.startswith("claude") else CLAUDE
        found.append(Claude(model=model, api_key=key, base_url=settings.anthropic_base_url))
    if chosen == "gemini" or (chosen == "auto" and google):
        model = named if named.startswith("gemini") else GEMINI
        found.append(Gemini(model=model, api_key=google))
    return found


def bedrock_model(name: str) -> bool:
    """Bedrock's own ids and inference profiles: `anthropic.claude-…`, `eu.anthropic.claude-…`, `arn:aws:bedrock:…`."""
    return "anthropic." in name or name.startswith("arn:aws")
