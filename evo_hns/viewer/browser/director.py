"""Follows the requests of a watcher and holds what is shown, without any user interface.

A request that cannot be followed changes nothing but the note that is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evo_hns.archive.records import Match
from evo_hns.archive.run_view import RunView
from evo_hns.archive.storage import RunFileError
from evo_hns.config import ConfigError
from evo_hns.evaluation.fitness import team_return
from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.spec import Side
from evo_hns.system.shell import shell_command
from evo_hns.viewer.browser.available_players import AvailablePlayers
from evo_hns.viewer.browser.playback import Playback
from evo_hns.viewer.browser.session import HANDS_OFF, Session
from evo_hns.viewer.overlays import agent_name

SEED_LIMIT = 2**32  #: world seeds are below

_NOBODY = dict.fromkeys(Side, "scripted:still")  # plays in a recorded match, whose actions are given


@dataclass(frozen=True)
class Series:
    """Statistics of an episode, env step by env step; T + 1 values, the start first."""

    returns: Mapping[Side, np.ndarray]  #: `(T + 1,)` mean over the team's members, so far
    statistics: Mapping[str, np.ndarray]  #: `(T + 1,)` the game's statistics


@dataclass(frozen=True)
class View:
    """All that a screen has to know, at one moment; nothing in it changes afterwards."""

    episode: int  #: counts the episodes
    players: Mapping[Side, str]  #: addresses
    teams: tuple[Side, ...]  #: sides that have agents
    generations: Mapping[Side, np.ndarray]  #: of the champions that can be picked
    seed: int  #: of the world
    trajectory: Trajectory  #: of the episode so far, one world
    series: Series
    position: float  #: env steps done where it is looked at
    horizon: int  #: env steps of a whole episode
    is_playing: bool
    speed: float
    agents: Mapping[int, str]  #: names of those that are there
    taken: int | None  #: the agent that a person steers
    is_recorded: bool  #: it is a recorded match
    note: str  #: what came of the last request, or of the episode

    @property
    def row(self) -> int:
        """Whole env steps done where it is looked at."""
        return int(self.position)


class Director:
    """Follows requests; used by one thread.

    Args:
        run: the run file; `run` is then its name.
        asked: addresses per side; see `AvailablePlayers`.
        seed: of the first world.
        match: number of a recorded match to watch instead.

    Raises:
        ConfigError: an address or a match that is not there, a seed out of range.
        RunFileError: a run file that cannot be read.
    """

    def __init__(self, run: Path, asked: Mapping[Side, str], seed: int = 0, match: int | None = None) -> None:
        self.run = run.name
        self._match = None if match is None else _find_match(run, match)
        self._available = AvailablePlayers(run, asked if self._match is None else _NOBODY)
        self._session = Session(self._available.config)
        self._episode, self._note = 0, ""
        self._series_of, self._last_series = (-1, -1), Series({}, {})
        if self._match is None:
            self._begin(self._available.first, seed)
        else:
            self._players = {Side.HIDERS: self._match.hider, Side.SEEKERS: self._match.seeker}
            self._session.begin_match(self._match)
        self.playback = Playback(self._session)
        self.steering = HANDS_OFF

    @property
    def session(self) -> Session:
        """The episode."""
        return self._session

    def request(self, request: Callable[[Director], None]) -> None:
        """Do what somebody asks for, or say why not."""
        self._note = ""
        try:
            request(self)
        except (ConfigError, RunFileError, OSError, ValueError) as error:
            self._note = str(error)

    def choose(self, players: Mapping[Side, str], seed: int) -> None:
        """Begin an episode of these players in this world."""
        self._begin(players, seed)
        self._match = None
        self._rewind()

    def restart(self) -> None:
        """Begin the same episode again."""
        if self._match is None:
            self._begin(self._players, self._session.seed)
        else:
            self._session.begin_match(self._match)
        self._rewind()

    def refresh(self) -> None:
        """Look for new champions in a run that is still training."""
        new = self._available.refresh()
        self._note = f"{new} new champions" if new else "no new champions"

    def tick(self, seconds: float) -> None:
        """Let time pass."""
        self.playback.tick(seconds, self.steering)

    def step(self, rows: int) -> None:
        """Go one env step on or back."""
        self.playback.step(rows, self.steering)

    def set_speed(self, speed: float) -> None:
        """Seconds of the game in a second."""
        self.playback.speed = speed

    def toggle(self) -> None:
        """Play, or pause."""
        if self.playback.is_playing:
            self.playback.pause()
        else:
            self.playback.play()

    @property
    def view(self) -> View:
        """What is to be shown now."""
        session, playback = self._session, self.playback
        spec = session.spec
        return View(
            episode=self._episode,
            players=self._players,
            teams=spec.teams,
            generations=self._available.generations,
            seed=session.seed,
            trajectory=session.trajectory,
            series=self._series(),
            position=playback.position,
            horizon=session.horizon,
            is_playing=playback.is_playing,
            speed=playback.speed,
            agents={agent: agent_name(agent, spec.num_hiders) for agent in _present(session)},
            taken=session.taken,
            is_recorded=session.is_recorded,
            note=self._note or self._verdict(),
        )

    def _begin(self, players: Mapping[Side, str], seed: int) -> None:
        if not 0 <= seed < SEED_LIMIT:
            raise ConfigError(f"got the world seed {seed}, expected 0 to {SEED_LIMIT - 1}")
        named = {side: self._available.lasting(side, players[side]) for side in Side}
        rosters = {side: self._available.roster(side, named[side], self._session.spec) for side in Side}
        self._session.begin(rosters, seed)
        self._players = named

    def _rewind(self) -> None:
        self._episode += 1
        self.playback.rewind()

    def _series(self) -> Series:
        """Computed anew after each env step only."""
        key = self._episode, self._session.num_steps
        if self._series_of != key:
            self._series_of, self._last_series = key, _series(self._session)
        return self._last_series

    def _verdict(self) -> str:
        """What is to be said of an episode that is over."""
        session = self._session
        if not session.is_over:
            return "the physics failed: this world stands still" if session.failed else ""
        if self._match is not None:
            equal = session.equals(self._match)
            return "equal to the stored score, to the bit" if equal else "differs from the stored score"
        ends = [
            f"{side.label} {team_return(session.episodes, session.spec, side).item():g}" for side in session.spec.teams
        ]
        steered = ", with a person in it" if session.was_steered else ""
        return f"final returns: {', '.join(ends)}{steered}"


def _present(session: Session) -> list[int]:
    return [int(agent) for agent in np.flatnonzero(session.agent_mask)]


def _series(session: Session) -> Series:
    rewards = session.trajectory.reward[0]
    so_far = np.concatenate([np.zeros((1, rewards.shape[1])), np.cumsum(rewards, axis=0)])
    spec, returns = session.spec, {}
    for side in spec.teams:
        team = spec.team(side)
        returns[side] = so_far[:, team].sum(1) / max(1, int(session.agent_mask[team].sum()))
    names = session.statistics[0]
    return Series(returns, {name: np.array([row[name] for row in session.statistics]) for name in names})


def _find_match(run: Path, number: int) -> Match:
    with RunView(run) as view:
        if not view.num_matches:
            raise ConfigError(
                f"{run} holds no recorded matches; to record one: "
                + shell_command("record", run, f"{run}:hiders/last", f"{run}:seekers/last")
            )
        if not 0 <= number < view.num_matches:
            raise ConfigError(f"no match {number} in {run}; it has matches 0 to {view.num_matches - 1}")
        return view.match(number)
