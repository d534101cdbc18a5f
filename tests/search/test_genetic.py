"""The genetic algorithm: who survives, who breeds, and what children are made of."""

from __future__ import annotations

import itertools
import statistics

import numpy as np
import pytest
import torch
from torch import Tensor

from evo_hns.config import GeneticConfig, GeneticSearchConfig
from evo_hns.search.base import Evaluation
from evo_hns.search.genetic import Genetic, select_by_cases

POPSIZE = 15
NUM_PARAMS = 9


def build(seed: int = 3, **settings: float | str) -> Genetic:
    defaults: dict[str, float | str] = {"num_elites": 4, "mutation_sigma": 1e-9}
    ga = GeneticConfig.model_validate(defaults | settings)
    return Genetic(GeneticSearchConfig(popsize=POPSIZE, ga=ga), NUM_PARAMS, seed)


def marked(search: Genetic) -> Tensor:
    """Ask, and tell fitness by index: the last genome is best."""
    genomes = search.ask().clone()
    search.tell(Evaluation(torch.arange(POPSIZE, dtype=torch.float64)))
    return genomes


def origin(children: Tensor, parents: Tensor) -> Tensor:
    """`(children, N)` the parent that each parameter comes from; -1 where it comes from none."""
    same = (children[:, None] - parents[None]).abs() < 1e-6
    return torch.where(same.any(dim=1), same.int().argmax(dim=1), -1)


def test_the_elites_are_asked_again_before_the_children_and_best_first() -> None:
    search = build()
    genomes = marked(search)
    again = search.ask()
    assert torch.equal(again[:4], genomes[[14, 13, 12, 11]])
    assert again.shape == (POPSIZE, NUM_PARAMS)


def test_an_elite_that_does_badly_this_time_falls() -> None:
    search = build()
    marked(search)
    genomes = search.ask().clone()
    metrics = search.tell(Evaluation(torch.arange(POPSIZE, dtype=torch.float64)))
    assert metrics["elites_kept"] == 0
    assert torch.equal(search.center, genomes[14])
    search.ask()
    assert search.tell(Evaluation(-torch.arange(POPSIZE, dtype=torch.float64)))["elites_kept"] == 4


def test_the_centre_is_the_first_genome_and_then_the_best_told() -> None:
    search = build()
    genomes = search.ask().clone()
    assert torch.equal(search.center, genomes[0])
    marked(search)
    assert torch.equal(search.center, genomes[14])


@pytest.mark.parametrize(("fraction", "num_parents"), [(0.2, 3), (0.01, 1), (1.0, 15)])
def test_truncation_lets_only_the_best_breed(fraction: float, num_parents: int) -> None:
    parents_seen: set[int] = set()
    for seed in range(30):
        search = build(seed, parent_fraction=fraction)
        genomes = marked(search)
        parents_seen |= set(origin(search.ask()[4:], genomes).unique().tolist())
    assert parents_seen == set(range(POPSIZE - num_parents, POPSIZE))


def test_a_tournament_prefers_the_fitter_and_excludes_few() -> None:
    counts = torch.zeros(POPSIZE)
    for seed in range(60):
        search = build(seed, selection="tournament", tournament_size=3, crossover_rate=0.0)
        genomes = marked(search)
        counts += torch.bincount(origin(search.ask()[4:], genomes)[:, 0], minlength=POPSIZE)
    # The best of three uniform draws is in the upper third in 19 of 27 tournaments.
    assert counts[10:].sum() / counts.sum() == pytest.approx(19 / 27, abs=0.08)
    assert counts[:5].sum() > 0


@pytest.mark.parametrize("selection", ["truncation", "tournament"])
def test_crossover_exchanges_one_stretch_between_two_parents(selection: str) -> None:
    search = build(selection=selection, crossover_rate=1.0, parent_fraction=1.0)
    genomes = marked(search)
    sources = origin(search.ask()[4:], genomes)
    assert (sources >= 0).all()
    changes = (sources[:, 1:] != sources[:, :-1]).sum(dim=1)
    assert changes.max() == 2
    assert all(len(set(row)) <= 2 for row in sources.tolist())


def test_without_crossover_each_child_has_one_parent() -> None:
    search = build(crossover_rate=0.0)
    genomes = marked(search)
    sources = origin(search.ask()[4:], genomes)
    assert (sources >= 0).all()
    assert (sources == sources[:, :1]).all()


def test_mutation_has_the_strength_asked_for_and_decays() -> None:
    search = build(mutation_sigma=0.2, mutation_decay=0.5, crossover_rate=0.0, parent_fraction=0.01)
    for generation in range(1, 4):
        search.ask()
        metrics = search.tell(Evaluation(-torch.arange(POPSIZE, dtype=torch.float64)))
        noise = search.ask()[4:] - search.center
        assert metrics["sigma"] == pytest.approx(0.2 * 0.5**generation)
        assert noise.std().item() == pytest.approx(metrics["sigma"], rel=0.25)


def test_ties_are_broken_by_lot() -> None:
    leaders = set()
    for seed in range(40):
        search = build(seed)
        genomes = search.ask().clone()
        search.tell(Evaluation((torch.arange(POPSIZE) % 5 == 0).double()))
        leaders.add(int((genomes == search.center).all(dim=1).nonzero()[0]))
    assert leaders == {0, 5, 10}


def test_refuses_genomes_that_cannot_be_cut() -> None:
    with pytest.raises(ValueError, match="got 2 parameters, ga needs at least 3"):
        Genetic(GeneticSearchConfig(), 2, seed=0)
    assert Genetic(GeneticSearchConfig(), 3, seed=0).ask().shape == (48, 3)


def lexicase_by_hand(cases: list[list[float]], order: list[int]) -> set[int]:
    """Who is left when cases filter everybody in an order, epsilon being the median absolute deviation of all."""
    left = set(range(len(cases)))
    for case in order:
        column = [row[case] for row in cases]
        middle = statistics.median(column)
        epsilon = statistics.median([abs(value - middle) for value in column])
        best = max(column[row] for row in left)
        left = {row for row in left if column[row] >= best - epsilon}
    return left


def test_lexicase_selects_whom_the_cases_leave_in_some_order_as_often_as_the_lots_say() -> None:
    rng = np.random.default_rng(2)
    cases = rng.normal(size=(9, 4)).round(1)
    chances = np.zeros(9)
    for order in itertools.permutations(range(4)):
        left = lexicase_by_hand(cases.tolist(), list(order))
        chances[sorted(left)] += 1 / len(left) / 24
    generator = torch.Generator().manual_seed(1)
    chosen = select_by_cases(torch.from_numpy(cases), 3_000, generator)
    counts = np.bincount(chosen.numpy(), minlength=9)
    assert (counts[chances == 0] == 0).all()
    np.testing.assert_allclose(counts / 3_000, chances, atol=0.04)


def test_lexicase_keeps_specialists_whom_the_mean_would_drop() -> None:
    # The last genome alone wins the last case, and is the worst on average.
    cases = torch.full((POPSIZE, 6), 1.0, dtype=torch.float64)
    cases += torch.linspace(0.0, 0.5, POPSIZE, dtype=torch.float64)[:, None].flip(0)
    cases[-1] = torch.tensor([-9.0] * 5 + [9.0])
    search = build(selection="lexicase", num_elites=1)
    genomes = search.ask().clone()
    search.tell(Evaluation(cases.mean(1), cases=cases))
    assert (origin(search.ask()[1:], genomes) == POPSIZE - 1).any()


def test_a_match_that_failed_counts_as_the_median_of_its_case() -> None:
    cases = torch.tensor([[1.0, 5.0], [torch.nan, 0.0], [9.0, 0.0], [2.0, torch.nan]], dtype=torch.float64)
    filled = torch.tensor([[1.0, 5.0], [2.0, 0.0], [9.0, 0.0], [2.0, 0.0]], dtype=torch.float64)
    chosen = [select_by_cases(each, 50, torch.Generator().manual_seed(1)) for each in (cases, filled)]
    assert torch.equal(*chosen)
    nothing = torch.full((4, 2), torch.nan, dtype=torch.float64)
    assert len(select_by_cases(nothing, 50, torch.Generator().manual_seed(1)).unique()) == 4


@pytest.mark.parametrize("asked", [False, True], ids=["after tell", "between ask and tell"])
def test_lexicase_goes_on_to_the_same_bits(asked: bool) -> None:
    def tell(search: Genetic, genomes: Tensor) -> None:
        search.tell(Evaluation(genomes.sum(1), cases=genomes[:, :4]))

    unbroken, resumed = build(selection="lexicase"), build(4, selection="lexicase")
    for _ in range(3):
        tell(unbroken, unbroken.ask())
    if asked:
        unbroken.ask()
    resumed.load_state_dict(unbroken.state_dict())
    for _ in range(3):
        genomes = unbroken.ask()
        assert torch.equal(resumed.ask(), genomes)
        tell(unbroken, genomes)
        tell(resumed, genomes)


def test_lexicase_is_to_be_told_of_cases() -> None:
    search = build(selection="lexicase")
    search.ask()
    with pytest.raises(ValueError, match="ga wants cases beside fitness"):
        search.tell(Evaluation(torch.zeros(POPSIZE)))
    assert build().wants == ()


def dominators(fitness: list[float], second: list[float]) -> list[int]:
    """How many others are at least as good in both objectives and better in one."""
    pairs = list(zip(fitness, second, strict=True))
    return [sum(a >= c and b >= d and (a, b) != (c, d) for a, b in pairs) for c, d in pairs]


def test_two_objectives_rank_by_how_many_dominate_and_the_fittest_is_first() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        fitness, second = rng.integers(0, 9, (2, POPSIZE)) / 2.0
        search = build(seed, selection="pareto")
        genomes = search.ask().clone()
        search.tell(Evaluation(torch.from_numpy(fitness), second=torch.from_numpy(second)))
        elites = origin(search.ask()[:4], genomes)[:, 0].tolist()
        counts = dominators(fitness.tolist(), second.tolist())
        assert fitness[elites[0]] == fitness.max()
        assert [counts[row] for row in elites] == sorted(counts)[:4]


def test_two_objectives_keep_both_ends_of_a_front() -> None:
    # Everybody is on the front, and the two ends are the loneliest.
    search = build(selection="pareto", num_elites=2)
    genomes = search.ask().clone()
    along = torch.linspace(0.0, 1.0, POPSIZE, dtype=torch.float64)
    search.tell(Evaluation(along, second=(1.0 - along) * 50.0))
    assert origin(search.ask()[:2], genomes)[:, 0].tolist() == [POPSIZE - 1, 0]
    assert torch.equal(search.center, genomes[-1])


def test_two_objectives_go_on_to_the_same_bits() -> None:
    unbroken, resumed = build(selection="pareto"), build(4, selection="pareto")
    for _ in range(2):
        genomes = unbroken.ask()
        unbroken.tell(Evaluation(genomes[:, 0], second=-genomes[:, 1]))
    resumed.load_state_dict(unbroken.state_dict())
    assert torch.equal(resumed.ask(), unbroken.ask())


def test_selection_by_two_objectives_is_to_be_told_of_the_second() -> None:
    search = build(selection="pareto")
    search.ask()
    with pytest.raises(ValueError, match="ga wants second beside fitness"):
        search.tell(Evaluation(torch.zeros(POPSIZE)))
    with pytest.raises(ValueError, match=r"genome 0 \(15 of 15 are not finite\)"):
        search.tell(Evaluation(torch.zeros(POPSIZE), second=torch.full((POPSIZE,), torch.nan)))
