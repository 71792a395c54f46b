"""The rules of the house: who may import whom, where each outside thing is known, and how large a piece may grow.

Each rule looks at one parsed module and names its faults, line first. `test_house.py` holds the code to them.
"""

from __future__ import annotations

import ast
import fnmatch
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

MAY_IMPORT = {
    "engine": {"engine"},
    "runbooks": {"runbooks", "engine"},
    "integrations": {"integrations", "engine"},
    "storage": {"storage", "runbooks", "engine"},
    "bot": {"bot", "storage", "integrations", "runbooks", "engine"},
    "sandbox": {"sandbox"},
}
"""Room → the rooms it may import. `bot` starts the sandbox as a process of its own, and never imports it."""

PURE = {"pydantic", "rapidfuzz", "holidays", "dateutil"}
"""What the engine may import beside the standard library: packages that compute and touch nothing."""

TOUCHES_THE_WORLD = {
    "asyncio", "ftplib", "http", "imaplib", "multiprocessing", "os", "poplib", "selectors", "shutil", "signal",
    "smtplib", "socket", "socketserver", "sqlite3", "ssl", "subprocess", "tempfile", "threading",
    "urllib.request", "xmlrpc",
}  # fmt: skip
"""Parts of the standard library that the engine does without."""

LIVES_IN = {
    "slack_bolt": ("bot/slack/app.py",),
    "slack_sdk": ("bot/slack/*.py",),
    "botbuilder": ("bot/teams/app.py",),
    "botframework": ("bot/teams/app.py",),
    "msrest": ("bot/teams/app.py",),
    "boto3": (
        "runbooks/executors/aws_*.py",
        "integrations/email.py",
        "integrations/ai/amazon.py",
    ),  # Systems Manager and access to it; SES; where Bedrock is
    "botocore": ("runbooks/executors/aws_*.py", "integrations/email.py", "integrations/ai/amazon.py"),
    "anthropic": ("integrations/ai/anthropic.py",),
    "google": ("integrations/ai/gemini.py",),
    "apscheduler": ("bot/ticker.py",),
    "alembic": ("storage/*.py",),
    "asyncpg": ("storage/dialect.py",),
    "aiosqlite": ("storage/dialect.py",),
}
"""Outside package → the files that know it."""

NEVER = {"pickle", "jsonpickle", "marshal", "shelve", "dill"}
"""Loading what these wrote runs whatever code is in it."""

NAMES_THAT_SAY_NOTHING = {
    "manager",
    "helper",
    "helpers",
    "util",
    "utils",
    "common",
    "base",
    "service",
    "services",
}

LINES_OF_A_FILE = 400
LINES_OF_A_FUNCTION = 60
LARGER = {
    "storage/migrations/versions/0001_first_schema.py::upgrade": "a list of tables, one after the other",
}
"""`file` or `file::function` that is larger, and why it is right so."""


@dataclass(frozen=True)
class Module:
    path: str
    """Relative to the root, with slashes."""
    source: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source, self.path)

    @property
    def room(self) -> str:
        return self.path.split("/")[0]

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(self.tree))

    @cached_property
    def imports(self) -> tuple[tuple[int, str], ...]:
        """Line and full name of everything it imports, wherever in the file and however it is spelled."""
        return tuple(sorted(found for node in self.nodes for found in self._imported(node)))

    def _imported(self, node: ast.AST) -> Iterator[tuple[int, str]]:
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, name.name) for name in names)
            case ast.ImportFrom(module=module, level=level, names=names):
                here = self.path.removesuffix(".py").split("/")[:-level] if level else []
                parent = ".".join([*here, *([module] if module else [])])
                yield from ((node.lineno, f"{parent}.{name.name}") for name in names)
            case ast.Call(func=function, args=[ast.Constant(value=str(name)), *_]):
                if _dotted(function).split(".")[-1] in {"import_module", "__import__"}:
                    yield node.lineno, name
            case _:
                return


def _dotted(node: ast.AST) -> str:
    """`a.b.c` as written; what is not a name becomes `?`."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            return f"{_dotted(value)}.{attr}"
        case _:
            return "?"


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


Rule = Callable[[Module], Iterator[str]]


def imports_downwards_only(module: Module) -> Iterator[str]:
    for line, name in module.imports:
        room = name.split(".")[0]
        if room in {*MAY_IMPORT, "alert_whisperer", "tests"} - MAY_IMPORT[module.room]:
            yield f"{line}: {module.room} may not import {name}"


def imports_by_full_name(module: Module) -> Iterator[str]:
    for node in module.nodes:
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"{node.lineno}: a relative import; say from which room"


def engine_touches_nothing(module: Module) -> Iterator[str]:
    if module.room != "engine":
        return
    for line, name in module.imports:
        package = name.split(".")[0]
        standard = package in sys.stdlib_module_names and not any(
            _within(name, it) for it in TOUCHES_THE_WORLD
        )
        if not (standard or package in PURE or package in MAY_IMPORT):
            yield f"{line}: the engine does without {name}"


def engine_awaits_in_operations_only(module: Module) -> Iterator[str]:
    if (
        module.room != "engine"
        or module.path.endswith("ports.py")
        or module.path.startswith("engine/operations/")
    ):
        return
    for node in module.nodes:
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield f"{node.lineno}: only engine/operations/ may await"


def time_is_given(module: Module) -> Iterator[str]:
    if module.room not in {"engine", "runbooks", "integrations"} or "/executors/" in module.path:
        return
    for node in module.nodes:
        if isinstance(node, ast.Call) and _dotted(node.func).endswith(
            ("datetime.now", "datetime.utcnow", "date.today", "time.time")
        ):
            yield f"{node.lineno}: `now` is an argument here"


def outside_packages_live_in_one_place(module: Module) -> Iterator[str]:
    if module.room == "sandbox":
        return
    for line, name in module.imports:
        for package, homes in LIVES_IN.items():
            if _within(name, package) and not any(fnmatch.fnmatch(module.path, home) for home in homes):
                yield f"{line}: {package} is known in {' and '.join(homes)} only"


def environment_is_read_in_settings(module: Module) -> Iterator[str]:
    if module.room == "sandbox" or module.path == "bot/settings.py":
        return
    names = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv"}
    for line, name in module.imports:
        if name in names:
            yield f"{line}: the environment is read in bot/settings.py only"
    for node in module.nodes:
        if isinstance(node, ast.Attribute) and _dotted(node) in names:
            yield f"{node.lineno}: the environment is read in bot/settings.py only"


def transactions_are_opened_in_bot(module: Module) -> Iterator[str]:
    if module.room in {"bot", "sandbox"} or module.path == "storage/connection.py":  # there the driver begins
        return
    for node in module.nodes:
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "transaction"
        ):
            yield f"{node.lineno}: transactions are opened in bot/ only"


def dialects_are_told_apart_in_one_place(module: Module) -> Iterator[str]:
    if module.room == "sandbox" or module.path == "storage/dialect.py":
        return
    for node in module.nodes:
        if isinstance(node, ast.Compare | ast.Match | ast.If | ast.IfExp):
            tested = (
                node
                if isinstance(node, ast.Compare)
                else getattr(node, "test", getattr(node, "subject", None))
            )
            for part in ast.walk(tested) if tested is not None else ():
                if _dotted(part).endswith(("dialect.name", "dialect_name")):
                    yield f"{node.lineno}: storage/dialect.py knows SQLite from PostgreSQL, nobody else"


def no_error_vanishes(module: Module) -> Iterator[str]:
    for node in module.nodes:
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = {"BaseException"} if node.type is None else {_dotted(part) for part in ast.walk(node.type)}
        silent = all(
            isinstance(it, ast.Pass | ast.Continue)
            or (isinstance(it, ast.Expr) and isinstance(it.value, ast.Constant))
            for it in node.body
        )
        if silent and caught & {"Exception", "BaseException"}:
            yield f"{node.lineno}: an error of any kind vanishes here"
    for node in module.nodes:
        if not (isinstance(node, ast.Call) and _dotted(node.func).split(".")[-1] == "suppress"):
            continue
        if {_dotted(it) for it in node.args} & {"Exception", "BaseException"}:
            yield f"{node.lineno}: an error of any kind vanishes here"


_SAFE_LOADERS = ("SafeLoader", "BaseLoader")  # the second makes nothing but texts, lists and mappings


def data_is_loaded_not_run(module: Module) -> Iterator[str]:
    for line, name in module.imports:
        if name.split(".")[0] in NEVER:
            yield f"{line}: {name} runs what it loads"
    assigned = [node for node in module.nodes if isinstance(node, ast.Assign | ast.AnnAssign) and node.value]
    safe = {_dotted(_target(node)) for node in assigned if "SafeLoader" in ast.unparse(node)}
    for node in module.nodes:
        if isinstance(node, ast.ClassDef) and any(
            _dotted(base).endswith(_SAFE_LOADERS) for base in node.bases
        ):
            safe.add(node.name)
    for node in module.nodes:
        if not isinstance(node, ast.Call):
            continue
        name = _dotted(node.func)
        if name in {"yaml.load", "yaml.unsafe_load", "yaml.full_load"}:
            arguments = [_dotted(it) for it in (*node.args, *(keyword.value for keyword in node.keywords))]
            if not any(it in safe or it.endswith(_SAFE_LOADERS) for it in arguments):
                yield f"{node.lineno}: yaml is loaded with a safe loader"
        if name in {"eval", "exec"}:
            yield f"{node.lineno}: {name} runs what it is given"


def _target(node: ast.Assign | ast.AnnAssign) -> ast.expr:
    return node.target if isinstance(node, ast.AnnAssign) else node.targets[0]


def names_say_something(module: Module) -> Iterator[str]:
    words = {word for part in module.path.removesuffix(".py").split("/") for word in part.split("_")}
    for word in sorted(words & NAMES_THAT_SAY_NOTHING):
        yield f"1: a module called {word} says nothing"


def pieces_stay_small(module: Module) -> Iterator[str]:
    yield from (fault for name, fault in large_pieces(module) if name not in LARGER)


def large_pieces(module: Module) -> Iterator[tuple[str, str]]:
    lines = module.source.count("\n")
    if lines > LINES_OF_A_FILE:
        yield module.path, f"1: a file of {lines} lines"
    for node in module.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1
            if length > LINES_OF_A_FUNCTION:
                yield f"{module.path}::{node.name}", f"{node.lineno}: {node.name} has {length} lines"
