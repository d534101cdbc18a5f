"""Let any two players meet, and keep the matches in a run file, to be watched whenever one likes."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np

from evo_hns.archive.records import recorded_matches
from evo_hns.archive.run_file import RunFile
from evo_hns.config import ConfigError
from evo_hns.evaluation.evaluators import build_evaluator
from evo_hns.evaluation.matches import MatchTable, fresh_seeds
from evo_hns.evaluation.recording import Actions
from evo_hns.players.addresses import common_game, find_player, game_of, lasting_name, parse_address
from evo_hns.spec import Side
from evo_hns.system.telling import Tell, silent


def record(path: Path, hider: str, seeker: str, *, episodes: int = 1, seed: int = 0, tell: Tell = silent) -> range:
    """Play matches of two players in the game of a run, and keep them in its file.

    Args:
        path: the run file; nobody else may be writing it.
        hider: address of the hiders' player, of this run or of another of the same game.
        seeker: address of the seekers' player.
        episodes: worlds, each played once.
        seed: decides the worlds; they are the first ones of an evaluation with the same seed.
        tell: is told how many env steps are played.

    Returns:
        The numbers of the new matches in the file.

    Raises:
        ConfigError: an address that leads nowhere, a player of another game, or nothing to play.
        RunFileError: a run file that cannot be read or written, or somebody else is writing it.
    """
    seeds = fresh_seeds(episodes, seed)
    addresses = {Side.HIDERS: parse_address(hider, Side.HIDERS), Side.SEEKERS: parse_address(seeker, Side.SEEKERS)}
    with RunFile.open(path) as run_file:
        run = run_file.run
        theirs = common_game(addresses, run.config)
        if game_of(theirs) != game_of(run.config):
            raise ConfigError(f"{path} is a run of another game (world, rules or timestep) than that of the players")
        # The physics of this run, to the bit: a replay has no other.
        config = run.config.model_copy(update={side.label: theirs.side(side) for side in Side})
        evaluator = build_evaluator(config, tell=tell)
        rosters = {side: find_player(addresses[side], side, evaluator.session.spec) for side in Side}
        first = np.zeros(episodes, dtype=np.int64)
        played = evaluator.evaluate(MatchTable(first, first, seeds), rosters, keep=["actions"])
        players = {side: lasting_name(addresses[side], run_file.path) for side in Side}
        actions = cast(Actions, played.actions)
        run_file.record(recorded_matches(run.num_generations - 1, players, seeds, played.outcome, actions))
        return range(len(run.matches), len(run_file.run.matches))
