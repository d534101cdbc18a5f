"""How this package was installed: where the folders are that come with it, and what its extras ask for."""

from __future__ import annotations

import re
import shlex
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

_HERE = Path(__file__).parents[1]
_OF_EXTRA = re.compile(r"(?P<requirement>[^;]+);.*\bextra\s*==\s*['\"](?P<extra>[^'\"]+)['\"]")


def shipped_folder(name: str, package: Path = _HERE) -> Path:
    """A folder that comes with the package: `experiments` or `slurm`.

    Args:
        name: of the folder.
        package: the folder of the package; by default this one.

    Returns:
        The folder inside an installed package, or beside the package in the project's folder.
    """
    inside = package / name
    return inside if inside.is_dir() else package.parent / name


def how_to_install(extra: str) -> str:
    """The command that installs what an extra asks for, whatever the package itself was installed from."""
    try:
        found = [_OF_EXTRA.match(line) for line in requires("evo_hns") or ()]
    except PackageNotFoundError:
        found = []
    wanted = [match["requirement"].strip() for match in found if match and match["extra"] == extra]
    if not wanted:  # nothing was installed: what runs is the project's folder
        return f"pip install '.[{extra}]' in the folder of the project"
    return f"pip install {shlex.join(wanted)}"
