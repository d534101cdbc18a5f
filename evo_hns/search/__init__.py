"""Searchers: how a population moves."""

from evo_hns.search.base import Evaluation, Searcher, SearchState
from evo_hns.search.registry import SEARCHERS, build_searcher

__all__ = ["SEARCHERS", "Evaluation", "SearchState", "Searcher", "build_searcher"]
