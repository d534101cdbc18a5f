"""Runs of one experiment that differ in their seed alone: their files, how far each is, and what to look at then."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evo_hns.cli.console import as_typed, check_place
from evo_hns.cli.text.tables import listing
from evo_hns.config import ConfigError, RunConfig
from evo_hns.config.seeds import parse_seeds

SEED = "{seed}"
"""Stands for the seed in the name of a file."""


@dataclass(frozen=True)
class SeedRun:
    """The run of one seed."""

    path: Path
    config: RunConfig

    @property
    def seed(self) -> int:
        """That it has."""
        return self.config.seed

    def num_done(self) -> int | None:
        """Generations that its file has; None while there is no file.

        Raises:
            ConfigError: the file is a run of other settings.
            RunFileError: it cannot be read.
        """
        if not self.path.exists():
            return None
        from evo_hns.archive import RunView
        from evo_hns.training.driver import is_finished

        is_finished(self.path, self.config)  # refuses other settings
        with RunView(self.path) as view:
            return view.num_generations

    @property
    def is_finished(self) -> bool:
        """Nothing is left to do; errors as `num_done`."""
        done = self.num_done()
        return done is not None and done >= self.config.coevolution.generations

    def state(self) -> str:
        """What will become of it, for people; errors as `num_done`."""
        done, total = self.num_done(), self.config.coevolution.generations
        if done is None:
            return "begins"
        return f"goes on after {done} of {total} generations" if done < total else f"has all its {done} generations"


@dataclass(frozen=True)
class SeedRuns:
    """The runs of several seeds, in rising order."""

    pattern: Path  #: of their files
    runs: tuple[SeedRun, ...]

    @classmethod
    def parse(cls, seeds: str, pattern: Path | None, experiment: str, config: RunConfig) -> SeedRuns:
        """The runs that are asked for.

        Args:
            seeds: a list, `0-9`.
            pattern: of their files, with `SEED` in the name; by default `runs/EXPERIMENT-seed{seed}.h5`.
            experiment: its file or name.
            config: the settings of all of them.

        Raises:
            ConfigError: no such list, or a pattern without a place for the seed.
        """
        values = parse_seeds(seeds, "--seeds")
        pattern = pattern or Path("runs") / f"{Path(experiment).stem}-seed{SEED}.h5"
        if SEED not in pattern.name or SEED in str(pattern.parent):
            stem = pattern.stem.replace("%a", SEED)  # as in the names of an array of Slurm
            example = pattern.with_stem(stem if SEED in stem else f"{stem}-{SEED}")
            raise ConfigError(f"--run: got {pattern} for all of --seeds, expected {SEED} in its name: {example}")
        return cls(
            pattern,
            tuple(
                SeedRun(
                    pattern.with_name(pattern.name.replace(SEED, str(seed))), config.model_copy(update={"seed": seed})
                )
                for seed in values
            ),
        )

    @property
    def paths(self) -> list[Path]:
        """Their files."""
        return [run.path for run in self.runs]

    def check_places(self) -> None:
        """Refuse files that could not be written, before libraries are loaded and ranks are started.

        Raises:
            ConfigError: there is one.
        """
        for path in self.paths:
            check_place(path, "--run")

    def plan(self) -> str:
        """Which files are written, and what becomes of each; errors as `SeedRun.num_done`."""
        count = len(self.runs)
        head = f"{count} run{'s, one after the other' if count > 1 else ''}:"
        return f"{head}\n{listing([(f'  {run.path}', run.state()) for run in self.runs])}"

    def as_dict(self) -> dict[str, object]:
        """The same for programs; errors as `SeedRun.num_done`."""
        return {"runs": [{"seed": run.seed, "run": run.path, "generations": run.num_done() or 0} for run in self.runs]}

    def files(self) -> str:
        """All files as a shell takes them: by a pattern where that means just these."""
        found = self.pattern.parent.glob(self.pattern.name.replace(SEED, "*"))
        if {*found} == {*self.paths}:
            return "*".join(shlex.quote(part) if part else "" for part in str(self.pattern).split(SEED))
        return shlex.join(map(str, self.paths))

    def what_now(self) -> str:
        """What can be done with them when all are there."""
        verbs: Sequence[Sequence[str]] = (("diagnose", "curves"), ("report",))
        return "\n".join(f"  {as_typed(*words)} {self.files()}" for words in verbs)
