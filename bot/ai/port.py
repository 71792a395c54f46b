"""What the product needs of a model. The providers are in integrations/ai."""

from __future__ import annotations

from typing import Protocol

from integrations.ai.prompt import Inquiry, Looking, Prompt, Reply


class Model(Protocol):
    @property
    def name(self) -> str: ...

    async def ask(self, prompt: Prompt) -> Reply:
        """Raises Transient, Permanent, or Declined (a Permanent) when there is no answer."""
        ...

    async def step(self, inquiry: Inquiry) -> Looking | Reply:
        """The next turn of a question with tools. Raises as `ask`."""
        ...

    async def check(self) -> str:
        """Is the model there for us? What was found, in words. Raises Transient or Permanent."""
        ...

    async def close(self) -> None: ...
