"""What is drawn into the scene beside the bodies: construction sites, cones and lines of sight, lidar, grips, locks.

    shapes = overlay_shapes(trajectory, world, row, Show(lidar=True))
    add_shapes(scene, shapes)  # after `mjv_updateScene` or `Renderer.update_scene`

Shapes are plain geometry in the world frame, metres; only `geoms` knows how MuJoCo draws them. Colours are those of
the teams: a line of sight, a grip and a lock have that of the agent whose they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import mujoco
import numpy as np

from evo_hns.envs.vision import CONE_HALF_ANGLE
from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.viewer.snapshots import Snapshot, snapshot_of
from evo_hns.worlds.sizes import AGENT_RADIUS

Rgba = tuple[float, float, float, float]

HIDER_RGB, SEEKER_RGB = (0.13, 0.75, 0.85), (0.95, 0.15, 0.1)
LIDAR_RGB = (1.0, 0.85, 0.3)
MARKER_RGBA = (1.0, 0.8, 0.0, 1.0)
_SITE_RGBA = (0.2, 0.45, 1.0, 0.35)
_LABEL_RGBA = (1.0, 1.0, 1.0, 1.0)

CONE_RADIUS = 1.2  #: metres to which a cone is drawn; sight itself has no limit of range
_FLOOR_GAP = 0.02  # metres between the floor and a cone that lies on it
_NUM_SECTORS = 9  # triangles of a cone
_HEAD_LENGTH, _HEAD_WIDTH = 8.0, 3.0  # of an arrow, in radii of its bar
_HEAD_SIDES = 6
_LOCK_MARGIN = 0.015  # metres that a lock stands out from its object


@dataclass(frozen=True)
class Show:
    """What is drawn."""

    cones: bool = True  #: the 135 degrees in front of each agent
    sight: bool = True  #: an arrow from each agent to every opponent that it sees
    objects: bool = False  #: thin lines to every object that it sees
    lidar: bool = False  #: its rays, as long as their readings
    grips: bool = True  #: a bar from each agent to what it holds
    locks: bool = True  #: a hull around what is locked, in the colour of the owner's team
    names: bool = False  #: who is who


@dataclass(frozen=True, eq=False)
class Line:
    """A round bar from one point to another, or an arrow.

    MuJoCo's own arrows are not drawn equally long by all of its renderers, so heads are made of triangles.
    """

    start: np.ndarray  #: `(3,)`
    end: np.ndarray  #: `(3,)`
    radius: float
    rgba: Rgba
    is_arrow: bool = False

    @property
    def neck(self) -> np.ndarray:
        """`(3,)` where the bar ends: before the head of an arrow."""
        way = self.end - self.start
        head = min(_HEAD_LENGTH * self.radius / max(float(np.linalg.norm(way)), 1e-12), 1.0)
        return self.end - head * way if self.is_arrow else self.end

    @property
    def head(self) -> np.ndarray:
        """`(k, 3, 3)` corners of the triangles of an arrow's head, a pyramid, seen from outside; none of a bar."""
        if not self.is_arrow:
            return np.empty((0, 3, 3))
        along = (self.end - self.start) / max(float(np.linalg.norm(self.end - self.start)), 1e-12)
        across = np.cross(along, (0.0, 0.0, 1.0) if abs(along[2]) < 0.9 else (1.0, 0.0, 0.0))
        across /= max(float(np.linalg.norm(across)), 1e-12)
        angles = 2 * np.pi * np.arange(_HEAD_SIDES + 1)[:, None] / _HEAD_SIDES
        rim = self.neck + _HEAD_WIDTH * self.radius * (
            np.cos(angles) * across + np.sin(angles) * np.cross(along, across)
        )
        return np.stack([np.broadcast_to(self.end, rim[1:].shape), rim[:-1], rim[1:]], 1)


@dataclass(frozen=True, eq=False)
class Cone:
    """A sector of a disc, lying flat."""

    apex: np.ndarray  #: `(3,)`
    heading: float  #: radians from +x, the middle of the sector
    half_angle: float  #: radians to each side
    radius: float
    rgba: Rgba

    @property
    def triangles(self) -> np.ndarray:
        """`(k, 3, 3)` corners of triangles that make it up, the apex first."""
        angles = self.heading + np.linspace(-self.half_angle, self.half_angle, _NUM_SECTORS + 1)
        rim = self.apex + self.radius * np.stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)], -1)
        return np.stack([np.broadcast_to(self.apex, (_NUM_SECTORS, 3)), rim[:-1], rim[1:]], 1)


@dataclass(frozen=True, eq=False)
class Block:
    """A cuboid."""

    centre: np.ndarray  #: `(3,)`
    half_size: np.ndarray  #: `(3,)` along its own axes
    rotation: np.ndarray  #: `(3, 3)`
    rgba: Rgba


@dataclass(frozen=True, eq=False)
class Label:
    """A word in the scene."""

    place: np.ndarray  #: `(3,)` its middle
    text: str


Shape = Line | Cone | Block | Label


def overlay_shapes(trajectory: Trajectory, world: int, row: float, show: Show) -> list[Shape]:
    """What is to be drawn at a moment of a match.

    Args:
        trajectory: of W matches.
        world: which of them.
        row: env steps done, 0 to T; in between, things are drawn on their way (`moments`).
        show: what is wanted.
    """
    return snapshot_shapes(snapshot_of(trajectory, world, row), show)


def snapshot_shapes(snapshot: Snapshot, show: Show) -> list[Shape]:
    """The same of a moment that was already taken out of its trajectory."""
    kinds = (
        (True, _sites),
        (show.cones, _cones),
        (show.lidar, _lidar),
        (show.objects, _seen_objects),
        (show.sight, _seen_opponents),
        (show.grips, _grips),
        (show.locks, _locks),
        (show.names, _names),
    )
    return [shape for is_wanted, shapes in kinds if is_wanted for shape in shapes(snapshot)]


def add_shapes(scene: mujoco.MjvScene, shapes: Iterable[Shape]) -> None:
    """Draw shapes into a scene, behind what is there; those that no longer fit in (`maxgeom`) are left out."""
    for geom in geoms(shapes):
        if scene.ngeom >= scene.maxgeom:
            return
        place = scene.geoms[scene.ngeom]
        mujoco.mjv_initGeom(place, geom.type, geom.size, geom.pos, geom.mat.flatten(), geom.rgba)
        place.size[:] = geom.size  # a capsule's is two radii and a half length, and was taken for radius, half length
        place.label, place.category = geom.label, geom.category
        scene.ngeom += 1


def geoms(shapes: Iterable[Shape]) -> Iterator[mujoco.MjvGeom]:
    """Shapes as MuJoCo draws them."""
    for shape in shapes:
        if isinstance(shape, Cone):
            yield from _triangles(shape.triangles, shape.rgba)
        elif isinstance(shape, Block):
            yield _geom(mujoco.mjtGeom.mjGEOM_BOX, shape.half_size, shape.centre, shape.rotation, shape.rgba)
        elif isinstance(shape, Label):
            word = _geom(mujoco.mjtGeom.mjGEOM_LABEL, np.ones(3), shape.place, np.eye(3), _LABEL_RGBA)
            word.label = shape.text
            yield word
        else:
            yield _bar(shape)
            yield from _triangles(shape.head, shape.rgba)


def _bar(line: Line) -> mujoco.MjvGeom:
    kind = mujoco.mjtGeom.mjGEOM_CAPSULE
    bar = _geom(kind, np.zeros(3), np.zeros(3), np.eye(3), line.rgba)
    mujoco.mjv_connector(bar, int(kind), line.radius, line.start, line.neck)
    return bar


def _triangles(triangles: np.ndarray, rgba: Rgba) -> Iterator[mujoco.MjvGeom]:
    """Triangles `(k, 3, 3)`: a geom's corners are its origin and the ends of its frame's first two axes."""
    for first, second, third in triangles:
        normal = np.cross(second - first, third - first)
        axes = np.stack([second - first, third - first, normal / max(float(np.linalg.norm(normal)), 1e-12)], axis=1)
        yield _geom(mujoco.mjtGeom.mjGEOM_TRIANGLE, np.ones(3), first, axes, rgba)


def _geom(kind: mujoco.mjtGeom, size: np.ndarray, pos: np.ndarray, mat: np.ndarray, rgba: Rgba) -> mujoco.MjvGeom:
    geom = mujoco.MjvGeom()
    colour = np.array(rgba, dtype=np.float32)
    mujoco.mjv_initGeom(geom, int(kind), size, np.ascontiguousarray(pos), np.ascontiguousarray(mat).ravel(), colour)
    geom.category = mujoco.mjtCatBit.mjCAT_DECOR
    return geom


def _team_rgba(snapshot: Snapshot, agent: int, alpha: float) -> Rgba:
    return (*(HIDER_RGB if snapshot.is_hider(agent) else SEEKER_RGB), alpha)


def _present(snapshot: Snapshot) -> list[int]:
    return [int(agent) for agent in np.flatnonzero(snapshot.agent_mask)]


def _sites(snapshot: Snapshot) -> Iterator[Shape]:
    for centre in snapshot.sites:  # each is as high as wide, and stands on the floor
        yield Block(centre, np.full(3, centre[2] - _LOCK_MARGIN), np.eye(3), _SITE_RGBA)


def _cones(snapshot: Snapshot) -> Iterator[Shape]:
    for agent in _present(snapshot):
        apex = snapshot.agents[agent].copy()
        # On the floor below the agent, or as far below it where it stands on something; one above the other.
        apex[2] += _FLOOR_GAP * (1 + agent / 10) - AGENT_RADIUS
        heading = float(snapshot.headings[agent])
        yield Cone(apex, heading, CONE_HALF_ANGLE, CONE_RADIUS, _team_rgba(snapshot, agent, 0.22))


def _lidar(snapshot: Snapshot) -> Iterator[Shape]:
    angles = 2 * math.pi * np.arange(snapshot.lidar.shape[1]) / max(1, snapshot.lidar.shape[1])
    ways = np.stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)], -1)
    for agent in _present(snapshot):
        centre = snapshot.agents[agent]
        for reading, way in zip(snapshot.lidar[agent], ways, strict=True):
            yield Line(centre + AGENT_RADIUS * way, centre + reading * way, 0.006, (*LIDAR_RGB, 0.5))


def _seen_objects(snapshot: Snapshot) -> Iterator[Shape]:
    for agent, item in np.argwhere(snapshot.sees_objects):
        yield _between(
            snapshot.agents[agent], snapshot.objects[item], 0.006, _team_rgba(snapshot, agent, 0.55), gap=0.0
        )


def _seen_opponents(snapshot: Snapshot) -> Iterator[Shape]:
    for agent, other in np.argwhere(snapshot.sees_agents):
        if snapshot.is_hider(agent) != snapshot.is_hider(other):
            rgba = _team_rgba(snapshot, agent, 0.9)
            yield _between(snapshot.agents[agent], snapshot.agents[other], 0.02, rgba, gap=AGENT_RADIUS, is_arrow=True)


def _grips(snapshot: Snapshot) -> Iterator[Shape]:
    for agent, item in np.argwhere(snapshot.grabbed):
        yield Line(snapshot.agents[agent], snapshot.objects[item], 0.045, _team_rgba(snapshot, agent, 1.0))


def _locks(snapshot: Snapshot) -> Iterator[Shape]:
    for item in np.flatnonzero(snapshot.locked):
        half = snapshot.half_sizes[item] + _LOCK_MARGIN
        rgba = _team_rgba(snapshot, int(snapshot.lock_owner[item]), 0.5)
        yield Block(snapshot.objects[item], half, snapshot.rotations[item], rgba)


def _names(snapshot: Snapshot) -> Iterator[Shape]:
    for agent in _present(snapshot):
        place = snapshot.agents[agent] + np.array([0.0, 0.0, 2 * AGENT_RADIUS])
        yield Label(place, agent_name(agent, snapshot.num_hiders))


def agent_name(agent: int, num_hiders: int) -> str:
    """What an agent is called: teams are counted from 0."""
    return f"hider {agent}" if agent < num_hiders else f"seeker {agent - num_hiders}"


def marker(snapshot: Snapshot, agent: int) -> Line:
    """An arrow that points down at an agent."""
    top = snapshot.agents[agent] + np.array([0.0, 0.0, 1.6 * AGENT_RADIUS + 0.7])
    return Line(top, top - np.array([0.0, 0.0, 0.7]), 0.05, MARKER_RGBA, is_arrow=True)


def _between(
    start: np.ndarray, end: np.ndarray, radius: float, rgba: Rgba, *, gap: float, is_arrow: bool = False
) -> Line:
    """A line that begins and ends `gap` metres off its ends."""
    way = end - start
    step = gap * way / max(float(np.linalg.norm(way)), 1e-9)
    return Line(start + step, end - step, radius, rgba, is_arrow)
