"""A layout as the arrays of a scene: pure functions, nothing is written here.

Static geoms are posed when a world is reset, and contacts are looked for within `geom_rbound`, so
all four fields of a wall must be written together, before the reset.
"""

from __future__ import annotations

import numpy as np

from evo_hns.worlds.layout import Layout
from evo_hns.worlds.scene import Scene


def geom_arrays(scene: Scene, layout: Layout) -> dict[str, np.ndarray]:
    """Per-world values of the model fields that a layout decides.

    Returns:
        `geom_pos` and `geom_size` `(W, ngeom, 3)`, `geom_rbound` `(W, ngeom)`, `geom_aabb`
        `(W, ngeom, 6)`: the model's own values, with those of the walls replaced.
    """
    walls, model = scene.wall_geom, scene.model
    names = ("geom_pos", "geom_size", "geom_rbound", "geom_aabb")
    arrays = {name: np.repeat(getattr(model, name)[None], len(layout.wall_pos), axis=0) for name in names}
    x, y, z = np.moveaxis(layout.wall_size, -1, 0)
    arrays["geom_pos"][:, walls] = layout.wall_pos
    arrays["geom_size"][:, walls] = layout.wall_size
    arrays["geom_rbound"][:, walls] = np.sqrt(x * x + y * y + z * z)
    arrays["geom_aabb"][:, walls, 3:] = layout.wall_size  # the centre, 0:3, is the geom's own
    return arrays


def initial_qpos(scene: Scene, layout: Layout) -> np.ndarray:
    """Starting `qpos`, `(W, nq)`: world centres minus half extents, every rotation 0."""
    qpos = np.repeat(scene.model.qpos0[None], len(layout.agents), axis=0)
    bodies = np.concatenate([scene.agent_body, scene.object_body])
    slides = np.concatenate([scene.agent_qpos, scene.object_qpos])[:, :3]
    centres = np.concatenate([layout.agents, layout.boxes, layout.ramps], axis=1)
    qpos[:, slides] = centres - scene.model.body_pos[bodies]
    return qpos
