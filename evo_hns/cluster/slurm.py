"""What Slurm says: its partitions, whether it would take a job, and the number of one that it took."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evo_hns.cluster.job import Job
from evo_hns.cluster.notation import format_time, parse_limit
from evo_hns.cluster.site import Site
from evo_hns.config import ConfigError

SECONDS_TO_ANSWER = 60
_FIELDS = "%P|%D|%X|%Y|%l"
_PREFIX = re.compile(r"^(sbatch|sinfo|scontrol|slurm_\w+)?:? ?(error|fatal)?:? ?|^allocation failure: ")


@dataclass(frozen=True)
class Partition:
    """A part of the cluster that jobs are sent to."""

    name: str
    is_default: bool
    nodes: int
    cores: int  #: physical ones, of its largest nodes
    time_limit: float  #: seconds; may be infinite


def has_slurm() -> bool:
    """Whether this machine can ask Slurm."""
    return shutil.which("sbatch") is not None


def partitions() -> list[Partition]:
    """All of this cluster.

    Raises:
        ConfigError: Slurm does not answer.
    """
    return read_partitions(_ask("sinfo", "--noheader", "--exact", f"--format={_FIELDS}"))


def read_partitions(table: str) -> list[Partition]:
    """What `sinfo` printed: a line for every kind of node in every partition."""
    found: dict[str, Partition] = {}
    for line in table.splitlines():
        name, nodes, sockets, cores, limit = line.strip().split("|")
        known = found.get(name)
        found[name] = Partition(
            name=name.removesuffix("*"),
            is_default=name.endswith("*"),
            nodes=int(nodes) + (known.nodes if known else 0),
            cores=max(int(sockets) * int(cores), known.cores if known else 0),
            time_limit=parse_limit(limit),
        )
    return list(found.values())


def chosen(partitions: Sequence[Partition], asked_for: str | None) -> list[Partition]:
    """The partitions that a job may go to.

    Args:
        partitions: all there are.
        asked_for: names with commas between them; nothing means the default one.

    Raises:
        ConfigError: there is none of that name, or no default.
    """
    there = ", ".join(partition.name for partition in partitions)
    if asked_for is None:
        default = [partition for partition in partitions if partition.is_default]
        if not default:
            raise ConfigError(f"no partition: Slurm has no default; choose one with --partition: {there}")
        return default
    by_name = {partition.name: partition for partition in partitions}
    unknown = next((name for name in asked_for.split(",") if name not in by_name), None)
    if unknown is not None:
        raise ConfigError(f"--partition: got {unknown!r}, expected a partition of this Slurm: {there}")
    return [by_name[name] for name in asked_for.split(",")]


def check_room(job: Job, partitions: Sequence[Partition]) -> None:
    """Refuse what none of some partitions can ever hold; Slurm would let it wait for ever.

    Raises:
        ConfigError: more nodes, cores or time than there is.
    """
    names = ", ".join(partition.name for partition in partitions)
    nodes, cores = max(p.nodes for p in partitions), max(p.cores for p in partitions)
    limit = max(p.time_limit for p in partitions)
    if job.nodes > nodes:
        raise ConfigError(f"--nodes: got {job.nodes}, expected at most the {nodes} of partition {names}")
    if job.ranks_per_node > cores:
        raise ConfigError(
            f"--ranks-per-node: got {job.ranks_per_node}, expected at most the {cores} cores of a node in {names}"
        )
    if job.time > limit:
        raise ConfigError(
            f"--time: got {format_time(job.time)}, expected at most {format_time(int(limit))}, the limit of {names}: "
            "a run that needs longer is queued again by itself"
        )


def largest_task() -> int:
    """The largest number that this Slurm gives an array task.

    Raises:
        ConfigError: Slurm does not answer.
    """
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", _ask("scontrol", "show", "config"), re.MULTILINE)
    return int(found[1]) - 1 if found else 1000


def check_seeds(job: Job, largest: int) -> None:
    """Refuse seeds that are no number of an array task.

    Raises:
        ConfigError: one is too large.
    """
    if job.seeds is not None and job.seeds.values[-1] > largest:
        raise ConfigError(
            f"--array: got the seed {job.seeds.values[-1]}, expected at most {largest}, the largest task of this Slurm"
        )


def check_with_slurm(job: Job, site: Site, script: str) -> None:
    """Let Slurm say whether it would take a job.

    Raises:
        ConfigError: it would not; or it does not answer.
    """
    check_room(job, chosen(partitions(), job.headers.get("partition", site.options.get("partition"))))
    if job.seeds is not None:
        check_seeds(job, largest_task())
    _ask("sbatch", "--test-only", script=script)


def enqueue(script: Path) -> str:
    """Put a script into the queue.

    Returns:
        The number of the job.

    Raises:
        ConfigError: Slurm refuses it.
    """
    return _ask("sbatch", "--parsable", str(script)).partition(";")[0].strip()


def _ask(*command: str, script: str | None = None) -> str:
    # Variables would win over what the script says in its headers; what a site has set is among those.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SBATCH_")}
    try:
        done = subprocess.run(
            command,
            input=script,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS_TO_ANSWER,
            check=False,
        )
    except FileNotFoundError:
        raise ConfigError(
            f"no {command[0]} on this machine: submit where Slurm is, or write the script only, with --dry-run"
        ) from None
    except subprocess.TimeoutExpired:
        raise ConfigError(f"{command[0]} did not answer in {SECONDS_TO_ANSWER} s: try again later") from None
    if done.returncode:
        raise ConfigError(f"Slurm refuses ({' '.join(command[:2])}): {complaint(done.stderr)}")
    return done.stdout


def complaint(text: str) -> str:
    """The lines that a command of Slurm complains with, as one."""
    lines = [_PREFIX.sub("", _PREFIX.sub("", line.strip())) for line in text.splitlines()]
    return "; ".join(dict.fromkeys(line for line in lines if line)) or "it does not say why"
