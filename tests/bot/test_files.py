"""Files at links: what a link opens, and all that it does not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from bot.doors import files
from bot.file_links import LASTS, linked
from bot.reports.files import ReportFile
from engine.access import SYSTEM
from engine.audit import AuditKind
from engine.operations import directory
from storage.file_tables import linked_files
from tests.given import World

FILE = ReportFile("acme-2026.csv", "Report", b"part,name,value\r\n")
Get = Callable[[str], Awaitable[ClientResponse]]


def reached_at(world: World, address: str) -> World:
    settings = world.core.settings.model_copy(update={"aw_public_url": address})
    return replace(world, core=replace(world.core, settings=settings))


@pytest.fixture
def world(world: World) -> World:
    return reached_at(world, "https://aw.example.com/")


@pytest.fixture
async def get(world) -> AsyncIterator[Get]:
    app = web.Application()
    app.add_routes(files.routes(world.core))
    async with TestClient(TestServer(app)) as client:

        async def read(url: str) -> ClientResponse:
            assert url.startswith("https://aw.example.com/files/")
            return await client.get(URL(url.removeprefix("https://aw.example.com"), encoded=True))

        yield read


async def link(world, *, company_id: int | None = None, user_id: int | None = None) -> str:
    company_id = world.acme.id if company_id is None else company_id
    (one,) = await linked(world.core, [FILE], company_id=company_id, user_id=user_id)
    return one.url


async def test_a_link_gives_its_file_and_says_so_in_the_log(world, clock, get: Get):
    url = await link(world)
    for _ in range(3):
        answer = await get(url)
        assert (answer.status, await answer.read()) == (200, FILE.body)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''acme-2026.csv"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "private, no-store"

    async def noted() -> int:
        lines = await world.core.read(lambda tx: tx.audit.latest(world.acme.id, most=50))
        return sum(one.entry.kind is AuditKind.FILE_READ and one.entry.subject == FILE.name for one in lines)

    assert await noted() == 1, "once an hour"
    clock.advance(hours=2)
    await get(url)
    assert await noted() == 2


async def test_a_link_that_was_changed_opens_nothing(world, clock, get: Get):
    url, others = await link(world), await link(world, company_id=world.globex.id)
    token, _, name = url.partition("/files/")[2].partition("/")
    company, file_id, until, signature = token.split("-")
    other = others.partition("/files/")[2].split("-")[1]
    wrong = "0" * len(signature) if signature[0] != "0" else "1" * len(signature)
    for forged in (
        f"{company}-{file_id}-{until}-{wrong}/{name}",
        f"{company}-{file_id}-{until}-/{name}",
        f"{company}-{file_id}-{until}-%C3%A9/{name}",
        f"{company}-{other}-{until}-{signature}/{name}",
        f"{world.globex.id}-{file_id}-{until}-{signature}/{name}",
        f"{company}-{file_id}-{int(until) + 1}-{signature}/{name}",
        f"{company}-{file_id}-{until}-{signature}/other.csv",
        f"{company}-{file_id}-{until}-{signature}/..%2F{name}",
        f"-/{name}",
        f"x/{name}",
    ):
        answer = await get(f"https://aw.example.com/files/{forged}")
        assert answer.status == 404, forged
        assert "Check that the whole link was copied" in await answer.text()


async def test_a_link_ends_and_says_when(world, clock, get: Get):
    url = await link(world)
    clock.advance(seconds=LASTS.total_seconds() + 1)
    answer = await get(url)
    assert answer.status == 410 and "This link ended on 20" in await answer.text()
    await link(world)  # takes what is over away
    left = await world.core.read(lambda tx: count(tx))
    assert left == 1 and (await get(url)).status == 410


async def count(tx) -> int:
    return int(
        (await tx.connection.execute(sa.select(sa.func.count()).select_from(linked_files))).scalar_one()
    )


async def test_what_was_changed_behind_our_back_is_not_given_out(world, get: Get):
    url = await link(world)
    await world.core.write(
        lambda tx: tx.connection.execute(sa.update(linked_files).values(body=b"part,name,other\r\n"))
    )
    answer = await get(url)
    assert answer.status == 500 and "damaged" in await answer.text()


async def test_it_ends_with_the_rights_of_whom_it_was_made_for(world, clock, get: Get):
    url, all_of_it = await link(world, user_id=world.kim.id), await link(world, company_id=0)
    assert (await get(url)).status == 200 and (await get(all_of_it)).status == 200
    kim = replace(world.kim, companies=frozenset({world.globex.id}))
    await world.core.write(lambda tx: directory.change_user(tx, kim, actor=SYSTEM, now=clock.now()))
    answer = await get(url)
    assert answer.status == 410 and "may not be read any more" in await answer.text()


async def test_an_archived_company_s_files_are_not_read(world, clock, get: Get):
    url = await link(world)
    await world.core.write(lambda tx: directory.archive_company(tx, "acme", actor=SYSTEM, now=clock.now()))
    assert (await get(url)).status == 410


async def test_without_a_public_address_there_is_no_link(world):
    assert await linked(reached_at(world, "").core, [FILE], company_id=world.acme.id) == []
