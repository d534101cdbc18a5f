"""Players of each side: champions of a run by their generation, scripted players, and players by address.

Only one champion is read at a time; `refresh` reads again which champions a run in training has.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from evo_hns.archive.run_view import RunView
from evo_hns.config import RunConfig
from evo_hns.players.addresses import (
    PUBLISHED_PREFIXES,
    Address,
    Archived,
    common_game,
    find_player,
    lasting_name,
    parse_address,
)
from evo_hns.policies import SCRIPTED
from evo_hns.policies.roster import Roster
from evo_hns.spec import ObservationSpec, Side

SCRIPTED_NAMES = tuple(f"scripted:{name}" for name in SCRIPTED)


class AvailablePlayers:
    """The players that a run offers, and the first ones to play.

    Args:
        run: the run file.
        asked: per side an address, or a short one of this run: `hiders/12`, `seekers/last`. Who is not named is the
            run's latest champion. Champions of a side are offered from the run that its address leads to.

    Raises:
        ConfigError: an address without a player, or players of different games.
        RunFileError: a run file that cannot be read.
    """

    config: RunConfig  #: of the game, with the networks of each side's run
    first: dict[Side, str]  #: who is to begin
    generations: dict[Side, np.ndarray]  #: `(H,)` int64 of the champions that a side has, in their order

    def __init__(self, run: Path, asked: Mapping[Side, str]) -> None:
        with RunView(run) as view:
            game = view.config
        self._houses = dict.fromkeys(Side, run)
        self.first = {side: asked.get(side, _latest(side, game)) for side in Side}
        addresses = {side: self._address(side, text) for side, text in self.first.items()}
        self._houses |= {side: a.path for side, a in addresses.items() if isinstance(a, Archived)}
        self.config = common_game(addresses, game)
        self.generations = {side: np.empty(0, dtype=np.int64) for side in Side}
        self.refresh()

    def refresh(self) -> int:
        """Look into the runs again; how many champions are new."""
        before = sum(map(len, self.generations.values()))
        generations = {}
        for side, run in self._houses.items():
            with RunView(run) as view:
                generations[side] = view.generations(side)
        self.generations = generations
        return sum(map(len, generations.values())) - before

    def roster(self, side: Side, text: str, spec: ObservationSpec) -> Roster:
        """The player behind an address, short or whole.

        Raises:
            ConfigError: it leads nowhere.
            RunFileError: its run file cannot be read.
        """
        return find_player(self._address(side, text), side, spec)

    def lasting(self, side: Side, text: str) -> str:
        """The same address, with its generation in place of `last` and `best`."""
        address = self._address(side, text)
        if not isinstance(address, Archived):
            return lasting_name(address, self._houses[side])
        name = f"{side.label}/{address.member.generation}"
        return name if address.path == self._houses[side] else f"{address.path}:{name}"

    def _address(self, side: Side, text: str) -> Address:
        is_short = any(text.startswith(f"{s.label}/") for s in Side)
        return parse_address(f"{self._houses[side]}:{text}" if is_short else text, side)


def is_published(name: str) -> bool:
    """Whether an address is that of a policy of OpenAI's."""
    return name.startswith(tuple(PUBLISHED_PREFIXES))


def _latest(side: Side, game: RunConfig) -> str:
    """Who plays a side if nobody is named; in a task of one team nobody plays the other."""
    size = game.world.max_hiders if side is Side.HIDERS else game.world.max_seekers
    return f"{side.label}/last" if size else "scripted:still"
