"""The plan of a study: arms, seeds, a budget in env steps, and the players that champions are measured against.

    experiment = "quadrant-1v1"            of all arms that name no other
    seeds = 3                              or a list of them
    env_steps = 8_000_000                  of training of each run

    [settings]                             of all arms
    search.popsize = 96
    [arms.plain]                           an arm: what it changes
    [arms.chaser]
    hiders.opponents = ["scripted:chaser"]
    [panel]                                may be left out
    worlds = 128

Every run is trained on one thread, and measures nothing by itself unless its settings say so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator

from evo_hns.config import ConfigError, RunConfig, Settings, merge, spread
from evo_hns.envs.observations import observation_spec
from evo_hns.evaluation.held_out import held_out_opponents
from evo_hns.experiment import find_experiment, load_experiment, nest, read_toml
from evo_hns.players.addresses import lasting_name, parse_address
from evo_hns.spec import ObservationSpec, Side
from evo_hns.system.installation import shipped_folder
from evo_hns.training.external_players import origin, trained_against

_QUIET = {"coevolution": {"held_out_episodes": 0, "progress_episodes": 0}}
_OWN = {"physics": {"num_threads": 1}}
_DECIDED = ("seed", "coevolution.generations")
_NAME = re.compile(r"\w[\w+.-]*")

YARDSTICKS = {Side.HIDERS: ("climber",), Side.SEEKERS: ("sitter", "builder", "reactive-builder", "ramp-fetcher")}
"""Whom a side is measured against in the quadrant game, beside the held-out players of every run."""


class Panel(Settings):
    """Whom champions are measured against, and how thoroughly."""

    hiders: tuple[str, ...] | None = None
    """Addresses of players whom hiders meet; by default the held-out players, and yardsticks in the quadrant game."""
    seekers: tuple[str, ...] | None = None
    """Likewise, whom seekers meet."""
    worlds: int = Field(128, ge=2, le=2**16)
    """Fresh worlds of each pair, the same for all; training draws others."""
    checkpoints: int = Field(8, ge=1, le=1000)
    """Champions of each run that are measured, evenly spaced over env steps, beside the first."""
    seed: int = Field(0, ge=0)
    """Decides the worlds."""

    def of(self, side: Side) -> tuple[str, ...] | None:
        """Whom a side meets, if it is said."""
        return self.hiders if side is Side.HIDERS else self.seekers


class _File(Settings):
    """A study as it is written."""

    experiment: str = "quadrant-1v1"
    seeds: tuple[int, ...] = Field((0, 1, 2), min_length=1)
    env_steps: int = Field(ge=1)
    settings: dict[str, Any] = Field(default_factory=dict)
    arms: dict[str, dict[str, Any]] = Field(min_length=1)
    panel: Panel = Panel()

    @field_validator("seeds", mode="before")
    @classmethod
    def _first_ones(cls, value: Any) -> Any:
        """Let a number stand for the first ones."""
        return tuple(range(value)) if isinstance(value, int) and not isinstance(value, bool) else value


@dataclass(frozen=True)
class Arm:
    """Runs that differ only in their seed."""

    name: str
    number: int  #: from 0, in the order of the file
    config: RunConfig  #: its seed and its length are those of no run


@dataclass(frozen=True)
class Study:
    """A study."""

    name: str
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    env_steps: int  #: of training of each run
    panel: Panel

    @property
    def game(self) -> RunConfig:
        """The settings of the game, which all arms share."""
        return self.arms[0].config

    @property
    def spec(self) -> ObservationSpec:
        """Sizes of the game."""
        return observation_spec(self.game.world, self.game.rules)

    @property
    def is_solo(self) -> bool:
        """A task of one team: whoever is met does nothing."""
        return len(self.spec.teams) == 1

    def measured_against(self, side: Side) -> tuple[str, ...]:
        """Addresses of the panel of a side."""
        if (named := self.panel.of(side)) is not None:
            return named
        yardsticks = YARDSTICKS[side] if self.spec.has_room and not self.is_solo else ()
        return tuple(f"scripted:{name}" for name in (*held_out_opponents(self.spec, side), *yardsticks))

    def met(self, arm: Arm, side: Side) -> dict[str, bool]:
        """Whom champions of an arm meet, by address: the panel, and whom they were trained against.

        Returns:
            Whether an address is held out: such an arm's fitness never used it.
        """
        known = trained_against(arm.config, side)
        held_out = {address: origin(address, side.other) not in known for address in self.measured_against(side)}
        return held_out | {
            address: False
            for address in arm.config.side(side).opponents
            if display_name(address, side) not in {display_name(other, side) for other in held_out}
        }


def read_study(name: str) -> Study:
    """A study from its file.

    Args:
        name: path of a TOML file, or the name of one in `experiments/studies`, here or shipped.

    Raises:
        ConfigError: no such file, or one that is no study that could be run.
    """
    folders = (Path("experiments/studies"), shipped_folder("experiments") / "studies")
    path = find_experiment(name, folders)
    try:
        written = _File.model_validate(read_toml(path))
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        got = "" if wrong["type"] == "missing" else f" (got {wrong['input']!r})"
        raise ConfigError(f"{path}: {'.'.join(map(str, wrong['loc']))}: {wrong['msg']}{got}") from None
    if len(set(written.seeds)) < len(written.seeds) or min(written.seeds) < 0:
        raise ConfigError(f"{path}: seeds: got {list(written.seeds)}, expected each once, from 0 on")
    arms = tuple(_read_arm(path, written, number, arm) for number, arm in enumerate(written.arms))
    study = Study(path.stem, arms, written.seeds, written.env_steps, written.panel)
    _check(path, study)
    return study


def display_name(address: str, side: Side) -> str:
    """What a player of the other side is called: a script by its name, others by what means the same in years."""
    return lasting_name(parse_address(address, side.other), Path()).removeprefix("scripted:")


def _read_arm(path: Path, written: _File, number: int, name: str) -> Arm:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{path}: got the arm {name!r}, which names files: expected letters, digits, '_', '.', '-'")
    own = dict(written.arms[name])
    experiment = own.pop("experiment", written.experiment)
    try:
        tables = [spread(nest(each.items())) for each in (_QUIET, written.settings, own, _OWN)]
        over: dict[str, Any] = {}
        for each in tables:
            over = merge(over, each)
        for setting in _DECIDED:
            if _holds(over, setting):
                raise ConfigError(f"{setting} is not for an arm: the study has seeds and env_steps")
        return Arm(name, number, load_experiment(experiment, over))
    except ConfigError as error:
        raise ConfigError(f"{path}: arm {name}: {error}") from None


def _holds(tables: Mapping[str, Any], name: str) -> bool:
    table, _, rest = name.partition(".")
    below = tables.get(table)
    return table in tables and (not rest or (isinstance(below, Mapping) and _holds(below, rest)))


def _check(path: Path, study: Study) -> None:
    """Refuse arms that cannot be compared, and players that cannot be met."""
    first = study.arms[0]
    for arm in study.arms:
        if different := first.config.game_differences(arm.config):
            name, (ours, theirs) = next(iter(different.items()))
            raise ConfigError(
                f"{path}: arms {first.name} and {arm.name} play different games ({name}: {ours} and {theirs}), so that "
                "their returns cannot be compared"
            )
    for side in Side:
        for address in study.measured_against(side):
            try:
                display_name(address, side)
            except ConfigError as error:
                raise ConfigError(f"{path}: panel.{side.label}: {error}") from None
