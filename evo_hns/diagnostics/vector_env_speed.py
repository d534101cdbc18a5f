"""Does the vector env cost anything? Its env steps per second beside those of this project's own rollout.

Both play the same worlds in turns: `random` hiders, who were recorded for the vector env, against the same seekers. All
that differs is what lies between the game and the caller.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np
import numpy.typing as npt

from evo_hns.config import RunConfig
from evo_hns.evaluation.evaluators import LocalEvaluator
from evo_hns.evaluation.fitness import team_return
from evo_hns.evaluation.matches import MatchTable, fresh_seeds
from evo_hns.evaluation.recording import Actions
from evo_hns.gym.played import find_match
from evo_hns.gym.vector_env import HideAndSeekVectorEnv
from evo_hns.policies.roster import scripted_roster
from evo_hns.spec import Side
from evo_hns.system.machine import usable_cores

OURS = Side.HIDERS  #: played from outside


@dataclass(frozen=True)
class VectorEnvSpeed:
    """Both ways on one number of threads."""

    num_threads: int
    env_steps: int  #: of a turn
    own_seconds: tuple[float, ...]  #: of each turn of the rollout
    vector_seconds: tuple[float, ...]  #: of each turn of the vector env
    own_cpu_seconds: tuple[float, ...]
    vector_cpu_seconds: tuple[float, ...]
    is_same_play: bool  #: both came to the same returns

    @property
    def ratio(self) -> float:
        """Median over the turns of the vector env's env steps per second by those of the rollout."""
        return median(own / vector for own, vector in zip(self.own_seconds, self.vector_seconds, strict=True))

    @property
    def cpu_ratio(self) -> float:
        """The same by CPU time, which a busy machine disturbs less."""
        return median(own / vector for own, vector in zip(self.own_cpu_seconds, self.vector_cpu_seconds, strict=True))

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {**vars(self), "ratio": self.ratio, "cpu_ratio": self.cpu_ratio}


def measure(config: RunConfig, opponent: str, rounds: int = 3) -> list[VectorEnvSpeed]:
    """Measure on one thread, and on all.

    Args:
        config: the game, and the worlds side by side.
        opponent: address of the seekers' player.
        rounds: turns of each way.

    Raises:
        ConfigError: an opponent that cannot play this game.
    """
    match = find_match(config, OURS, opponent)
    rosters = {OURS: scripted_roster("random"), OURS.other: match.opponent}
    count = config.physics.num_worlds
    rows = np.zeros(count, dtype=np.int64)
    table = MatchTable(rows, rows, fresh_seeds(count, 0))
    speeds = []
    for num_threads in sorted({1, min(usable_cores(), count)}):
        threads = config.physics.model_copy(update={"num_threads": num_threads})
        evaluator = LocalEvaluator(config.model_copy(update={"physics": threads}))
        played = evaluator.evaluate(table, rosters, keep=["actions"])  # compiles, too
        env = HideAndSeekVectorEnv(match, count, num_threads)
        choices = _choices(played.actions or {}, env)
        returns = _play(env, table.seed, choices)
        expected = team_return(played, evaluator.session.spec, OURS).numpy()
        turns = []
        for _ in range(rounds):
            own = _time(partial(evaluator.evaluate, table, rosters))
            turns.append(own + _time(partial(_play, env, table.seed, choices)))
        env.close()
        own_wall, own_cpu, wall, cpu = zip(*turns, strict=True)
        same = bool(np.allclose(returns[~played.failed.numpy()], expected[~played.failed.numpy()]))
        env_steps = count * config.rules.horizon
        speeds.append(VectorEnvSpeed(num_threads, env_steps, own_wall, wall, own_cpu, cpu, same))
    return speeds


def _choices(actions: Actions, env: HideAndSeekVectorEnv) -> npt.NDArray[np.int64]:
    """`(T, W, A * K)`, what hiders did, as the vector env takes it."""
    movement, pull, lock = (actions[name] for name in ("movement", "pull", "glueall"))
    members, numbers = env.members_and_numbers
    pulls = pull[..., None] if pull.ndim == 3 else pull
    pulls = np.broadcast_to(pulls, (*lock.shape, numbers - movement.shape[-1] - 1))
    rows = np.concatenate([movement, pulls, lock[..., None]], axis=-1)[:, :, :members].astype(np.int64)
    return rows.swapaxes(0, 1).reshape(rows.shape[1], rows.shape[0], -1)


def _play(
    env: HideAndSeekVectorEnv, seeds: npt.NDArray[np.int64], choices: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """`(W,)` returns of an episode in each world."""
    env.reset(seed=seeds.tolist())
    returns = np.zeros(len(seeds))
    for actions in choices:
        returns += env.step(actions)[1]
    return returns


def _time(job: Callable[[], object]) -> tuple[float, float]:
    """Seconds, and seconds of CPU time, of a job."""
    wall, cpu = time.perf_counter(), time.process_time()
    job()
    return time.perf_counter() - wall, time.process_time() - cpu
