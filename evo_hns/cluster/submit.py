"""From what is asked for to a job in the queue: everything that can be wrong is found before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from evo_hns.cluster.job import Job, check_job, check_runs
from evo_hns.cluster.memory import needed_memory
from evo_hns.cluster.script import render
from evo_hns.cluster.site import find_script, read_site, why_not_started
from evo_hns.cluster.slurm import check_with_slurm, enqueue, has_slurm
from evo_hns.config import ConfigError, RunConfig
from evo_hns.system.output_file import output_file


@dataclass(frozen=True)
class Plan:
    """A job that can be submitted."""

    job: Job
    script: str  #: its text
    goes_on: str  #: what is there already and goes on, for people; may be empty
    doubt: str  #: why its command does not start on this machine, for people; only if Slurm was not asked


def plan(job: Job, config: RunConfig, *, ask_slurm: bool) -> Plan:
    """Check a job and write its script, but not to a file.

    Args:
        job: what is asked for.
        config: the settings of its run.
        ask_slurm: also whether it would take the job.

    Raises:
        ConfigError: the job cannot work; one line says why and what to do.
        RunFileError: the file of its run is no run.
    """
    from evo_hns.training.base import TRAINERS

    check_job(job)
    if not (trainer := TRAINERS[config.trainer]).on_ranks:
        _check_one_process(job, trainer.title)
    if ask_slurm and not has_slurm():
        raise ConfigError("no sbatch on this machine: submit where Slurm is, or only print the script with --dry-run")
    goes_on = check_runs(job, config)
    if job.memory is None:
        job = replace(job, memory=needed_memory(config, nodes=job.nodes, ranks_per_node=job.ranks_per_node))
    site = read_site(find_script("site.sh"))
    script = render(job, site, Path.cwd())
    if ask_slurm:
        check_with_slurm(job, site, script)
    doubt = why_not_started(site, with_launcher=ask_slurm)
    if doubt and ask_slurm:
        raise ConfigError(f"the job could not start: {doubt}")
    return Plan(job, script, goes_on, doubt)


def _check_one_process(job: Job, trainer: str) -> None:
    """Refuse ranks, and a memory that nobody knows, for a trainer that does not play on ranks."""
    if job.nodes * job.ranks_per_node > 1:
        raise ConfigError(
            f"{trainer} trains in one process, got {job.nodes} x {job.ranks_per_node} ranks: leave out --nodes and "
            "--ranks-per-node, and ask for its processors with --sbatch cpus-per-task=16"
        )
    if job.memory is None:
        raise ConfigError(f"--memory: got none, and what {trainer} needs is not estimated: say it, for instance 4G")


def submit(plan: Plan) -> str:
    """Keep the script of a job beside its run, and put it into the queue.

    Returns:
        The number of the job.

    Raises:
        ConfigError: the script cannot be written, or Slurm refuses it.
    """
    path = plan.job.script
    with output_file(path) as partial:
        path.parent.mkdir(parents=True, exist_ok=True)  # Slurm does not make the folder of a log
        partial.write_text(plan.script, encoding="utf-8")
    return enqueue(path)
