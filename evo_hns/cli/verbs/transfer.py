"""The verb that asks what hide-and-seek teaches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from evo_hns.cli.console import as_typed_again, hinting, show
from evo_hns.cli.options import Count, Folder, Json, Settings
from evo_hns.cli.verbs.diagnostics import check_positive
from evo_hns.cli.verbs.learning import Learning, telling
from evo_hns.config import ConfigError
from evo_hns.system.machine import usable_cores


@dataclass(frozen=True)
class Transfer:
    """Let champions of hide-and-seek learn another task, beside networks that never played it.

    Arms: a champion with a new last layer, the same with all else frozen, the same network from scratch, and one that
    was only curious about boxes. What is there already is left as it is: the same call goes on.
    """

    words: Annotated[Positional[tuple[str, ...]], tyro.conf.arg(metavar="RUN[:hiders/k]... TASK")]
    """Champions (of a run alone the last one), and the task: lock-and-return, sequential-lock, blueprint, shelter,
    or a TOML file. Of several champions, as of several generations, each is an arm."""
    seeds: int = 3
    """Runs of each arm."""
    env_steps: int = 2_000_000
    """Of training of each run."""
    curious_env_steps: Count = None
    """Of the curious network before it meets the task, by default as many as the champion had; 0: no such arms."""
    sigma: float = 0.1
    """Standard deviation of a parameter where a search begins at a network."""
    folder: Folder = None
    """Of run files, of what was measured and of the study; by default runs/transfer-TASK."""
    cores: Count = None
    """Runs at a time, each on one core; by default as many as there are cores."""
    as_json: Json = False
    """Print JSON, with every figure."""
    settings: Settings = ()
    """Any setting of the task and of the search, for all arms."""

    def __call__(self) -> None:
        """Train whatever is missing, and print a table."""
        cores = usable_cores() if self.cores is None else self.cores
        check_positive(seeds=self.seeds, env_steps=self.env_steps, cores=cores)
        if self.sigma <= 0.0:
            raise ConfigError(f"--sigma: got {self.sigma:g}, expected more than 0")
        if len(self.words) < 2:
            raise ConfigError("expected a champion and a task: RUN[:hiders/k]... TASK")
        from evo_hns.archive.storage import make_folder
        from evo_hns.study.run import jobs_of, run_study
        from evo_hns.study.transfer import Budget, curious_study, find_champions, study_text
        from evo_hns.system.output_file import output_file

        *texts, task = self.words
        champions = find_champions(texts)
        folder = self.folder or Path("runs") / f"transfer-{Path(task).stem}"
        make_folder(folder / "any")
        curious = None if self.curious_env_steps == 0 else curious_study(champions[0], self.curious_env_steps)
        run = None if curious is None else jobs_of(curious, folder)[0].run
        budget = Budget(self.seeds, self.env_steps, self.sigma)
        text = study_text(task, champions, run, budget, self.settings)
        if curious is not None:
            with hinting(f"to go on, type the same again: {as_typed_again()}"), telling() as tell:
                run_study(curious, folder, cores, tell)
        path = folder / f"{Path(task).stem}.toml"
        with output_file(path) as partial:
            partial.write_text(text, encoding="utf-8")
        if not self.as_json:
            show(f"The study is {path}.")
        Learning(str(path), folder, cores, as_json=self.as_json)()
