"""`alert-whisperer`, also `aw`: the command line. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

from bot.cli.terminal import ending


def main() -> None:
    from bot.cli.app import app

    with ending():
        app(prog_name="aw")


if __name__ == "__main__":
    main()
