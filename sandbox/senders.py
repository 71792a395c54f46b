"""The monitoring tools: they post alerts over HTTP with a key, when a person asks for it and as the evening goes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from sandbox.world import Background, BadWorld, Preset, SenderConfig, World

ATTEMPTS = 5
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Sent:
    """`status`: what the bot answered, 0 when it could not be reached. `answer`: its body."""

    status: int
    answer: Any


class Senders:
    """`pause`: seconds before an alert that was not taken is sent again, doubled each time unless told otherwise."""

    def __init__(self, world: World) -> None:
        self.pause = 0.5
        self._world = world
        self._background = Background()
        self._session: aiohttp.ClientSession | None = None
        self._turns = asyncio.Semaphore(AT_ONCE)
        for moment in world.config.evening:
            self.preset(moment.company, moment.preset)
        for sender in world.config.senders:
            for preset in sender.presets:
                for company in preset.also:
                    self.preset(company, preset.id)

    def preset(self, company: str, name: str) -> tuple[SenderConfig, Preset]:
        """Raises BadWorld when there is none."""
        for sender in self._world.config.senders:
            for preset in sender.presets:
                if (sender.company, preset.id) == (company, name):
                    return sender, preset
        raise BadWorld(f"{company} has no preset {name}")

    def begin(self) -> None:
        """From now on: the evening, as soon as the bot is ready."""
        if self._world.config.evening:
            self._background.start(self._evening())

    async def close(self) -> None:
        await self._background.close()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def asked(self, request: web.Request) -> web.Response:
        """POST /_sandbox/alert {"company", "preset"}."""
        try:
            body = await request.json()
            sender, preset = self.preset(str(body["company"]), str(body["preset"]))
        except (ValueError, TypeError, KeyError) as error:
            status = 404 if isinstance(error, BadWorld) else 400
            return web.json_response({"error": str(error)}, status=status)
        sent = await self.send(sender, preset)
        return web.json_response({"status": sent.status, "answer": sent.answer})

    async def send(self, sender: SenderConfig, preset: Preset, *, alone: bool = False) -> Sent:
        """Breaks what the preset breaks, then sends its alerts; the first answer. The others follow by themselves."""
        if self._world.aws is not None:
            for one in preset.breaks:
                self._world.aws.break_machine(one["instance"], one["how"])
        alerts = [alert for _ in range(preset.count) for alert in preset.alerts]
        if not alerts:
            return Sent(0, {"error": f"{preset.id} has no alerts"})
        first = await self._post(sender, alerts[0])
        for company in () if alone else preset.also:
            self._background.start(self._too(company, preset.id))
        self._follow(sender, preset, alerts)
        return first

    async def _too(self, company: str, name: str) -> None:
        await self.send(*self.preset(company, name), alone=True)

    def _follow(self, sender: SenderConfig, preset: Preset, alerts: list[Mapping[str, Any]]) -> None:
        pause = preset.over_seconds / len(alerts)
        for place, alert in enumerate(alerts[1:], 1):
            self._background.start(self._later(sender, alert, place * pause))

    async def _later(self, sender: SenderConfig, alert: Mapping[str, Any], seconds: float) -> None:
        await asyncio.sleep(seconds)
        async with self._turns:
            await self._post(sender, alert)

    async def _post(self, sender: SenderConfig, alert: Mapping[str, Any]) -> Sent:
        """One alert, again under the same delivery id while the bot cannot take it."""
        headers = {"X-API-Key": sender.api_key, "X-Delivery-ID": str(uuid.uuid4())}
        pause, sent = self.pause, Sent(0, None)
        for _ in range(ATTEMPTS):
            sent, wait = await self._once(sender.url, alert, headers)
            if sent.status not in (0, 429, 502, 503, 504):
                return sent
            await asyncio.sleep(pause if wait is None else wait)
            pause *= 2
        return sent

    async def _once(
        self, url: str, alert: Mapping[str, Any], headers: dict[str, str]
    ) -> tuple[Sent, float | None]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        try:
            async with self._session.post(url, json=alert, headers=headers) as answer:
                text = await answer.text()
                wait = answer.headers.get("Retry-After", "")
                return Sent(answer.status, _decoded(text)), min(float(wait), 30.0) if wait.isdigit() else None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Sent(0, {"error": f"the bot cannot be reached: {error.__class__.__name__}"}), None

    async def _evening(self) -> None:
        await self._ready()
        for moment in self._world.config.evening:
            self._background.start(self._play(moment.after_seconds, moment.company, moment.preset))

    async def _play(self, seconds: float, company: str, name: str) -> None:
        await asyncio.sleep(seconds)
        await self.send(*self.preset(company, name))

    async def _ready(self) -> None:
        """Until GET /readyz of the bot answers 200."""
        timeout = aiohttp.ClientTimeout(total=2)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                    async with session.get(f"{self._world.config.bot_url}/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.25)


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {"text": text}
