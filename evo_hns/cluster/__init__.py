"""Runs as jobs of Slurm: what is asked for, the script that asks for it, and what Slurm says to it."""

from evo_hns.cluster.job import Job, free_run
from evo_hns.cluster.notation import parse_header, parse_memory, parse_seeds, parse_time
from evo_hns.cluster.script import defaults_of, template_of
from evo_hns.cluster.submit import Plan, plan, submit

__all__ = [
    "Job",
    "Plan",
    "defaults_of",
    "free_run",
    "parse_header",
    "parse_memory",
    "parse_seeds",
    "parse_time",
    "plan",
    "submit",
    "template_of",
]
