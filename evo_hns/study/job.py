"""One run of a study: trained to its budget, then measured. All that is there already is left as it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from evo_hns.archive.records import Generation, env_steps_so_far
from evo_hns.archive.run_file import RunFile
from evo_hns.archive.run_view import RunView
from evo_hns.config import RunConfig
from evo_hns.evaluation.evaluators import build_evaluator
from evo_hns.study.measurement import Measured, measure
from evo_hns.study.plan import Arm, Study
from evo_hns.training.context import RunContext
from evo_hns.training.driver import build_trainer, extended, is_finished, train


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    run: str  #: `ARM-SEED`
    what: str  #: `trained` (env steps) or `measured` (pairs of a champion and an opponent)
    done: int
    total: int


@dataclass(frozen=True)
class Job:
    """A run of a study."""

    study: Study
    arm: Arm
    seed: int
    folder: Path

    @property
    def name(self) -> str:
        """`ARM-SEED`."""
        return f"{self.arm.name}-{self.seed}"

    @property
    def run(self) -> Path:
        """The run file."""
        return self.folder / f"{self.name}.h5"

    @property
    def kept(self) -> Path:
        """The file of what was measured."""
        return self.folder / f"{self.name}.json"

    @property
    def config(self) -> RunConfig:
        """The run's settings, but for its length."""
        return self.arm.config.model_copy(update={"seed": self.seed})

    def env_steps(self) -> int:
        """Env steps of training so far.

        Raises:
            ConfigError: the file is a run of other settings.
            RunFileError: it cannot be read.
        """
        if not self.run.exists():
            return 0
        is_finished(self.run, self.config)  # refuses other settings
        with RunView(self.run) as view:
            return int(env_steps_so_far(view)[-1]) if view.num_generations else 0

    def measured(self) -> list[Measured] | None:
        """What its champions are worth; None while it is not trained, or not all is measured."""
        if self.env_steps() < self.study.env_steps:
            return None
        return measure(self.study, self.arm, self.run, self.kept, plays=False)

    def do(self, tell: Callable[[Progress], None]) -> None:
        """Train what is missing, then measure what is missing.

        Args:
            tell: is called with how far it is.

        Raises:
            ConfigError: settings that cannot be played, or players that cannot be met.
            RunFileError: the file cannot be read or written, or somebody else is writing it.
        """
        done, total = self.env_steps(), self.study.env_steps

        def observe(generation: Generation) -> None:
            nonlocal done
            done += int(generation.metrics["env_steps"])
            tell(Progress(self.name, "trained", done, total))
            if done >= total:
                raise _EnoughError

        while done < total:
            config = extended(self.config, self._num_generations(done))
            with suppress(_EnoughError):
                train(config, self.run, resumes=self.run.exists(), announce=lambda _: None, observers=[observe])
        measure(
            self.study,
            self.arm,
            self.run,
            self.kept,
            plays=True,
            observe=lambda number, count: tell(Progress(self.name, "measured", number, count)),
        )

    def _num_generations(self, done: int) -> int:
        """How many it takes to reach the budget, as far as is known: the matches of a generation may adapt."""
        run = RunFile.read(self.run) if done else None
        trainer = build_trainer(self.config, build_evaluator(self.config), RunContext(), run)
        number = 0 if run is None else run.num_generations
        while done < self.study.env_steps:
            done += trainer.env_steps(number)
            number += 1
        return number


class _EnoughError(Exception):
    """A run has had its env steps."""
