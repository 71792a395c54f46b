"""Alert Whisperer, as it is installed: one name in site-packages, with the program's packages inside.

The packages import one another as `engine`, `storage`, `bot` …; the launcher makes those names findable. In a checkout
the same packages lie side by side and the editable install has already put them on the path.
"""

import sys
from pathlib import Path


def main() -> None:
    """Run the command line of `bot`."""
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from bot.__main__ import main as command_line

    command_line()
