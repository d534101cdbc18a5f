"""External opponents: champions of other runs, whom a run's champions are measured against and no fitness ever uses.

They are copied into the state of the run when it starts, so that it goes on without the other files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch

from evo_hns.archive.hall_of_fame import GenomeArray
from evo_hns.archive.records import Run, State
from evo_hns.archive.run_view import RunView
from evo_hns.config import ConfigError, PolicyConfig, RunConfig, read_policy
from evo_hns.policies.roster import PlayerSpec, Roster
from evo_hns.spec import Side

_STATE = "guests"
"""Their name in the state of a run."""


@dataclass(frozen=True, eq=False)
class ExternalOpponent:
    """A champion of another run."""

    name: str  #: that means the same player in years: `runs/a.h5:hiders/12`
    side: Side  #: that it plays
    network: PolicyConfig  #: the form of its network
    genome: GenomeArray  #: `(L,)`

    @property
    def roster(self) -> Roster:
        """The champion as a roster of one."""
        return Roster(PlayerSpec(network=self.network), torch.from_numpy(self.genome)[None])


def load_opponents(config: RunConfig) -> tuple[ExternalOpponent, ...]:
    """The last champions of both sides of all `held_out_runs`.

    Raises:
        ConfigError: a run of another game, or without champions.
        RunFileError: a run file that cannot be read.
    """
    paths = dict.fromkeys(config.coevolution.held_out_runs)
    return tuple(champion for path in paths for champion in _champions(path, config))


def _champions(path: str, config: RunConfig) -> list[ExternalOpponent]:
    """The last champions of a run; no other is read."""
    with RunView(Path(path)) as view:
        theirs, champions = view.config, []
        if differences := config.game_differences(theirs):
            name, (ours, other) = next(iter(differences.items()))
            raise ConfigError(
                f"coevolution.held_out_runs: {path} plays another game ({name} = {other}, expected {ours}): "
                "take runs of the same game"
            )
        if view.num_generations == 0:
            raise ConfigError(
                f"coevolution.held_out_runs: {path} has no champions yet; let its first generation finish"
            )
        for side in Side:
            generations = view.generations(side)
            name = _printable(f"{path}:{side.label}/{generations[-1]}")
            genome = view.genomes(side, [len(generations) - 1])[0]
            champions.append(ExternalOpponent(name, side, theirs.side(side).policy, genome))
        return champions


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def with_opponents(state: State, opponents: tuple[ExternalOpponent, ...]) -> State:
    """The state of a trainer, with copies of the opponents, if there are any."""
    arrays = {
        f"{number}": {
            "name": _letters(opponent.name),
            "side": np.array(int(opponent.side), dtype=np.int64),
            "network": _letters(opponent.network.model_dump_json()),
            "genome": opponent.genome,
        }
        for number, opponent in enumerate(opponents)
    }
    return {**state, _STATE: arrays} if arrays else state


def opponents_of_run(run: Run) -> tuple[ExternalOpponent, ...]:
    """The opponents of which a run keeps copies (`with_opponents`)."""
    state, found = cast(State, run.state.get(_STATE, {})), []
    for number in range(len(state)):
        arrays = cast(Mapping[str, np.ndarray], state[f"{number}"])
        network = read_policy(_text(arrays["network"]))
        genome = np.array(arrays["genome"], dtype=np.float32)
        found.append(ExternalOpponent(_text(arrays["name"]), Side(int(arrays["side"])), network, genome))
    return tuple(found)


def _letters(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), dtype=np.uint8).copy()


def _text(letters: np.ndarray) -> str:
    return bytes(np.asarray(letters, dtype=np.uint8)).decode()
