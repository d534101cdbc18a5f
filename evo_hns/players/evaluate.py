"""How do any two players fare against each other? Mean returns with 95 % intervals, and the game's statistics."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evo_hns.config import RunConfig
from evo_hns.evaluation.evaluators import build_evaluator
from evo_hns.evaluation.fitness import team_return
from evo_hns.evaluation.held_out import meet
from evo_hns.evaluation.intervals import Estimate, estimate
from evo_hns.evaluation.matches import fresh_seeds
from evo_hns.players.addresses import Address, Archived, common_game, find_player, lasting_name, parse_address
from evo_hns.spec import Side
from evo_hns.system.telling import Tell, silent


@dataclass(frozen=True)
class Evaluation:
    """Many episodes of one pairing."""

    hider: str
    seeker: str
    game: str  #: in short
    episodes: int
    failed: int  #: episodes that were discarded because the physics failed
    returns: dict[Side, Estimate]  #: of each team
    statistics: dict[str, Estimate]

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "hider": self.hider,
            "seeker": self.seeker,
            "game": self.game,
            "episodes": self.episodes,
            "failed": self.failed,
            **{f"{side.label}_return": _estimate_dict(result) for side, result in self.returns.items()},
            "statistics": {name: _estimate_dict(result) for name, result in self.statistics.items()},
        }


def of_runs(hider: str, seeker: str) -> list[str]:
    """Which of two addresses are of champions in run files, which bring a game with them.

    Raises:
        ConfigError: an address that leads nowhere.
    """
    asked = {Side.HIDERS: hider, Side.SEEKERS: seeker}
    return [text for side, text in asked.items() if isinstance(parse_address(text, side), Archived)]


def evaluate(
    hider: str, seeker: str, game: RunConfig, *, episodes: int = 256, seed: int = 0, tell: Tell = silent
) -> Evaluation:
    """Let two players meet.

    Args:
        hider: address of the hiders' player.
        seeker: address of the seekers' player.
        game: the game to play if neither comes from a run.
        episodes: worlds, each played once.
        seed: decides the worlds; none of them is used in training or held-out measurements.
        tell: is told how many env steps are played.

    Raises:
        ConfigError: an address that leads nowhere, players of different games, or nothing to play.
        RunFileError: a run file that cannot be read.
    """
    seeds = fresh_seeds(episodes, seed)
    addresses = {Side.HIDERS: parse_address(hider, Side.HIDERS), Side.SEEKERS: parse_address(seeker, Side.SEEKERS)}
    played_game = common_game(addresses, game)
    evaluator = build_evaluator(played_game, tell=tell)
    rosters = {side: find_player(addresses[side], side, evaluator.session.spec) for side in Side}
    played = meet(evaluator, rosters[Side.HIDERS], rosters[Side.SEEKERS], seeds)
    counted = ~played.failed.numpy()
    return Evaluation(
        hider=_told(hider, addresses[Side.HIDERS]),
        seeker=_told(seeker, addresses[Side.SEEKERS]),
        game=in_short(played_game),
        episodes=episodes,
        failed=int(played.failed.sum()),
        returns={side: estimate(team_return(played, evaluator.session.spec, side).numpy()) for side in Side},
        statistics={name: estimate(values.numpy()[counted]) for name, values in played.metrics.items()},
    )


def in_short(game: RunConfig) -> str:
    """Which game it is: `hide-and-seek in the scenario quadrant, 1 hiders, 1 seekers`."""
    world = game.world
    counts = {"hiders": world.num_hiders, "seekers": world.num_seekers}
    teams = (f"{'-'.join(map(str, n)) if isinstance(n, tuple) else n} {name}" for name, n in counts.items() if n)
    return f"{game.rules.task} ({world.scenario}, {', '.join(teams)})"


def _told(text: str, address: Address) -> str:
    """An address as it was given; with the generation for which `best` stands."""
    is_best = isinstance(address, Archived) and address.which == "best"
    return lasting_name(address, Path()) if is_best else text


def _estimate_dict(result: Estimate) -> dict[str, float]:
    return {"mean": result.mean, "ci95_low": result.low, "ci95_high": result.high}
