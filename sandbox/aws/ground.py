"""What all machines of a world stand on: folders on the host, the programs they have, and the wall around scripts."""

from __future__ import annotations

import shutil
from pathlib import Path

from sandbox.aws.isolation import Isolation
from sandbox.aws.machine import Ground

SHIMS = Path(__file__).parent / "templates" / "shims"
_FOLDERS = ("machines", "control", "scripts", "shims")


def lay(root: Path) -> Ground:
    """Makes the folder anew."""
    if root.exists():
        shutil.rmtree(root)
    for name in _FOLDERS:
        (root / name).mkdir(parents=True)
    for folder in (root, *root.iterdir()):
        folder.chmod(0o755)  # scripts come here as another user
    for shim in SHIMS.iterdir():
        copy = root / "shims" / shim.name
        shutil.copyfile(shim, copy)
        copy.chmod(0o755)
    awk = shutil.which("awk")
    if awk is not None:  # on Debian a link into /etc/alternatives, which a machine does not have
        (root / "shims" / "awk").symlink_to(Path(awk).resolve())
    return Ground(root, Isolation(root))
