"""Where to look from so that the whole field is seen."""

from __future__ import annotations

import math

import mujoco
import numpy as np

from evo_hns.config import ConfigError

CAMERAS = {"angle": (105.0, -52.0), "top": (90.0, -90.0)}
"""Azimuth and elevation by name, degrees: from above at an angle, and straight from above with +y up."""

HEADROOM = 0.6  #: metres above the floor that must be in the picture too
MARGIN = 0.96  #: share of the picture that the field may fill


def parse_camera(text: str) -> tuple[float, float]:
    """Azimuth and elevation, degrees, of a camera's name or of `AZIMUTH,ELEVATION`.

    Raises:
        ConfigError: it is neither, or looks from below.
    """
    if text in CAMERAS:
        return CAMERAS[text]
    expected = f"expected {', '.join(CAMERAS)} or AZIMUTH,ELEVATION in degrees, the elevation from -90 to -10"
    try:
        azimuth, elevation = map(float, text.split(","))
    except ValueError:
        raise ConfigError(f"got the camera {text!r}, {expected}") from None
    if not (math.isfinite(azimuth) and -90 <= elevation <= -10):
        raise ConfigError(f"got the camera {text!r}, {expected}")
    return azimuth, elevation


def place_camera(
    direction: tuple[float, float], floor_size: float, fovy: float, aspect: float, caption_share: float = 0.0
) -> mujoco.MjvCamera:
    """The nearest camera of a direction that has the whole field in its picture.

    Args:
        direction: azimuth and elevation, degrees.
        floor_size: edge of the field, metres.
        fovy: vertical field of view, degrees.
        aspect: width of the picture by its height.
        caption_share: share of its height, from below, that is covered.
    """
    forward, right, up = _axes(*direction)
    centre = np.array([floor_size / 2, floor_size / 2, 0.0])
    corners = np.array([(x, y, z) for x in (0, floor_size) for y in (0, floor_size) for z in (0, HEADROOM)]) - centre
    depth, x, y = corners @ forward, corners @ right, corners @ up
    above = MARGIN * math.tan(math.radians(fovy) / 2)
    upright = _fit(y, depth, above, above * (1.0 - 2.0 * caption_share))
    across = _fit(x, depth, above * aspect, above * aspect)
    camera = mujoco.MjvCamera()
    camera.azimuth, camera.elevation = direction
    camera.distance = max(upright[0], across[0])
    camera.lookat[:] = centre + upright[1] * up + across[1] * right
    return camera


def _fit(places: np.ndarray, depth: np.ndarray, above: float, below: float) -> tuple[float, float]:
    """The least distance at which all corners are in the picture along one of its axes, and by how much to shift it.

    A corner is in it if `place - shift <= above * (distance + depth)`, and likewise below.
    """
    highest, lowest = (places - above * depth).max(), (-places - below * depth).max()
    distance = (highest + lowest) / (above + below)
    return float(distance), float((below * highest - above * lowest) / (above + below))


def _axes(azimuth: float, elevation: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors of a camera: into the picture, to its right, and up in it."""
    a, e = math.radians(azimuth), math.radians(elevation)
    forward = np.array([math.cos(e) * math.cos(a), math.cos(e) * math.sin(a), math.sin(e)])
    right = np.array([math.sin(a), -math.cos(a), 0.0])
    return forward, right, np.cross(right, forward)
