"""Ranks that ties share, private streams, and the registry."""

from __future__ import annotations

import subprocess
import sys

import pydantic
import pytest
import torch

from evo_hns.config import GeneticConfig, GeneticSearchConfig, PGPESearchConfig
from evo_hns.search.base import global_stream, is_flat, new_stream, share_ranks


def share_ranks_slowly(by_rank: list[float], fitness: list[float]) -> list[float]:
    """The mean value of the ranks that candidates of this fitness take up together."""
    answer = []
    for mine in fitness:
        better = sum(other > mine for other in fitness)
        equal = sum(other == mine for other in fitness)
        answer.append(sum(by_rank[better : better + equal]) / equal)
    return answer


@pytest.mark.parametrize("num_values", [1, 2, 3, 1000])
def test_shared_ranks_equal_a_plain_loop(num_values: int) -> None:
    generator = new_stream(num_values)
    for popsize in (1, 2, 5, 48):
        by_rank = torch.randn(popsize, generator=generator, dtype=torch.float64)
        fitness = torch.randint(num_values, (popsize,), generator=generator).double()
        expected = share_ranks_slowly(by_rank.tolist(), fitness.tolist())
        assert share_ranks(by_rank, fitness).tolist() == pytest.approx(expected, abs=1e-12)


def test_without_ties_each_rank_keeps_its_value_to_the_bit() -> None:
    by_rank = torch.tensor([0.7, 0.1, -0.3], dtype=torch.float64)
    assert share_ranks(by_rank, torch.tensor([1.0, 3.0, 2.0])).tolist() == [-0.3, 0.7, 0.1]


def test_shared_ranks_follow_a_permutation_of_the_candidates() -> None:
    generator = new_stream(0)
    by_rank = torch.randn(30, generator=generator, dtype=torch.float64)
    fitness = torch.randint(4, (30,), generator=generator).double()
    shuffle = torch.randperm(30, generator=generator)
    assert torch.equal(share_ranks(by_rank, fitness[shuffle]), share_ranks(by_rank, fitness)[shuffle])


def test_both_zeros_are_one_value() -> None:
    assert share_ranks(torch.tensor([1.0, 0.0]), torch.tensor([-0.0, 0.0])).tolist() == [0.5, 0.5]
    assert is_flat(torch.tensor([-0.0, 0.0]))


def test_one_different_value_is_not_flat() -> None:
    assert not is_flat(torch.tensor([1.0, 1.0, 1.0 + 1e-7]))


def test_a_private_stream_moves_on_and_the_global_one_does_not() -> None:
    before = torch.get_rng_state()
    private, twin = new_stream(5), new_stream(5)
    with global_stream(private):
        drawn = torch.rand(3)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(drawn, torch.rand(3, generator=twin))
    assert torch.equal(private.get_state(), twin.get_state())


def test_the_global_stream_comes_back_after_an_error() -> None:
    before = torch.get_rng_state()
    with pytest.raises(KeyError, match="broken"), global_stream(new_stream(5)):
        torch.rand(3)
        raise KeyError("broken")
    assert torch.equal(torch.get_rng_state(), before)


def test_the_registry_does_not_import_evotorch() -> None:
    code = "import sys; from evo_hns.search import SEARCHERS; print(sorted(SEARCHERS), 'evotorch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "['cmaes', 'ga', 'openai-es', 'pgpe', 'sep-cmaes', 'snes'] False"


def test_a_search_begins_without_what_evotorch_would_import_for_others() -> None:
    code = """
import sys
from evo_hns.config import CMAESSearchConfig
from evo_hns.search import build_searcher
build_searcher(CMAESSearchConfig(), 5, 0)
print(*{"evotorch", "cma", "matplotlib", "pandas", "scipy.linalg"} & set(sys.modules))
import cma, pandas
print(cma.__name__, pandas.__name__)
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["evotorch", "cma", "pandas"]


def test_mirrored_pairs_need_an_even_population() -> None:
    with pytest.raises(pydantic.ValidationError, match="got popsize 9, pgpe samples mirrored pairs"):
        PGPESearchConfig(popsize=9)


def test_elites_leave_room_for_children() -> None:
    with pytest.raises(pydantic.ValidationError, match=r"got 4 elites of popsize 4: lower search\.ga\.num_elites"):
        GeneticSearchConfig(popsize=4, ga=GeneticConfig(num_elites=4))
