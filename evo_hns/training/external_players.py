"""Players from outside of a run: held-out opponents, fixed opponents, and the champions at which searches begin.

Held out are champions of other runs, whom a run's champions are measured against; no fitness ever uses them. Fixed
ones are players of any kind whom a side trains against (`SideConfig.opponents`). At which champion a side's search
begins, `SideConfig.init_from` says. All are copied into the state of the run when it starts, so that it goes on
without the other files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch

from evo_hns.archive.hall_of_fame import GenomeArray
from evo_hns.archive.records import Run, State
from evo_hns.archive.run_view import RunView
from evo_hns.config import ConfigError, RunConfig, read_policy
from evo_hns.envs.observations import observation_spec
from evo_hns.players.addresses import Archived, find_player, find_row, lasting_name, parse_address
from evo_hns.policies.network import NetworkPolicy
from evo_hns.policies.roster import PlayerSpec, Roster
from evo_hns.policies.translation import translated
from evo_hns.spec import ObservationSpec, Side

HELD_OUT, FIXED, ORIGINS = "guests", "fixed", "origins"
"""Their names in the state of a run."""


@dataclass(frozen=True, eq=False)
class ExternalPlayer:
    """A player from outside."""

    name: str  #: that means the same player in years: `runs/a.h5:hiders/12`
    side: Side  #: that it plays
    player: PlayerSpec  #: what it is
    genome: GenomeArray  #: `(L,)`; of what is no network empty

    @property
    def roster(self) -> Roster:
        """The player as a roster of one."""
        return Roster(self.player, torch.from_numpy(self.genome)[None])


def load_fixed(config: RunConfig, spec: ObservationSpec) -> tuple[ExternalPlayer, ...]:
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
            found.append(ExternalPlayer(lasting_name(address, Path()), side.other, roster.spec, genome))
    return tuple(found)


def load_origins(config: RunConfig, spec: ObservationSpec) -> tuple[ExternalPlayer, ...]:
    """The champions at which searches begin, of the sides that have one, as networks of this game.

    Args:
        config: the run's settings.
        spec: of its game.

    Raises:
        ConfigError: an address that is no champion's, a side that is not trained, or a champion of another network.
        RunFileError: a run file that cannot be read.
    """
    asked = {side: text for side in Side if (text := config.side(side).init_from) is not None}
    return tuple(_origin(text, side, config, spec) for side, text in asked.items())


def begin_at(text: str, config: RunConfig) -> dict[str, str | float]:
    """Settings with which searches begin where those of another run had come to.

    Args:
        text: a champion's address, or a run file: there the last champions of all sides that both runs train.
        config: the settings of the new run.

    Returns:
        By dotted name `init_from` and, where both searches have one, the `sigma` of that generation.

    Raises:
        ConfigError: there is no such champion.
        RunFileError: the run file cannot be read.
    """
    named = next((side for side in Side if re.fullmatch(rf".*:{side.label}/[^/]*", text)), None)
    settings: dict[str, str | float] = {}
    for side in config.trained_sides if named is None else (named,):
        address = parse_address(f"{text}:{side.label}/last" if named is None else text, side)
        assert isinstance(address, Archived)  # of its form
        with RunView(address.path) as view:
            if named is None and not len(view.generations(side)):
                continue
            generation = int(view.generations(side)[find_row(view, side, address.which)])
            sigma = view.metrics.get(f"{side.label}.sigma", np.empty(0))[generation : generation + 1]
        settings[f"{side.label}.init_from"] = f"{address.path}:{side.label}/{generation}"
        if np.isfinite(sigma).any() and hasattr(config.side(side).search, "sigma"):
            settings[f"{side.label}.search.sigma"] = float(sigma[0])
    if not settings:
        raise ConfigError(f"{text} has no champions of a side that is to be trained: take another run")
    return settings


def _origin(text: str, side: Side, config: RunConfig, spec: ObservationSpec) -> ExternalPlayer:
    """The champion at which the search of a side begins."""
    try:
        address = parse_address(text, side)
        if not isinstance(address, Archived):
            raise ConfigError(f"got {text!r}, expected a champion, such as RUN:{side.label}/last")
        if side not in config.trained_sides:
            raise ConfigError(f"the {side.label} are not trained in this run: leave it out")
        member = address.member
        for name, (ours, theirs) in config.differences(member.config).items():
            if name.startswith(f"{side.label}.policy."):
                raise ConfigError(f"{text} is another network ({name} = {theirs}, expected {ours}): set it alike")
    except ConfigError as error:
        raise ConfigError(f"{side.label}.init_from: {error}") from None
    player = PlayerSpec(network=config.side(side).policy)
    theirs = player.build(observation_spec(member.config.world, member.config.rules))
    genome, ours = member.genome, player.build(spec)
    if isinstance(ours, NetworkPolicy):
        genome = translated(genome.reshape(-1, theirs.num_params), theirs, ours).reshape(-1)
    return ExternalPlayer(lasting_name(address, Path()), side, player, genome)


def check_lengths(origins: Sequence[ExternalPlayer], lengths: Mapping[Side, int]) -> None:
    """Refuse a champion of a game of other observations, whose network has other inputs.

    Raises:
        ConfigError: one has another number of parameters.
    """
    for each in origins:
        if len(each.genome) != lengths[each.side]:
            raise ConfigError(
                f"{each.side.label}.init_from: {each.name} has {len(each.genome):,} parameters, this game's network "
                f"{lengths[each.side]:,}: it was trained in a game of other observations; take one of a game like this"
            )


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


def load_held_out(config: RunConfig) -> tuple[ExternalPlayer, ...]:
    """The last champions of both sides of all `held_out_runs`.

    Raises:
        ConfigError: a run of another game, or without champions.
        RunFileError: a run file that cannot be read.
    """
    paths = dict.fromkeys(config.coevolution.held_out_runs)
    return tuple(champion for path in paths for champion in _champions(path, config))


def _champions(path: str, config: RunConfig) -> list[ExternalPlayer]:
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
            champions.append(ExternalPlayer(name, side, PlayerSpec(network=theirs.side(side).policy), genome))
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


def with_players(state: State, players: tuple[ExternalPlayer, ...], which: str = HELD_OUT) -> State:
    """The state of a trainer, with copies of the players, if there are any."""
    arrays = {
        f"{number}": {
            "name": _letters(player.name),
            "side": np.array(int(player.side), dtype=np.int64),
            **_form(player.player),
            "genome": player.genome,
        }
        for number, player in enumerate(players)
    }
    return {**state, which: arrays} if arrays else state


def players_of_run(run: Run, which: str = HELD_OUT) -> tuple[ExternalPlayer, ...]:
    """The players of which a run keeps copies (`with_players`)."""
    state, found = cast(State, run.state.get(which, {})), []
    for number in range(len(state)):
        arrays = cast(Mapping[str, np.ndarray], state[f"{number}"])
        genome = np.array(arrays["genome"], dtype=np.float32)
        found.append(ExternalPlayer(_text(arrays["name"]), Side(int(arrays["side"])), _player(arrays), genome))
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
