"""Where a run comes from: versions, machine, source and settings, noted when it starts."""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from evo_hns.archive.records import RunMeta
from evo_hns.config import RunConfig

LIBRARIES = ("numpy", "torch", "mujoco", "evotorch", "h5py")
"""Libraries whose version can change the numbers of a run."""


def describe(config: RunConfig, schema_version: int) -> RunMeta:
    """The origin of a run that starts now, here, with these settings."""
    return RunMeta(
        schema_version=schema_version,
        project_version=_version("evo_hns"),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=config.seed,
        platform=platform.platform(),
        git_commit=git_commit(Path(__file__).resolve().parents[2]),
        versions=versions(),
        config_json=config.model_dump_json(),
    )


def versions() -> dict[str, str]:
    """Versions of Python and the libraries, as they are here."""
    return {"python": platform.python_version()} | {name: _version(name) for name in LIBRARIES}


def git_commit(folder: Path) -> str:
    """The commit a folder is at, with `-dirty` if it was edited; empty if it is no repository's top."""
    if not (folder / ".git").exists():
        return ""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"
