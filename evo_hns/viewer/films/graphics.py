"""OpenGL without a display: which of MuJoCo's ways to it works here, and a picture drawn with it.

A graphics library that is half installed may kill its process, so that each is first tried in one of its own.
"""

from __future__ import annotations

import importlib
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Self

import numpy as np

from evo_hns.config import ConfigError
from evo_hns.system.probe import probe

if TYPE_CHECKING:
    import mujoco

REMEDY = (
    "install EGL, which draws on the processor too (Debian: apt-get install libegl1 libgl1-mesa-dri libopengl0), "
    "or set MUJOCO_GL to egl, osmesa or glfw"
)
DISABLED = ("0", "disable", "disabled", "false", "off")
"""Words by which MuJoCo lets `MUJOCO_GL` forbid OpenGL."""

_PROBE = """
import mujoco
from mujoco.{backend} import GLContext
context = GLContext(32, 32)
context.make_current()
model = mujoco.MjModel.from_xml_string("<mujoco><worldbody><geom size='1'/></worldbody></mujoco>")
drawing = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
from OpenGL.GL import GL_RENDERER, glGetString
drawn_by = glGetString(GL_RENDERER).decode()
drawing.free()
context.free()
print("{backend}:", drawn_by)
"""


def find_backend() -> tuple[str | None, str]:
    """The first of MuJoCo's ways to OpenGL that works here; `MUJOCO_GL` leaves no other choice.

    Returns:
        Its name, None if there is none; and one line on what was found.
    """
    wanted = os.environ.get("MUJOCO_GL", "").lower().strip()
    if wanted in DISABLED:
        return None, f"MUJOCO_GL={wanted} forbids it"
    complaints = []
    for backend in _candidates(wanted):
        works, said = _try(backend)
        if works:
            return backend, said
        complaints.append(f"{backend}: {said}")
    return None, "; ".join(complaints)


def require_backend() -> str:
    """The name of a way to OpenGL that works here.

    Raises:
        ConfigError: there is none.
    """
    backend, found = find_backend()
    if backend is None:
        raise ConfigError(f"pictures need OpenGL, which does not work here ({found}); {REMEDY}")
    return backend


class Canvas:
    """Draws scenes of one model into arrays; a context manager, and bound to its thread.

    MuJoCo's own `Renderer` takes its OpenGL from a variable that is read when mujoco is first imported; this one
    takes it when it is made.
    """

    def __init__(self, model: mujoco.MjModel, width: int, height: int, backend: str) -> None:
        """Open OpenGL.

        Args:
            model: what is drawn; its off-screen buffer must be as large as the picture.
            width: of the picture, pixels.
            height: of the picture, pixels.
            backend: as `require_backend` gives it.
        """
        import mujoco

        self._gl = importlib.import_module(f"mujoco.{backend}").GLContext(width, height)
        self._gl.make_current()
        self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        self._rect = mujoco.MjrRect(0, 0, width, height)

    def draw(self, scene: mujoco.MjvScene) -> np.ndarray:
        """`(height, width, 3)` uint8, a picture of a scene."""
        import mujoco

        pixels = np.empty((self._rect.height, self._rect.width, 3), dtype=np.uint8)
        self._gl.make_current()
        mujoco.mjr_render(self._rect, scene, self._context)
        mujoco.mjr_readPixels(pixels, None, self._rect, self._context)
        return pixels[::-1]  # OpenGL counts rows from below

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._gl.make_current()
        self._context.free()
        self._gl.free()


def _candidates(wanted: str) -> tuple[str, ...]:
    if wanted in ("egl", "osmesa", "glfw", "cgl"):
        return (wanted,)
    return ("cgl", "glfw") if sys.platform == "darwin" else ("egl", "glfw", "osmesa")


@cache
def _try(backend: str) -> tuple[bool, str]:
    works, said = probe(_PROBE.format(backend=backend))
    return works, said.removeprefix(f"{backend}: ") if not works else said
