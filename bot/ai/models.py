"""Which models this installation asks, in which order, as its settings say."""

from __future__ import annotations

from collections.abc import Sequence

from bot.ai.port import Model
from bot.settings import Settings
from integrations.ai.anthropic import Claude
from integrations.ai.gemini import Gemini
from integrations.ai.regions import USUAL, profile

GEMINI = "gemini-3.5-flash-lite"
"""Asked where no model is named. docs/ai.md says how its name was looked up."""


def models(settings: Settings) -> Sequence[Model]:
    """Empty where AI is off, or nobody is set up."""
    in_pieces = settings.aw_ai_stream == "on"
    found: list[Model] = []
    for provider, named in settings.ai_providers.items():
        match provider:
            case "bedrock":
                region = settings.aws_region or settings.aws_default_region
                model = named or profile(region, USUAL)
                chance = settings.bedrock_by_chance
                where = {"aws_region": region} if region else {}
                found.append(
                    Claude(model=model, bedrock=True, credentials=where, by_chance=chance, stream=in_pieces)
                )
            case "anthropic":
                key, url = settings.anthropic_api_key.get_secret_value(), settings.anthropic_base_url
                found.append(Claude(model=named or USUAL, api_key=key, base_url=url, stream=in_pieces))
            case _:
                key = settings.gemini_api_key.get_secret_value()
                found.append(Gemini(model=named or GEMINI, api_key=key, stream=in_pieces))
    return found
