"""Which models this installation asks, in which order, as its settings say."""

from __future__ import annotations

from collections.abc import Sequence

from bot.ai.port import Model
from bot.settings import Settings
from integrations.ai.anthropic import Claude
from integrations.ai.gemini import Gemini

CLAUDE, GEMINI = "claude-haiku-5-5", "gemini-3.5-flash-lite"
"""Asked where no model is named: small ones, as the questions are small. docs/ai.md says how they were looked up."""


def models(settings: Settings) -> Sequence[Model]:
    """Empty where AI is off, or nobody is set up."""
    in_pieces = settings.aw_ai_stream == "on"
    found: list[Model] = []
    for provider, named in settings.ai_providers.items():
        match provider:
            case "bedrock":
                found.append(Claude(model=named, bedrock=True, stream=in_pieces))
            case "anthropic":
                key, url = settings.anthropic_api_key.get_secret_value(), settings.anthropic_base_url
                found.append(Claude(model=named or CLAUDE, api_key=key, base_url=url, stream=in_pieces))
            case _:
                key = settings.gemini_api_key.get_secret_value()
                found.append(Gemini(model=named or GEMINI, api_key=key, stream=in_pieces))
    return found
