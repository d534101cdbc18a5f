"""Runs as jobs of Slurm: what is asked for, the script that asks for it, and what Slurm says to it."""

from evo_hns.cluster.job import TASK, Job, free_run
from evo_hns.cluster.notation import parse_array, parse_header, parse_memory, parse_time
from evo_hns.cluster.script import defaults_of, template_of
from evo_hns.cluster.submit import Plan, plan, submit

__all__ = [
    "TASK",
    "Job",
    "Plan",
    "defaults_of",
    "free_run",
    "parse_array",
    "parse_header",
    "parse_memory",
    "parse_time",
    "plan",
    "submit",
    "template_of",
]
