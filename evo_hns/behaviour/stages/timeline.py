"""From which champions of a run on a stage is there: selected generations play, detectors judge.

Everything is played in the same fresh worlds, so that generations differ in their players alone. Episodes are played
and judged a batch at a time; only the counts are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch

from evo_hns.archive.hall_of_fame import evenly_spaced
from evo_hns.archive.records import env_steps_so_far
from evo_hns.archive.run_view import RunView
from evo_hns.behaviour.stages.detectors import DETECTORS, detect
from evo_hns.behaviour.stages.shares import Share
from evo_hns.behaviour.stages.statistics import statistics_of
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.evaluators import LocalEvaluator, build_evaluator
from evo_hns.evaluation.fitness import team_return
from evo_hns.evaluation.held_out import held_out_opponents
from evo_hns.evaluation.matches import MatchTable, fresh_seeds
from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.players.addresses import why_nobody
from evo_hns.policies.roster import Roster, scripted_roster
from evo_hns.spec import Side

FLOOR = 0.05
"""A stage that fewer episodes show than this is not there, whatever the reference: single episodes occur by chance."""

AGAINST = ("self", "held-out")
"""Whom champions meet: the other side's champion of the same generation, or the held-out players with a plan."""

BATCH = 64
"""Most episodes that are held in memory at a time: some 100 MB of the full game."""


@dataclass(frozen=True)
class Measurement:
    """What the champions of one generation showed."""

    generation: int
    env_steps: int  #: of training up to the end of this generation
    shares: Mapping[str, Share]  #: by detector
    episodes: int
    failed: int  #: episodes that were discarded because the physics failed
    statistics: Mapping[
        str, float
    ]  #: means of OpenAI's statistics and those of the main phase, of the hiders' episodes


@dataclass(frozen=True)
class Timeline:
    """Measurements of a run, in the order of generations; the first, and random players, are the reference."""

    scenario: str
    against: str
    chance_level: Mapping[str, Share]  #: shares of random players in the same worlds, by detector
    measurements: tuple[Measurement, ...]

    def shares(self, stage: str) -> list[Share]:
        """What each measurement says of a stage."""
        return [each.shares[stage] for each in self.measurements]

    def onset(self, stage: str) -> Measurement | None:
        """The first measurement from which on the stage is there (`find_onset`)."""
        found = find_onset(self.shares(stage), self.chance_level[stage])
        return None if found is None else self.measurements[found]

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "scenario": self.scenario,
            "against": self.against,
            "reference_floor": FLOOR,
            "stages": {name: self._stage(name) for name in DETECTORS},
            "generations": [
                {
                    "generation": each.generation,
                    "env_steps": each.env_steps,
                    "episodes": each.episodes,
                    "failed": each.failed,
                    "statistics": dict(each.statistics),
                }
                for each in self.measurements
            ],
        }

    def _stage(self, name: str) -> dict[str, object]:
        onset, shares, chance_level = self.onset(name), self.shares(name), self.chance_level[name]
        return {
            "meaning": DETECTORS[name].meaning,
            "onset_generation": None if onset is None else onset.generation,
            "onset_env_steps": None if onset is None else onset.env_steps,
            "from_the_start": is_there_from_the_start(shares),
            "unconfirmed_at_the_end": is_unconfirmed(shares, chance_level),
            "random": chance_level.as_dict(),
            "shares": [share.as_dict() for share in shares],
        }


def is_clear(share: Share, *references: Share) -> bool:
    """Whether a stage is shown more often than by any of the references.

    The lower end of its 95 % interval must lie above the upper ends of theirs, and above `FLOOR`. Two intervals that do
    not touch are a stricter test than one of their difference, since many stages and generations are looked at.
    """
    return bool(share.counted) and share.low > max(FLOOR, *(reference.high for reference in references))


def find_onset(shares: Sequence[Share], chance_level: Share) -> int | None:
    """Where a stage begins: the first measurement that is clear of the references and is followed by another such.

    Args:
        shares: of the generations; the first is one reference.
        chance_level: of random players, the other reference: random movement may look like a stage.

    Returns:
        Its place, at least 1; None if there is none. What only the last one shows is not confirmed.
    """
    clear = [is_clear(share, shares[0], chance_level) for share in shares]
    return next((k for k in range(1, len(clear) - 1) if clear[k] and clear[k + 1]), None)


def is_unconfirmed(shares: Sequence[Share], chance_level: Share) -> bool:
    """Whether the last measurement, and it alone, might be an onset."""
    return (
        len(shares) > 1 and find_onset(shares, chance_level) is None and is_clear(shares[-1], shares[0], chance_level)
    )


def is_there_from_the_start(shares: Sequence[Share]) -> bool:
    """Whether the reference shows the stage more often than `FLOOR`, by chance or by nature."""
    return shares[0].low > FLOOR


def measure_timeline(
    path: Path,
    *,
    champions: int = 8,
    episodes: int = 128,
    against: str = "self",
    seed: int = 0,
    chance_level: Mapping[str, Share] | None = None,
    observe: Callable[[Measurement], None] = lambda _: None,
) -> Timeline:
    """Let champions of a run play, and see which stages they show.

    Args:
        path: the run file, which may be in training.
        champions: generations, evenly spaced, the first and the last among them.
        episodes: worlds, each played once by every generation; none was seen in training.
        against: one of `AGAINST`.
        seed: decides the worlds.
        chance_level: shares of random players in these worlds, if they have been measured.
        observe: receives each measurement.

    Raises:
        ConfigError: a game of one team, a run without champions, or impossible numbers.
        RunFileError: a run file that cannot be read.
    """
    if against not in AGAINST:
        raise ConfigError(f"--against: got {against!r}, expected {' or '.join(AGAINST)}")
    seeds = fresh_seeds(episodes, seed)
    with RunView(path) as view:
        config = view.config
        _check_game(path, config)
        halls = {side: view.generations(side) for side in Side}
        chosen = choose(np.intersect1d(halls[Side.HIDERS], halls[Side.SEEKERS]), champions)
        if not len(chosen):
            raise ConfigError(f"{path} has no champions yet; let its first generation finish")
        evaluator = build_evaluator(config)
        if chance_level is None:
            players = dict.fromkeys(Side, scripted_roster("random"))
            chance_level = watch(evaluator, players, seeds, against).shares
        env_steps = env_steps_so_far(view)
        measurements = []
        for generation in chosen.tolist():
            rows = {side: np.flatnonzero(halls[side] == generation)[-1:] for side in Side}
            genomes = {side: torch.from_numpy(view.genomes(side, rows[side])) for side in Side}
            rosters = {side: evaluator.session.roster(side, genomes[side]) for side in Side}
            found = watch(evaluator, rosters, seeds, against)
            measurements.append(found.measurement(generation, int(env_steps[generation])))
            observe(measurements[-1])
    return Timeline(config.world.scenario, against, chance_level, tuple(measurements))


def choose(generations: np.ndarray, count: int) -> np.ndarray:
    """Up to `count` of the sorted generations, evenly spaced, the first and the last among them."""
    if count < 2:
        raise ConfigError(f"--champions: got {count}, expected 2 or more: the first generation is the reference")
    return generations[evenly_spaced(len(generations), count)]


def _check_game(path: Path, config: RunConfig) -> None:
    if config.rules.task != "hide-and-seek" or config.world.max_seekers == 0:
        raise ConfigError(
            f"{path} is a run of {config.rules.task} with one team; stages need hide-and-seek with hiders and seekers"
        )
    for side in set(Side) - set(config.trained_sides):
        raise ConfigError(why_nobody(path, config, side))


@dataclass
class Tally:
    """Counts of many episodes."""

    shares: dict[str, Share]
    episodes: int = 0
    failed: int = 0

    def __post_init__(self) -> None:
        self._values: dict[str, list[np.ndarray]] = {}
        self._returns: dict[Side, list[np.ndarray]] = {side: [] for side in Side}
        self._counted = 0

    @property
    def means(self) -> dict[str, float]:
        """Of statistics, over the episodes that did not fail."""
        return {
            name: float(np.concatenate(parts).sum()) / max(self._counted, 1) for name, parts in self._values.items()
        }

    def returns(self, side: Side) -> np.ndarray:
        """`(E,)` of a team, episode by episode; NaN where the physics failed."""
        return np.concatenate(self._returns[side])

    def measurement(self, generation: int, env_steps: int) -> Measurement:
        """What it came to."""
        return Measurement(generation, env_steps, self.shares, self.episodes, self.failed, self.means)

    def add(
        self,
        evaluator: LocalEvaluator,
        rosters: Mapping[Side, Roster],
        seeds: np.ndarray,
        sides: Sequence[Side | None],
        *,
        with_statistics: bool,
    ) -> None:
        """Play the first player of each roster in some worlds, and count what those sides' detectors say."""
        rows = np.zeros(len(seeds), dtype=np.int64)
        table = MatchTable(rows, rows, seeds)
        for batch in table.batches(min(BATCH, evaluator.num_worlds)):
            played = evaluator.evaluate(batch, rosters, keep=["trajectory"])
            for side, parts in self._returns.items():
                parts.append(team_return(played, evaluator.session.spec, side).numpy())
            trajectory = cast(Trajectory, played.trajectory)
            self.episodes += len(batch)
            self.failed += int(trajectory.failed.sum())
            for name, detection in detect(trajectory, sides).items():
                self.shares[name] += detection.share
            if with_statistics:
                self._counted += int((~trajectory.failed).sum())
                for name, values in statistics_of(trajectory).items():  # summed at last: batches round differently
                    self._values.setdefault(name, []).append(values[~trajectory.failed])


def watch(evaluator: LocalEvaluator, rosters: Mapping[Side, Roster], seeds: np.ndarray, against: str = "self") -> Tally:
    """Let two players show what they do.

    Against each other, or each against the held-out player with a plan: then stages of hiders are looked for where the
    hider plays, stages of seekers where the seeker does, and exploits in both.
    """
    tally = Tally({name: Share(0, 0) for name in DETECTORS})
    if against == "self":
        tally.add(evaluator, rosters, seeds, (*Side, None), with_statistics=True)
        return tally
    spec = evaluator.session.spec
    for side in Side:
        opponent = scripted_roster(held_out_opponents(spec, side)[-1])
        met = {side: rosters[side], side.other: opponent}
        tally.add(evaluator, met, seeds, (side, None), with_statistics=side is Side.HIDERS)
    return tally
