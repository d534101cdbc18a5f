"""The job scripts of the project and what a site has set in them; both are found in `slurm` folders."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evo_hns.config import ConfigError

OPTIONS = ("account", "partition", "qos", "reservation", "constraint", "clusters")
"""What a site may say in the environment (`SBATCH_ACCOUNT`, ...) and a script in its headers (`--account`, ...)."""


@dataclass(frozen=True)
class Site:
    """What a site has set."""

    path: Path  #: the file that says so
    text: str  #: all of it, in bash
    options: Mapping[str, str]  #: of sbatch, those of `OPTIONS` that are set
    python: str  #: the interpreter of the jobs


def find_script(name: str, folders: Sequence[Path] | None = None) -> Path:
    """A file of the job scripts.

    Args:
        name: for instance `one-node.sbatch`.
        folders: where it is looked up; by default `slurm` here and beside the package.

    Raises:
        ConfigError: it is in none of them.
    """
    if folders is None:
        folders = (Path("slurm"), Path(__file__).parents[2] / "slurm")
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    looked = " or ".join(str(folder) for folder in folders)
    raise ConfigError(f"no {name} in {looked}: run this in the project's folder, or get the folder slurm from there")


def read_site(path: Path) -> Site:
    """What a site file sets, under what the environment says already.

    Raises:
        ConfigError: it is no file that bash can read.
    """
    variables = [f"SBATCH_{option.upper()}" for option in OPTIONS]
    told = 'source "$1" >&2 || exit; shift; for name; do printf "%s\\0" "${!name-}"; done'
    command = ["bash", "-c", told, "site", str(path.resolve()), "PYTHON", *variables]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise ConfigError(f"{path} cannot be read by bash: {reason}")
    python, *values = done.stdout.split("\0")[:-1]
    options = {option: value for option, value in zip(OPTIONS, values, strict=True) if value}
    return Site(path, path.read_text(encoding="utf-8"), options, python)


def check_python(site: Site) -> None:
    """Refuse an interpreter that is not there; Slurm would find out in the job.

    Raises:
        ConfigError: it is none.
    """
    if not (site.python and os.access(site.python, os.X_OK)):
        raise ConfigError(
            f"PYTHON in {site.path}: got {site.python!r}, which is no program here; "
            "run this in the project's folder after `make setup`, or give the full path"
        )
