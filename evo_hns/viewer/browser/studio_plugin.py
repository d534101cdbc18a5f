"""What of MuJoCo Studio runs with the screen: panels, keys, the camera, and what is drawn into the scene."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mujoco.studio import messages
from mujoco.studio.dear_imgui import dear_imgui as imgui
from mujoco.studio.viewer_protocol import ViewerInitEvent

from evo_hns.spec import Side
from evo_hns.viewer.browser.director import Director, View
from evo_hns.viewer.browser.session import HANDS_OFF, Steering
from evo_hns.viewer.browser.studio_panels import Panels
from evo_hns.viewer.browser.studio_simulation import Request, Shown, Steer, handler
from evo_hns.viewer.overlays import Shape, Show, geoms, marker, snapshot_shapes
from evo_hns.viewer.scenery import overview
from evo_hns.viewer.snapshots import snapshot_of


class Screen:
    """Shows what the stage sends, and sends it the watcher's requests."""

    view: View | None  #: what is shown
    shapes: list[Shape]  #: what is drawn into it
    frames: int  #: pictures made for browsers so far

    def __init__(self) -> None:
        self.view, self.shapes, self.frames = None, [], 0
        self._panels = Panels(self._ask)
        self._drawn: tuple[object, ...] = ()
        self._steering = HANDS_OFF
        self._floor_size = 0.0

    @property
    def picked(self) -> Mapping[Side, str]:
        """Who is picked for the next episode."""
        return self._panels.picked

    @handler
    def on_init(self, event: ViewerInitEvent) -> None:
        """Remember the viewer; keys are the game's, not for walking through panels."""
        self._viewer: Any = event.viewer
        io = imgui.GetIO()
        io.ConfigFlags = int(io.ConfigFlags) & ~int(imgui.ConfigFlags.NavEnableKeyboard)

    @handler
    def on_shown(self, event: Shown) -> None:
        """There is something new to see."""
        self.view = event.view
        floor_size = float(self.view.trajectory.layout.floor_size[0])
        if floor_size != self._floor_size:
            self._floor_size = floor_size
            self._aim(floor_size)

    @handler
    def on_model(self, _: messages.PostModelEvent) -> None:
        """A model has come, which takes what was drawn away."""
        self._drawn = ()

    @handler
    def on_update(self, _: messages.UpdateEvent) -> None:
        """Draw into the scene, and follow the keys."""
        self.frames += 1
        if self.view is None:
            return
        self._draw(self.view, self._panels.show)
        if not imgui.IsAnyItemActive():  # nobody types into a field
            self._follow_keys(self.view)

    @handler
    def on_build_gui(self, _: messages.BuildGuiEvent) -> None:
        """Build the panels."""
        if self.view is not None:
            self._panels.build_gui(self.view, self._steering)

    def _ask(self, request: Any) -> None:
        self._viewer.send_to_sim(Request(request))

    def _aim(self, floor_size: float) -> None:
        camera, wanted = self._viewer.camera, overview(floor_size)
        camera.lookat[:] = wanted.lookat
        camera.distance, camera.azimuth, camera.elevation = wanted.distance, wanted.azimuth, wanted.elevation

    def _draw(self, view: View, show: Show) -> None:
        key = view.episode, view.position, view.taken, show
        if key == self._drawn:
            return
        self._drawn = key
        snapshot = snapshot_of(view.trajectory, 0, view.position)
        self.shapes = snapshot_shapes(snapshot, show)
        if view.taken is not None:
            self.shapes.append(marker(snapshot, view.taken))
        self._viewer.extra_geoms[:] = geoms(self.shapes)

    def _follow_keys(self, view: View) -> None:
        key = imgui.Key
        if imgui.IsKeyPressed(key.Space, False):
            self._ask(Director.toggle)
        for arrow, rows in ((key.LeftArrow, -1), (key.RightArrow, 1)):
            if imgui.IsKeyPressed(arrow):
                self._ask(lambda director, rows=rows: director.step(rows))
        if imgui.IsKeyPressed(key.P, False):
            self._panels.are_hidden = not self._panels.are_hidden
        if imgui.IsKeyPressed(key.R, False):
            self._ask(Director.restart)
        if imgui.IsKeyPressed(key.T, False):
            self._take_next(view)
        if imgui.IsKeyPressed(key.Escape, False):
            self._ask(lambda director: director.playback.take_over(None))
        steering = HANDS_OFF if view.taken is None else self._steer()
        if steering != self._steering:
            self._steering = steering
            self._viewer.send_to_sim(Steer(steering))

    def _take_next(self, view: View) -> None:
        """The next agent, after the last nobody."""
        order: list[int | None] = [None, *view.agents]
        chosen = order[(order.index(view.taken) + 1) % len(order)]
        self._ask(lambda director: director.playback.take_over(chosen))

    def _steer(self) -> Steering:
        """What the keys say; forward is away from the camera."""

        def axis(more: Any, less: Any) -> int:
            return int(imgui.IsKeyDown(more)) - int(imgui.IsKeyDown(less))

        key, before = imgui.Key, self._steering
        forward, left = axis(key.W, key.S), axis(key.A, key.D)
        azimuth = math.radians(self._viewer.camera.azimuth)
        cos, sin = math.cos(azimuth), math.sin(azimuth)
        x, y = forward * cos - left * sin, forward * sin + left * cos
        scale = max(1.0, abs(x), abs(y))
        return Steering(
            force=(round(x / scale, 3), round(y / scale, 3)),
            torque=0.5 * axis(key.Q, key.E),
            grab=before.grab ^ imgui.IsKeyPressed(key.G, False),
            lock=before.lock ^ imgui.IsKeyPressed(key.L, False),
        )
