from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evo_hns.cluster.notation import format_time, parse_array, parse_header, parse_limit, parse_memory, parse_time
from evo_hns.config import ConfigError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90 * 60),
        ("90:30", 90 * 60 + 30),
        ("4:00:00", 4 * 3600),
        ("0-1", 3600),
        ("2-00", 2 * 86400),
        ("1-2:30", 86400 + 2 * 3600 + 30 * 60),
        ("1-02:30:15", 86400 + 2 * 3600 + 30 * 60 + 15),
        (" 1 ", 60),
    ],
)
def test_a_time_means_what_it_means_to_slurm(text: str, seconds: int) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "4h", "-5", "1:2:3:4", "1-", "1.5", "1-2-3", "infinite"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--time: got .*, expected minutes, hours:minutes:seconds or days-hours"):
        parse_time(text)


@pytest.mark.parametrize("text", ["0", "0:00", "0-0"])
def test_no_time_is_no_limit(text: str) -> None:
    with pytest.raises(ConfigError, match="which is no limit to Slurm"):
        parse_time(text)


@given(st.integers(1, 10**8))
def test_a_time_is_read_as_it_was_written(seconds: int) -> None:
    assert parse_time(format_time(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "megabytes"),
    [("4000", 4000), ("4G", 4096), ("4g", 4096), ("512K", 1), ("0", 0), ("1T", 1024**2), ("7M", 7)],
)
def test_memory_means_what_it_means_to_slurm(text: str, megabytes: int) -> None:
    assert parse_memory(text) == megabytes


@pytest.mark.parametrize("text", ["", "lots", "-4G", "1.5G", "4 G", "4X"])
def test_what_is_no_amount_of_memory_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--memory: got .*, expected megabytes or an amount such as 4G"):
        parse_memory(text)


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("gres=gpu:1", ("gres", "gpu:1")),
        ("--gres=gpu:1", ("gres", "gpu:1")),
        ("#SBATCH --gres=gpu:1", ("gres", "gpu:1")),
        ("--comment two words", ("comment", "two words")),
        ("exclusive", ("exclusive", "")),
    ],
)
def test_an_option_of_sbatch_is_read_however_it_is_written(text: str, option: tuple[str, str]) -> None:
    assert parse_header(text) == option


@pytest.mark.parametrize("text", ["", "-p long", "--", "=gpu", "gres=", "Gres=gpu"])
def test_what_is_no_option_of_sbatch_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--sbatch: got .*, expected an option of sbatch in its long form"):
        parse_header(text)


def test_a_partition_without_a_limit_has_an_infinite_one() -> None:
    assert (parse_limit("infinite"), parse_limit("1-00:00:00")) == (math.inf, 86400)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("3", (3,)),
        ("0-4", (0, 1, 2, 3, 4)),
        ("0-3%2", (0, 1, 2, 3)),
    ],
)
def test_an_array_lists_seeds(text: str, values: tuple[int, ...]) -> None:
    seeds = parse_array(text)
    assert (seeds.values, seeds.text) == (values, text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "expected seeds from 0 on such as 0-9"),
        ("-1", "expected seeds from 0 on such as 0-9"),
        ("0-9%", "expected seeds from 0 on such as 0-9"),
        ("0-9%0", "expected seeds from 0 on such as 0-9"),
    ],
)
def test_what_is_no_list_of_seeds_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        parse_array(text)
