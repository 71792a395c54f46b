"""`/aw patches` and `/aw verify`, and the same by REST, against the pretend AWS: who may, and how a no reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from bot.actions.companies import ShowPatches, VerifyAccess
from bot.cards import card as cards
from bot.commands import parse
from bot.handlers.dispatch import handle
from bot.place import Place
from engine.company import Company, Role, User
from engine.errors import NotFound, Refused
from tests import given
from tests.bot.rest import serving
from tests.bot.test_cards import text_of
from tests.runbooks import aws as amazon
from tests.runbooks.aws import Cloud, cloud

__all__ = ["cloud"]
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@dataclass
class Client:
    """A company whose machines are in the pretend AWS."""

    world: given.World
    aws: Cloud
    company: Company
    kim: User
    ada: User
    vera: User

    async def said(self, line: str, user: User, where: Place | None = None) -> str:
        (action,) = parse(line)
        place = where or Place(company_id=self.company.id)
        reply = await handle(self.world.core, action, actor=given.actor(user), place=place)
        assert isinstance(reply, cards.Said)
        return text_of(reply.card)


@pytest.fixture
async def client(world: given.World, cloud: Cloud) -> Client:
    async def build(tx: Any) -> Client:
        company = await given.company(tx, "initech", clouds=(amazon.PLACE,))
        for name, ref in (("ini-web-01", amazon.WEB), ("ini-web-02", amazon.SECOND), ("ini-win", amazon.WIN)):
            await given.asset(tx, company, name, cloud_ref=ref)
        people = [
            await given.user(tx, f"{name} of Initech", role, company)
            for name, role in (
                ("Kim", Role.TECHNICIAN),
                ("Ada", Role.COMPANY_ADMIN),
                ("Vera", Role.CLIENT_VIEWER),
            )
        ]
        return Client(world, cloud, company, *people)

    made = await world.core.write(build)
    patches = cloud.aws.ssm(amazon.ACCOUNT, amazon.REGION).patches
    patches[amazon.WEB] = {"MissingCount": 4, "SecurityNonCompliantCount": 2, "InstalledCount": 100}
    patches[amazon.SECOND] = {"InstalledCount": 104}
    return made


@pytest.fixture
async def rest(world: given.World) -> AsyncIterator[Any]:
    async with serving(world.core) as called:
        yield called


def test_the_words(backend: str) -> None:
    assert parse("patches") == [ShowPatches()]
    assert parse("patches acme web-01") == [ShowPatches("acme web-01")]
    assert parse("verify acme") == [VerifyAccess("acme")]


async def test_patches_of_a_company_and_of_one_machine(client: Client) -> None:
    said = await client.said("patches", client.kim)
    assert "1 of 3 machines of Initech lack patches, 1 never scanned" in said
    assert said.index("ini-web-01") < said.index("ini-web-02"), "what lacks something comes first"
    assert "nothing was scanned now" in said
    assert "ini-web-01: 4 patches missing" in await client.said("patches ini-web-01", client.kim)
    assert "ini-web-02: compliant" in await client.said("patches initech ini-web-02", client.ada, Place())
    assert "ini-win: never scanned" in await client.said("patches INI-WIN", client.kim)


async def test_a_role_without_that_permission_reads_well(client: Client) -> None:
    client.aws.aws.roles[amazon.ROLE].denied.add("ssm:DescribeInstancePatchStates")
    said = await client.said("patches", client.kim)
    assert "Nothing is known of the patches of Initech" in said
    assert f"AWS does not say: {amazon.ACCOUNT} {amazon.REGION}: " in said
    assert "may not call ssm:DescribeInstancePatchStates" in said


async def test_who_may_ask_for_patches(client: Client) -> None:
    for line, user, where, error, words in (
        ("patches", client.vera, None, Refused, "can ask for runbooks here"),
        ("patches", client.world.eve, None, Refused, "not one of yours"),
        ("patches initech", client.world.eve, Place(), NotFound, "I know no company"),
        ("patches other-01", client.kim, None, Refused, "has no machine “other-01”"),
    ):
        with pytest.raises(error) as refused:
            await client.said(line, user, where)
        assert words in str(refused.value), str(refused.value)


async def test_verify_proves_access_and_changes_nothing(client: Client) -> None:
    root = client.world.root
    said = await client.said("verify", root)
    assert "Our access to Initech: proven as far as it can be" in said
    assert "lets us in, and only with its external id" in said and "nothing was changed there" in said
    assert client.aws.commands == []
    client.aws.aws.roles[amazon.ROLE].denied.add("ssm:ListCommands")
    said = await client.said("verify initech", root, Place())
    assert "1 to mend" in said and "ssm:ListCommands" in said
    for user in (client.kim, client.ada, client.vera):
        with pytest.raises(Refused, match="Only MSP admins"):
            await client.said("verify", user)
    with pytest.raises(NotFound):
        await client.said("verify initech", client.world.eve, Place())


async def test_the_same_by_rest(client: Client, rest: Any) -> None:
    root, kim, eve = client.world.root, client.kim, client.world.eve
    found = await rest.get(kim, "/api/companies/initech/patches")
    assert [(one["asset"], one["state"], one["missing"]) for one in found["machines"]] == [
        ("ini-web-01", "not compliant", 4),
        ("ini-web-02", "compliant", 0),
        ("ini-win", "never scanned", None),
    ]
    (only,) = (await rest.get(kim, "/api/companies/initech/patches?asset=ini-win"))["machines"]
    assert only["state"] == "never scanned"
    await rest.get(client.vera, "/api/companies/initech/patches", status=403)
    await rest.get(eve, "/api/companies/initech/patches", status=404)
    await rest.get(kim, "/api/companies/initech/patches?asset=other", status=422)
    access = await rest.post(root, "/api/msp/companies/initech/verify")
    assert access["ok"] and {"good", "off"} == {one["outcome"] for one in access["findings"]}
    client.aws.aws.roles[amazon.ROLE].denied.add("ssm:DescribeInstancePatchStates")
    none = await rest.get(kim, "/api/companies/initech/patches")
    assert none["machines"] == [] and "may not call" in none["refusals"][0]
    await rest.post(client.ada, "/api/msp/companies/initech/verify", status=403)
    await rest.post(eve, "/api/msp/companies/initech/verify", status=404)
