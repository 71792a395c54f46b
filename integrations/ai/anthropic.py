"""Claude, through the Messages API: directly, or in one's own account through Amazon Bedrock."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine.errors import Permanent, Transient
from integrations.ai.prompt import Declined, Prompt, Reply

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic, AsyncAnthropicBedrock

ANSWER = "answer"
TRIES_AGAIN = 1
"""How often the SDK itself repeats a call; the job that asks has tries of its own."""


class Claude:
    """One model behind one client. The SDK (42 MB, seconds to import) is loaded when it is first asked."""

    def __init__(
        self,
        *,
        model: str,
        api_key: str = "",
        base_url: str = "",
        bedrock: bool = False,
        timeout: float = 18.0,
        credentials: dict[str, str] | None = None,
    ) -> None:
        """`credentials` are for Bedrock, as its client takes them; without any the machine's own are used."""
        self.name = f"{'bedrock' if bedrock else 'anthropic'}:{model}"
        self.model = model
        self._key, self._url, self._timeout = api_key, base_url, timeout
        self._bedrock, self._credentials = bedrock, credentials or {}
        self._client: AsyncAnthropic | AsyncAnthropicBedrock | None = None

    def _made(self) -> AsyncAnthropic | AsyncAnthropicBedrock:
        if self._client is None:
            from anthropic import AsyncAnthropic, AsyncAnthropicBedrock

            known: dict[str, Any] = {"timeout": self._timeout, "max_retries": TRIES_AGAIN}
            if self._url:
                known["base_url"] = self._url
            if self._bedrock:
                known |= self._credentials
                self._client = AsyncAnthropicBedrock(**known)
            else:
                self._client = AsyncAnthropic(api_key=self._key, **known)
        return self._client

    async def ask(self, prompt: Prompt) -> Reply:
        """Raises Declined when there is no answer in the answer; Transient or Permanent when there is none."""
        try:
            import anthropic
        except ImportError:
            raise Permanent(
                "the package “anthropic” is not installed: pip install 'alert-whisperer[ai]'"
            ) from None
        try:
            said = await self._made().messages.create(**self._request(prompt))
        except anthropic.APIStatusError as error:
            raise _refusal(error.status_code, dict(error.response.headers)) from error
        except anthropic.APIConnectionError as error:
            raise Transient(f"{self.name} cannot be reached: {type(error).__name__}") from error
        except (anthropic.AnthropicError, RuntimeError, TypeError, ValueError) as error:
            raise Permanent(f"{self.name}: {type(error).__name__}") from error
        return self._reply(said)

    def _request(self, prompt: Prompt) -> dict[str, Any]:
        tool = {
            "name": ANSWER,
            "description": "The answer, the only way to give one.",
            "strict": True,
            "input_schema": prompt.schema,
        }
        return {
            "model": self.model,
            "max_tokens": prompt.most_tokens,
            "system": [{"type": "text", "text": prompt.system, "cache_control": {"type": "ephemeral"}}],
            "messages": [{"role": "user", "content": prompt.data}],
            "tools": [tool],
            "tool_choice": {"type": "tool", "name": ANSWER, "disable_parallel_tool_use": True},
        }

    def _reply(self, said: Any) -> Reply:
        usage = getattr(said, "usage", None)
        kept = int(getattr(usage, "cache_read_input_tokens", 0) or 0)
        made = int(getattr(usage, "cache_creation_input_tokens", 0) or 0)
        tokens_in = int(getattr(usage, "input_tokens", 0) or 0) + kept + made
        tokens_out = int(getattr(usage, "output_tokens", 0) or 0)
        stopped = getattr(said, "stop_reason", None)
        if stopped != "tool_use":
            why = f"{self.name} stopped with {stopped}"
            raise Declined(why, tokens_in=tokens_in, tokens_out=tokens_out)
        blocks = [one for one in said.content or () if getattr(one, "type", "") == "tool_use"]
        if len(blocks) != 1 or blocks[0].name != ANSWER or not isinstance(blocks[0].input, dict):
            why = f"{self.name} did not answer in the form"
            raise Declined(why, tokens_in=tokens_in, tokens_out=tokens_out)
        return Reply(
            answer=blocks[0].input,
            model=self.model,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            tokens_kept=kept,
        )

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()


def _refusal(status: int, headers: dict[str, str]) -> Transient | Permanent:
    if status in (408, 409, 429) or status >= 500:
        return Transient(
            f"the model's service answered {status}", retry_after=_wish(headers.get("retry-after", ""))
        )
    return Permanent(f"the model's service answered {status}")


def _wish(said: str) -> timedelta | None:
    """Its own wish when to come back, within reason."""
    try:
        return timedelta(seconds=min(600.0, max(1.0, float(said))))
    except ValueError:
        return None
