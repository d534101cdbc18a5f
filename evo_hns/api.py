"""What `import evo_hns` offers: train, look at runs, let champions play.

Nothing here prints unless it is asked to. What a user does wrong is a `ConfigError` or a `RunFileError` of one line.
Libraries are imported when they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evo_hns.archive.hall_of_fame import FloatArray
from evo_hns.archive.records import Generation, HeldOutRow
from evo_hns.archive.run_view import RunView
from evo_hns.archive.storage import RunFileError
from evo_hns.config import ConfigError, RunConfig
from evo_hns.experiment import dotted_names, nest, refuse_unused, resolve_config
from evo_hns.spec import Side

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from evo_hns.gym.env import HideAndSeekEnv
    from evo_hns.gym.played import Match
    from evo_hns.gym.vector_env import HideAndSeekVectorEnv
    from evo_hns.parallel_env import HideAndSeekParallelEnv
    from evo_hns.players.champion import Champion, load_champion
    from evo_hns.players.evaluate import Evaluation

__all__ = [
    "Champion",
    "ConfigError",
    "Evaluation",
    "Run",
    "RunConfig",
    "RunFileError",
    "Side",
    "evaluate",
    "load_champion",
    "load_config",
    "load_run",
    "make_env",
    "make_gym_env",
    "make_vector_env",
    "resume",
    "train",
]

Config = str | Path | RunConfig | Mapping[str, Any]
"""An experiment by name or file, settings, or tables of settings as in an experiment file."""

Settings = Mapping[str, Any]
"""Settings by dotted name: `{"search.popsize": 64}`; as in files, `search` and `policy` speak of both sides."""


def load_config(config: Config = "quadrant", settings: Settings | None = None) -> RunConfig:
    """The settings of an experiment.

    Args:
        config: where they come from.
        settings: these win.

    Raises:
        ConfigError: there is no such experiment, or a setting is wrong.
    """
    return resolve_config(config, settings)


def train(
    config: Config,
    run: str | Path,
    settings: Settings | None = None,
    *,
    observe: Callable[[Generation], None] | None = None,
    verbose: bool = False,
) -> Run:
    """Train a run from its first generation to its last, in this process.

    The run file holds whole generations at any moment: what is interrupted goes on with `resume`. From then on torch
    computes on one thread; the worlds of the game take all processors.

    Args:
        config: the experiment.
        run: the run file to create.
        settings: these win over those of the experiment.
        observe: is shown each generation, once it is in the file.
        verbose: print a line for each generation.

    Raises:
        ConfigError: a setting is wrong, or its trainer does not take it or is not installed.
        RunFileError: the file is there already, or cannot be written.
    """
    path, resolved = _path(run), resolve_config(config, settings)
    from evo_hns.training import driver
    from evo_hns.training.base import TRAINERS

    trainer, given = TRAINERS[resolved.trainer], dotted_names(nest((settings or {}).items()))
    refuse_unused(given, trainer.takes, f"{trainer.title} does not take this setting", "settings: {}".format)
    driver.train(resolved, path, announce=lambda _: None, observers=_observers(observe, verbose=verbose))
    return load_run(run)


def resume(
    run: str | Path,
    generations: int | None = None,
    *,
    observe: Callable[[Generation], None] | None = None,
    verbose: bool = False,
) -> Run:
    """Continue a run that was stopped, to the numbers of an unbroken run; or extend one that is finished.

    Args:
        run: the run file.
        generations: a new total of generations.
        observe: is shown each new generation, once it is in the file.
        verbose: print a line for each generation.

    Raises:
        ConfigError: nothing is left to do.
        RunFileError: the file cannot be read or written, or somebody else is writing it.
    """
    path, total = _path(run), None if generations is None else _whole(generations, "generations")
    from evo_hns.training import driver

    observers = _observers(observe, verbose=verbose)
    driver.resume(path, generations=total, announce=lambda _: None, observers=observers)
    return load_run(run)


@dataclass(frozen=True, eq=False)
class Run:
    """A run as it was when it was loaded; its champions stay in the file until they are asked for."""

    path: Path
    settings: RunConfig
    num_generations: int  #: G
    metrics: Mapping[str, FloatArray]  #: `(G,)` each, a number of each generation, NaN where absent
    held_out: tuple[HeldOutRow, ...]  #: champions measured against players that no search ever met

    def __repr__(self) -> str:
        """One line, for notebooks."""
        planned, trainer = self.settings.coevolution.generations, self.settings.trainer
        return f"Run({str(self.path)!r}, {trainer}, {self.num_generations} of {planned} generations)"

    def frame(self) -> DataFrame:
        """The metrics as a pandas frame: a row for each generation, a column for each metric."""
        from pandas import DataFrame, RangeIndex

        return DataFrame(dict(self.metrics), index=RangeIndex(self.num_generations, name="generation"))

    def champion(self, side: Side | str, which: int | str = "last") -> Champion:
        """A champion.

        Args:
            side: `hiders` or `seekers`.
            which: its generation, `last`, or `best`: that with the highest mean return in `held_out`.

        Raises:
            ConfigError: there is none.
            RunFileError: the file cannot be read any more.
        """
        from evo_hns.players.champion import load_champion

        return load_champion(f"{self.path}:{_side(side).label}/{which}")

    def champions(self, side: Side | str) -> list[Champion]:
        """All champions of a side, oldest first.

        Raises:
            ConfigError: there is no such side.
            RunFileError: the file cannot be read any more.
        """
        from evo_hns.players.champion import champions_of

        return champions_of(self.path, _side(side))

    def plot(
        self, path: str | Path | None = None, what: Literal["returns", "progress", "statistics"] = "returns"
    ) -> Figure:
        """Draw what was learnt, and when, against env steps.

        Args:
            path: also write the picture there; its ending decides the format.
            what: mean returns against held-out players; local, historical and global progress; or what hiders do with
                boxes and ramps.

        Raises:
            ConfigError: nothing was measured, or the picture cannot be written.
        """
        from evo_hns.figure import save
        from evo_hns.reports.curves import DRAWINGS

        if what not in DRAWINGS:
            raise ConfigError(f"got {what!r} to draw, expected {', '.join(DRAWINGS)}")
        target = None if path is None else _path(path, "a picture")
        with RunView(self.path) as view:
            figure = DRAWINGS[what]({str(self.path): view})
        if target is not None:
            save(figure, target)
        return figure


def load_run(path: str | Path) -> Run:
    """A run, which may be in training.

    Args:
        path: the run file.

    Raises:
        RunFileError: there is no such file, or it is damaged or no run.
    """
    with RunView(_path(path)) as view:
        return Run(view.path, view.config, view.num_generations, dict(view.metrics), view.held_out)


def evaluate(
    hider: Champion | str,
    seeker: Champion | str,
    *,
    episodes: int = 256,
    seed: int = 0,
    game: Config | None = None,
) -> Evaluation:
    """Let two players meet in worlds that none of them was trained in.

    Args:
        hider: who plays the hiders: a champion, or any address, such as `scripted:evader`.
        seeker: who plays the seekers.
        episodes: worlds, each played once.
        seed: decides the worlds.
        game: what is played if no player comes from a run; by default OpenAI's quadrant example, two against two.

    Returns:
        Mean returns of both teams and the game's statistics, with 95 % intervals.

    Raises:
        ConfigError: an address that leads nowhere, players of different games, or nothing to play.
        RunFileError: a run file cannot be read.
    """
    from evo_hns.players import evaluate as matches

    hides, seeks = map(_address, (hider, seeker))
    if game is not None and (archived := matches.of_runs(hides, seeks)):
        raise ConfigError(f"{archived[0]} plays in the game of its run: leave out game")
    fallback = resolve_config("quadrant" if game is None else game)
    count, first = _whole(episodes, "episodes"), _whole(seed, "the seed")
    return matches.evaluate(hides, seeks, fallback, episodes=count, seed=first)


def make_env(
    config: Config = "quadrant",
    settings: Settings | None = None,
    *,
    pad_agents: bool = False,
    render_mode: str | None = None,
) -> HideAndSeekParallelEnv:
    """The game as a PettingZoo `ParallelEnv` of one world (extra `pettingzoo`); see `evo_hns.parallel_env`.

    Args:
        config: world, rules and physics are taken from it: an experiment, or the settings of a run or champion.
        settings: these win.
        pad_agents: agents that a world lacks, where counts are ranges, take part without effect.
        render_mode: None, or `rgb_array` for pictures (extra `render`).

    Raises:
        ConfigError: a setting is wrong, the world cannot be built, PettingZoo is missing, or nothing can be drawn here.
    """
    resolved = resolve_config(config, settings)
    try:
        from evo_hns.parallel_env import parallel_env
    except ImportError as error:
        raise ConfigError(str(error)) from None
    return parallel_env(resolved, render_mode, pad_agents=pad_agents)


def make_gym_env(
    config: Config | None = None,
    settings: Settings | None = None,
    *,
    side: Side | str = "hiders",
    opponent: Champion | str = "random",
    render_mode: str | None = None,
) -> HideAndSeekEnv:
    """One side of the game against a given player, as a Gymnasium `Env` (extra `gymnasium`); see `evo_hns.gym.env`.

    Args:
        config: the game; by default that of the opponent's run, or OpenAI's quadrant example, two against two.
        settings: these win.
        side: who is played by the caller.
        opponent: who plays the other side: a champion, or any address, such as `runs/ga-1.h5:seekers/best`.
        render_mode: None, or `rgb_array` for pictures (extra `render`).

    Raises:
        ConfigError: a setting, side, address or render mode is wrong, the opponent plays another game, or Gymnasium is
            missing.
        RunFileError: a run file cannot be read.
    """
    match = _match(config, settings, side, opponent)
    from evo_hns.gym.env import HideAndSeekEnv

    return HideAndSeekEnv(match, render_mode)


def make_vector_env(
    config: Config | None = None,
    num_envs: int = 256,
    settings: Settings | None = None,
    *,
    side: Side | str = "hiders",
    opponent: Champion | str = "random",
    num_threads: int = 0,
) -> HideAndSeekVectorEnv:
    """Many worlds side by side as a `gymnasium.vector.VectorEnv`; see `evo_hns.gym.vector_env`.

    Args:
        config: the game; by default that of the opponent's run, or OpenAI's quadrant example, two against two.
        num_envs: worlds.
        settings: these win.
        side: who is played by the caller.
        opponent: who plays the other side: a champion, or any address, such as `runs/ga-1.h5:seekers/best`.
        num_threads: among which the worlds are shared out; 0 takes every core that this process may use.

    Raises:
        ConfigError: as `make_gym_env`.
        RunFileError: a run file cannot be read.
    """
    match = _match(config, settings, side, opponent)
    from evo_hns.gym.vector_env import HideAndSeekVectorEnv

    return HideAndSeekVectorEnv(match, _whole(num_envs, "num_envs"), _whole(num_threads, "num_threads"))


def _match(config: Config | None, settings: Settings | None, side: Side | str, opponent: Champion | str) -> Match:
    """A game and an opponent.

    Raises:
        ConfigError: there is no such thing, or Gymnasium is missing.
    """
    try:
        from evo_hns.gym.played import find_match, game_of_run
    except ImportError as error:
        raise ConfigError(str(error)) from None
    ours, address = _side(side), _address(opponent)
    game = resolve_config((game_of_run(address, ours.other) or "quadrant") if config is None else config, settings)
    return find_match(game, ours, address)


def _path(path: str | Path, of: str = "a run file") -> Path:
    """A path.

    Raises:
        ConfigError: it is none.
    """
    if not isinstance(path, str | Path):
        raise ConfigError(f"got {path!r}, expected the path of {of}")
    return Path(path)


def _whole(number: int, name: str) -> int:
    """A whole number, numpy's too.

    Raises:
        ConfigError: it is none.
    """
    try:
        return index(number)
    except TypeError:
        raise ConfigError(f"{name}: got {number!r}, expected a whole number") from None


def _address(player: Champion | str) -> str:
    """The address of a player.

    Raises:
        ConfigError: it is none.
    """
    address = player if isinstance(player, str) else getattr(player, "address", None)
    if not isinstance(address, str):
        raise ConfigError(f"got the player {player!r}, expected a champion or an address")
    return address


def _side(side: Side | str) -> Side:
    """A side by its name, too."""
    for each in Side:
        if side in (each, each.label):
            return each
    raise ConfigError(f"got the side {side!r}, expected {' or '.join(each.label for each in Side)}")


def _observers(observe: Callable[[Generation], None] | None, *, verbose: bool) -> list[Callable[[Generation], None]]:
    return [*([_print] if verbose else []), *([observe] if observe else [])]


def _print(record: Generation) -> None:
    from evo_hns.reports.info import generation_line

    print(generation_line(record), flush=True)  # noqa: T201 - was asked for


_LATER = {"Champion": "champion", "load_champion": "champion", "Evaluation": "evaluate"}
"""What modules of `players` offer here that take long to import."""


def __getattr__(name: str) -> Any:
    """One of `_LATER`, imported now."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"evo_hns.players.{_LATER[name]}"), name)
