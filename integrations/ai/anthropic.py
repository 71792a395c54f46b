"""Claude, through the Messages API: directly, or in one's own account through Amazon Bedrock."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine.errors import Permanent, Transient
from integrations.ai.amazon import amazon, not_ours
from integrations.ai.prompt import Call, Declined, Inquiry, Looking, NotAllowed, Prompt, Reply

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic, AsyncAnthropicBedrock

ANSWER = "answer"
THINKING_TOKENS = 4000
"""What a model that always thinks may use for that, beside its answer."""
BELOW = ("httpx", "httpcore", "botocore")
"""What the SDK stands on: an answer in pieces that breaks off is told by these, not by the SDK."""
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
        by_chance: bool = False,
        stream: bool = False,
        timeout: float = 18.0,
        credentials: dict[str, str] | None = None,
    ) -> None:
        """`credentials` are for Bedrock, as its client takes them; without any the machine's own are used.
        `by_chance`: nobody named it; that it is not there for us is raised as NotAllowed."""
        self.name = f"{'bedrock' if bedrock else 'anthropic'}:{model}"
        self.model = model
        self._key, self._url, self._timeout = api_key, base_url, timeout
        self._bedrock, self._credentials, self._stream = bedrock, credentials or {}, stream
        self._by_chance = by_chance
        self._client: AsyncAnthropic | AsyncAnthropicBedrock | None = None
        self._making = asyncio.Lock()

    async def _ready(self) -> AsyncAnthropic | AsyncAnthropicBedrock:
        async with self._making:
            if self._client is None:
                if self._bedrock and not self._url:
                    region = self._credentials.get("aws_region", "")
                    found = await asyncio.to_thread(amazon, region, must=self._by_chance)
                    self._url, self._credentials = found.url, self._credentials | {"aws_region": found.region}
                self._client = await asyncio.to_thread(self._made)  # it reads every certificate there is
            return self._client

    def _made(self) -> AsyncAnthropic | AsyncAnthropicBedrock:
        from anthropic import AsyncAnthropic, AsyncAnthropicBedrock

        known: dict[str, Any] = {"timeout": self._timeout, "max_retries": TRIES_AGAIN}
        if self._url:
            known["base_url"] = self._url
        if self._bedrock:
            return AsyncAnthropicBedrock(**known | self._credentials)
        return AsyncAnthropic(api_key=self._key, **known)

    async def ask(self, prompt: Prompt) -> Reply:
        """Raises Declined when there is no answer in the answer; Transient or Permanent when there is none."""
        said = await self._said(self._request(prompt))
        reply = self._reply(said)
        if isinstance(reply, Looking):
            raise self._declined(said, "did not answer in the form")
        return reply

    async def step(self, inquiry: Inquiry) -> Looking | Reply:
        return self._reply(await self._said(self._inquiry(inquiry)), {one.name for one in inquiry.tools})

    async def check(self) -> str:
        if self._bedrock:
            hello = [{"role": "user", "content": "hello"}]
            await self._said({"model": self.model, "max_tokens": 16, "messages": hello})
            return "answers"
        anthropic = await _sdk()
        with _told(self.name, anthropic):
            client = await self._ready()
            found = await client.models.retrieve(self.model)  # type: ignore[union-attr]
        return f"is there ({found.display_name})"

    async def _said(self, request: dict[str, Any]) -> Any:
        anthropic = await _sdk()
        with _told(self.name, anthropic, bedrock=self._bedrock, by_chance=self._by_chance):
            client = await self._ready()
            if not self._stream:
                return await client.messages.create(**request)
            async with client.messages.stream(**request) as coming:
                return await coming.get_final_message()

    def _request(self, prompt: Prompt) -> dict[str, Any]:
        return self._shaped(prompt, [_answer_tool(prompt)], {"type": "tool", "name": ANSWER}) | {
            "messages": [{"role": "user", "content": prompt.data}]
        }

    def _inquiry(self, inquiry: Inquiry) -> dict[str, Any]:
        prompt = inquiry.prompt
        tools = [
            {"name": one.name, "description": one.description, "input_schema": dict(one.schema)}
            for one in inquiry.tools
        ]
        choice = {"type": "tool", "name": ANSWER} if inquiry.last else {"type": "any"}
        messages: list[dict[str, Any]] = [{"role": "user", "content": prompt.data}]
        for one in inquiry.rounds:
            messages.append({"role": "assistant", "content": one.raw})
            results = [
                {"type": "tool_result", "tool_use_id": call.id, "content": shown}
                for call, shown in zip(one.calls, one.results, strict=True)
            ]
            messages.append({"role": "user", "content": results})
        return self._shaped(prompt, [*tools, _answer_tool(prompt)], choice) | {"messages": messages}

    def _shaped(self, prompt: Prompt, tools: list[dict[str, Any]], choice: dict[str, Any]) -> dict[str, Any]:
        """Small models are told which tool and think no further; the large ones refuse both and need more room."""
        system = [{"type": "text", "text": prompt.system, "cache_control": {"type": "ephemeral"}}]
        request: dict[str, Any] = {"model": self.model, "system": system, "tools": tools}
        if _takes_orders(self.model):
            one_at_a_time = {"disable_parallel_tool_use": True} if choice.get("name") == ANSWER else {}
            return request | {
                "max_tokens": prompt.most_tokens,
                "thinking": {"type": "disabled"},
                "tool_choice": choice | one_at_a_time,
            }
        return request | {
            "max_tokens": prompt.most_tokens + THINKING_TOKENS,
            "tool_choice": {"type": "auto"},
        }

    def _reply(self, said: Any, tools: Collection[str] = ()) -> Looking | Reply:
        tokens_in, tokens_out, kept = _tokens(said)
        stopped = getattr(said, "stop_reason", None)
        if stopped != "tool_use":
            raise self._declined(said, f"stopped with {stopped}")
        blocks = [one for one in said.content or () if getattr(one, "type", "") == "tool_use"]
        if not blocks or not all(isinstance(one.input, dict) for one in blocks):
            raise self._declined(said, "did not answer in the form")
        answers = [one for one in blocks if one.name == ANSWER]
        if answers:
            if len(answers) != 1 or (len(blocks) != 1 and not tools):
                raise self._declined(said, "did not answer in the form")
            return Reply(
                answer=answers[0].input,
                model=self.model,
                tokens_in=tokens_in,
                tokens_out=tokens_out,
                tokens_kept=kept,
            )
        if not {one.name for one in blocks} <= set(tools):
            raise self._declined(said, "did not answer in the form: there is no such tool")
        return Looking(
            calls=[Call(one.id, one.name, one.input) for one in blocks],
            raw=[one.model_dump(mode="json", exclude_none=True) for one in said.content],
            model=self.model,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
        )

    def _declined(self, said: Any, why: str) -> Declined:
        tokens_in, tokens_out, _ = _tokens(said)
        return Declined(f"{self.name} {why}", tokens_in=tokens_in, tokens_out=tokens_out)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()


def _takes_orders(model: str) -> bool:
    """May a tool be forced, and thinking be left out? So with the small models and the fourth generation."""
    return "haiku" in model or "-4-" in model


def _answer_tool(prompt: Prompt) -> dict[str, Any]:
    return {
        "name": ANSWER,
        "description": "The answer, the only way to give one.",
        "strict": True,
        "input_schema": prompt.schema,
    }


def _tokens(said: Any) -> tuple[int, int, int]:
    """In, out, and what of those in the provider had kept."""
    usage = getattr(said, "usage", None)
    kept = int(getattr(usage, "cache_read_input_tokens", 0) or 0)
    made = int(getattr(usage, "cache_creation_input_tokens", 0) or 0)
    tokens_in = int(getattr(usage, "input_tokens", 0) or 0) + kept + made
    return tokens_in, int(getattr(usage, "output_tokens", 0) or 0), kept


async def _sdk() -> Any:
    """Imported in a thread: for the seconds that this takes the first time, cards go out all the same."""
    try:
        return await asyncio.to_thread(importlib.import_module, "anthropic")
    except ImportError:
        raise Permanent(
            "the package “anthropic” is not installed: pip install 'alert-whisperer[ai]'"
        ) from None


@contextmanager
def _told(name: str, anthropic: Any, *, bedrock: bool = False, by_chance: bool = False) -> Iterator[None]:
    """What the SDK raises, as one of our own kinds."""
    try:
        yield
    except anthropic.APIStatusError as error:
        if bedrock and (why := not_ours(error.status_code, str(error))):
            raise (NotAllowed if by_chance else Permanent)(why) from error
        raise _refusal(error.status_code, dict(error.response.headers)) from error
    except anthropic.APIConnectionError as error:
        raise Transient(f"{name} cannot be reached: {type(error).__name__}") from error
    except AssertionError as error:  # the SDK's own: an answer in pieces that never became one
        raise Declined(f"{name} answered with no sense") from error
    except (anthropic.AnthropicError, RuntimeError, TypeError, ValueError) as error:
        raise Permanent(f"{name}: {type(error).__name__}") from error
    except Exception as error:
        if not type(error).__module__.startswith(BELOW):
            raise
        raise Transient(f"{name} broke off: {type(error).__name__}") from error


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
