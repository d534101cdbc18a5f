"""The job scripts of the project and what a site has set in them; both are found in `slurm` folders."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evo_hns.config import ConfigError
from evo_hns.system.installation import how_to_install, shipped_folder

OPTIONS = ("account", "partition", "qos", "reservation", "constraint", "clusters")
"""What a site may say in the environment (`SBATCH_ACCOUNT`, ...) and a script in its headers (`--account`, ...)."""

SECONDS_TO_START = 120
"""Longest wait for the command of a job; Python on a busy shared disk is slow."""

_START = """
source "$1" >&2 && prepare >&2 || { echo "$1 or its prepare fails" >&2; exit 1; }
if [ "$2" ] && ! type -P "${LAUNCH[0]}" >/dev/null; then
    echo "LAUNCH in $1: there is no program ${LAUNCH[0]}" >&2; exit 1
fi
"$PYTHON" -m mpi4py --mpi-lib-version >&2 && "$PYTHON" -m evo_hns --help >/dev/null
"""
"""What a job does up to its first rank, and the two modules that a rank is started with."""


@dataclass(frozen=True)
class Site:
    """What a site has set."""

    path: Path  #: the file that says so
    text: str  #: all of it, in bash, and before it the interpreter that submits
    options: Mapping[str, str]  #: of sbatch, those of `OPTIONS` that are set
    python: str  #: the interpreter of the jobs


def find_script(name: str, folders: Sequence[Path] | None = None) -> Path:
    """A file of the job scripts.

    Args:
        name: for instance `one-node.sbatch`.
        folders: where it is looked up; by default `slurm` here and the shipped one.

    Raises:
        ConfigError: it is in none of them.
    """
    if folders is None:
        folders = (Path("slurm"), shipped_folder("slurm"))
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise ConfigError(f"no {name} in {' or '.join(str(folder) for folder in folders)}: install the package again")


def read_site(path: Path) -> Site:
    """What a site file sets, under what the environment says already.

    Raises:
        ConfigError: it is no file that bash can read.
    """
    variables = [f"SBATCH_{option.upper()}" for option in OPTIONS]
    script = 'source "$1" >&2 || exit; shift; for name; do printf "%s\\0" "${!name-}"; done'
    text = f"EVO_HNS_PYTHON={shlex.quote(sys.executable)}\n\n{path.read_text(encoding='utf-8')}"
    done = _bash(script, path, "PYTHON", *variables)
    if done.returncode:
        reason = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise ConfigError(f"{path} cannot be read by bash: {reason}")
    python, *values = done.stdout.split("\0")[:-1]
    options = {option: value for option, value in zip(OPTIONS, values, strict=True) if value}
    return Site(path, text, options, python)


def why_not_started(site: Site, *, with_launcher: bool) -> str:
    """Why the command of a job does not start on this machine; empty if it does.

    Args:
        site: names the interpreter, the launcher, and what is done before.
        with_launcher: also look for the launcher, which is only where Slurm is.
    """
    try:
        done = _bash(_START, site.path, "yes" if with_launcher else "", timeout=SECONDS_TO_START)
    except subprocess.TimeoutExpired:
        return f"{site.python} -m mpi4py -m evo_hns did not start within {SECONDS_TO_START} s"
    if not done.returncode:
        return ""
    reason = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
    remedy = f": {how_to_install('mpi')}, or build mpi4py with your cluster's MPI" if "mpi4py" in reason else ""
    return f"{reason}{remedy} (PYTHON is {site.python}, as {site.path} says)"


def _bash(script: str, path: Path, *words: str, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run a few lines of bash as a job would, with a site file as `$1`."""
    command = ["bash", "-c", script, "site", str(path.resolve()), *words]
    environment = os.environ | {"EVO_HNS_PYTHON": sys.executable}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, timeout=timeout, stdin=subprocess.DEVNULL
    )
