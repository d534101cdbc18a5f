"""The searchers by name. EvoTorch takes seconds to import, so that a family is imported when it is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from evo_hns.config import (
    CMAESSearchConfig,
    GeneticSearchConfig,
    OpenAIESSearchConfig,
    PGPESearchConfig,
    SearchConfig,
    SNESSearchConfig,
)
from evo_hns.search.base import Searcher
from evo_hns.system.absent import absent


def build_searcher(config: SearchConfig, num_params: int, seed: int, start: Tensor | None = None) -> Searcher:
    """Build the searcher that a side's settings ask for.

    Args:
        config: settings of the search.
        num_params: length of a genome.
        seed: decides every random number of the search.
        start: `(N,)` the genome at which it begins; None: one near zero is drawn.

    Raises:
        ConfigError: the algorithm cannot search so many or so few parameters.
    """
    return SEARCHERS[config.algorithm](config, num_params, seed, start)


def _import_evotorch() -> None:
    """Import EvoTorch without what it takes along where it is installed, and what no searcher here uses.

    pycma imports Matplotlib's pyplot, and pandas is for its logs: half of what it costs to import EvoTorch.
    """
    with absent("cma", "pandas"):
        import evotorch  # noqa: F401


def _cmaes(config: CMAESSearchConfig, num_params: int, seed: int, start: Tensor | None) -> Searcher:
    _import_evotorch()
    from evo_hns.search.cmaes import CMAES

    return CMAES(config, num_params, seed, start)


def _snes(config: SNESSearchConfig, num_params: int, seed: int, start: Tensor | None) -> Searcher:
    _import_evotorch()
    from evo_hns.search.snes import SNES

    return SNES(config, num_params, seed, start)


def _pgpe(config: PGPESearchConfig, num_params: int, seed: int, start: Tensor | None) -> Searcher:
    _import_evotorch()
    from evo_hns.search.pgpe import PGPE

    return PGPE(config, num_params, seed, start)


def _openai_es(config: OpenAIESSearchConfig, num_params: int, seed: int, start: Tensor | None) -> Searcher:
    _import_evotorch()
    from evo_hns.search.openai_es import OpenAIES

    return OpenAIES(config, num_params, seed, start)


def _genetic(config: GeneticSearchConfig, num_params: int, seed: int, start: Tensor | None) -> Searcher:
    _import_evotorch()
    from evo_hns.search.genetic import Genetic

    return Genetic(config, num_params, seed, start)


SEARCHERS: dict[str, Callable[[Any, int, int, Tensor | None], Searcher]] = {
    "sep-cmaes": _cmaes,
    "cmaes": _cmaes,
    "snes": _snes,
    "pgpe": _pgpe,
    "openai-es": _openai_es,
    "ga": _genetic,
}
"""Builders by `SearchConfig.algorithm`, each from the settings of its kind (`config.SEARCH_KINDS`)."""
