"""What trains a run: each algorithm comes from a generation to the next in its own way, and one driver drives all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from evo_hns.config import ConfigError, RunConfig, SideConfig
from evo_hns.system.installation import how_to_install

if TYPE_CHECKING:
    from evo_hns.archive.records import Generation, Run
    from evo_hns.evaluation.evaluators import Evaluator
    from evo_hns.system.shutdown import ShutdownSignal


class Trainer(Protocol):
    """Trains both sides.

    It is built from a run's settings, or from a run that goes on. All that it needs to go on to the same bits is in the
    `state` of the generations that it yields.
    """

    def generations(self, first: int = 0) -> Iterator[Generation]:
        """Train, a generation whenever one is asked for, without end.

        What comes has champions, metrics (`env_steps` among them), discards and the state; the driver measures the
        champions and adds the rest.

        Args:
            first: number of the first generation; all before it are in the run that the trainer was built from.

        Raises:
            Stopped: a signal said so.
        """

    def env_steps(self, generation: int) -> int:
        """Env steps by which a generation will train."""

    def measure_speed(self) -> float:
        """Env steps per second, measured now by training that nothing comes of."""


@dataclass(frozen=True)
class Algorithm:
    """An entry of `TRAINERS`."""

    title: str  #: for people
    build: Callable[[RunConfig, Evaluator, ShutdownSignal, Run | None], Trainer]
    takes: Callable[[str], bool] = lambda _: True  #: whether it takes a setting, by its dotted name without a side
    extra: str = ""  #: of the installation, if it needs one
    library: str = ""  #: module of that extra
    on_ranks: bool = True  #: trains on several MPI ranks

    def check_installed(self) -> None:
        """See that the libraries it needs are there.

        Raises:
            ConfigError: they are not.
        """
        if self.library and find_spec(self.library) is None:
            raise ConfigError(f"{self.title} needs {self.library}: {how_to_install(self.extra)}")


def _build_evolution(config: RunConfig, evaluator: Evaluator, _: ShutdownSignal, run: Run | None) -> Trainer:
    from evo_hns.training.evolution import Evolution

    return Evolution(config, evaluator, run)


def _build_ppo(config: RunConfig, _: Evaluator, shutdown: ShutdownSignal, run: Run | None) -> Trainer:
    from evo_hns.training.ppo.trainer import PPO

    return PPO(config, shutdown, run)


def _is_of_ppo(name: str) -> bool:
    """Of the settings of evolution PPO takes only the length, and what is measured and recorded."""
    table, _, rest = name.partition(".")
    if table in SideConfig.model_fields:
        return table == "policy"
    measured = rest == "generations" or rest.startswith(("held_out_", "progress_", "recorded_"))
    return table != "coevolution" or measured


TRAINERS = {
    "evolution": Algorithm("evolution", _build_evolution),
    "ppo": Algorithm("PPO", _build_ppo, takes=_is_of_ppo, extra="ppo", library="sb3_contrib", on_ranks=False),
}
"""Trainers by the setting `trainer`; their libraries are imported when they are built."""
