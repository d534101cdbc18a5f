"""The clock of a watcher: plays, pauses, steps and scrubs through an episode that grows at its end.

The position is a number of env steps done. It is whole whenever the clock stands, and on its way in between.
"""

from __future__ import annotations

import math

from evo_hns.viewer.browser.session import HANDS_OFF, Session, Steering

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds of the game in a second."""

_MOST_STEPS = 16  # in one tick: a machine that is too slow plays slower, and still answers


class Playback:
    """Where in an episode somebody looks.

    Args:
        session: has begun an episode.
    """

    def __init__(self, session: Session) -> None:
        self.session, self.speed = session, 1.0
        physics = session.config.physics
        self._seconds_per_step = physics.timestep * physics.num_substeps
        self.rewind()

    def rewind(self) -> None:
        """To the start; after a new episode has begun."""
        self.position, self.is_playing = 0.0, False

    @property
    def at_the_end(self) -> bool:
        """Nothing is left to show: the episode is over, and its last state is shown."""
        return self.session.is_over and self.position >= self.session.num_steps

    def play(self) -> None:
        """Let the clock run; from the start if the episode is over."""
        if self.at_the_end:
            self.position = 0.0
        self.is_playing = True

    def pause(self) -> None:
        """Stop at the next whole env step."""
        self.position, self.is_playing = float(math.ceil(self.position)), False

    def seek(self, row: int) -> None:
        """Show a state that is stored."""
        self.position, self.is_playing = float(min(max(row, 0), self.session.num_steps)), False

    def step(self, rows: int, steering: Steering = HANDS_OFF) -> None:
        """Show the next env step, or one before; it is played if it is not there yet."""
        row = (math.floor(self.position) if rows > 0 else math.ceil(self.position)) + rows
        if row > self.session.num_steps:
            self.session.step(steering)
        self.seek(row)

    def take_over(self, agent: int | None) -> None:
        """Let a person steer an agent, which is at the end of what was played."""
        self.session.take_over(agent)
        if agent is not None:
            self.position = float(self.session.num_steps)

    def tick(self, seconds: float, steering: Steering = HANDS_OFF) -> None:
        """Let time pass.

        Args:
            seconds: since the last tick.
            steering: what the agent that is taken over does.
        """
        if not self.is_playing:
            return
        wanted = self.position + seconds * self.speed / self._seconds_per_step
        for _ in range(_MOST_STEPS):
            if self.session.num_steps >= wanted or self.session.is_over:
                break
            self.session.step(steering)
        self.position = min(wanted, float(self.session.num_steps))
        self.is_playing = not self.at_the_end
