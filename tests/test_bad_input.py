"""Words and settings that are wrong in ways nobody thought of: understood, or refused in one line."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from evo_hns.cli.parsing import parse
from evo_hns.config import ConfigError
from evo_hns.experiment import load_experiment, setting_names
from tests.test_readme import commands

EXPERIMENTS = sorted((Path(__file__).parents[1] / "experiments").glob("*.toml"))
EACH = 100
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.release) for seed in range(1, 34))]
"""With the damaged files of the archive 10,000 inputs before a release."""
STRANGE = ["", " ", "-", "--", "-1", "0", "nan", "-inf", "1e999", "9" * 40, "0x10", "1_0", "True", "None", "null"]
STRANGE += [
    "[",
    "[]",
    "[1",
    "[[1, 2], 3]",
    "{}",
    "{a = 1}",
    "=",
    "a=b",
    "1 2",
    "1,2",
    "'",
    '"',
    "ü",
    "\t",
    "\0",
    "x" * 5000,
]


def spoiled(parts: list[str], rng: random.Random) -> list[str]:
    """Words or lines with one fault: left out, twice, exchanged, misspelled, or something strange."""
    parts, at = list(parts), rng.randrange(len(parts))
    match rng.randrange(6):
        case 0:
            del parts[at]
        case 1:
            parts.insert(at, parts[at])
        case 2:
            other = rng.randrange(len(parts))
            parts[at], parts[other] = parts[other], parts[at]
        case 3:
            letter = rng.randrange(len(parts[at]) + 1)
            parts[at] = parts[at][:letter] + rng.choice("-.=[]#'\"x0é ") + parts[at][letter + rng.randrange(2) :]
        case 4:
            parts[at] = rng.choice(STRANGE)
        case _:
            parts.insert(at, rng.choice(STRANGE))
    return parts


def assert_understood_or_refused(read: Callable[[], object], given: object) -> bool:
    """Whether it was refused."""
    try:
        read()
    except ConfigError as refusal:
        assert str(refusal), given
        assert "\n" not in str(refusal), given
        return True
    except SystemExit as end:  # help was asked for
        assert not end.code, given
    except Exception as error:
        raise AssertionError(given) from error
    return False


@pytest.mark.parametrize("seed", SEEDS)
def test_words_are_understood_or_refused_in_one_line(seed: int) -> None:
    rng, refused = random.Random(seed), 0
    for _ in range(EACH):
        words = spoiled(rng.choice(commands()), rng)
        refused += assert_understood_or_refused(lambda words=words: parse(words), words)
    assert refused > EACH / 10


@pytest.mark.parametrize("seed", SEEDS)
def test_settings_are_understood_or_refused_in_one_line(seed: int, tmp_path: Path) -> None:
    rng, refused, path = random.Random(seed), 0, tmp_path / "experiment.toml"
    for _ in range(EACH):
        lines = rng.choice(EXPERIMENTS).read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join(spoiled(lines, rng)), encoding="utf-8")
        option = "".join(spoiled([rng.choice(setting_names()), "=", rng.choice(STRANGE)], rng))
        given = (path.read_text(encoding="utf-8"), option)
        for options in ([], [option]):
            refused += assert_understood_or_refused(lambda o=options: load_experiment(str(path), o), given)
    assert refused > EACH / 10


@pytest.mark.parametrize("experiment", ["quickstart", "ppo"])
def test_every_setting_with_odd_values_is_understood_or_refused_in_one_line(experiment: str) -> None:
    refused = 0
    for name in setting_names():
        for value in (0, 3, 1e9, "x"):
            given = {name: value}
            refused += assert_understood_or_refused(lambda g=given: load_experiment(experiment, g), given)
    assert refused > len(setting_names())
