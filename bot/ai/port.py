"""What the product needs of a model. The providers are in integrations/ai."""

from __future__ import annotations

from typing import Protocol

from integrations.ai.prompt import Prompt, Reply


class Model(Protocol):
    @property
    def name(self) -> str: ...

    async def ask(self, prompt: Prompt) -> Reply:
        """Raises Transient, Permanent, or Declined (a Permanent) when there is no answer."""
        ...

    async def close(self) -> None: ...
