"""The contract of a searcher: ask for a population, tell what came of it.

Owns what every family shares: the order of the calls, the refusal of fitness that is not finite, ranks
that ties share, private random streams and the state. A searcher sees flat vectors only, and its whole
state is a dict of arrays. Continuing from a state gives the same bits
on the same kind of processor and number of threads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from evo_hns.config import SearchConfig

SearchState = dict[str, npt.NDArray[np.generic]]
"""Everything a searcher needs to continue to the same bits; numeric arrays only."""


Want = Literal["statistics", "behaviour", "cases", "second"]
"""What a searcher may be told beside fitness."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What came of P candidates who played E episodes each; beside fitness only what the searcher `wants`."""

    fitness: Tensor  #: `(P,)` higher is better, finite
    statistics: Mapping[str, Tensor] = field(default_factory=dict)  #: name -> `(P, E)`; NaN: the episode does not count
    behaviour: Tensor | None = None  #: `(P, D)` what each did on average; NaN: none of its episodes counts
    behaviour_names: tuple[str, ...] = ()  #: D, of its columns
    cases: Tensor | None = None
    """`(P, E)` what fitness is made of: the score in each pair of an opponent and a world, which are the same for all;
    NaN: the match does not count."""
    second: Tensor | None = None  #: `(P,)` a second objective, higher is better, finite


class Searcher(Protocol):
    """A population that moves towards higher fitness."""

    num_params: int
    popsize: int
    generation: int
    """Number of completed `tell`s."""
    wants: Collection[Want]
    """What it has to be told beside fitness."""

    @property
    def center(self) -> Tensor:
        """`(N,)` float64, the genome the search would answer now."""

    def ask(self) -> Tensor:
        """The population to evaluate, `(popsize, N)` float64, to be read only; the same until `tell`."""

    def tell(self, evaluation: Evaluation) -> dict[str, float]:
        """Take what came of the asked population and move on.

        Args:
            evaluation: of `popsize` candidates, with what the searcher wants.

        Returns:
            Metrics of the move (`sigma`, ...).

        Raises:
            ValueError: a wrong shape, a fitness that is not finite, or a lack of what is wanted.
            RuntimeError: `tell` before `ask`.
        """

    def state_dict(self) -> SearchState:
        """The whole state, also between `ask` and `tell`."""

    def load_state_dict(self, state: SearchState) -> None:
        """Restore what `state_dict` gave, to the bit.

        Raises:
            ValueError: the state is of another algorithm or size, or incomplete; nothing is changed then.
        """


class AskTell(ABC):
    """The order of calls, the checks and the state; a family adds how to sample and how to move.

    Between `ask` and `tell` the state holds the random stream as it was before `ask`, not the sample:
    sampling again gives the same population, and the state stays small.
    """

    wants: Collection[Want] = ()
    growing: ClassVar[Collection[str]] = ()
    """Variables whose first dimension may change from generation to generation, as of an archive."""

    def __init__(self, config: SearchConfig, num_params: int, generator: torch.Generator) -> None:
        self.algorithm = config.algorithm
        self.num_params = num_params
        self.popsize = config.popsize
        self.generation = 0
        self._generator = generator
        self._stream_before_ask = generator.get_state()
        self._population: Tensor | None = None

    @property
    @abstractmethod
    def center(self) -> Tensor:
        """`(N,)` float64, the genome the search would answer now."""

    @abstractmethod
    def _sample(self) -> Tensor:
        """Draw a `(popsize, N)` population from the own stream; changes nothing that `_tensors` holds."""

    @abstractmethod
    def _move(self, population: Tensor, evaluation: Evaluation) -> None:
        """Take what came of the population; it has been checked."""

    @abstractmethod
    def _metrics(self) -> dict[str, float]:
        """What to log after a move."""

    @abstractmethod
    def _tensors(self) -> dict[str, Tensor]:
        """The variables of the search, C-contiguous."""

    @abstractmethod
    def _restore(self, tensors: dict[str, Tensor]) -> None:
        """Take back what `_tensors` gave."""

    def ask(self) -> Tensor:
        """The population to evaluate; see `Searcher.ask`."""
        if self._population is None:
            self._stream_before_ask = self._generator.get_state()
            self._population = self._sample()
        return self._population

    def tell(self, evaluation: Evaluation) -> dict[str, float]:
        """Take what came of the asked population; see `Searcher.tell`."""
        if self._population is None:
            raise RuntimeError("tell() before ask(): ask for the population, evaluate it, then tell what came of it")
        fitness = _checked(evaluation.fitness, self.popsize)
        self._check_wants(evaluation)
        second = None if evaluation.second is None else _checked(evaluation.second, self.popsize)
        self._move(self._population, replace(evaluation, fitness=fitness, second=second))
        self._population = None
        self.generation += 1
        shared = {"center_norm": float(torch.linalg.vector_norm(self.center)), "num_ranks": float(_num_ranks(fitness))}
        return self._metrics() | shared

    def _check_wants(self, evaluation: Evaluation) -> None:
        """Refuse an evaluation that lacks what this search is to be told."""
        given = {
            "statistics": bool(evaluation.statistics),
            "behaviour": evaluation.behaviour is not None,
            "cases": evaluation.cases is not None,
            "second": evaluation.second is not None,
        }
        if missing := [want for want in self.wants if not given[want]]:
            raise ValueError(f"{self.algorithm} wants {' and '.join(missing)} beside fitness: give it to `Evaluation`")
        told = [*evaluation.statistics.values(), evaluation.behaviour, evaluation.cases]
        tables = [each for each in told if each is not None]
        if wrong := [tuple(each.shape) for each in tables if each.ndim != 2 or len(each) != self.popsize]:
            raise ValueError(f"got statistics, behaviour or cases of shape {wrong[0]}, expected ({self.popsize}, ...)")

    def state_dict(self) -> SearchState:
        """The whole state; see `Searcher.state_dict`."""
        asked = self._population is not None
        stream = self._stream_before_ask if asked else self._generator.get_state()
        head: SearchState = {
            "algorithm": np.frombuffer(self.algorithm.encode(), dtype=np.uint8).copy(),
            "size": np.array([self.popsize, self.num_params], dtype=np.int64),
            "generation": np.array(self.generation, dtype=np.int64),
            "asked": np.array(asked, dtype=np.int64),
            "stream": stream.numpy().copy(),
        }
        return head | {name: tensor.numpy().copy() for name, tensor in self._tensors().items()}

    def load_state_dict(self, state: SearchState) -> None:
        """Restore a state; see `Searcher.load_state_dict`."""
        self._check_state(state)
        self.generation = int(state["generation"])
        self._generator.set_state(_tensor(state["stream"]))
        self._restore({name: _tensor(state[name]) for name in self._tensors()})
        self._population = None
        if state["asked"]:
            self.ask()

    def _check_state(self, state: SearchState) -> None:
        """Refuse a state of another search before anything is changed."""
        mine = self.state_dict()
        if missing := sorted(mine.keys() - state.keys()):
            raise ValueError(f"incomplete search state, {', '.join(missing)} missing: {self._remedy}")
        theirs = bytes(np.asarray(state["algorithm"], dtype=np.uint8)).decode(errors="replace")
        if theirs != self.algorithm:
            raise ValueError(f"got a search state of {theirs}, expected {self.algorithm}: {self._remedy}")
        if not np.array_equal(state["size"], mine["size"]):
            popsize, num_params = (int(count) for count in state["size"])
            raise ValueError(
                f"got a search state of popsize {popsize} and {num_params} parameters, "
                f"expected {self.popsize} and {self.num_params}: {self._remedy}"
            )
        for name, array in mine.items():
            grows = int(name in self.growing)  # its first dimension counts, or not
            fits = np.ndim(state[name]) == array.ndim and np.shape(state[name])[grows:] == array.shape[grows:]
            if not fits or np.asarray(state[name]).dtype != array.dtype:
                raise ValueError(f"damaged search state, {name} has a wrong shape or type: {self._remedy}")

    _remedy = "build the searcher from the settings of the run that saved the state"


def before_move(before: SearchState, after: SearchState) -> SearchState:
    """The state of a search whose last move is taken back: it asks again, and for others.

    Args:
        before: the state between `ask` and `tell`.
        after: the state after `tell`, from which random numbers go on.
    """
    return before | {"asked": np.array(0, dtype=np.int64), "stream": after["stream"]}


def share_ranks(by_rank: Tensor, fitness: Tensor) -> Tensor:
    """Give each candidate the value of its rank; candidates of equal fitness share the mean of theirs.

    Broken by index, ties would turn into a signal: six equal values would be ranked from best to worst.

    Args:
        by_rank: `(P,)` values, best rank first.
        fitness: `(P,)` finite, higher is better.

    Returns:
        `(P,)` the value of each candidate.
    """
    order = torch.argsort(fitness, descending=True, stable=True)
    _, group, counts = torch.unique_consecutive(fitness[order], return_inverse=True, return_counts=True)
    sums = torch.zeros(len(counts), dtype=by_rank.dtype).index_add_(0, group, by_rank)
    shared = torch.empty_like(by_rank)
    shared[order] = (sums / counts)[group]
    return shared


def is_flat(fitness: Tensor) -> bool:
    """Whether all candidates are equally fit: such a generation says nothing, and a distribution stays as it is."""
    return bool((fitness == fitness[0]).all())


def spread_metrics(stdev: Tensor) -> dict[str, float]:
    """Mean, smallest and largest standard deviation of a parameter, from `(N,)` standard deviations."""
    return {"sigma": float(stdev.mean()), "min_stdev": float(stdev.min()), "max_stdev": float(stdev.max())}


def new_stream(seed: int) -> torch.Generator:
    """A random stream of a searcher's own."""
    return torch.Generator().manual_seed(seed)


def first_center(
    config: SearchConfig, num_params: int, generator: torch.Generator, start: Tensor | None = None
) -> Tensor:
    """`(N,)` float64, a given genome, or drawn from N(0, init_sigma^2)."""
    if start is not None:
        return start.to(torch.float64)
    return config.init_sigma * torch.randn(num_params, generator=generator, dtype=torch.float64)


@contextmanager
def global_stream(generator: torch.Generator) -> Iterator[None]:
    """Let torch's global generator draw from a private stream, for functions that know no other.

    The private stream moves on, the global one is left as it was. Not for use from several threads at once.
    """
    outer = torch.get_rng_state()
    torch.set_rng_state(generator.get_state())
    try:
        yield
    finally:
        generator.set_state(torch.get_rng_state())
        torch.set_rng_state(outer)


def _checked(fitness: Tensor, popsize: int) -> Tensor:
    """The fitness as float64, if it can be ranked."""
    if tuple(fitness.shape) != (popsize,):
        raise ValueError(f"got fitness of shape {tuple(fitness.shape)}, expected ({popsize},): one value per genome")
    fitness = fitness.detach().to("cpu", torch.float64)
    bad = torch.nonzero(~torch.isfinite(fitness)).flatten().tolist()
    if bad:
        raise ValueError(
            f"got fitness {float(fitness[bad[0]])} for genome {bad[0]} ({len(bad)} of {popsize} are not finite): "
            "give failed matches a finite fitness before telling"
        )
    return fitness


def _num_ranks(fitness: Tensor) -> int:
    """Number of different values: how much a generation can say."""
    return len(torch.unique(fitness))


def _tensor(array: npt.NDArray[np.generic]) -> Tensor:
    """A C-contiguous copy: another memory layout would take another path through a matmul."""
    return torch.from_numpy(np.array(array, order="C"))
