"""A layout as the arrays of a scene: pure functions, nothing is written here.

A new episode writes every array of `model_arrays`, then resets the physics, then writes `initial_qpos`, then
calls `forward`. The order matters twice: static geoms are posed, and what is absent is put to sleep, by the reset
alone. And the fields belong together: contacts are looked for within `geom_rbound` and `geom_aabb`, and what MuJoCo
derives from the size of a box (inertia, `dof_invweight0`, ...) does not follow by itself.

Absent agents, boxes and ramps stand on a deck far away from the field and from each other, above all rays, asleep
from the start where bodies may sleep; then they cost next to nothing. Their `qpos` is `qpos0`, 0.
"""

from __future__ import annotations

import mujoco
import numpy as np

from evo_hns.worlds.layout import Layout
from evo_hns.worlds.scene import Scene
from evo_hns.worlds.sizes import PARKING_DISTANCE, PARKING_HEIGHT, PARKING_ROW, PARKING_START


def model_arrays(scene: Scene, layout: Layout) -> dict[str, np.ndarray]:
    """Per-world values of the model fields that a layout decides.

    Returns:
        By name, `(W, ...)`: the model's own values, with those of the world in their place. Always
        `geom_pos`, `geom_size`, `geom_rbound` and `geom_aabb`; if the scene's worlds differ in their boxes or
        counts, also what follows from that (`body_pos`, `body_inertia`, `tree_sleep_policy`, ...). The same names
        for every layout of a scene. What a model compiled for one world has otherwise is of no use here: `eq_data`,
        since every grip writes its own, and bounding volumes, since the mid-phase is off; or cannot differ between
        worlds: `stat.meaninertia`, by which the solver judges that it has converged.
    """
    num_worlds = len(layout.wall_pos)
    names = ["geom_pos", "geom_size", "geom_rbound", "geom_aabb", *scene.box_kinds]
    if scene.has_ranges or scene.box_kinds:
        names.append("body_pos")
    if scene.has_ranges and scene.model.opt.enableflags & mujoco.mjtEnableBit.mjENBL_SLEEP:
        names.append("tree_sleep_policy")
    arrays = {name: np.repeat(getattr(scene.model, name)[None], num_worlds, axis=0) for name in names}
    arrays["geom_pos"][:, scene.wall_geom] = layout.wall_pos
    _write_sizes(arrays, scene.wall_geom, layout.wall_size)
    if len(scene.cylinder_geom):
        _write_cylinder(arrays, scene.cylinder_geom, layout.cylinder)
    if scene.has_varying_floor:
        half = layout.floor_size[:, None] / 2
        arrays["geom_pos"][:, 0, :2] = arrays["geom_size"][:, 0, :2] = half
    if scene.box_kinds:
        _write_boxes(arrays, scene, layout)
    if scene.has_ranges:
        _park_absent(arrays, scene, layout)
    return arrays


def _write_sizes(arrays: dict[str, np.ndarray], geoms: np.ndarray, size: np.ndarray) -> None:
    """Half sizes `(W, len(geoms), 3)` of box geoms, and their bounds."""
    x, y, z = np.moveaxis(size, -1, 0)
    arrays["geom_size"][:, geoms] = size
    arrays["geom_rbound"][:, geoms] = np.sqrt(x * x + y * y + z * z)
    arrays["geom_aabb"][:, geoms, 3:] = size  # the centre, 0:3, is the geom's own


def _write_cylinder(arrays: dict[str, np.ndarray], geoms: np.ndarray, cylinder: np.ndarray) -> None:
    """Place and size of `(W, 1, 5)` cylinders, and their bounds."""
    pos, radius, half = cylinder[..., :3], cylinder[..., 3], cylinder[..., 4]
    arrays["geom_pos"][:, geoms] = pos
    arrays["geom_size"][:, geoms, 0], arrays["geom_size"][:, geoms, 1] = radius, half
    arrays["geom_rbound"][:, geoms] = np.sqrt(radius * radius + half * half)
    arrays["geom_aabb"][:, geoms, 3:] = np.stack([radius, radius, half], axis=-1)


def _write_boxes(arrays: dict[str, np.ndarray], scene: Scene, layout: Layout) -> None:
    """Sizes of the boxes and what the compiler would derive from them."""
    boxes = slice(scene.num_boxes)
    bodies, dofs, size = scene.object_body[boxes], scene.object_qpos[boxes], layout.box_size
    _write_sizes(arrays, scene.object_geom[boxes], size)
    arrays["body_pos"][:, bodies] = size  # qpos is the world centre minus the half size
    kind = np.select([size[..., 0] > size[..., 1], size[..., 0] < size[..., 1]], [0, 1], 2)
    for name, values in scene.box_kinds.items():
        arrays[name][:, dofs if name.startswith("dof") else bodies] = values[kind]


def _park_absent(arrays: dict[str, np.ndarray], scene: Scene, layout: Layout) -> None:
    """Take absent bodies away, and put them to sleep."""
    bodies, present = _movable(scene, layout)
    row, column = np.divmod(np.arange(len(bodies)), PARKING_ROW)
    spots = PARKING_START - PARKING_DISTANCE * np.stack([column, row], axis=-1)
    places = arrays["body_pos"][:, bodies]
    away = np.concatenate([np.broadcast_to(spots, (*present.shape, 2)), places[..., 2:] + PARKING_HEIGHT], axis=-1)
    arrays["body_pos"][:, bodies] = np.where(present[..., None], places, away)
    if "tree_sleep_policy" in arrays:
        trees = scene.model.body_treeid[bodies]
        awake = arrays["tree_sleep_policy"][:, trees]
        arrays["tree_sleep_policy"][:, trees] = np.where(present, awake, int(mujoco.mjtSleepPolicy.mjSLEEP_INIT))


def _movable(scene: Scene, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Body ids of agents, boxes and ramps, and `(W, n + m)` which of them exist."""
    masks = (layout.agent_mask, layout.box_mask, layout.ramp_mask)
    return np.concatenate([scene.agent_body, scene.object_body]), np.concatenate(masks, axis=1)


def initial_qpos(scene: Scene, layout: Layout) -> np.ndarray:
    """Starting `qpos`, `(W, nq)`: world centres minus half extents, every rotation 0; `qpos0` of what is absent."""
    qpos = np.repeat(scene.model.qpos0[None], len(layout.agents), axis=0)
    bodies, present = _movable(scene, layout)
    slides = np.concatenate([scene.agent_qpos[:, :3], scene.object_qpos[:, :3]])
    centres = np.concatenate([layout.agents, layout.boxes, layout.ramps], axis=1)
    halves = np.repeat(scene.model.body_pos[None, bodies], len(centres), axis=0)
    boxes = slice(len(scene.agent_body), len(scene.agent_body) + scene.num_boxes)
    halves[:, boxes] = layout.box_size
    qpos[:, slides] = np.where(present[..., None], centres - halves, qpos[:, slides])
    return qpos
