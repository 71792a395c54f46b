"""`aw config` and `aw group`: settings, where they come from, and the groups of companies that share them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.words import Json, Slug, family
from engine.errors import Refused
from engine.setting import Origin, Resolved

if TYPE_CHECKING:
    from bot.core import Core
    from engine.operations.configure import Place, Where
    from storage.transaction import Transaction

app = family("Settings: MSP default → company group → company; the nearest one holds.")
groups = family("Groups of companies that inherit the same settings.")

Msp = Annotated[bool, typer.Option("--msp", help="What all companies inherit.")]
Group = Annotated[str | None, typer.Option(metavar="NAME", help="What a group of companies inherits.")]
OfCompany = Annotated[str | None, typer.Option("--company", metavar="COMPANY", help="One company.")]
SettingName = Annotated[str, typer.Argument(metavar="SETTING", show_default=False)]
GroupName = Annotated[str, typer.Argument(metavar="GROUP", show_default=False)]


def where_of(msp: bool, group: str | None, company: str | None) -> Where:
    from engine.operations.configure import Where

    if [msp, group is not None, company is not None].count(True) != 1:
        raise Refused("Of what?", hint="Give one of `--msp`, `--group NAME` and `--company COMPANY`.")
    if msp:
        return Where(Origin.MSP)
    if group is not None:
        return Where(Origin.GROUP, group.strip().lower())
    return Where(Origin.COMPANY, (company or "").strip().lower())


def document(place: Place) -> dict[str, Any]:
    return {
        "where": place.where.origin.value,
        "name": place.where.name or None,
        "group": place.layers.group_name or None,
        "settings": [setting_document(one) for one in place.settings()],
    }


def setting_document(one: Resolved) -> dict[str, Any]:
    return {
        "name": one.setting.name,
        "value": one.kept,
        "words": one.words,
        "from": one.origin.value,
        "means": one.setting.means,
    }


@app.command("show")
def show(
    company: Annotated[str | None, typer.Argument(metavar="[COMPANY]", show_default=False)] = None,
    msp: Msp = False,
    group: Group = None,
    named: OfCompany = None,
    as_json: Json = False,
) -> None:
    """Each setting: its value, where it comes from, what it means."""
    where = where_of(msp, group, named if company is None else company)

    async def act(core: Core) -> dict[str, Any]:
        from engine.operations import configure

        async def look(tx: Transaction) -> dict[str, Any]:
            return document(await configure.place(tx, where, operator()))

        return await core.read(look)

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    names = {"group": f"group {found['group']}", "default": "default", "msp": "MSP", "company": "here"}
    rows = [[one["name"], one["words"], names[one["from"]], one["means"]] for one in found["settings"]]
    terminal.say_table(("SETTING", "VALUE", "FROM", "MEANS"), rows, nothing="")


@app.command("set")
def set_value(
    setting: SettingName,
    value: Annotated[str, typer.Argument(metavar="VALUE", show_default=False)],
    msp: Msp = False,
    group: Group = None,
    company: OfCompany = None,
    as_json: Json = False,
) -> None:
    """Set one setting: `aw config set window 10 --company acme`."""
    _put(setting, value, where_of(msp, group, company), as_json)


@app.command("unset")
def unset(
    setting: SettingName,
    msp: Msp = False,
    group: Group = None,
    company: OfCompany = None,
    as_json: Json = False,
) -> None:
    """Let it be inherited again."""
    _put(setting, None, where_of(msp, group, company), as_json)


def _put(name: str, words: str | None, where: Where, as_json: bool) -> None:
    from engine.setting import setting_called

    setting = setting_called(name)
    kept = None if words is None else setting.read(words)

    async def act(core: Core) -> dict[str, Any]:
        from engine.operations import configure

        async def write(tx: Transaction) -> dict[str, Any]:
            now = core.clock.now()
            before, after = await configure.put(tx, where, setting, kept, actor=operator(), now=now)
            changes = {
                "before": setting_document(before.now(setting)),
                "after": setting_document(after.now(setting)),
            }
            return {"where": where.origin.value, "name": where.name or None, **changes}

        return await core.write(write)

    done = with_core(act)
    if as_json:
        return terminal.say_json(done)
    before, after = done["before"], done["after"]
    terminal.say(
        f"{setting.name} of {where.words}: {before['words']} ({before['from']}) → "
        f"{after['words']} ({after['from']})"
    )


@groups.command("add")
def add_group(name: GroupName, as_json: Json = False) -> None:
    """Add a group, for settings that several companies share."""

    async def act(core: Core) -> dict[str, Any]:
        from engine.operations import configure

        async def write(tx: Transaction) -> dict[str, Any]:
            made = await configure.add_group(tx, name, actor=operator(), now=core.clock.now())
            return {"name": made.name, "companies": [], "settings": {}}

        return await core.write(write)

    made = with_core(act)
    if as_json:
        return terminal.say_json(made)
    terminal.say(f"The group {made['name']} is added. `aw group put {made['name']} COMPANY` fills it.")


@groups.command("list")
def list_groups(as_json: Json = False) -> None:
    """List the groups with their companies."""

    async def act(core: Core) -> list[dict[str, Any]]:
        async def look(tx: Transaction) -> list[dict[str, Any]]:
            return [
                {
                    "name": one.name,
                    "companies": list(await tx.company_groups.members(one.id)),
                    "settings": dict(one.settings),
                }
                for one in await tx.company_groups.all()
            ]

        return await core.read(look)

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    rows = [[one["name"], ", ".join(one["companies"]), ", ".join(one["settings"])] for one in found]
    terminal.say_table(("GROUP", "COMPANIES", "SETS"), rows, nothing="No group yet: `aw group add gold`.")


@groups.command("put")
def put_company(name: GroupName, slug: Slug, as_json: Json = False) -> None:
    """Put a company into a group; it leaves the one that it is in."""
    _regroup(slug, name, as_json)


@groups.command("take")
def take_company(slug: Slug, as_json: Json = False) -> None:
    """Take a company out of its group."""
    _regroup(slug, None, as_json)


def _regroup(slug: str, name: str | None, as_json: bool) -> None:
    async def act(core: Core) -> dict[str, Any]:
        from engine.operations import configure

        async def write(tx: Transaction) -> dict[str, Any]:
            now = core.clock.now()
            return dict(await configure.regroup(tx, slug, name, actor=operator(), now=now))

        return await core.write(write)

    changed = with_core(act)
    if as_json:
        changes = {one: {"before": both[0], "after": both[1]} for one, both in changed.items()}
        return terminal.say_json({"company": slug, "group": name, "changed": changes})
    terminal.say(f"{slug} is in {'the group ' + name if name else 'no group'} now.")
    terminal.say_facts([(one, f"{both[0]} → {both[1]}") for one, both in changed.items()])


@groups.command("remove")
def remove_group(name: GroupName, as_json: Json = False) -> None:
    """Remove an empty group."""

    async def act(core: Core) -> None:
        from engine.operations import configure

        async def write(tx: Transaction) -> None:
            await configure.remove_group(tx, name, actor=operator(), now=core.clock.now())

        await core.write(write)

    with_core(act)
    if as_json:
        return terminal.say_json({"removed": name})
    terminal.say(f"The group {name} is removed.")
