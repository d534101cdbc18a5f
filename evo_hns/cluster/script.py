"""One script from several: the shipped ones are the templates, and what they read is written into the result."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from evo_hns.cluster.job import Job
from evo_hns.cluster.notation import format_time
from evo_hns.cluster.site import Site, find_script
from evo_hns.config import ConfigError
from evo_hns.system.shell import shell_command

READS_JOB = "source slurm/job.sh || exit 2\n"
READS_SITE = "source slurm/site.sh || exit 2\n"
_HEADER = "#SBATCH --"
_GRACE = re.compile(rf"^{_HEADER}signal=B:USR1@(\d+)$", re.MULTILINE)
_PER_CPU = re.compile(rf"^{_HEADER}mem-per-cpu=.*$", re.MULTILINE)
_RANKS = re.compile(rf"^{_HEADER}ntasks-per-node=(\d+)$", re.MULTILINE)


def template_of(*, nodes: int, has_seeds: bool) -> Path:
    """The shipped script that a job is made from."""
    return find_script("array.sbatch" if has_seeds else "one-node.sbatch" if nodes == 1 else "many-nodes.sbatch")


def defaults_of(template: Path) -> tuple[int, int]:
    """What a shipped script says of itself: ranks on each node, and seconds between the warning and the end.

    Raises:
        ConfigError: it does not.
    """
    script = template.read_text(encoding="utf-8")
    ranks, grace = _RANKS.search(script), _GRACE.search(script)
    if ranks is None or grace is None:
        lines = f"{_HEADER}ntasks-per-node=RANKS and {_HEADER}signal=B:USR1@SECONDS"
        raise ConfigError(f"{template}: expected the lines {lines}")
    return int(ranks[1]), int(grace[1])


def render(job: Job, site: Site, folder: Path) -> str:
    """The script of a job, which needs no other file of the project's `slurm` folder.

    Args:
        job: what is asked for.
        site: where it is asked.
        folder: where the job runs; relative paths start there.

    Raises:
        ConfigError: the shipped scripts are not there, or were changed beyond recognition.
    """
    template = template_of(nodes=job.nodes, has_seeds=job.seeds is not None)
    inlined = _replaced(find_script("job.sh"), READS_SITE, f"{site.text}\n")
    words = shlex.join([job.experiment, "--run", str(job.run), *job.options])
    text = _PER_CPU.sub(f"{_HEADER}mem=0", _replaced(template, READS_JOB, f"set -- {words}\n\n{inlined}\n"))
    about = f"# Written by evo-hns submit. Submitted again, it goes on: {shell_command(job.script, program='sbatch')}"
    shebang, _, rest = text.partition("\n")
    return _with_headers(f"{shebang}\n{about}\n{rest[rest.index(_HEADER) :]}", _headers(job, site, folder))


def _headers(job: Job, site: Site, folder: Path) -> dict[str, str]:
    headers = {
        "job-name": job.name,
        "output": str(job.log),
        "chdir": str(folder),
        "time": format_time(job.time),
        "nodes": str(job.nodes),
        "ntasks-per-node": str(job.ranks_per_node),
        "signal": f"B:USR1@{job.grace}",
        "mem": f"{job.memory or 0}M",
        **site.options,
        **job.headers,
    }
    if job.seeds is not None:
        headers["array"] = job.seeds.text
    return headers


def _with_headers(text: str, headers: Mapping[str, str]) -> str:
    """The same script with other values; headers that it lacks come before the others."""
    head, separator, commands = text.partition("\nset -- ")
    for name, value in headers.items():
        line = f"{_HEADER}{name}={shlex.quote(value)}" if value else f"{_HEADER}{name}"
        there = re.search(rf"^{_HEADER}{re.escape(name)}(=.*)?$", head, re.MULTILINE)
        if there:
            head = head[: there.start()] + line + head[there.end() :]
        else:
            head = head.replace(f"\n{_HEADER}", f"\n{line}\n{_HEADER}", 1)
    return head + separator + commands


def _replaced(path: Path, line: str, text: str) -> str:
    """A script with one of its lines replaced."""
    script = path.read_text(encoding="utf-8")
    if script.count(line) != 1:
        raise ConfigError(f"{path}: expected the line {line.strip()!r} once, got it {script.count(line)} times")
    return script.replace(line, text)
