"""Gemini, through Google's GenAI API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from engine.errors import Permanent, Transient
from integrations.ai.prompt import Call, Declined, Inquiry, Looking, Prompt, Reply

if TYPE_CHECKING:
    from google.genai import Client

ANSWER = "answer"


class Gemini:
    """One model behind one client. The SDK is loaded when it is first asked."""

    def __init__(
        self, *, model: str, api_key: str, base_url: str = "", stream: bool = False, timeout: float = 18.0
    ) -> None:
        self.name = f"gemini:{model}"
        self.model = model
        self._key, self._url, self._timeout, self._stream = api_key, base_url, timeout, stream
        self._client: Client | None = None
        self._session: aiohttp.ClientSession | None = None

    def _made(self) -> Client:
        if self._client is None:
            types = _types()
            from google.genai import Client

            self._session = aiohttp.ClientSession(trust_env=True)  # one of its own would warn
            options = types.HttpOptions(
                timeout=int(self._timeout * 1000), base_url=self._url or None, aiohttp_client=self._session
            )
            self._client = Client(api_key=self._key, vertexai=False, http_options=options)
        return self._client

    async def ask(self, prompt: Prompt) -> Reply:
        """Raises Declined when there is no answer in the answer; Transient or Permanent when there is none."""
        types = await asyncio.to_thread(_types)  # it takes seconds to import, the first time
        config = types.GenerateContentConfig(
            system_instruction=prompt.system,
            response_mime_type="application/json",
            response_json_schema=dict(prompt.schema),
            max_output_tokens=prompt.most_tokens,
        )
        said = await self._said(prompt.data, config)
        text = "".join(part.text or "" for part in said.parts if not part.thought)
        if said.reason != "STOP" or not text:
            raise self._declined(said, f"stopped with {said.reason}")
        return self._reply(text, said)

    async def step(self, inquiry: Inquiry) -> Looking | Reply:
        types = await asyncio.to_thread(_types)
        told = ANSWER if inquiry.last else ""
        contents: list[Any] = [types.Content(role="user", parts=[types.Part(text=inquiry.prompt.data)])]
        for one in inquiry.rounds:
            contents.append(one.raw)
            results = [
                types.Part(
                    function_response=types.FunctionResponse(
                        id=call.id or None, name=call.name, response={"result": shown}
                    )
                )
                for call, shown in zip(one.calls, one.results, strict=True)
            ]
            contents.append(types.Content(role="user", parts=results))
        said = await self._said(contents, _tooled(types, inquiry, told))
        calls = [part.function_call for part in said.parts if part.function_call]
        answers = [one for one in calls if one.name == ANSWER]
        if said.reason != "STOP" or not calls or len(answers) > 1:
            raise self._declined(said, f"stopped with {said.reason}")
        if answers:
            return self._reply(dict(answers[0].args or {}), said)
        if not {one.name for one in calls} <= {one.name for one in inquiry.tools}:
            raise self._declined(said, "asked for a tool that there is not")
        return Looking(
            calls=[Call(one.id or "", one.name or "", dict(one.args or {})) for one in calls],
            raw=types.Content(role="model", parts=said.parts),
            model=self.model,
            tokens_in=said.tokens_in,
            tokens_out=said.tokens_out,
        )

    async def check(self) -> str:
        found = await self._told(self._made().aio.models.get(model=self.model))
        return f"is there ({found.display_name})"

    async def _said(self, contents: Any, config: Any) -> _Said:
        models = self._made().aio.models
        if not self._stream:
            whole = models.generate_content(model=self.model, contents=contents, config=config)
            return _gathered([await self._told(whole)])

        async def pieces() -> list[Any]:
            coming = await models.generate_content_stream(model=self.model, contents=contents, config=config)
            return [piece async for piece in coming]

        return _gathered(await self._told(pieces()))

    async def _told(self, call: Awaitable[Any]) -> Any:
        """What the SDK raises, as one of our own kinds."""
        from google.genai import errors

        try:
            return await call
        except errors.APIError as error:
            code = int(error.code or 0)
            why = f"the model's service answered {code}"
            raise (Transient(why) if code in (0, 408, 429) or code >= 500 else Permanent(why)) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Transient(f"{self.name} cannot be reached: {type(error).__name__}") from error
        except (ValueError, TypeError, AttributeError, KeyError, errors.UnknownApiResponseError) as error:
            raise Declined(f"{self.name} answered with no sense: {type(error).__name__}") from error

    def _reply(self, answer: str | dict[str, Any], said: _Said) -> Reply:
        return Reply(
            answer=answer,
            model=self.model,
            tokens_in=said.tokens_in,
            tokens_out=said.tokens_out,
            tokens_kept=said.kept,
        )

    def _declined(self, said: _Said, why: str) -> Declined:
        return Declined(f"{self.name} {why}", tokens_in=said.tokens_in, tokens_out=said.tokens_out)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aio.aclose()
            self._client.close()
        if self._session is not None:
            await self._session.close()


@dataclass(frozen=True, slots=True)
class _Said:
    """What came, whole or in pieces."""

    parts: list[Any]
    reason: str
    tokens_in: int
    tokens_out: int
    kept: int


def _gathered(pieces: Sequence[Any]) -> _Said:
    parts: list[Any] = []
    reason, usage = "nothing", None
    for piece in pieces:
        usage = piece.usage_metadata or usage
        candidates = piece.candidates or []
        if len(candidates) != 1:
            continue
        found = candidates[0].finish_reason
        reason = str(found.value) if found is not None else reason
        parts += (candidates[0].content.parts or []) if candidates[0].content else []
    return _Said(
        parts=parts,
        reason=reason,
        tokens_in=int((usage and usage.prompt_token_count) or 0),
        tokens_out=int((usage and usage.candidates_token_count) or 0),
        kept=int((usage and usage.cached_content_token_count) or 0),
    )


def _types() -> Any:
    try:
        from google.genai import types
    except ImportError:
        raise Permanent(
            "the package “google-genai” is not installed: pip install 'alert-whisperer[ai]'"
        ) from None
    return types


def _tooled(types: Any, inquiry: Inquiry, told: str) -> Any:
    """Only functions may be called, and only ours; `told` is the one that has to be."""
    prompt = inquiry.prompt
    declared = [
        types.FunctionDeclaration(
            name=one.name, description=one.description, parameters_json_schema=dict(one.schema)
        )
        for one in inquiry.tools
    ]
    answer = types.FunctionDeclaration(
        name=ANSWER,
        description="The answer, the only way to give one.",
        parameters_json_schema=dict(prompt.schema),
    )
    calling = types.FunctionCallingConfig(
        mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=[told] if told else None
    )
    return types.GenerateContentConfig(
        system_instruction=prompt.system,
        max_output_tokens=prompt.most_tokens,
        tools=[types.Tool(function_declarations=[*declared, answer])],
        tool_config=types.ToolConfig(function_calling_config=calling),
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
