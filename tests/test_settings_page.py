"""docs/settings.md says of every setting what the registry says."""

from __future__ import annotations

from pathlib import Path

from engine.setting import SETTINGS

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"


def test_the_page_has_every_setting_as_the_registry_has_it() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    wanted = [
        f"| `{one.name}` | {one.words(one.default)} | {one.kind.expects} | {one.means} |"
        for one in SETTINGS.values()
    ]
    assert rows == wanted
