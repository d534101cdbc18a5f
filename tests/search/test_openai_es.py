"""OpenAI's evolution strategy against its published form, written plainly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from evo_hns.config import OpenAIESConfig, OpenAIESSearchConfig
from evo_hns.search.base import Evaluation
from evo_hns.search.openai_es import OpenAIES

POPSIZE = 12


def build(num_params: int = 10, sigma: float = 0.1, **settings: float) -> OpenAIES:
    config = OpenAIESSearchConfig(popsize=POPSIZE, sigma=sigma, openai_es=OpenAIESConfig(**settings))
    return OpenAIES(config, num_params, seed=3)


def sphere(genomes: Tensor) -> Tensor:
    return -(genomes - 1.0).square().sum(dim=1)


def mean_ranks(fitness: np.ndarray) -> np.ndarray:
    """Centred ranks from -0.5 to 0.5, by counting; those who tie share the mean of theirs."""
    below = np.array([(fitness < value).sum() for value in fitness])
    alike = np.array([(fitness == value).sum() for value in fitness])
    return (below + (alike - 1) / 2) / (len(fitness) - 1) - 0.5


def test_candidates_come_in_mirrored_pairs_at_a_distance_that_stays() -> None:
    search = build(num_params=1_000)
    for _ in range(3):
        genomes = search.ask()
        torch.testing.assert_close((genomes[0::2] + genomes[1::2]) / 2, search.center.expand(POPSIZE // 2, -1))
        assert (genomes - search.center).std().item() == pytest.approx(0.1, rel=0.05)
        assert search.tell(Evaluation(sphere(genomes)))["sigma"] == 0.1


@pytest.mark.parametrize("decimals", [9, 0], ids=["nothing tied", "many tied"])
def test_moves_as_adam_written_out_along_the_gradient_of_centred_ranks(decimals: int) -> None:
    search = build(sigma=0.3, learning_rate=0.02, weight_decay=0.1)
    center, first, second = search.center.numpy(), np.zeros(10), np.zeros(10)
    for t in range(1, 31):
        genomes = search.ask()
        fitness = sphere(genomes).round(decimals=decimals)
        search.tell(Evaluation(fitness))
        ranks = mean_ranks(fitness.numpy())
        gradient = np.zeros(10)
        for rank, genome in zip(ranks, genomes.numpy(), strict=True):
            gradient += rank * (genome - center) / 0.3 / POPSIZE
        gradient -= 0.1 * center
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        center = center + 0.02 * (first / (1 - 0.9**t)) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
        np.testing.assert_allclose(search.center.numpy(), center, rtol=1e-9)


def test_finds_the_optimum_of_a_sphere_that_lies_off_the_origin() -> None:
    search = build(weight_decay=0.0, learning_rate=0.03)
    for _ in range(300):
        search.tell(Evaluation(sphere(search.ask())))
    torch.testing.assert_close(search.center, torch.ones(10, dtype=torch.float64), rtol=0.0, atol=0.05)


def test_weights_that_nothing_selects_decay() -> None:
    kept, decayed = build(weight_decay=0.0), build(weight_decay=0.1)
    start = float(torch.linalg.vector_norm(kept.center[1:]))
    for search in (kept, decayed):
        for _ in range(200):
            search.tell(Evaluation(search.ask()[:, 0]))
    assert float(torch.linalg.vector_norm(decayed.center[1:])) < 0.5 * start
    assert float(torch.linalg.vector_norm(kept.center[1:])) > 0.5 * start


def test_flat_fitness_moves_nothing_whatever_adam_remembers() -> None:
    search = build()
    for _ in range(3):
        search.tell(Evaluation(sphere(search.ask())))
    before = search.state_dict()
    search.ask()
    assert search.tell(Evaluation(torch.ones(POPSIZE)))["speed"] == 0.0
    after = search.state_dict()
    for name in ("center", "m", "v", "t"):
        assert (after[name] == before[name]).all()


def test_refuses_a_population_without_pairs() -> None:
    with pytest.raises(ValidationError, match="got popsize 13, openai-es samples mirrored pairs: choose an even one"):
        OpenAIESSearchConfig(popsize=13)
