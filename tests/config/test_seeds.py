from __future__ import annotations

import pytest

from evo_hns.config import ConfigError
from evo_hns.config.seeds import parse_seeds


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("3", (3,)),
        (" 0-4", (0, 1, 2, 3, 4)),
        ("1,3,5", (1, 3, 5)),
        ("7,0-2", (0, 1, 2, 7)),
        ("0-15:5", (0, 5, 10, 15)),
    ],
)
def test_a_list_of_seeds_is_read_and_put_in_order(text: str, values: tuple[int, ...]) -> None:
    assert parse_seeds(text, "--seeds") == values


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "--seeds: got '', expected seeds from 0 on such as 0-9 or 1,3,5"),
        ("-1", "--seeds: got '-1', expected seeds from 0 on"),
        ("1,-1", "expected seeds from 0 on"),
        ("a-b", "expected seeds from 0 on"),
        ("1,,2", "expected seeds from 0 on"),
        ("0-9%4", "expected seeds from 0 on"),
        ("9-0", "expected ranges that rise"),
        ("0-9:0", "expected ranges that rise"),
        ("1,2,1", "which has the seed 1 twice"),
        ("0-5,3", "which has the seed 3 twice"),
        ("0-99999999999", "--seeds: got the seed 99999999999, expected at most 4000000"),
    ],
)
def test_what_is_no_list_of_seeds_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        parse_seeds(text, "--seeds")
