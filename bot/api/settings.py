"""Settings by REST: of a company, of a group of companies, of the MSP."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from bot.api.bodies import Body
from bot.api.companies import company_seen
from bot.api.door import Ask, Endpoint
from bot.api.requests import Request
from bot.cards.config import how_words
from bot.handlers import config as config_handlers
from bot.replay.what_if import LOOK_BACK, MOST_EXAMPLES
from engine.operations import configure
from engine.operations.configure import Place, Where, must_run_the_msp
from engine.setting import Origin, Resolved, Setting, setting_called
from storage.transaction import Transaction


class SettingBody(Body):
    """`value` as it is kept (a span as seconds), `words` as people read it; `origin` is where it comes from."""

    name: str
    value: Any
    words: str
    origin: Origin
    means: str
    takes: str


class SettingList(Body):
    settings: list[SettingBody]


class ChangedSetting(Body):
    before: SettingBody
    after: SettingBody


class ExampleBody(Body):
    """Incidents of now that would be another number of incidents."""

    incidents: str
    title: str
    before: int
    after: int


class WhatIfBody(Body):
    """The past under both values. `note` says what the figures rest on; `only_newest`: there were more alerts."""

    days: int
    alerts: int
    incidents_before: int
    incidents_after: int
    noise_reduction_before: float
    noise_reduction_after: float
    joined: int
    split: int
    examples: list[ExampleBody]
    only_newest: bool
    note: str


class SettingPreview(Body):
    """What a change would do; nothing is changed. `past` is null where the setting has no part in grouping."""

    before: SettingBody
    after: SettingBody
    past: WhatIfBody | None


class GroupBody(Body):
    name: str
    companies: list[str]


class GroupList(Body):
    groups: list[GroupBody]


class SettingRequest(Request):
    """`value` in people's words, such as `10`, `2h`, `off`; null lets it be inherited again."""

    value: str | int | None = Field(description="In people's words; null: inherited")


def setting_body(found: Resolved) -> SettingBody:
    return SettingBody(
        name=found.setting.name,
        value=found.kept,
        words=found.words,
        origin=found.origin,
        means=found.setting.means,
        takes=found.setting.kind.expects,
    )


async def _where(tx: Transaction, ask: Ask) -> Where:
    if "slug" in ask.path:
        company = await company_seen(tx, ask.path["slug"], ask.actor)
        return Where(Origin.COMPANY, company.slug)
    if "group" in ask.path:
        return Where(Origin.GROUP, ask.path["group"].strip().lower())
    return Where(Origin.MSP)


def _wanted(ask: Ask) -> tuple[Setting, Any]:
    setting = setting_called(ask.path["name"])
    return setting, None if ask.body.value is None else setting.read(str(ask.body.value))


async def shown(ask: Ask) -> SettingList:
    async def look(tx: Transaction) -> Place:
        return await configure.place(tx, await _where(tx, ask), ask.actor)

    place = await ask.core.read(look)
    return SettingList(settings=[setting_body(one) for one in place.settings()])


async def put(ask: Ask) -> ChangedSetting:
    setting, kept = _wanted(ask)

    async def write(tx: Transaction) -> ChangedSetting:
        where, now = await _where(tx, ask), ask.core.clock.now()
        before, after = await configure.put(tx, where, setting, kept, actor=ask.actor, now=now)
        return ChangedSetting(
            before=setting_body(before.now(setting)), after=setting_body(after.now(setting))
        )

    return await ask.core.write(write)


async def preview(ask: Ask) -> SettingPreview:
    setting, kept = _wanted(ask)

    async def look(tx: Transaction) -> Place:
        return await configure.place(tx, await _where(tx, ask), ask.actor)

    before = await ask.core.read(look)
    after = before.with_value(setting, kept)
    found = await config_handlers.preview(ask.core, before, after, setting)
    past = None
    if found is not None:
        seen, change = found
        past = WhatIfBody(
            days=LOOK_BACK.days,
            alerts=change.alerts,
            incidents_before=change.before,
            incidents_after=change.after,
            noise_reduction_before=change.noise(change.before),
            noise_reduction_after=change.noise(change.after),
            joined=change.joined,
            split=change.split,
            examples=[
                ExampleBody(incidents=one.label, title=one.title, before=one.before, after=one.after)
                for one in change.examples[:MOST_EXAMPLES]
            ],
            only_newest=seen.beyond,
            note=how_words(seen),
        )
    return SettingPreview(
        before=setting_body(before.now(setting)), after=setting_body(after.now(setting)), past=past
    )


async def groups(ask: Ask) -> GroupList:
    must_run_the_msp(ask.actor)

    async def look(tx: Transaction) -> GroupList:
        found = [
            GroupBody(name=one.name, companies=list(await tx.company_groups.members(one.id)))
            for one in await tx.company_groups.all()
        ]
        return GroupList(groups=found)

    return await ask.core.read(look)


def _endpoints(folder: str, name: str, whose: str) -> tuple[Endpoint, ...]:
    return (
        Endpoint(
            method="GET",
            path=f"{folder}/settings",
            name=f"show{name}Settings",
            summary=f"Every setting of {whose}, its value and where it comes from",
            act=shown,
            answer=SettingList,
        ),
        Endpoint(
            method="PUT",
            path=f"{folder}/settings/{{name}}",
            name=f"put{name}Setting",
            summary=f"Set a value for {whose}, or let it be inherited again",
            act=put,
            answer=ChangedSetting,
            body=SettingRequest,
        ),
    )


ENDPOINTS = (
    *_endpoints("/api/companies/{slug}", "Company", "a company"),
    Endpoint(
        method="POST",
        path="/api/companies/{slug}/settings/{name}/preview",
        name="previewCompanySetting",
        summary="What a company's last 30 days would have looked like under another value; changes nothing",
        act=preview,
        answer=SettingPreview,
        body=SettingRequest,
    ),
    *_endpoints("/api/groups/{group}", "Group", "a group of companies"),
    *_endpoints("/api/msp", "Msp", "the MSP, which all companies inherit"),
    Endpoint(
        method="GET",
        path="/api/groups",
        name="listGroups",
        summary="The groups of companies that inherit the same settings",
        act=groups,
        answer=GroupList,
    ),
)
