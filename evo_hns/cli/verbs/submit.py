"""Verbs that hand work to a cluster."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from tyro.conf import FlagCreatePairsOff, UseAppendAction

from evo_hns.cli.console import as_typed, show
from evo_hns.cli.options import AnySetting, Count, Experiment, File, Help, Json, Settings, Text
from evo_hns.cli.seeds import SEED
from evo_hns.cli.text.tables import duration
from evo_hns.config import ConfigError
from evo_hns.experiment import load_experiment
from evo_hns.system.shell import shell_command

if TYPE_CHECKING:
    from evo_hns.cluster import Job, Plan


Word = Annotated[str | None, tyro.conf.arg(metavar="NAME")]


@dataclass(frozen=True)
class Submit:
    """Write the script of a run, or of a run for each of several seeds, and put it into Slurm's queue."""

    experiment: Experiment
    """A TOML file, or the name of one that is shipped or in a folder experiments/ here."""
    time: Annotated[str, tyro.conf.arg(metavar="TIME")]
    """The time limit of a job, as Slurm writes it: 4:00:00, 2-00. A run that needs longer is queued again by itself."""
    nodes: int = 1
    """Nodes for each run."""
    ranks_per_node: Count = None
    """Ranks on each node, one for each physical core; by default what the script says."""
    array: Annotated[str | None, tyro.conf.arg(metavar="SEEDS")] = None
    """A run for each of these seeds: 0-9, 1,3,5, or 0-9%4 for four at once."""
    run: File = None
    """The run file, with {seed} for that of an array; a run that is there goes on. By default a new one in runs/."""
    generations: Text = None
    """Short for --coevolution.generations."""
    seed: Text = None
    """Decides every random number of the run."""
    grace: Count = None
    """Seconds before the time limit at which the run gets the signal to stop; by default what the script says."""
    partition: Word = None
    """Where the job goes; by default what slurm/site.sh or SBATCH_PARTITION says, or else Slurm's own default."""
    account: Word = None
    """Who pays; by default what slurm/site.sh or SBATCH_ACCOUNT says."""
    constraint: Word = None
    """Features that nodes must have, as Slurm writes it: avx512, [rack1|rack2]."""
    memory: Annotated[str | None, tyro.conf.arg(metavar="SIZE")] = None
    """Memory on each node, for instance 32G; by default what the networks and populations of the run need."""
    mail: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")] = None
    """Where Slurm writes to when a job ends or fails."""
    sbatch: Annotated[UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="OPTION")] = ()
    """Any further option of sbatch, such as qos=long, gres=gpu:1 or exclusive; may be given several times."""
    dry_run: FlagCreatePairsOff[bool] = False
    """Check what can be checked without Slurm, and print the script; nothing is written or submitted."""
    as_json: Json = False
    """Print JSON."""
    settings: Settings = ()
    """Any setting; --search.popsize 64 is short for --set search.popsize=64."""
    known: Help = field(default_factory=AnySetting)

    def __call__(self) -> None:
        """Check, write, submit, and say how to follow."""
        from evo_hns.cluster import plan, submit
        from evo_hns.training.base import TRAINERS

        if self.array is not None and self.seed is not None:
            raise ConfigError("--seed: got one beside --array, which gives each run its own; leave one of them out")
        shorthands = {"seed": self.seed, "coevolution.generations": self.generations}
        typed = [*self.settings, *(f"{key}={value}" for key, value in shorthands.items() if value is not None)]
        config = load_experiment(self.experiment, typed)
        job = self._job(typed, on_ranks=TRAINERS[config.trainer].on_ranks)
        planned = plan(job, config, ask_slurm=not self.dry_run)
        if self.dry_run:
            if planned.doubt:
                print(f"note: submitted from here, the job could not start: {planned.doubt}", file=sys.stderr)
            show({"script": planned.script} if self.as_json else planned.script.rstrip("\n"))
            return
        number = submit(planned)
        show(_answer(planned, number) if self.as_json else f"{planned.script}\n{submitted_text(planned, number)}")

    def _job(self, settings: Sequence[str], *, on_ranks: bool) -> Job:
        """What is asked for, with the script's own numbers where nothing was typed; one rank where none are used."""
        from evo_hns.cluster import Job, defaults_of, parse_array, parse_memory, parse_time, template_of

        seeds = None if self.array is None else parse_array(self.array)
        ranks, grace = defaults_of(template_of(nodes=self.nodes, has_seeds=seeds is not None))
        return Job(
            experiment=self.experiment,
            options=tuple(word for setting in settings for word in ("--set", setting)),
            run=self._run(has_seeds=seeds is not None),
            seeds=seeds,
            nodes=self.nodes,
            ranks_per_node=(ranks if on_ranks else 1) if self.ranks_per_node is None else self.ranks_per_node,
            time=parse_time(self.time),
            grace=grace if self.grace is None else self.grace,
            memory=None if self.memory is None else parse_memory(self.memory),
            headers=self._headers(),
        )

    def _run(self, *, has_seeds: bool) -> Path:
        from evo_hns.cluster import TASK, free_run

        if self.run is None:
            return free_run(self.experiment, has_seeds=has_seeds)
        return Path(str(self.run).replace(SEED, TASK))

    def _headers(self) -> dict[str, str]:
        """Options of sbatch that a site may want."""
        from evo_hns.cluster import parse_header

        named = {"partition": self.partition, "account": self.account, "constraint": self.constraint}
        mail = {"mail-user": self.mail, "mail-type": None if self.mail is None else "END,FAIL"}
        typed = {name: value for name, value in (named | mail).items() if value is not None}
        for name, value in map(parse_header, self.sbatch):
            if name in typed and name != "mail-type":
                raise ConfigError(f"--sbatch: got {name} twice, expected every option once")
            typed[name] = value
        return typed


def _answer(plan: Plan, number: str) -> dict[str, object]:
    """What was submitted, for programs."""
    job = plan.job
    return {
        "job": number,
        "script": job.script,
        "runs": job.runs,
        "log": job.log_of(number),
        "nodes": job.nodes,
        "ranks": job.nodes * job.ranks_per_node,
        "memory_mb": job.memory,
        "seconds": job.time,
    }


def submitted_text(plan: Plan, number: str) -> str:
    """What was submitted, and how to follow it."""
    job = plan.job
    runs = f"{len(job.runs)} runs, each " if job.seeds else ""
    ranks = f"{job.nodes} x {job.ranks_per_node} ranks, {duration(job.time)} at a time"
    follow = [
        f"squeue --job {number}",
        shell_command("-F", job.log_of(number), program="tail"),
        as_typed("info", job.runs[0]),
        f"scancel {number}",
    ]
    head = [f"job {number}: {runs}{ranks}; its script is {job.script}", *([plan.goes_on] if plan.goes_on else [])]
    return "\n".join([*head, "", *(f"  {line}" for line in follow)])
