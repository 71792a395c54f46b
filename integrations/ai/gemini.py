"""Gemini, through Google's GenAI API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp

from engine.errors import Permanent, Transient
from integrations.ai.prompt import Declined, Prompt, Reply

if TYPE_CHECKING:
    from google.genai import Client


class Gemini:
    """One model behind one client. The SDK is loaded when it is first asked."""

    def __init__(self, *, model: str, api_key: str, base_url: str = "", timeout: float = 18.0) -> None:
        self.name = f"gemini:{model}"
        self.model = model
        self._key, self._url, self._timeout = api_key, base_url, timeout
        self._client: Client | None = None
        self._session: aiohttp.ClientSession | None = None

    def _made(self) -> Client:
        if self._client is None:
            from google.genai import Client, types

            self._session = aiohttp.ClientSession(trust_env=True)  # one of its own would warn
            options = types.HttpOptions(
                timeout=int(self._timeout * 1000), base_url=self._url or None, aiohttp_client=self._session
            )
            self._client = Client(api_key=self._key, vertexai=False, http_options=options)
        return self._client

    async def ask(self, prompt: Prompt) -> Reply:
        """Raises Declined when there is no answer in the answer; Transient or Permanent when there is none."""
        try:
            from google.genai import errors, types
        except ImportError:
            raise Permanent(
                "the package “google-genai” is not installed: pip install 'alert-whisperer[ai]'"
            ) from None
        config = types.GenerateContentConfig(
            system_instruction=prompt.system,
            response_mime_type="application/json",
            response_json_schema=dict(prompt.schema),
            max_output_tokens=prompt.most_tokens,
        )
        try:
            said = await self._made().aio.models.generate_content(
                model=self.model, contents=prompt.data, config=config
            )
        except errors.APIError as error:
            code = int(error.code or 0)
            why = f"the model's service answered {code}"
            raise (Transient(why) if code in (0, 408, 429) or code >= 500 else Permanent(why)) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Transient(f"{self.name} cannot be reached: {type(error).__name__}") from error
        except (ValueError, TypeError, AttributeError, KeyError) as error:  # no form that the SDK knows
            raise Declined(f"{self.name} answered with no sense: {type(error).__name__}") from error
        return self._reply(said)

    def _reply(self, said: Any) -> Reply:
        usage = said.usage_metadata
        tokens_in = int((usage and usage.prompt_token_count) or 0)
        tokens_out = int((usage and usage.candidates_token_count) or 0)
        kept = int((usage and usage.cached_content_token_count) or 0)
        candidates = said.candidates or []
        reason = candidates[0].finish_reason if len(candidates) == 1 else None
        parts = (candidates[0].content.parts or []) if reason is not None and candidates[0].content else []
        text = "".join(part.text or "" for part in parts if not part.thought)
        if reason is None or reason.value != "STOP" or not text:
            why = f"{self.name} stopped with {reason.value if reason is not None else 'nothing'}"
            raise Declined(why, tokens_in=tokens_in, tokens_out=tokens_out)
        return Reply(
            answer=text, model=self.model, tokens_in=tokens_in, tokens_out=tokens_out, tokens_kept=kept
        )

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aio.aclose()
            self._client.close()
        if self._session is not None:
            await self._session.close()
