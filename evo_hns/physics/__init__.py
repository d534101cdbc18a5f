"""How bodies move and what rays hit."""

from evo_hns.physics.base import Physics
from evo_hns.physics.cpu import CpuPhysics

BACKENDS = {"cpu": CpuPhysics}

__all__ = ["BACKENDS", "CpuPhysics", "Physics"]
