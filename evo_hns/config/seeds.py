"""Seeds of several runs as they are typed: `0-9`, `1,3,5`, `0-15:4`."""

from __future__ import annotations

import re
from collections import Counter

from evo_hns.config.base import ConfigError

LARGEST = 4_000_000
"""Of a list: the largest number that any Slurm gives an array task; most allow less."""

_PART = re.compile(r"(?P<first>\d+)(-(?P<last>\d+)(:(?P<step>\d+))?)?")


def parse_seeds(text: str, option: str, *, examples: str = "0-9 or 1,3,5") -> tuple[int, ...]:
    """The seeds of a list, in rising order.

    Args:
        text: as it was typed.
        option: with which, for complaints.
        examples: of what it takes, for complaints.

    Raises:
        ConfigError: it is no such list; a seed is there twice, or larger than `LARGEST`.
    """
    parts = [_PART.fullmatch(part) for part in text.strip().split(",")]
    values = Counter[int]()
    for part in parts:
        if part is None:
            raise ConfigError(f"{option}: got {text!r}, expected seeds from 0 on such as {examples}")
        first = int(part["first"])
        last, step = int(part["last"] or first), int(part["step"] or 1)
        if last < first or step < 1:
            raise ConfigError(f"{option}: got {text!r}, expected ranges that rise, such as 0-9 or 0-15:4")
        if last > LARGEST:
            raise ConfigError(f"{option}: got the seed {last}, expected at most {LARGEST}: give it with --seed instead")
        values.update(range(first, last + 1, step))
    seed, times = values.most_common(1)[0]
    if times > 1:
        raise ConfigError(f"{option}: got {text!r}, which has the seed {seed} twice; expected every seed once")
    return tuple(sorted(values))
