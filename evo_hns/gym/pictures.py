"""Pictures of a world that is being played, as `evo-hns render` draws them; imported where one is asked for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.trajectory import TrajectoryRecorder
from evo_hns.gym.played import PlayedGame
from evo_hns.system.installation import how_to_install

try:
    from evo_hns.viewer.films.film import Film, Look
    from evo_hns.viewer.films.footage import Footage
    from evo_hns.viewer.films.graphics import require_backend
except ImportError as error:
    raise ConfigError(f"pictures need Pillow: {how_to_install('render')}") from error

__all__ = ["LOOK", "Pictures", "require_backend"]

LOOK = Look(width=640, height=480, caption=False)


class Pictures:
    """Draws one world, from one thread, until it begins anew.

    Args:
        config: its settings.
        game: plays it.
        seed: of the world.

    Raises:
        ConfigError: nothing can be drawn on this machine.
    """

    def __init__(self, config: RunConfig, game: PlayedGame, seed: int) -> None:
        self._game, self._recorder = game, TrajectoryRecorder(game.game, np.array([seed], dtype=np.int64))
        self._film = Film(Footage(self._recorder.moment(game.observation), "", "", "", config), LOOK)

    def draw(self) -> npt.NDArray[np.uint8]:
        """`(height, width, 3)`, the world as it is."""
        return self._film.picture_of(self._recorder.moment(self._game.observation))

    def close(self) -> None:
        """Close what draws."""
        self._film.__exit__(None, None, None)
