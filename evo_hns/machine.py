"""What this process was given: processors, limits on threads, and companions that a launcher started with it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Libraries under the batches must not start threads of their own: two levels of threads are 2-30 times slower."""

LAUNCHED = "EVO_HNS_RANKS"
"""Environment variable: how many ranks `--ranks` starts, for a launcher that does not say it itself."""

SIZES = (LAUNCHED, "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")
"""Where launchers say how many processes they started, the nearest to the process first."""
NUMBERS = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID")
"""Where they say which of them this is."""


def usable_cores() -> int:
    """Processors that this process may run on; those of the machine where the system does not tell."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
