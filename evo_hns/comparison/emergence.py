"""Which stages the runs of each condition showed, and when: timelines of all runs in the same worlds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from evo_hns.behaviour.stages.detectors import DETECTORS
from evo_hns.behaviour.stages.paper import PUBLISHED
from evo_hns.behaviour.stages.shares import Share
from evo_hns.behaviour.stages.timeline import (
    Measurement,
    Timeline,
    is_there_from_the_start,
    is_unconfirmed,
    measure_timeline,
)
from evo_hns.comparison.conditions import Condition
from evo_hns.reports.seed_means import Track

STAGES = tuple(name for name, detector in DETECTORS.items() if detector.side is not None)
"""Without exploits of the physics, which are nobody's strategy."""


@dataclass(frozen=True)
class Onset:
    """When a run began to show a stage."""

    seed: int
    env_steps: int | None  #: of training; None: it did not, or showed it from the start
    remark: str = ""  #: `start`, `unconfirmed` (only the last generation shows it), or nothing

    @property
    def is_reached(self) -> bool:
        """Whether the stage came during training, twice in a row."""
        return self.env_steps is not None and not self.remark


@dataclass(frozen=True)
class Emergence:
    """Timelines of all runs."""

    timelines: Mapping[str, tuple[Timeline, ...]]  #: condition -> a timeline for each of its runs
    seeds: Mapping[str, tuple[int, ...]]
    episodes: int  #: of each generation that played
    scenario: str

    @property
    def stages(self) -> list[str]:
        """Those that this game can show at all."""
        chance_level = next(iter(self.timelines.values()))[0].chance_level
        return [name for name in STAGES if chance_level[name].counted]

    @property
    def shown(self) -> list[str]:
        """Stages that some run showed, or whose onset was published."""
        published = PUBLISHED[self.scenario].onsets
        return [
            stage
            for stage in self.stages
            if stage in published
            or any(o.env_steps or o.remark for condition in self.timelines for o in self.onsets(stage, condition))
        ]

    def onsets(self, stage: str, condition: str) -> list[Onset]:
        """Of each run of a condition."""
        return [
            onset_of(line, stage, seed)
            for line, seed in zip(self.timelines[condition], self.seeds[condition], strict=True)
        ]

    def reached(self, condition: str) -> list[int]:
        """How many stages came during training, of each run of a condition."""
        onsets = [self.onsets(stage, condition) for stage in self.stages]
        return [sum(each.is_reached for each in run) for run in zip(*onsets, strict=True)]

    def tracks(self, stage: str, condition: str) -> list[Track]:
        """Shares of episodes over env steps, of each run of a condition."""
        return [_track(line, stage) for line in self.timelines[condition]]

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "episodes": self.episodes,
            "onsets": {
                stage: {
                    condition: [vars(each) for each in self.onsets(stage, condition)] for condition in self.timelines
                }
                for stage in self.stages
            },
            "stages_reached": {condition: self.reached(condition) for condition in self.timelines},
        }


def measure_stages(
    conditions: Sequence[Condition],
    *,
    champions: int,
    episodes: int,
    seed: int,
    observe: Callable[[str, Measurement], None] = lambda _, __: None,
) -> Emergence:
    """Let champions of all runs play, each generation's against each other, and see which stages they show.

    Args:
        conditions: all conditions.
        champions: generations of each run, evenly spaced, the first and the last among them.
        episodes: worlds, each played once by every generation.
        seed: decides the worlds.
        observe: receives each measurement with the name of its run.

    Raises:
        ConfigError: a game of one team, or impossible numbers.
    """
    chance_level: Mapping[str, Share] | None = None
    timelines: dict[str, tuple[Timeline, ...]] = {}
    for condition in conditions:
        lines = []
        for run in condition.runs:
            line = measure_timeline(
                run.path,
                champions=champions,
                episodes=episodes,
                seed=seed,
                chance_level=chance_level,
                observe=partial(observe, run.name),
            )
            chance_level = line.chance_level
            lines.append(line)
        timelines[condition.name] = tuple(lines)
    return Emergence(
        timelines,
        {condition.name: condition.seeds for condition in conditions},
        episodes,
        conditions[0].config.world.scenario,
    )


def onset_of(line: Timeline, stage: str, seed: int) -> Onset:
    """When a run began to show a stage, if it did."""
    onset, shares = line.onset(stage), line.shares(stage)
    if onset is not None:
        return Onset(seed, onset.env_steps)
    if is_unconfirmed(shares, line.chance_level[stage]):
        return Onset(seed, line.measurements[-1].env_steps, "unconfirmed")
    return Onset(seed, None, "start" if is_there_from_the_start(shares) else "")


def _track(line: Timeline, stage: str) -> Track:
    shares = line.shares(stage)
    steps = np.array([each.env_steps for each in line.measurements], dtype=np.float64)
    return Track(
        generations=np.array([each.generation for each in line.measurements], dtype=np.int64),
        values=np.array([share.value for share in shares]),
        half_widths=np.array([(share.high - share.low) / 2 for share in shares]),
        budgets={"env_steps": steps},
    )
