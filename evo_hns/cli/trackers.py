"""A run as other programs show it: TensorBoard, Weights & Biases. Both get the settings and the same curves.

A tag is a group and a name: `hiders/return`, `seekers/sigma`, `held_out/hiders/chaser`, `time/evaluation`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from evo_hns.archive.records import Generation
from evo_hns.cli.text.tables import json_text
from evo_hns.config import ConfigError, RunConfig
from evo_hns.reports.subject import settings_of
from evo_hns.system.installation import how_to_install

_GROUPS = ("time", "ranks")
_TOLD_OTHERWISE = ".champion_score"  # the return of the champion


class Tracker(Protocol):
    """Another program that shows a run."""

    def observe(self, record: Generation) -> None:
        """Add a point to every curve."""


@dataclass(frozen=True)
class TrackerOptions:
    """Which programs are told of a run."""

    tensorboard: Path | None = None  #: folder of event files
    wandb: str | None = None  #: project of Weights & Biases

    def of_run(self, path: Path) -> TrackerOptions:
        """The same for one of several runs: each has event files in a folder of its own."""
        return TrackerOptions(self.tensorboard and self.tensorboard / path.stem, self.wandb)


@contextmanager
def trackers(options: TrackerOptions, path: Path, config: RunConfig) -> Iterator[Sequence[Tracker]]:
    """Tell other programs of a run.

    Args:
        options: which.
        path: the run file.
        config: its settings.

    Raises:
        ConfigError: one is not installed, or cannot be told.
    """
    with ExitStack() as stack:
        found: list[Tracker] = []
        if options.tensorboard is not None:
            found.append(stack.enter_context(_event_files(options.tensorboard, config)))
        if options.wandb is not None:
            found.append(stack.enter_context(_wandb_run(options.wandb, path, config)))
        yield found


def points(record: Generation) -> dict[str, float]:
    """A point of every curve, by its tag."""
    found = {tag(name): value for name, value in record.metrics.items() if not name.endswith(_TOLD_OTHERWISE)}
    found |= {f"{side.label}/return": champion.score for side, champion in record.champions.items()}
    found |= {f"held_out/{row.side.label}/{row.opponent}": row.mean for row in record.held_out}
    return found | {f"discards/{cause}": float(count) for cause, count in record.discards.items()}


def tag(metric: str) -> str:
    """`hiders.sigma` is `hiders/sigma`, `time_search` is `time/search`; what stands alone is a cost."""
    group, dot, name = metric.partition(".")
    if dot:
        return f"{group}/{name}"
    group, line, name = metric.partition("_")
    return f"{group}/{name}" if line and group in _GROUPS else f"cost/{metric}"


class EventFiles:
    """Curves for TensorBoard, one point for each generation.

    Args:
        writer: of the event files.
        config: the run's settings: a table, and hyperparameters by which runs can be compared.
    """

    def __init__(self, writer: Any, config: RunConfig) -> None:
        from torch.utils.tensorboard.summary import hparams

        settings = hyperparameters(config)
        rows = "\n".join(f"| {name} | {value} |" for name, value in settings.items())
        writer.add_text("settings", f"| setting | value |\n| --- | --- |\n{rows}")
        curves = {f"{side.label}/return": 0.0 for side in config.trained_sides}
        for summary in hparams(settings, curves):  # type: ignore[no-untyped-call]
            writer.file_writer.add_summary(summary)  # as `add_hparams` does, which makes a run of its own
        self._writer = writer

    def observe(self, record: Generation) -> None:
        """A point on every curve."""
        for name, value in points(record).items():
            self._writer.add_scalar(name, value, record.number)
        self._writer.flush()


class WandbRun:
    """A run of Weights & Biases, one step for each generation.

    Args:
        run: what `wandb.init` answers.
    """

    def __init__(self, run: Any) -> None:
        self._run = run

    def observe(self, record: Generation) -> None:
        """A point on every curve."""
        self._run.log(points(record), step=record.number)


def hyperparameters(config: RunConfig) -> dict[str, bool | int | float | str]:
    """All settings by dotted name; what is no number and no text as JSON."""
    simple: Mapping[str, Any] = settings_of(config)
    return {
        name: value if isinstance(value, bool | int | float | str) else json_text(value)
        for name, value in simple.items()
    }


@contextmanager
def _event_files(folder: Path, config: RunConfig) -> Iterator[EventFiles]:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ConfigError(f"--tensorboard needs TensorBoard: {how_to_install('tensorboard')}") from None
    with SummaryWriter(str(folder)) as writer:
        yield EventFiles(writer, config)


@contextmanager
def _wandb_run(project: str, path: Path, config: RunConfig) -> Iterator[WandbRun]:
    try:
        import wandb
    except ImportError:
        raise ConfigError(f"--wandb needs Weights & Biases: {how_to_install('wandb')}") from None
    try:
        run = wandb.init(
            project=project,
            name=path.stem,
            group=path.stem,  # a run that goes on is another one there, in the same group
            config=hyperparameters(config),
            settings=wandb.Settings(console="off"),  # the terminal is ours
        )
    except (wandb.Error, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"--wandb: {reason} (wandb login, or keep it here with WANDB_MODE=offline)") from None
    with run:
        yield WandbRun(run)
