"""External opponents: players from outside of a run. They are held out, so that no fitness ever uses them, or fixed.

Held out are champions of other runs, whom a run's champions are measured against. Fixed ones are players of any kind
whom a side trains against (`SideConfig.opponents`). All are copied into the state of the run when it starts, so that
it goes on without the other files.
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
from evo_hns.config import ConfigError, RunConfig, read_policy
from evo_hns.players.addresses import Archived, find_player, lasting_name, parse_address
from evo_hns.policies.roster import PlayerSpec, Roster
from evo_hns.spec import ObservationSpec, Side

HELD_OUT, FIXED = "guests", "fixed"
"""Their names in the state of a run."""


@dataclass(frozen=True, eq=False)
class ExternalOpponent:
    """A player from outside."""

    name: str  #: that means the same player in years: `runs/a.h5:hiders/12`
    side: Side  #: that it plays
    player: PlayerSpec  #: what it is
    genome: GenomeArray  #: `(L,)`; of what is no network empty

    @property
    def roster(self) -> Roster:
        """The player as a roster of one."""
        return Roster(self.player, torch.from_numpy(self.genome)[None])


def load_fixed(config: RunConfig, spec: ObservationSpec) -> tuple[ExternalOpponent, ...]:
    """The fixed opponents of both sides, in the order in which they are named.

    Args:
        config: the run's settings.
        spec: of its game.

    Raises:
        ConfigError: an address that leads nowhere, a champion of another game, or a game of one team.
        RunFileError: a run file that cannot be read.
    """
    found = []
    for side in Side:
        for text in config.side(side).opponents:
            if len(spec.teams) < 2:
                raise ConfigError(f"{side.label}.opponents: this game has one team and nobody to meet: leave it out")
            try:
                address = parse_address(text, side.other)
                if isinstance(address, Archived):
                    _check_game(address.path, address.member.config, config)
                roster = find_player(address, side.other, spec)
                roster.spec.build(spec)
            except ConfigError as error:
                raise ConfigError(f"{side.label}.opponents: {error}") from None
            genome = np.asarray(roster.genomes[0].numpy(), dtype=np.float32)
            found.append(ExternalOpponent(lasting_name(address, Path()), side.other, roster.spec, genome))
    return tuple(found)


def trained_against(config: RunConfig, side: Side) -> frozenset[str]:
    """The origins of whom a side trains against: who is of one of them is not held out."""
    return frozenset(origin(text, side.other) for text in config.side(side).opponents)


def origin(text: str, side: Side) -> str:
    """Where a player comes from: the name of a script, the path of a run file, or else its address.

    Args:
        text: its address.
        side: that it plays.

    Raises:
        ConfigError: it is none.
    """
    address = parse_address(text, side)
    if isinstance(address, Archived):
        return _printable(str(address.path))
    return lasting_name(address, Path()).removeprefix("scripted:")


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
        try:
            _check_game(Path(path), theirs, config)
        except ConfigError as error:
            raise ConfigError(f"coevolution.held_out_runs: {error}") from None
        if view.num_generations == 0:
            raise ConfigError(
                f"coevolution.held_out_runs: {path} has no champions yet; let its first generation finish"
            )
        for side in theirs.trained_sides:
            generations = view.generations(side)
            name = _printable(f"{path}:{side.label}/{generations[-1]}")
            genome = view.genomes(side, [len(generations) - 1])[0]
            champions.append(ExternalOpponent(name, side, PlayerSpec(network=theirs.side(side).policy), genome))
        return champions


def _check_game(path: Path, theirs: RunConfig, ours: RunConfig) -> None:
    """Refuse a run of another game."""
    if differences := ours.game_differences(theirs):
        name, (expected, other) = next(iter(differences.items()))
        raise ConfigError(
            f"{path} plays another game ({name} = {other}, expected {expected}): take runs of the same game"
        )


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def with_opponents(state: State, opponents: tuple[ExternalOpponent, ...], which: str = HELD_OUT) -> State:
    """The state of a trainer, with copies of the opponents, if there are any."""
    arrays = {
        f"{number}": {
            "name": _letters(opponent.name),
            "side": np.array(int(opponent.side), dtype=np.int64),
            **_form(opponent.player),
            "genome": opponent.genome,
        }
        for number, opponent in enumerate(opponents)
    }
    return {**state, which: arrays} if arrays else state


def opponents_of_run(run: Run, which: str = HELD_OUT) -> tuple[ExternalOpponent, ...]:
    """The opponents of which a run keeps copies (`with_opponents`)."""
    state, found = cast(State, run.state.get(which, {})), []
    for number in range(len(state)):
        arrays = cast(Mapping[str, np.ndarray], state[f"{number}"])
        genome = np.array(arrays["genome"], dtype=np.float32)
        found.append(ExternalOpponent(_text(arrays["name"]), Side(int(arrays["side"])), _player(arrays), genome))
    return tuple(found)


def _form(player: PlayerSpec) -> dict[str, np.ndarray]:
    """What a player is, as arrays."""
    if player.network is not None:
        return {"network": _letters(player.network.model_dump_json())}
    return {"scripted": _letters(player.scripted)} if player.scripted else {"factory": _letters(player.factory)}


def _player(arrays: Mapping[str, np.ndarray]) -> PlayerSpec:
    """The inverse of `_form`."""
    if "network" in arrays:
        return PlayerSpec(network=read_policy(_text(arrays["network"])))
    if "scripted" in arrays:
        return PlayerSpec(scripted=_text(arrays["scripted"]))
    return PlayerSpec(factory=_text(arrays["factory"]))


def _letters(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), dtype=np.uint8).copy()


def _text(letters: np.ndarray) -> str:
    return bytes(np.asarray(letters, dtype=np.uint8)).decode()
