from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evo_hns.cluster.notation import format_time, parse_limit, parse_seeds, parse_time
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


def test_a_partition_without_a_limit_has_an_infinite_one() -> None:
    assert (parse_limit("infinite"), parse_limit("1-00:00:00")) == (math.inf, 86400)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("3", (3,)),
        ("0-4", (0, 1, 2, 3, 4)),
        ("1,3,5", (1, 3, 5)),
        ("7,0-2", (0, 1, 2, 7)),
        ("0-15:5", (0, 5, 10, 15)),
        ("0-3%2", (0, 1, 2, 3)),
    ],
)
def test_an_array_lists_seeds(text: str, values: tuple[int, ...]) -> None:
    seeds = parse_seeds(text)
    assert (seeds.values, seeds.text) == (values, text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "expected seeds from 0 on such as 0-9"),
        ("-1", "expected seeds from 0 on such as 0-9"),
        ("1,-1", "expected seeds from 0 on such as 0-9"),
        ("a-b", "expected seeds from 0 on such as 0-9"),
        ("1,,2", "expected seeds from 0 on such as 0-9"),
        ("0-9%", "expected seeds from 0 on such as 0-9"),
        ("0-9%0", "expected seeds from 0 on such as 0-9"),
        ("9-0", "expected ranges that rise"),
        ("0-9:0", "expected ranges that rise"),
        ("1,2,1", "which has the seed 1 twice"),
        ("0-5,3", "which has the seed 3 twice"),
        ("0-99999999999", "got the seed 99999999999, expected at most 4000000"),
    ],
)
def test_what_is_no_list_of_seeds_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        parse_seeds(text)
