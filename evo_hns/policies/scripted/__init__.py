"""Players without a genome, to measure with and never to train against."""

from __future__ import annotations

from collections.abc import Callable

from evo_hns.policies.base import Policy
from evo_hns.policies.scripted.chaser import build_chaser
from evo_hns.policies.scripted.evader import build_evader
from evo_hns.policies.scripted.fugitive import build_fugitive
from evo_hns.policies.scripted.sticky import build_sticky
from evo_hns.policies.scripted.still import build_still
from evo_hns.policies.scripted.tracker import build_tracker
from evo_hns.policies.scripted.yardsticks.builder import build_builder
from evo_hns.policies.scripted.yardsticks.climber import build_climber
from evo_hns.policies.scripted.yardsticks.placer import build_placer
from evo_hns.policies.scripted.yardsticks.ramp_fetcher import build_ramp_fetcher
from evo_hns.policies.scripted.yardsticks.reactive_builder import build_reactive_builder
from evo_hns.policies.scripted.yardsticks.sitter import build_sitter
from evo_hns.spec import ObservationSpec

SCRIPTED: dict[str, Callable[[ObservationSpec], Policy]] = {
    "still": build_still,
    "random": build_sticky,
    "chaser": build_chaser,
    "fugitive": build_fugitive,
    "tracker": build_tracker,
    "evader": build_evader,
    "sitter": build_sitter,
    "builder": build_builder,
    "reactive-builder": build_reactive_builder,
    "ramp-fetcher": build_ramp_fetcher,
    "climber": build_climber,
    "placer": build_placer,
}
"""Scripted players by name; each plays either side. Chaser and fugitive know the quadrant's room, tracker and evader
find their way in any field."""

__all__ = ["SCRIPTED"]
