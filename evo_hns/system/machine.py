"""What this process was given: processors, limits on threads, and companions that a launcher started with it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Libraries under the batches must not start threads of their own: two levels of threads are 2-30 times slower."""

LAUNCHED = "EVO_HNS_RANKS"
"""Environment variable: how many ranks `--ranks` starts, for a launcher that does not say it itself."""

TERMINAL = "EVO_HNS_TERMINAL"
"""Environment variable: columns of the terminal from which `--ranks` was typed; empty if there is none."""

SIZES = (LAUNCHED, "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")
"""Where launchers say how many processes they started, the nearest to the process first."""
NUMBERS = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID")
"""Where they say which of them this is."""


def usable_cores() -> int:
    """Processors whose time this process may use: those it may run on, and no more than its CPU quota pays for."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return allowed if quota is None else min(allowed, max(1, math.ceil(quota)))


def cpu_quota(cgroups: Path = Path("/proc/self/cgroup"), mounts: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Processors' worth of time that this process and its companions may use, as containers and job queues limit it.

    Args:
        cgroups: where the kernel says which control groups a process is in.
        mounts: where control groups are mounted, version 2 or 1.

    Returns:
        The least quota of its groups and of all above them; None without one, or where there are no control groups.
    """
    try:
        lines = cgroups.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    quotas = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        # Both versions may be mounted, version 2 then below; `cpu` is a link to `cpu,cpuacct`, or the other way round.
        for top in (mounts / controllers, mounts / "cpu") if controllers else (mounts, mounts / "unified"):
            group = top / path.lstrip(
                "/"
            )  # in a container it may be the path outside: what is not there limits nothing
            quotas += [_quota_of(folder) for folder in (group, *group.parents) if folder.is_relative_to(top)]
    return min((quota for quota in quotas if quota is not None), default=None)


def _quota_of(group: Path) -> float | None:
    """The quota of one control group alone."""
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text(encoding="ascii").split()
        else:
            quota, period = (
                (group / f"cpu.cfs_{name}_us").read_text(encoding="ascii").strip() for name in ("quota", "period")
            )
        return float(quota) / float(period) if quota not in ("max", "-1") else None
    except (OSError, ValueError):  # the top group has no such files
        return None


def physical_cores(cpuinfo: Path = Path("/proc/cpuinfo")) -> int | None:
    """Cores of the machine without their hyperthreads; None where the system does not say."""
    try:
        blocks = cpuinfo.read_text().split("\n\n")
    except OSError:
        return None
    cores = set()
    for block in blocks:
        fields = dict(line.split(":", 1) for line in block.splitlines() if ":" in line)
        fields = {key.strip(): value.strip() for key, value in fields.items()}
        if "core id" in fields:
            cores.add((fields.get("physical id"), fields["core id"]))
    return len(cores) or None


def cores_to_fill() -> int:
    """Physical cores that this process may use: how many ranks go well side by side."""
    return min(usable_cores(), physical_cores() or usable_cores())


def launched_ranks(environ: Mapping[str, str] = os.environ) -> int:
    """How many processes a launcher started together; 1 without a launcher."""
    return next((int(environ[name]) for name in SIZES if environ.get(name, "").isdigit()), 1)


def launched_rank(environ: Mapping[str, str] = os.environ) -> int:
    """Which of the processes this is, as the launcher says; 0 without a launcher."""
    return next((int(environ[name]) for name in NUMBERS if environ.get(name, "").isdigit()), 0)
