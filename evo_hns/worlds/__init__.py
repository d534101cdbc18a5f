"""What exists in a world and where it starts: the compiled scene and the layouts drawn from seeds."""

from evo_hns.worlds.arrays import initial_qpos, model_arrays
from evo_hns.worlds.layout import Layout, sample_layouts
from evo_hns.worlds.scene import Scene, build_scene

__all__ = ["Layout", "Scene", "build_scene", "initial_qpos", "model_arrays", "sample_layouts"]
