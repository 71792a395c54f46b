"""The house keeps its rules, and the rules are awake.

Beside each rule stand pieces of code that break it and pieces that keep it, so that a rule which finds nothing any more
is found out itself.
"""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.rules import (
    LARGER,
    MAY_IMPORT,
    Module,
    Rule,
    data_is_loaded_not_run,
    dialects_are_told_apart_in_one_place,
    engine_awaits_in_operations_only,
    engine_touches_nothing,
    environment_is_read_in_settings,
    imports_by_full_name,
    imports_downwards_only,
    large_pieces,
    names_say_something,
    no_error_vanishes,
    outside_packages_live_in_one_place,
    pieces_stay_small,
    time_is_given,
    transactions_are_opened_in_bot,
)

ROOT = Path(__file__).parent.parent

RULES: dict[Rule, tuple[list[tuple[str, str]], list[tuple[str, str]]]] = {
    imports_downwards_only: (
        [
            ("engine/x.py", "import storage"),
            ("engine/x.py", "from runbooks.run import Run"),
            ("runbooks/x.py", "def f():\n    import bot.web"),
            ("integrations/x.py", "from storage.jobs import put"),
            ("storage/x.py", "from integrations import SOURCES"),
            ("storage/x.py", "if TYPE_CHECKING:\n    from bot.core import Core"),
            ("sandbox/x.py", "from engine.alert import Alert"),
            ("bot/x.py", "import importlib\nimportlib.import_module('sandbox.app')"),
            ("bot/x.py", "from alert_whisperer.engine import alert"),
            ("bot/x.py", "import tests.given"),
        ],
        [
            (
                "bot/x.py",
                "from integrations import SOURCES\nfrom storage.jobs import put\nimport engine.alert",
            ),
            ("storage/x.py", "from runbooks.run import Run"),
            ("sandbox/x.py", "from sandbox.world import World\nimport aiohttp"),
        ],
    ),
    imports_by_full_name: (
        [("bot/slack/x.py", "from . import render"), ("bot/slack/x.py", "from ..cards import Card")],
        [("bot/slack/x.py", "from bot.cards.card import Card")],
    ),
    engine_touches_nothing: (
        [
            ("engine/x.py", "import socket"),
            ("engine/operations/x.py", "from urllib.request import urlopen"),
            ("engine/x.py", "from urllib import request"),
            ("engine/x.py", "import aiohttp"),
            ("engine/x.py", "import sqlalchemy as sa"),
        ],
        [
            (
                "engine/x.py",
                "import hashlib\nfrom urllib.parse import quote\nimport pydantic\nimport engine.alert",
            )
        ],
    ),
    engine_awaits_in_operations_only: (
        [("engine/sla.py", "async def due(): ..."), ("engine/sla.py", "f = [x async for x in y]\nawait z")],
        [("engine/operations/x.py", "async def f(): await g()"), ("engine/ports.py", "async def f(): ...")],
    ),
    time_is_given: (
        [
            ("engine/x.py", "now = datetime.now(UTC)"),
            ("runbooks/x.py", "import datetime\nf(datetime.datetime.utcnow())"),
            ("integrations/sources/x.py", "at = time.time()"),
        ],
        [("engine/x.py", "def f(now): return now.time()"), ("bot/clock.py", "datetime.now(UTC)")],
    ),
    outside_packages_live_in_one_place: (
        [
            ("bot/web.py", "from slack_bolt.async_app import AsyncApp"),
            ("bot/slack/render.py", "import slack_bolt"),
            ("bot/handlers/dispatch.py", "import slack_sdk.errors"),
            ("storage/x.py", "def f():\n    import boto3"),
            ("bot/teams/render.py", "from botbuilder.core import CardFactory"),
            ("integrations/ai/gemini.py", "import anthropic"),
        ],
        [
            ("bot/slack/app.py", "from slack_bolt.async_app import AsyncApp\nimport slack_sdk"),
            ("runbooks/executors/aws_ssm.py", "import boto3.session\nfrom botocore.config import Config"),
            ("integrations/ai/anthropic.py", "from anthropic import AsyncAnthropic"),
        ],
    ),
    environment_is_read_in_settings: (
        [
            ("bot/web.py", "import os\nport = os.environ['AW_PORT']"),
            ("storage/x.py", "import os\nx = os.getenv('HOME')"),
            ("engine/x.py", "from os import environ"),
        ],
        [("bot/settings.py", "import os\nos.environ.get('AW_PORT')"), ("bot/x.py", "import os\nos.getpid()")],
    ),
    transactions_are_opened_in_bot: (
        [("storage/x.py", "async def f(db):\n    async with db.transaction() as tx:\n        pass")],
        [
            ("bot/worker.py", "db.transaction()"),
            ("storage/database.py", "class D:\n    def transaction(self): ..."),
        ],
    ),
    dialects_are_told_apart_in_one_place: (
        [
            ("storage/jobs.py", "if tx.connection.dialect.name == 'sqlite':\n    pass"),
            ("bot/x.py", "match engine.dialect.name:\n    case 'sqlite': ..."),
            ("storage/x.py", "a = 1 if dialect_name in names else 2"),
        ],
        [
            ("storage/dialect.py", "if engine.dialect.name == 'sqlite': ..."),
            ("storage/x.py", "f(engine.dialect.name)"),
        ],
    ),
    no_error_vanishes: (
        [
            ("bot/x.py", "try:\n    f()\nexcept Exception:\n    pass"),
            ("bot/x.py", "try:\n    f()\nexcept:\n    ..."),
            (
                "bot/x.py",
                "for x in y:\n    try:\n        f()\n    except (OSError, Exception) as e:\n        continue",
            ),
            ("bot/x.py", "with contextlib.suppress(Exception):\n    f()"),
        ],
        [
            ("bot/x.py", "try:\n    f()\nexcept Exception:\n    log.exception('f')"),
            ("bot/x.py", "try:\n    f()\nexcept ProcessLookupError:\n    pass"),
        ],
    ),
    data_is_loaded_not_run: (
        [
            ("storage/x.py", "import pickle"),
            ("bot/x.py", "from jsonpickle import decode"),
            ("runbooks/x.py", "yaml.load(text)"),
            ("runbooks/x.py", "LOADER = yaml.Loader\nyaml.load(text, Loader=LOADER)"),
            ("runbooks/x.py", "class L(yaml.UnsafeLoader): ...\nyaml.load(text, L)"),
            ("bot/x.py", "eval(text)"),
        ],
        [
            ("runbooks/x.py", "L = yaml.CSafeLoader\nyaml.load(text, Loader=L)\nyaml.safe_load(text)"),
            ("bot/x.py", "class L(yaml.BaseLoader): ...\nyaml.load(text, L)"),
        ],
    ),
    names_say_something: (
        [("bot/utils.py", ""), ("storage/job_manager.py", ""), ("engine/common/x.py", "")],
        [("bot/web.py", ""), ("engine/company.py", "")],
    ),
    pieces_stay_small: (
        [("bot/x.py", "\n" * 401), ("bot/x.py", "async def f():\n" + "    x = 1\n" * 60)],
        [("bot/x.py", "\n" * 400), ("bot/x.py", "def f():\n" + "    x = 1\n" * 59)],
    ),
}
"""Rule → code that breaks it, and code that keeps it."""

EVERYWHERE: set[Rule] = {no_error_vanishes, names_say_something, pieces_stay_small}
"""Rules that hold for what surrounds the rooms too."""


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    paths = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    return tuple(Module(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in paths)


def rule_id(value: object) -> str | None:
    return getattr(value, "__name__", None)


@pytest.mark.parametrize("rule", RULES, ids=rule_id)
def test_the_house_keeps_its_rules(rule: Rule) -> None:
    looked_at = [
        *modules(*MAY_IMPORT),
        *(modules("tests", "benchmarks", "launcher") if rule in EVERYWHERE else ()),
    ]
    faults = [f"{module.path}:{fault}" for module in looked_at for fault in rule(module)]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("rule", "path", "code"),
    [(rule, *sample) for rule, (broken, _) in RULES.items() for sample in broken],
    ids=rule_id,
)
def test_a_broken_rule_is_noticed(rule: Rule, path: str, code: str) -> None:
    assert list(rule(Module(path, code)))


@pytest.mark.parametrize(
    ("rule", "path", "code"),
    [(rule, *sample) for rule, (_, kept) in RULES.items() for sample in kept],
    ids=rule_id,
)
def test_a_kept_rule_is_left_alone(rule: Rule, path: str, code: str) -> None:
    assert list(rule(Module(path, code))) == []


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_every_room_is_there(room: str) -> None:
    """A rule that looks at an empty folder would always hold."""
    assert modules(room)


def test_what_is_excused_for_its_size_still_is_that_large() -> None:
    large = {
        name for module in modules(*MAY_IMPORT, "tests", "benchmarks") for name, _ in large_pieces(module)
    }
    assert not set(LARGER) - large


def needs(module: Module) -> Iterator[str]:
    """What must have been imported before it: its imports outside of functions and of `if TYPE_CHECKING`."""
    waiting: list[ast.stmt] = list(module.tree.body)
    while waiting:
        match waiting.pop():
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                continue
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=otherwise):
                waiting.extend(otherwise)
            case ast.Import() | ast.ImportFrom() as statement:
                yield from (name for _, name in Module(module.path, ast.unparse(statement)).imports)
            case statement:
                waiting.extend(it for it in ast.iter_child_nodes(statement) if isinstance(it, ast.stmt))


def circle(looked_at: tuple[Module, ...]) -> list[str]:
    """The modules of one circle of imports; empty when there is none."""
    files = {module.path.removesuffix(".py").replace("/", "."): module for module in looked_at}
    named = {name.removesuffix(".__init__"): module for name, module in files.items()}

    def meant(imported: str) -> str:
        """A module's own name, or that of the module which the imported thing is in."""
        return imported if imported in named else imported.rpartition(".")[0]

    graph = {name: {meant(it) for it in needs(module)} & set(named) for name, module in named.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_one_another_in_a_circle() -> None:
    assert circle(modules(*MAY_IMPORT)) == []


def test_a_circle_is_noticed() -> None:
    first = Module("bot/first.py", "try:\n    from bot.second import f\nexcept ImportError:\n    raise")
    assert circle((first, Module("bot/second.py", "from bot import first")))
    assert not circle((first, Module("bot/second.py", "def f():\n    from bot import first")))
