"""The companies, machines and people of every scenario, put into the database as the command line would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.access import Actor, Via
from engine.cloud import Cloud
from engine.company import Asset, Company, User
from engine.operations import directory
from storage.transaction import Transaction
from tests.outside import COMPANIES, PEOPLE, teams_channel, teams_id

if TYPE_CHECKING:
    from tests.harness import Harness

CLI = Actor(user=None, via=Via.CLI)


async def provision(h: Harness, *, chats: Sequence[str]) -> None:
    ids: dict[str, int] = {}
    for slug, (name, channel, account, instance, asset, _) in COMPANIES.items():

        async def add(
            tx: Transaction,
            slug=slug,
            name=name,
            channel=channel,
            account=account,
            instance=instance,
            asset=asset,
        ) -> None:
            cloud = Cloud(
                role_arn=f"arn:aws:iam::{account}:role/AlertWhisperer",
                external_id=f"external-{slug}",
                region="eu-central-1",
            )
            company = Company(
                id=0,
                slug=slug,
                name=name,
                slack_channel=channel if "slack" in chats else None,
                teams_conversation=teams_channel(slug) if "teams" in chats else None,
                clouds=(cloud,),
            )
            now = h.clock.now()
            issued = await directory.add_company(tx, company, with_hmac=False, actor=CLI, now=now)
            ids[slug], h.keys[slug] = issued.company.id, issued.api_key
            machine = Asset(
                id=0,
                company_id=issued.company.id,
                name=asset,
                platform="linux",
                cloud_ref=instance,
                region="eu-central-1",
            )
            await directory.add_asset(tx, machine, actor=CLI, now=now)

        await h.write(add)
    for name, (chat_id, real, role, slugs, skills) in PEOPLE.items():

        async def join(
            tx: Transaction, name=name, chat_id=chat_id, real=real, role=role, slugs=slugs, skills=skills
        ) -> None:
            user = User(
                id=0,
                name=real.split()[0],
                email=f"{name}@msp.example",
                role=role,
                companies=frozenset(ids[slug] for slug in slugs),
                skills=frozenset(skills),
                slack_user=chat_id if "slack" in chats else None,
                teams_user=teams_id(name) if "teams" in chats else None,
            )
            h.users[name] = await directory.add_user(tx, user, actor=CLI, now=h.clock.now())

        await h.write(join)
