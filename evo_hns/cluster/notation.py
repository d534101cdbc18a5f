"""How Slurm writes durations, memory, lists of array tasks and options of jobs."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from evo_hns.config import ConfigError
from evo_hns.config.seeds import parse_seeds

_TIME = re.compile(
    r"(?P<days>\d+)-(?P<day_hours>\d+)(:(?P<day_minutes>\d+)(:(?P<day_seconds>\d+))?)?"
    r"|(?P<hours>\d+):(?P<minutes>\d+):(?P<seconds>\d+)"
    r"|(?P<short_minutes>\d+)(:(?P<short_seconds>\d+))?"
)
_MEMORY = re.compile(r"(?P<number>\d+)(?P<unit>[KMGT])?B?")
_OPTION = re.compile(r"(#SBATCH\s+)?(--)?(?P<name>[a-z][a-z0-9-]+)([=\s]\s*(?P<value>\S.*))?")
_UNITS = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}


def parse_time(text: str) -> int:
    """Seconds of a time limit as Slurm reads it: `90`, `90:00`, `1:30:00`, `0-1`, `0-1:30`, `0-1:30:00`.

    Raises:
        ConfigError: it is none of these, or nothing.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ConfigError(
            f"--time: got {text!r}, expected minutes, hours:minutes:seconds or days-hours, for instance 4:00:00"
        )
    parts = {name.rpartition("_")[2]: int(value) for name, value in found.groupdict().items() if value}
    total = sum(_UNITS[unit] * value for unit, value in parts.items())
    if not total:
        raise ConfigError(f"--time: got {text!r}, which is no limit to Slurm; expected one, for instance 4:00:00")
    return total


def parse_limit(text: str) -> float:
    """Seconds of a partition's limit as `sinfo` prints it; infinite for `infinite` and what else is no time."""
    try:
        return parse_time(text)
    except ConfigError:
        return math.inf


def format_time(seconds: int) -> str:
    """As Slurm writes it: `1:30:00`, `2-00:00:00`."""
    days, rest = divmod(seconds, 86400)
    clock = f"{rest // 60 // 60:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days}-{clock}" if days else clock


def parse_memory(text: str) -> int:
    """MB of an amount of memory as Slurm reads it: `4000`, `4000M`, `4G`; 0 is all of a node.

    Raises:
        ConfigError: it is none.
    """
    found = _MEMORY.fullmatch(text.strip().upper())
    if found is None:
        raise ConfigError(f"--memory: got {text!r}, expected megabytes or an amount such as 4G; 0 is all of a node")
    return math.ceil(int(found["number"]) * 1024.0 ** ("KMGT".index(found["unit"] or "M") - 1))


def parse_header(text: str) -> tuple[str, str]:
    """Name and value of an option of sbatch: `gres=gpu:1`, `--gres=gpu:1`, `#SBATCH --gres=gpu:1`, `exclusive`.

    Raises:
        ConfigError: it is no such option in its long form.
    """
    found = _OPTION.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"--sbatch: got {text!r}, expected an option of sbatch in its long form, such as gres=gpu:1")
    return found["name"], found["value"] or ""


@dataclass(frozen=True)
class Seeds:
    """The tasks of an array, each a seed."""

    values: tuple[int, ...]
    text: str  #: as it was typed; Slurm reads the same


def parse_array(text: str) -> Seeds:
    """The tasks of an array: `0-9`, `1,3,5`, `0-15:4`, and `0-9%4` for four at once.

    Raises:
        ConfigError: it is no such list; a seed is there twice, or larger than any Slurm allows.
    """
    tasks, percent, at_once = text.strip().partition("%")
    is_whole = not percent or (at_once.isdecimal() and int(at_once) > 0)
    values = parse_seeds(tasks if is_whole else text, "--array", examples="0-9, 1,3,5 or 0-9%4 (4 at once)")
    return Seeds(values, text.strip())
