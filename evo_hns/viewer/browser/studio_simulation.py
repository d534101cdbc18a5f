"""The game as the simulation of MuJoCo Studio: it follows requests, advances time, and sends what is shown.

Studio runs a viewer and a simulation in two threads that only send each other messages. Here the simulation is the
game, and the model that Studio knows is only the one that is shown: its joints are written, it is never stepped.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import mujoco
from mujoco.studio import messages
from mujoco.studio.viewer_handle import SimInitEvent

from evo_hns.viewer.browser.director import Director, View
from evo_hns.viewer.browser.session import Steering
from evo_hns.viewer.scenery import shown_model
from evo_hns.viewer.snapshots import qpos_at

_TICK = 1 / 60  # seconds from one picture to the next
_LONGEST_TICK = 0.25  # seconds: what took longer (an episode that begins) is not made up for

Method = TypeVar("Method", bound=Callable[..., None])


def handler(method: Method) -> Method:
    """Mark a method as taking the messages that its argument is typed with."""
    return cast(Method, messages.handler(method))


@dataclass(frozen=True)
class Request(messages.Event):  # type: ignore[misc]
    """Something that the watcher asks for; never lost."""

    do: Callable[[Director], None]


@dataclass(frozen=True)
class Steer(messages.Snapshot):  # type: ignore[misc]
    """The keys that the watcher holds."""

    steering: Steering


@dataclass(frozen=True, eq=False)
class Shown(messages.Snapshot):  # type: ignore[misc]
    """The view at this moment."""

    view: View


class GameSimulation:
    """Runs the game in Studio's simulation thread.

    Args:
        director: follows requests; used by that thread alone from now on.
    """

    def __init__(self, director: Director) -> None:
        self._director, self._config = director, director.session.config
        self._episode: int | None = None
        self._last_tick = time.perf_counter()

    @handler
    def on_init(self, event: SimInitEvent) -> None:
        """Keep Studio's handle."""
        self._handle: Any = event.handle
        self._set_up()

    @handler
    def on_request(self, event: Request) -> None:
        """Follow a request; the view says why if that fails."""
        self._director.request(event.do)

    @handler
    def on_steer(self, event: Steer) -> None:
        """Keys were pressed or let go."""
        self._director.steering = event.steering

    @handler
    def on_pre_step(self, _: messages.PreStepEvent) -> None:
        """Show the world of an episode that has begun."""
        if self._director.view.episode != self._episode:
            self._set_up()

    @handler
    def on_step(self, event: messages.StepEvent) -> None:
        """Advance time, and show the poses; Studio leaves the pace to the simulation."""
        now = time.perf_counter()
        self._director.tick(min(now - self._last_tick, _LONGEST_TICK))
        self._last_tick = now
        view = self._director.view
        event.data.qpos[:] = qpos_at(view.trajectory, 0, view.position)
        event.data.time = view.position
        self._handle.send_to_viewer(Shown(view))
        time.sleep(max(0.0, _TICK - (time.perf_counter() - now)))

    def _set_up(self) -> None:
        view = self._director.view
        trajectory = view.trajectory
        model = shown_model(self._config, trajectory.scene, trajectory.layout)
        data = mujoco.MjData(model)
        data.qpos[:] = qpos_at(trajectory, 0, view.position)
        self._episode = view.episode
        self._handle.set_model(model, data=data)
