"""A match as pictures: the world from a camera, what overlays say, and a caption."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import mujoco
import numpy as np

from evo_hns.config import ConfigError
from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.system.telling import Tell, silent
from evo_hns.viewer.films.camera import parse_camera, place_camera
from evo_hns.viewer.films.captions import burn_in, caption_height, clock, describe, num_lines
from evo_hns.viewer.films.encoding import check_film, contact_sheet, write_film, write_picture
from evo_hns.viewer.films.footage import Footage
from evo_hns.viewer.films.graphics import Canvas, require_backend
from evo_hns.viewer.films.replica import Replica
from evo_hns.viewer.overlays import Show, add_shapes, snapshot_shapes
from evo_hns.viewer.snapshots import Snapshot

SHOWN = Show(objects=False, lidar=False)  #: of the overlays
SIZES = (64, 4096)  #: the least and the most pixels of an edge
SHEET_ROWS, SHEET_COLUMNS = 3, 2  #: moments of a match on one sheet
MAX_GEOMS = 4000  #: that a picture can hold, overlays included

_FLOOR = (0.72, 0.73, 0.75, 1.0)
_SUN = np.array([0.35, 0.45, -1.0])


@dataclass(frozen=True)
class Look:
    """How a match is shown."""

    width: int = 960  #: pixels
    height: int = 720  #: pixels
    fps: float = 25.0  #: pictures per second
    speed: float = 1.0  #: simulated seconds per second
    camera: str = "angle"  #: see `parse_camera`
    overlays: bool = True  #: vision cones, who sees whom, what is held and locked
    caption: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be shown.

        Raises:
            ConfigError: a number out of range, an odd size, or no such camera.
        """
        for edge in (self.width, self.height):
            if not SIZES[0] <= edge <= SIZES[1] or edge % 2:
                raise ConfigError(
                    f"got pictures of {self.width}x{self.height} pixels, expected even numbers from {SIZES[0]} "
                    f"to {SIZES[1]}, for instance 960x720"
                )
        if not 1 <= self.fps <= 120:
            raise ConfigError(f"got {self.fps:g} pictures per second, expected 1 to 120")
        if not 0.01 <= self.speed <= 100:
            raise ConfigError(
                f"got the speed {self.speed:g}, expected 0.01 to 100; 1 is as fast as the simulated world"
            )
        parse_camera(self.camera)


class Film:
    """Draws moments of one match; a context manager, and bound to its thread."""

    def __init__(self, footage: Footage, look: Look) -> None:
        """Open what draws.

        Raises:
            ConfigError: nothing can be drawn on this machine.
        """
        backend = require_backend()
        self.look, self._footage = look, footage
        self._replica = Replica(footage)
        model = self._replica.model
        _dress(model, look, footage)
        self._scene = mujoco.MjvScene(model, MAX_GEOMS)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = True
        self._options = mujoco.MjvOption()
        bar = caption_height(look.height, num_lines(footage)) / look.height if look.caption else 0.0
        floor = float(footage.trajectory.layout.floor_size[0])
        fovy, aspect = float(model.vis.global_.fovy), look.width / look.height
        self._camera = place_camera(parse_camera(look.camera), floor, fovy, aspect, bar)
        self._canvas = Canvas(model, look.width, look.height, backend)

    @property
    def steps(self) -> np.ndarray:
        """The moments of all pictures, in env steps from the start; the last is the end."""
        seconds = self._footage.num_steps * self._footage.step_seconds / self.look.speed
        count = max(2, math.ceil(seconds * self.look.fps))
        return np.linspace(0.0, self._footage.num_steps, count)

    def frames(self, tell: Tell = silent) -> Iterator[np.ndarray]:
        """All pictures of the match, `(height, width, 3)` uint8 each; each is told."""
        for step in self.steps.tolist():
            yield self.picture(step)
            tell(1, len(self.steps))

    def picture(self, step: float) -> np.ndarray:
        """`(height, width, 3)` uint8, one moment; captions and overlays show the last whole env step."""
        pixels = self._draw(step)
        if not self.look.caption:
            return pixels.copy()
        return burn_in(pixels, describe(self._footage, int(step)), clock(self._footage, step))

    def _draw(self, step: float) -> np.ndarray:
        """A moment without words."""
        replica = self._replica
        replica.pose(step)
        everything = mujoco.mjtCatBit.mjCAT_ALL
        mujoco.mjv_updateScene(replica.model, replica.data, self._options, None, self._camera, everything, self._scene)
        if self.look.overlays:
            self._overlay(replica.snapshot(step))
        self._light()
        return self._canvas.draw(self._scene)

    def picture_of(self, trajectory: Trajectory) -> np.ndarray:
        """The end of another trajectory of the same world, without a caption."""
        self._replica.trajectory = trajectory
        return self._draw(trajectory.num_steps).copy()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._canvas.__exit__(kind, error, trace)

    def _overlay(self, snapshot: Snapshot) -> None:
        """What is said of a moment; it shines, since it takes the sun from the floor below."""
        before = self._scene.ngeom
        add_shapes(self._scene, snapshot_shapes(snapshot, SHOWN))
        for number in range(before, self._scene.ngeom):
            self._scene.geoms[number].emission = 0.7

    def _light(self) -> None:
        """A sun that casts shadows."""
        extent = self._replica.model.stat.extent
        direction = _SUN / np.linalg.norm(_SUN)
        light = self._scene.lights[self._scene.nlight]
        light.type = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
        light.pos[:] = self._replica.model.stat.center - 2.0 * extent * direction
        light.dir[:] = direction
        light.ambient[:], light.diffuse[:], light.specular[:] = 0.0, 0.4, 0.1
        light.headlight, light.castshadow = 0, 1
        self._scene.nlight += 1


def render(
    footage: Footage,
    look: Look,
    output: Path,
    *,
    step: int | None = None,
    quality: int | None = None,
    tell: Tell = silent,
) -> int:
    """Film a match, or take pictures of it.

    Args:
        footage: the match.
        look: how it is shown.
        output: its ending says what it becomes; a .png is a sheet of moments.
        step: with a .png, the one env step that is shown.
        quality: of a film, see `write_film`.
        tell: is told how many pictures of a film are drawn.

    Returns:
        The number of pictures in it.

    Raises:
        ConfigError: nothing can be drawn or written here, or no such env step.
    """
    check_film(output)
    is_still = output.suffix.lower() == ".png"
    if step is not None and not is_still:
        raise ConfigError(f"--step shows one moment: got it with {output}, expected an output that ends with .png")
    if step is not None and not 0 <= step <= footage.num_steps:
        raise ConfigError(f"got the env step {step}, expected one from 0 to {footage.num_steps}")
    with Film(footage, look) as film:
        if not is_still:
            return write_film(output, film.frames(tell), look.fps, quality=quality)
        snapshots = np.linspace(0, footage.num_steps, SHEET_ROWS * SHEET_COLUMNS).round() if step is None else [step]
        pictures = [film.picture(float(snapshot)) for snapshot in snapshots]
    write_picture(output, contact_sheet(pictures, min(SHEET_COLUMNS, len(pictures))))
    return len(pictures)


def _dress(model: mujoco.MjModel, look: Look, footage: Footage) -> None:
    """Colours and qualities of a model that is only looked at."""
    model.vis.global_.offwidth, model.vis.global_.offheight = look.width, look.height
    model.vis.quality.offsamples = 4
    model.vis.quality.shadowsize = 2048
    model.vis.map.shadowclip = 1.0
    model.vis.headlight.ambient[:] = 0.45
    model.vis.headlight.diffuse[:] = 0.25
    model.vis.headlight.specular[:] = 0.05
    model.geom_rgba[0] = _FLOOR
    floor = float(footage.trajectory.layout.floor_size[0])
    model.stat.center[:2], model.stat.extent = floor / 2, floor
