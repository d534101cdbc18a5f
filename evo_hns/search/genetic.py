"""A genetic algorithm whose elites are evaluated again beside the children, on EvoTorch's operators.

A fitness is never carried over: elites and children of a generation meet the same opponents, and an elite
that was only lucky falls. Ties are broken at random, so that a plateau is drifted over, not frozen.

Epsilon-lexicase selection: La Cava, Spector and Danai 2016, "Epsilon-lexicase selection for regression"; semi-dynamic,
as in La Cava, Helmuth, Spector and Moore 2019, "A probabilistic and multi-objective analysis of lexicase selection".
Two objectives: by the number of those who dominate a genome, as in Fonseca and Fleming 1993, then by crowding distance,
as in Deb et al. 2002 (NSGA-II).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from evotorch.operators.functional import combine, pareto_utility, tournament, two_point_cross_over
from torch import Tensor

from evo_hns.config import ConfigError, GeneticSearchConfig
from evo_hns.search.base import AskTell, Evaluation, Want, global_stream, new_stream

MIN_PARAMS = 3
"""Two cuts need three parts."""


class Genetic(AskTell):
    """Selection by truncation, tournament, epsilon-lexicase or two objectives, two-point crossover, mutation, elites.

    The population asked for is the elites, best first, then the children.

    Args:
        config: settings of the search; `ga.num_elites` is below `popsize`.
        num_params: length of a genome.
        seed: decides the random stream.
        start: `(N,)` the genome at which it begins; None: one near zero is drawn.

    Raises:
        ValueError: fewer than three parameters.
    """

    def __init__(self, config: GeneticSearchConfig, num_params: int, seed: int, start: Tensor | None = None) -> None:
        if num_params < MIN_PARAMS:
            raise ConfigError(f"got {num_params} parameters, ga needs at least {MIN_PARAMS}: choose another search")
        super().__init__(config, num_params, new_stream(seed))
        self._settings = config.ga
        shape = (config.popsize, num_params)
        spread = config.init_sigma if start is None else config.ga.mutation_sigma
        self._genomes = spread * torch.randn(shape, generator=self._generator, dtype=torch.float64)
        if start is not None:
            self._genomes[0] = 0.0
            self._genomes += start.to(torch.float64)
        self._fitness = torch.zeros(config.popsize, dtype=torch.float64)
        self._elites_kept = 0
        self._by_cases = config.ga.selection == "lexicase"
        self.wants = _WANTS.get(config.ga.selection, ())
        self._parents = torch.zeros(2 * self._num_pairs, dtype=torch.int64)  # of the next children, by their rank

    @property
    def center(self) -> Tensor:
        """The best genome of the last generation, at first any; see `Searcher.center`."""
        return self._genomes[0].clone()

    @property
    def _sigma(self) -> float:
        """Strength of the next mutation."""
        return self._settings.mutation_sigma * self._settings.mutation_decay**self.generation

    def _sample(self) -> Tensor:
        if self.generation == 0:
            return self._genomes.clone()
        num_elites = self._settings.num_elites
        with global_stream(self._generator):
            children = self._cross(self._select())[: self.popsize - num_elites]
        noise = torch.randn(children.shape, generator=self._generator, dtype=torch.float64)
        population: Tensor = combine(self._genomes[:num_elites], children + self._sigma * noise)
        return population

    @property
    def _num_pairs(self) -> int:
        """Parents of all children: as many mothers as fathers, who have two children."""
        return (self.popsize - self._settings.num_elites + 1) // 2

    def _select(self) -> Tensor:
        """Parents of at least as many children as there are: mothers in the first half, fathers in the second."""
        num_pairs = self._num_pairs
        if self._by_cases:
            return self._genomes[self._parents]
        if self._settings.selection in ("tournament", "pareto"):
            size = self._settings.tournament_size
            parents: Tensor = tournament(
                self._genomes, self._fitness, num_tournaments=2 * num_pairs, tournament_size=size, objective_sense="max"
            )
            return parents
        num_parents = max(1, round(self._settings.parent_fraction * self.popsize))
        return self._genomes[torch.randint(num_parents, (2 * num_pairs,))]

    def _cross(self, parents: Tensor) -> Tensor:
        """Let a share of the pairs exchange what lies between two cuts; the others are copied."""
        num_pairs = len(parents) // 2
        crossed = torch.rand(num_pairs) < self._settings.crossover_rate
        children: Tensor = two_point_cross_over(parents)
        return torch.where(crossed.repeat(2)[:, None], children, parents)

    def _move(self, population: Tensor, evaluation: Evaluation) -> None:
        fitness, second = evaluation.fitness, evaluation.second if self._settings.selection == "pareto" else None
        lots = torch.randperm(self.popsize, generator=self._generator)
        order = lots[torch.argsort(fitness[lots], descending=True, stable=True)]
        merit = fitness
        if second is not None:  # the fittest of all stays first: nobody dominates it, and it stands at an end
            merit = pareto_utility(torch.stack([fitness, second], dim=1), objective_sense=["max", "max"])
            order = order[torch.argsort(merit[order], descending=True, stable=True)]
        num_elites = self._settings.num_elites
        self._elites_kept = int((order[:num_elites] < num_elites).sum()) if self.generation > 0 else 0
        self._genomes, self._fitness = population[order], merit[order]
        if self._by_cases and evaluation.cases is not None:
            self._parents = select_by_cases(evaluation.cases[order], 2 * self._num_pairs, self._generator)

    def _metrics(self) -> dict[str, float]:
        return {"sigma": self._sigma, "elites_kept": float(self._elites_kept)}

    def _tensors(self) -> dict[str, Tensor]:
        own = {"genomes": self._genomes, "fitness": self._fitness}
        return own | {"parents": self._parents} if self._by_cases else own

    def _restore(self, tensors: dict[str, Tensor]) -> None:
        self._genomes, self._fitness = tensors["genomes"], tensors["fitness"]
        self._parents = tensors.get("parents", self._parents)


_WANTS: Mapping[str, tuple[Want, ...]] = {"lexicase": ("cases",), "pareto": ("second",)}
"""What ways of selection are to be told beside fitness."""


def select_by_cases(cases: Tensor, num: int, generator: torch.Generator) -> Tensor:
    """Epsilon-lexicase: each time the cases filter everybody in an order drawn by lot, until one is left.

    A case lets those go on who are within epsilon of the best of those left, epsilon being the median absolute
    deviation of everybody's scores in that case. Among those whom all cases let go on a lot decides.

    Args:
        cases: `(P, E)` scores, higher is better; NaN counts as the median of the others in that case.
        num: how often.
        generator: decides the lots.

    Returns:
        `(num,)` int64 rows.
    """
    scores = cases.detach().to("cpu", torch.float64)
    scores = torch.where(torch.isnan(scores), scores.nanquantile(0.5, dim=0), scores).nan_to_num(nan=0.0)
    epsilon = (scores - scores.quantile(0.5, dim=0)).abs().quantile(0.5, dim=0).numpy()
    table, chosen = scores.numpy(), torch.empty(num, dtype=torch.int64)
    for k in range(num):
        order = torch.randperm(table.shape[1], generator=generator).numpy()
        left = torch.randperm(len(table), generator=generator).numpy()  # the first one wins the last lot
        for case in order:
            if len(left) == 1:
                break
            column = table[left, case]
            left = left[column >= column.max() - epsilon[case]]
        chosen[k] = int(left[0])
    return chosen
