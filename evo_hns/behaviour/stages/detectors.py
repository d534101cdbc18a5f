"""The stages of emergence, and exploits: a detector of each, by name, in the order in which the paper met them.

Stages after Baker et al. 2020. A detector says of every episode whether it shows the stage; what exactly that means is
said where it is defined. It judges episodes, not players: random play shows some stages too, so that
`timeline` compares with random players.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evo_hns.behaviour.stages.boxes import shows_box_surfing, shows_surf_defence
from evo_hns.behaviour.stages.chase import shows_chasing, shows_running
from evo_hns.behaviour.stages.exploits import shows_leaving, shows_passing_through, shows_sinking
from evo_hns.behaviour.stages.ramps import has_low_wall, shows_ramp_defence, shows_ramp_use
from evo_hns.behaviour.stages.shares import Share
from evo_hns.behaviour.stages.shelter import shows_door_blocking, shows_fort
from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.spec import Side


@dataclass(frozen=True)
class Detector:
    """Tells whether episodes show a stage."""

    meaning: str  #: in short
    side: Side | None  #: whose doing it is; None: anybody's
    shows: Callable[[Trajectory], np.ndarray]  #: `(W,)` bool, what it says of failed worlds does not count
    needs: Callable[[Trajectory], np.ndarray]  #: `(W,)` bool, worlds that have what it takes


def _anything(trajectory: Trajectory) -> np.ndarray:
    return np.ones(len(trajectory.seeds), dtype=bool)


def _doors_and_objects(trajectory: Trajectory) -> np.ndarray:
    return np.asarray((trajectory.layout.doors[..., 2] > 0).any(1) & trajectory.object_mask.any(1))


def _objects(trajectory: Trajectory) -> np.ndarray:
    return np.asarray(trajectory.object_mask.any(1))


def _ramps(trajectory: Trajectory) -> np.ndarray:
    return np.asarray(trajectory.layout.ramp_mask.any(1))


def _boxes(trajectory: Trajectory) -> np.ndarray:
    return np.asarray(trajectory.layout.box_mask.any(1))


def _ramps_and_low_walls(trajectory: Trajectory) -> np.ndarray:
    return np.asarray(_ramps(trajectory) & has_low_wall(trajectory))


DETECTORS: Mapping[str, Detector] = {
    "running": Detector("hiders flee", Side.HIDERS, shows_running, _anything),
    "chasing": Detector("seekers follow", Side.SEEKERS, shows_chasing, _anything),
    "door_blocking": Detector("hiders close a door", Side.HIDERS, shows_door_blocking, _doors_and_objects),
    "fort": Detector("hiders are enclosed", Side.HIDERS, shows_fort, _objects),
    "ramp_use": Detector("seekers climb over a wall or onto a box", Side.SEEKERS, shows_ramp_use, _ramps),
    "ramp_defence": Detector(
        "hiders lock, bring in or carry off all ramps", Side.HIDERS, shows_ramp_defence, _ramps_and_low_walls
    ),
    "box_surfing": Detector("seekers ride on boxes", Side.SEEKERS, shows_box_surfing, _boxes),
    "surf_defence": Detector("hiders lock all boxes", Side.HIDERS, shows_surf_defence, _boxes),
    "left_area": Detector("exploit: out of the area", None, shows_leaving, _anything),
    "under_floor": Detector("exploit: under the floor", None, shows_sinking, _anything),
    "through_wall": Detector("exploit: through a wall", None, shows_passing_through, _anything),
}
"""By name; the first eight are stages, in the paper's order, the others exploits."""


@dataclass(frozen=True)
class Detection:
    """What a detector says of W episodes."""

    shown: np.ndarray  #: `(W,)` bool, the episode counts and shows it
    counted: np.ndarray  #: `(W,)` bool, its physics did not fail and its world has what it takes

    @property
    def share(self) -> Share:
        """Of the episodes that count."""
        return Share(int(self.shown.sum()), int(self.counted.sum()))


def detect(trajectory: Trajectory, sides: Sequence[Side | None] = (*Side, None)) -> dict[str, Detection]:
    """What the detectors say of W episodes.

    Args:
        trajectory: the episodes.
        sides: whose stages are looked for; None stands for exploits.
    """
    found = {}
    for name, detector in DETECTORS.items():
        if detector.side in sides:
            counted = ~trajectory.failed & detector.needs(trajectory)
            found[name] = Detection(detector.shows(trajectory) & counted, counted)
    return found
