"""Which inference profile of Amazon Bedrock is asked where none is named: one that keeps to the region's own geography.

Newer Claude models are reached in Bedrock by such profiles only; their prefix says within which regions the data stays
(AWS's user guide, “Geographic cross-Region inference”). Where a geography has none of its own (Canada, India, Brazil
and more) there is `global.`, which may work the data anywhere in the world: that one is never taken unasked.
"""

from __future__ import annotations

import re

USUAL = "claude-haiku-5-5"
"""The Claude that is asked where none is named: a small one, as the questions are small. docs/ai.md says how its name
was looked up."""
_GEOGRAPHIES = (
    (re.compile(r"us-(east|west)-\d"), "us"),
    (re.compile(r"eu-[a-z]+-\d"), "eu"),
    (re.compile(r"ap-northeast-[13]"), "jp"),
    (re.compile(r"ap-southeast-[24]"), "au"),
)


def profile(region: str, model: str) -> str:
    """The profile's id for a base model (`claude-…`) in a region such as `eu-central-1`; empty where there is none."""
    for pattern, prefix in _GEOGRAPHIES:
        if pattern.fullmatch(region):
            return f"{prefix}.anthropic.{model}"
    return ""
