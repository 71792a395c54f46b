"""Monitoring tools: the panel's buttons and the evening post alerts over HTTP, with the key, as a real tool would."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import aiohttp
from aiohttp import web

from sandbox.world import Preset, SenderConfig, World

READY_WITHIN = 120.0


class Senders:
    def __init__(self, world: World) -> None:
        self._world = world
        self._tasks: set[asyncio.Task[Any]] = set()
        self._session: aiohttp.ClientSession | None = None

    def begin(self) -> None:
        """The evening starts as soon as the bot is ready."""
        if self._world.config.evening:
            self._keep(asyncio.create_task(self._evening()))

    async def end(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def send(self, request: web.Request) -> web.Response:
        """POST /_sandbox/alert {"company", "preset"}: the bot's status and its answer to the first alert."""
        body = await request.json()
        try:
            sender, preset = self._find(body["company"], body["preset"])
        except LookupError as error:
            raise web.HTTPNotFound(text=str(error)) from error
        status, answer = await self.play(sender, preset)
        return web.json_response({"status": status, "answer": answer})

    def _find(self, company: str, name: str) -> tuple[SenderConfig, Preset]:
        for sender in self._world.config.senders:
            for preset in sender.presets:
                if (sender.company, preset.id) == (company, name):
                    return sender, preset
        raise LookupError(f"{company} has no preset {name}")

    async def play(self, sender: SenderConfig, preset: Preset) -> tuple[int, Any]:
        """Break what the preset breaks, then send its alerts; the rest of many go on in the background."""
        aws = self._world.aws
        for broken in preset.breaks:
            if aws is not None:
                aws.break_machine(broken["instance"], broken["how"])
        first, *rest = [alert for _ in range(preset.count) for alert in preset.alerts]
        status, answer = await self._post(sender, first)
        if rest:
            self._keep(asyncio.create_task(self._rest(sender, rest, preset.over_seconds)))
        return status, answer

    async def _rest(self, sender: SenderConfig, alerts: list[Any], over_seconds: float) -> None:
        pause = over_seconds / len(alerts)
        for alert in alerts:
            await asyncio.sleep(pause)
            await self._post(sender, alert)

    async def _post(self, sender: SenderConfig, alert: Any) -> tuple[int, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        headers = {"X-API-Key": sender.api_key, "X-Delivery-ID": secrets.token_hex(12)}
        for attempt in range(5):
            try:
                async with self._session.post(sender.url, json=alert, headers=headers) as answer:
                    body = await answer.json(content_type=None)
                    if answer.status not in (429, 503):
                        return answer.status, body
            except aiohttp.ClientError as error:
                body = {"error": str(error)}
            await asyncio.sleep(0.5 * 2**attempt)  # a tool sends again what was not taken
        return 0, body

    async def _evening(self) -> None:
        await self._ready()
        start = asyncio.get_running_loop().time()
        for moment in sorted(self._world.config.evening, key=lambda one: one.after_seconds):
            await asyncio.sleep(max(0.0, start + moment.after_seconds - asyncio.get_running_loop().time()))
            await self.play(*self._find(moment.company, moment.preset))

    async def _ready(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            for _ in range(int(READY_WITHIN / 0.2)):
                try:
                    async with session.get(f"{self._world.config.bot_url}/readyz") as answer:
                        if answer.status == 200:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(0.2)
