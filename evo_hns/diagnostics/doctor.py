"""Does this machine have what a run needs?

Every check answers with a `Finding` and none raises. What may crash or hang a process (an MPI
library, a graphics driver) is tried in a process of its own with a time limit.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from evo_hns.mpi.launcher import find_launcher, why_not
from evo_hns.system.installation import how_to_install
from evo_hns.system.machine import THREAD_VARIABLES, cpu_quota, physical_cores, usable_cores
from evo_hns.system.probe import PROBE_SECONDS, probe
from evo_hns.viewer.films.encoding import FILM_PACKAGES, INSTALL
from evo_hns.viewer.films.graphics import REMEDY, find_backend

PACKAGES = ("mujoco", "evotorch", "torch", "numpy", "scipy", "h5py", "numba", "pydantic", "tyro", "rich")
LIMITS = (*THREAD_VARIABLES, "NUMBA_NUM_THREADS")
FREE_GIGABYTES = 1.0
ELSEWHERE = "change to a folder on a file system that can be written and locked, or name a file there with --run"

MPI_PROBE = """
from mpi4py import MPI
print(MPI.Get_library_version().split(chr(10))[0].strip(), "size", MPI.COMM_WORLD.size)
"""


@dataclass(frozen=True)
class Finding:
    """The answer of one check."""

    name: str
    ok: bool
    found: str  #: one line
    remedy: str = ""  #: what to do if not ok
    needed: bool = True  #: False: a run does without

    def __str__(self) -> str:
        """One line for people; a second one with the remedy."""
        mark = "ok  " if self.ok else "FAIL" if self.needed else "no  "
        line = f"{mark}  {self.name:<12}  {self.found}"
        return line if self.ok or not self.remedy else f"{line}\n{'':20}{self.remedy}"


def diagnose() -> list[Finding]:
    """All findings about this machine, the essential ones first."""
    return [_guarded(check) for check in CHECKS]


def check_python() -> Finding:
    """The interpreter's version."""
    found = f"{platform.python_version()} at {sys.executable}"
    return Finding("python", sys.version_info >= (3, 11), found, "install Python 3.11 or newer")


def check_packages() -> Finding:
    """Versions of what the project is built on."""
    versions = {name: _version(name) for name in PACKAGES}
    missing = [name for name, version in versions.items() if version is None]
    found = ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())
    return Finding("packages", not missing, found, f"pip install {' '.join(missing)}")


def check_cores() -> Finding:
    """Processors that this process may use, of those there are."""
    usable, logical = usable_cores(), os.cpu_count() or 1
    physical, quota = physical_cores(), cpu_quota()
    cores = f"{physical} physical cores" if physical else "an unknown number of physical cores"
    limit = "" if quota is None else f", a CPU quota of {quota:g} processors"
    return Finding("cores", True, f"{usable} of {logical} processors usable, {cores}{limit}")


def check_threads() -> Finding:
    """Thread limits that the environment sets."""
    limits = {name: os.environ[name] for name in LIMITS if name in os.environ}
    text = " ".join(f"{name}={value}" for name, value in limits.items()) or "no limits set"
    single = all(value == "1" for value in limits.values())
    remedy = "set them to 1: matches run side by side, threads within one of them only wait for each other"
    return Finding("threads", single, text, remedy, needed=False)


def check_game() -> Finding:
    """Compile the game and step two worlds of it."""
    from evo_hns.config import PhysicsConfig, WorldConfig
    from evo_hns.physics import BACKENDS
    from evo_hns.worlds.scene import build_scene

    start = time.perf_counter()
    physics = BACKENDS["cpu"](build_scene(WorldConfig(), PhysicsConfig()).model, 2)
    physics.reset()
    physics.forward()
    failed = bool(physics.step(15).any())
    found = f"two worlds compiled and stepped in {time.perf_counter() - start:.2f} s"
    return Finding("game", not failed, "a world failed at rest" if failed else found, "reinstall mujoco")


def check_kernels() -> Finding:
    """Load what every run compiles, by short matches of its players; what is not kept yet is compiled."""
    import torch

    from evo_hns.config import PhysicsConfig, RulesConfig, RunConfig
    from evo_hns.evaluation.evaluators import build_evaluator
    from evo_hns.evaluation.held_out import measure
    from evo_hns.spec import Side
    from evo_hns.system import kernels

    start = time.perf_counter()
    one = PhysicsConfig(num_worlds=1, num_threads=1)
    evaluator = build_evaluator(RunConfig(rules=RulesConfig(horizon=2), physics=one))
    session = evaluator.session
    for side in Side:
        measure(evaluator, side, session.roster(side, torch.zeros(1, session.genome_lengths[side])), 1)
    where = kernels.complaint() or f"kept in {kernels.kept_in()}"
    found = f"loaded or compiled in {time.perf_counter() - start:.1f} s; {where}"
    return Finding("kernels", not kernels.complaint(), found, kernels.REMEDY, needed=False)


def check_runs() -> Finding:
    """Lock, write and read a file where runs go, as a run does; a folder that was not there is removed again."""
    import h5py

    from evo_hns.archive.storage import RunFileError, WriterLock, write_whole

    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["x"] = [1.0, 2.0]
    folder = Path("runs")
    missing = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".doctor-") as inside:
            path = Path(inside) / "run.h5"
            lock = WriterLock(path)
            write_whole(path, content.getbuffer())
            with h5py.File(path, "r", locking=False) as file:
                ok = list(file["x"][:]) == [1.0, 2.0]
            lock.release()
            locked = lock.is_exclusive
    except (OSError, RunFileError) as error:
        return Finding("runs", False, str(error), ELSEWHERE)
    finally:
        if missing:
            with contextlib.suppress(OSError):
                folder.rmdir()
    if ok and not locked:
        found = f"files in {folder.resolve()} can be written but not locked"
        return Finding("runs", False, found, "see to it that no two processes write the same run", needed=False)
    found = f"a file was locked and written in {folder.resolve()}, HDF5 {h5py.version.hdf5_version}"
    return Finding(
        "runs", ok, found if ok else f"{folder.resolve()} gives back other bytes than were written", ELSEWHERE
    )


def check_disk() -> Finding:
    """Free space where runs go."""
    folder = next(folder for folder in (Path("runs"), Path.cwd()) if folder.is_dir())
    free = shutil.disk_usage(folder).free / 1e9
    return Finding(
        "disk", free >= FREE_GIGABYTES, f"{free:.1f} GB free in {folder.resolve()}", "make room for run files"
    )


def check_mpi() -> Finding:
    """Load MPI in a process of its own."""
    ok, found = probe(MPI_PROBE)
    remedy = f"for runs over several processes: {how_to_install('mpi')}, or load your cluster's MPI module"
    return Finding("mpi", ok, found, remedy, needed=False)


def check_launcher() -> Finding:
    """Whether the MPI launcher belongs to the MPI library: `--ranks` and `make train` need it."""
    launcher = find_launcher()
    complaint = why_not(launcher)
    found = complaint or f"{launcher} starts ranks that find each other"
    remedy = f"for runs over several processes: {how_to_install('mpi')}, or load your cluster's MPI module"
    return Finding("launcher", not complaint, found, remedy, needed=False)


def check_slurm() -> Finding:
    """Whether jobs can be submitted from here."""
    if shutil.which("sbatch") is None:
        return Finding("slurm", False, "no sbatch here", "evo-hns submit works where Slurm is", needed=False)
    answer = subprocess.run(
        ["sinfo", "--noheader", "--format=%P %D"],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=PROBE_SECONDS,
        check=False,
    )
    said = (answer.stdout if answer.returncode == 0 else answer.stderr).split("\n")
    found = ", ".join(f"{' '.join(line.split())} nodes" for line in said if line) if answer.returncode == 0 else said[0]
    return Finding("slurm", answer.returncode == 0, found, "Slurm does not answer: ask your site", needed=False)


def check_rendering() -> Finding:
    """Render a frame off screen in a process of its own."""
    backend, found = find_backend()
    return Finding("rendering", backend is not None, found, f"for films only: {REMEDY}", needed=False)


def check_films() -> Finding:
    """Whether frames can become a film."""
    found = [f"{name} {version}" for name in FILM_PACKAGES if (version := _version(name))]
    missing = len(found) < len(FILM_PACKAGES)
    return Finding("films", not missing, ", ".join(found) or "no encoder", f"for films only: {INSTALL}", needed=False)


CHECKS: tuple[Callable[[], Finding], ...] = (
    check_python,
    check_packages,
    check_cores,
    check_threads,
    check_game,
    check_kernels,
    check_runs,
    check_disk,
    check_mpi,
    check_launcher,
    check_slurm,
    check_rendering,
    check_films,
)


def _guarded(check: Callable[[], Finding]) -> Finding:
    """The finding of a check; that it broke is a finding too."""
    try:
        return check()
    except Exception as error:  # whatever is broken on a machine must not hide the other findings
        name = check.__name__.removeprefix("check_").replace("_", " ")
        remedy = "" if isinstance(error, OSError) else "install evo_hns again"  # an OSError says what is amiss
        return Finding(name, False, f"{type(error).__name__}: {error}".splitlines()[0], remedy)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
