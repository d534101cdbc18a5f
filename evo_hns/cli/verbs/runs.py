"""What the command can do: a verb is a dataclass whose fields are its options and whose call does the work.

Libraries are imported inside the calls, so that `--help` is instant. Each call is one call of the
library and prints what it answers; figures also as JSON.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import tyro
from tyro.conf import FlagCreatePairsOff, Positional

from evo_hns.cli.console import as_typed, can_go_on, check_place, free_path, show, show_result
from evo_hns.cli.options import (
    AnySetting,
    Count,
    Experiment,
    File,
    Flag,
    Folder,
    Help,
    Json,
    Ranks,
    RunPath,
    Settings,
    Text,
)
from evo_hns.cli.run_context import start_ranks, work, work_alone
from evo_hns.cli.starting import check_resume, settings_of_start, start_or_go_on
from evo_hns.cli.text.tables import (
    evaluation_text,
    info_text,
    replay_text,
    replays_text,
)
from evo_hns.cli.verbs.compare import Compare
from evo_hns.cli.verbs.diagnostics import (
    Bench,
    Doctor,
    Parity,
    PhysicsAblation,
    StressTest,
    TimestepStudy,
    refuse_all_but_the_game,
)
from evo_hns.cli.verbs.ground_truth import GroundTruth
from evo_hns.cli.verbs.ppo import PPO, is_ppo, resumer
from evo_hns.cli.verbs.ppo_check import PPOCheck
from evo_hns.cli.verbs.prune import Prune
from evo_hns.cli.verbs.stages import Stages
from evo_hns.cli.verbs.submit import Submit
from evo_hns.cli.verbs.tournament import Tournament
from evo_hns.cli.verbs.viewing import Render, Report
from evo_hns.cli.verbs.watch import Watch
from evo_hns.config import ConfigError
from evo_hns.experiment import load_experiment

if TYPE_CHECKING:
    from evo_hns.training.driver import Crew


class Verb(Protocol):
    """What the command can do."""

    def __call__(self) -> None:
        """Do it."""


@dataclass(frozen=True)
class Train:
    """Start a run of an experiment."""

    experiment: Experiment
    """A TOML file, or the name of one that is shipped or in a folder experiments/ here."""
    run: File = None
    """The run file to create; by default runs/EXPERIMENT.h5, numbered if that exists."""
    generations: Text = None
    """Short for --coevolution.generations."""
    seed: Text = None
    """Decides every random number of the run."""
    resume: Flag = False
    """Go on if the run file is there already, with the same settings."""
    ranks: Ranks = None
    """Play on so many MPI ranks of this machine; `auto` takes its physical cores, or this process without MPI."""
    shrink: Flag = False
    """Go on with the ranks that are left when one dies (Open MPI with ULFM only)."""
    tensorboard: Folder = None
    """Also write the metrics for TensorBoard into this folder."""
    as_json: Json = False
    """Print each generation as a line of JSON."""
    settings: Settings = ()
    """Any setting; --search.popsize 64 is short for --set search.popsize=64."""
    known: Help = field(default_factory=AnySetting)

    def __call__(self) -> None:
        """Train, and say where the run is."""
        shorthands = {"seed": self.seed, "coevolution.generations": self.generations}
        config = settings_of_start(self.experiment, self.settings, shorthands)
        check_resume(self.run, resume=self.resume)
        own = self.run or free_path(self.experiment)

        def check() -> None:
            check_place(own, "--run", is_new=not self.resume)

        start_ranks(self.ranks, check)

        def lead(crew: Crew, path: Path | None = None) -> None:
            from evo_hns.training.driver import resume, train

            start_or_go_on(
                (train, resume),
                config,
                path or own,
                crew,
                resume=self.resume or path is not None,  # a path: of a coordinator that has died
                as_json=self.as_json,
                tensorboard=self.tensorboard,
            )

        work(lead, lead, shrink=self.shrink, check=check)


@dataclass(frozen=True)
class Resume:
    """Continue a run that was stopped, to the same numbers; or extend one that is finished."""

    run: RunPath
    """The run file."""
    generations: Count = None
    """A new total of generations."""
    ranks: Ranks = None
    """Play on so many MPI ranks of this machine; `auto` takes its physical cores, or this process without MPI."""
    shrink: Flag = False
    """Go on with the ranks that are left when one dies (Open MPI with ULFM only)."""
    tensorboard: Folder = None
    """Also write the metrics for TensorBoard into this folder."""
    as_json: Json = False
    """Print each generation as a line of JSON."""

    def __call__(self) -> None:
        """Train on, and say where the run is."""
        if is_ppo(self.run):
            if self.ranks not in (None, "auto", "1"):
                raise ConfigError(f"--ranks {self.ranks}: {self.run} is a run of PPO, which trains in one process")
            check_place(self.run)
            work_alone(self._go_on)
            return
        check = partial(check_place, self.run)
        start_ranks(self.ranks, check)
        work(self._go_on, lambda crew, _: self._go_on(crew), shrink=self.shrink, check=check)

    def _go_on(self, crew: Crew) -> None:
        from evo_hns.cli.progress import display

        resume = resumer(self.run)
        with can_go_on(self.run), display(as_json=self.as_json, tensorboard=self.tensorboard) as shown:
            resume(
                self.run,
                generations=self.generations,
                crew=crew,
                announce=shown.announce,
                observers=[shown.observe],
            )
        show_result(self.run, as_json=self.as_json)


@dataclass(frozen=True)
class Info:
    """Say what a run is, how far it is and what its champions gained."""

    run: RunPath
    """The run file."""
    as_json: Json = False
    """Print JSON, with every metric of every generation."""

    def __call__(self) -> None:
        """Print it."""
        from evo_hns.archive import RunView
        from evo_hns.reports.info import describe_run

        with RunView(self.run) as run:
            show(describe_run(run) if self.as_json else info_text(run))


@dataclass(frozen=True)
class Evaluate:
    """Let any two players meet: RUN:hiders/last, RUN:seekers/12, RUN:hiders/best, scripted:chaser, openai:FILE."""

    hider: Annotated[Positional[str], tyro.conf.arg(metavar="HIDER")]
    """Who plays the hiders."""
    seeker: Annotated[Positional[str], tyro.conf.arg(metavar="SEEKER")]
    """Who plays the seekers."""
    episodes: int = 256
    """Worlds, each played once; none was seen in training."""
    seed: int = 0
    """Decides the worlds."""
    experiment: str = "quadrant"
    """The game, if no player comes from a run."""
    as_json: Json = False
    """Print JSON."""
    settings: Settings = ()
    """Any setting of the game, if no player comes from a run."""

    def __call__(self) -> None:
        """Play, and print returns and statistics."""
        refuse_all_but_the_game(self.settings, "evaluate")
        game = load_experiment(self.experiment, self.settings)
        from evo_hns.players.evaluate import evaluate, of_runs

        if self.settings and (archived := of_runs(self.hider, self.seeker)):
            raise ConfigError(f"{archived[0]} plays in the game of its run: leave out --{self.settings[0]}")
        result = evaluate(self.hider, self.seeker, game, episodes=self.episodes, seed=self.seed)
        show(result.as_dict() if self.as_json else evaluation_text(result))


@dataclass(frozen=True)
class Record:
    """Let any two players meet in the game of a run, and keep the matches in its file."""

    run: RunPath
    """The run file; it must not be training."""
    hider: Annotated[Positional[str], tyro.conf.arg(metavar="HIDER")]
    """Who plays the hiders: RUN:hiders/last, RUN:hiders/12, RUN:hiders/best, scripted:chaser, openai:FILE."""
    seeker: Annotated[Positional[str], tyro.conf.arg(metavar="SEEKER")]
    """Who plays the seekers."""
    episodes: int = 1
    """Worlds, each played once: the first ones of `evaluate` with the same seed."""
    seed: int = 0
    """Decides the worlds."""
    as_json: Json = False
    """Print JSON."""

    def __call__(self) -> None:
        """Play, keep, and say how to play them again."""
        if self.run.exists():
            check_place(self.run)
        from evo_hns.players.record import record

        numbers = record(self.run, self.hider, self.seeker, episodes=self.episodes, seed=self.seed)
        if self.as_json:
            show({"run": self.run, "matches": list(numbers)})
            return
        for number in numbers:
            show(as_typed("replay", self.run, "--match", number))


@dataclass(frozen=True)
class Replay:
    """Play the recorded matches of a run again, and say whether they come out equal to the bit."""

    run: RunPath
    """The run file."""
    match: Count = None
    """One match, by its number; without it all are listed and played again."""
    as_json: Json = False
    """Print JSON."""

    def __call__(self) -> None:
        """Print stored and replayed figures; exit code 1 if any differ."""
        from evo_hns.players.replay import explain_difference, replay

        replays = replay(self.run, self.match)
        if self.as_json:
            show([each.as_dict() for each in replays])
        else:
            print(replays_text(replays) if self.match is None else replay_text(replays[0]))
        if not all(each.is_equal for each in replays):
            print(explain_difference(self.run), file=sys.stderr)
            raise SystemExit(1)


@dataclass(frozen=True)
class Curves:
    """Draw what was learnt, and when: measurements of runs against env steps."""

    runs: Annotated[Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RUN...")]
    """Run files."""
    output: Annotated[Path, tyro.conf.arg(metavar="FILE")] = Path("curves.png")
    """The picture; its ending decides the format."""
    statistics: FlagCreatePairsOff[bool] = False
    """Draw what hiders do with boxes and ramps instead of the mean returns."""
    progress: FlagCreatePairsOff[bool] = False
    """Draw local, historical and global progress of both sides instead."""
    as_json: Json = False
    """Print JSON."""

    def __call__(self) -> None:
        """Draw, and say where the picture is."""
        from evo_hns.archive import RunView
        from evo_hns.reports.curves import plot_progress, plot_returns, plot_statistics

        if not self.runs:
            raise ConfigError("curves needs a run file to draw")
        if self.statistics and self.progress:
            raise ConfigError("got --statistics and --progress, expected one of them: they are two pictures")
        draw = plot_statistics if self.statistics else plot_progress if self.progress else plot_returns
        with ExitStack() as views:
            draw({str(path): views.enter_context(RunView(path)) for path in self.runs}, self.output)
        show({"picture": self.output} if self.as_json else f"The picture is {self.output}.")


VERBS: dict[str, type[Verb]] = {
    "train": Train,
    "resume": Resume,
    "ppo": PPO,
    "submit": Submit,
    "info": Info,
    "evaluate": Evaluate,
    "record": Record,
    "replay": Replay,
    "render": Render,
    "curves": Curves,
    "watch": Watch,
    "report": Report,
    "tournament": Tournament,
    "compare": Compare,
    "prune": Prune,
    "stages": Stages,
    "ground-truth": GroundTruth,
    "ppo-check": PPOCheck,
    "parity": Parity,
    "bench": Bench,
    "physics-ablation": PhysicsAblation,
    "timestep-study": TimestepStudy,
    "stress-test": StressTest,
    "doctor": Doctor,
}
