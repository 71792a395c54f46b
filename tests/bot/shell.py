"""The command line as a shell sees it: a process, what it prints, and how it ends."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main

ROOT = Path(__file__).parent.parent.parent
_OURS = ("AW_", "SLACK_", "AWS_", "MICROSOFT_")


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one document it has to be."""
        return json.loads(self.out)


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without any setting of ours, and the changes."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return plain | {"PYTHONPATH": str(ROOT)} | changes


def _flushed(stream: io.TextIOWrapper) -> Any:
    stream.flush()
    return stream


@dataclass(frozen=True)
class Shell:
    """`aw` in a folder of its own, with the given settings; run in this process, as a new one would run it."""

    folder: Path
    settings: Mapping[str, str]

    def __call__(
        self, *words: str, typed: str | bytes = b"", settings: Mapping[str, str] | None = None
    ) -> Said:
        given = typed.encode() if isinstance(typed, str) else typed
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
        code: Any = 0
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(os, "environ", environment(**{**self.settings, **(settings or {})}))
            patch.setattr(sys, "argv", ["aw", *words])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), "utf-8"))
            patch.chdir(self.folder)
            try:
                main()
            except SystemExit as ended:
                code = ended.code or 0
        said = [stream.detach().getvalue().decode() for stream in map(_flushed, (out, err))]
        return Said(code, *said)

    def done(self, *words: str, typed: str | bytes = b"") -> Any:
        """The JSON of a command that has to succeed."""
        said = self(*words, "--json", typed=typed)
        assert said.code == 0, said.err
        return said.json

    def refused(self, *words: str, typed: str | bytes = b"", code: int = 1) -> str:
        """What a command says that has to be refused: never a traceback, and nothing on standard output."""
        said = self(*words, typed=typed)
        assert said.code == code, said
        assert "Traceback" not in said.err
        assert said.out == ""
        return said.err
