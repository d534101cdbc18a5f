"""One world of the game that is played env step by env step, looked at, and copied.

`pickle` and `copy.deepcopy` are exact, also in the middle of an episode: a copy plays the episode's actions again,
which takes as long as they took.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from evo_hns.config import ConfigError, RunConfig
from evo_hns.gym.arrays import Told, told
from evo_hns.gym.played import PlayedGame
from evo_hns.policies.roster import Roster
from evo_hns.spec import Side

if TYPE_CHECKING:
    from evo_hns.gym.pictures import Pictures

RENDER_MODE = "rgb_array"

_NOT_COPIED = ("game", "_pictures")
"""What a copy makes anew: the physics engine holds memory of its own, and so does what draws."""


class World:
    """A world, which begins as world 0.

    Args:
        config: world, rules and physics are taken from it.
        players: of the sides that are not played from outside.
    """

    seed: int  #: of the world
    failed: bool  #: the physics failed
    _played: list[npt.NDArray[np.int64]]  #: `(A, K)` each, what was done from outside in this episode
    _pictures: Pictures | None

    def __init__(self, config: RunConfig, players: Mapping[Side, Roster]) -> None:
        self._config, self._players = config, players
        self._build()
        self.begin(0)

    def _build(self) -> None:
        self.game, self._pictures = PlayedGame(self._config, 1, self._players), None

    def begin(self, seed: int) -> None:
        """Lay out a world, in which nothing was played yet."""
        self.close()
        self.seed, self._played, self.failed = seed, [], False
        self.game.begin(np.array([seed], dtype=np.int64))
        self.present: list[bool] = self.game.told.agent_mask[0].tolist()  # a failed world's mask is zeros

    def step(self, choices: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Play one env step.

        Args:
            choices: `(A, K)`, actions of those who are played from outside.

        Returns:
            `(A,)` their rewards.
        """
        step = self.game.step(choices[None])
        self._played.append(choices)
        self.failed = bool(step.failed[0])
        rewards: npt.NDArray[np.float64] = step.reward[0, self.game.team].numpy()
        return rewards

    @property
    def is_over(self) -> bool:
        """The episode is over."""
        return self.failed or self.game.at_horizon

    @property
    def told(self) -> Told:
        """`(A, ...)` each, what those observe who are played from outside; zeros for the absent."""
        return {name: values[0] for name, values in told(self.game.told).items()}

    @property
    def statistics(self) -> dict[str, float]:
        """The game's statistics of the episode so far."""
        return {name: float(values[0]) for name, values in self.game.statistics().items()}

    def picture(self) -> npt.NDArray[np.uint8]:
        """`(height, width, 3)`, the world as it is.

        Raises:
            ConfigError: nothing can be drawn on this machine.
        """
        from evo_hns.gym.pictures import Pictures

        if self._pictures is None:
            self._pictures = Pictures(self._config, self.game, self.seed)
        return self._pictures.draw()

    def close(self) -> None:
        """Close what draws."""
        if self._pictures is not None:
            self._pictures.close()
        self._pictures = None

    def __getstate__(self) -> dict[str, Any]:
        """All but the engine; the world and what was played in it say what that holds."""
        return {name: value for name, value in vars(self).items() if name not in _NOT_COPIED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Play the episode again, to the bit."""
        self.__dict__.update(state)
        played = self._played
        self._build()
        self.begin(self.seed)
        for choices in played:
            self.step(choices)


def check_render_mode(render_mode: str | None) -> None:
    """Refuse what cannot be drawn, before anything is played.

    Raises:
        ConfigError: another render mode, or nothing can be drawn on this machine.
    """
    if render_mode is None:
        return
    if render_mode != RENDER_MODE:
        raise ConfigError(f"got the render mode {render_mode!r}, expected None or {RENDER_MODE!r}")
    from evo_hns.gym.pictures import require_backend

    require_backend()
