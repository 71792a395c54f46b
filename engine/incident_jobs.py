"""Jobs that end incidents or take them apart, after the batch or the time that said so. Part of `engine.jobs.Job`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class SetApart:
    """A key leaves this incident for the incident `into`, or with None to go on by itself; `why` in words."""

    kind: ClassVar[str] = "set_apart"
    company_id: int
    incident_id: int
    correlation_key: str
    into: int | None
    why: str

    @property
    def key(self) -> str:
        return f"apart:{self.company_id}:{self.correlation_key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseUnheard:
    """End or ask about the company's open incidents of which monitoring has said nothing for long."""

    kind: ClassVar[str] = "close_unheard"
    company_id: int

    @property
    def key(self) -> str:
        return f"unheard:{self.company_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftText:
    """Have a model write the first version of what a person will be asked for soon: `use` is `draft` (the note of a
    resolution), `article` or `handoff`; `ask` is the offer that shows the last. Nothing waits for it."""

    kind: ClassVar[str] = "draft_text"
    company_id: int
    incident_id: int
    use: str
    ask: str = ""

    @property
    def key(self) -> str:
        return f"draft:{self.incident_id}:{self.use}"
