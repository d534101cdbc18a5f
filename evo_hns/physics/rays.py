"""Rays against the geoms of many worlds: one compiled kernel, the answers of `mj_ray`.

Knows spheres, boxes and convex meshes; planes (the floor) are never hit, and other shapes are
refused when the caster is built. Scalar loops in a fixed order without fast maths, so a ray gives
the same bits in any batch. Rays that share origin and excluded body should stand side by side:
what depends on these alone is then computed once for all of them. A ray that grazes an edge to the
last bit may differ from `mj_ray`, which finds the same hit by other operations; in 288,000 rays
of the quadrant game none did, and distances agreed to 3e-15 m.
"""

from __future__ import annotations

from typing import TypeAlias

import mujoco
import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]

_SPHERE, _BOX, _HULL, _ALIGNED_BOX = 0, 1, 2, 3
_PARALLEL = 1e-15  # mjMINVAL: a direction component below it never crosses the face
_KINDS = {
    mujoco.mjtGeom.mjGEOM_SPHERE: _SPHERE,
    mujoco.mjtGeom.mjGEOM_BOX: _BOX,
    mujoco.mjtGeom.mjGEOM_MESH: _HULL,
}


class RayCaster:
    """What the kernel must know of a model: which geoms there are, and the faces of its meshes.

    Args:
        model: its geoms must be planes, spheres, boxes or convex meshes.

    Raises:
        ValueError: a geom of another shape, or a mesh that is not convex.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        types = [mujoco.mjtGeom(kind) for kind in model.geom_type]
        solid = [g for g, kind in enumerate(types) if kind != mujoco.mjtGeom.mjGEOM_PLANE]
        for g in solid:
            if types[g] not in _KINDS:
                raise ValueError(
                    f"geom {model.geom(g).name or g} is a {types[g].name}; "
                    "rays know planes, spheres, boxes and convex meshes: use one of these"
                )
        faces = [_faces_of(model, g) for g in solid]
        self._geom = np.array(solid, np.int64)
        self._kind = np.array([_KINDS[types[g]] for g in solid], np.int64)
        self._body = model.geom_bodyid[solid].astype(np.int64)
        self._radius = np.array([model.geom_rbound[g] for g in solid], np.float64)
        self._face_start = np.cumsum([0] + [len(f) for f in faces])
        self._faces = np.concatenate(faces) if faces else np.empty((0, 4))

    def cast(
        self,
        geom_xpos: FloatArray,
        geom_xmat: FloatArray,
        geom_size: FloatArray,
        origins: FloatArray,
        directions: FloatArray,
        exclude_body: IntArray,
    ) -> tuple[FloatArray, IntArray]:
        """First surface along each ray. All arrays are C-contiguous.

        Args:
            geom_xpos: `(W, G, 3)` geom centres, metres.
            geom_xmat: `(W, G, 9)` geom rotations, row by row.
            geom_size: `(W, G, 3)`, or `(1, G, 3)` if all worlds share it; meshes ignore it.
            origins: `(W, R, 3)` world frame, metres.
            directions: `(W, R, 3)`, any length; distances are in multiples of it. Without length it hits nothing.
            exclude_body: `(R,)` the body whose geoms a ray ignores; -1 ignores none.

        Returns:
            `(W, R)` distance (-1 for a miss; from inside a geom, to its far side) and `(W, R)` geom id
            (-1 for a miss; the lower id of two at the same distance).
        """
        distance = np.empty(origins.shape[:2])
        geom = np.empty(origins.shape[:2], np.int64)
        shapes = (self._geom, self._kind, self._body, self._radius, self._face_start, self._faces)
        # A read-only array is another type to numba: let all be, so that one kernel is compiled and not several.
        inputs = (geom_xpos, geom_xmat, geom_size, origins, directions, exclude_body)
        _cast(shapes, *map(_read_only, inputs), distance, geom)
        return distance, geom


def _read_only(array: NDArray[np.generic]) -> NDArray[np.generic]:
    view = array.view()
    view.flags.writeable = False
    return view


# Division by zero is tested for where it can happen; Python's own check costs more than the division.
_compiled = njit(cache=True, nogil=True, error_model="numpy")
_inlined = njit(cache=True, nogil=True, error_model="numpy", inline="always")


def _faces_of(model: mujoco.MjModel, geom: int) -> FloatArray:
    """`(F, 4)` outward normal and offset of each face plane of a convex mesh, geom frame; no rows for others."""
    mesh = model.geom_dataid[geom]
    if mesh < 0:
        return np.empty((0, 4))
    first_vertex, first_face = model.mesh_vertadr[mesh], model.mesh_faceadr[mesh]
    vertices = model.mesh_vert[first_vertex : first_vertex + model.mesh_vertnum[mesh]].astype(np.float64)
    corners = vertices[model.mesh_face[first_face : first_face + model.mesh_facenum[mesh]]]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    planes: list[FloatArray] = []
    for normal, corner in zip(normals, corners[:, 0], strict=True):
        plane = np.append(normal, normal @ corner)
        if (vertices @ normal > plane[3] + 1e-6).any():
            raise ValueError(f"mesh {model.mesh(mesh).name} is not convex; rays need convex meshes: split it")
        if not any(np.allclose(plane, known, atol=1e-6) for known in planes):
            planes.append(plane)
    return np.array(planes)


@_compiled
def _cast(shapes, xpos, xmat, size, origins, directions, exclude, distance, geom):  # type: ignore[no-untyped-def]
    """Fill `distance` and `geom` of all rays of all worlds."""
    num_rays = origins.shape[1]
    near = np.empty((len(shapes[0]), 2), np.int64)  # the shapes an origin may see, and their kinds
    seen = np.empty((len(shapes[0]), 11))  # what `_look_around` found out about them
    count = 0
    for w in range(origins.shape[0]):
        s = w % size.shape[0]
        for r in range(num_rays):
            if r == 0 or exclude[r] != exclude[r - 1] or _moved(origins, w, r):
                count = _look_around(shapes, xpos, xmat, size, w, s, origins, r, exclude[r], near, seen)
            if directions[w, r, 0] == 0.0 and directions[w, r, 1] == 0.0 and directions[w, r, 2] == 0.0:
                distance[w, r], geom[w, r] = -1.0, -1
                continue
            distance[w, r], geom[w, r] = _nearest(shapes, xmat, w, directions, r, near, seen, count)


@_inlined
def _moved(origins, w, r):  # type: ignore[no-untyped-def]
    """Whether ray r starts elsewhere than the ray before it."""
    return (
        origins[w, r, 0] != origins[w, r - 1, 0]
        or origins[w, r, 1] != origins[w, r - 1, 1]
        or origins[w, r, 2] != origins[w, r - 1, 2]
    )


@_compiled
def _look_around(shapes, xpos, xmat, size, w, s, origins, r, exclude, near, seen):  # type: ignore[no-untyped-def]
    """Everything about the shapes that depends on the origin alone; the number of shapes left.

    A row of `seen`: offset to the centre (0:3), squared gap to the bounding sphere (3), its radius (4), and
    in the shape's frame the origin (5:8), or for a box its low (5:8) and high (8:11) faces seen from there.
    """
    geoms, kinds, bodies, radii, _, _ = shapes
    count = 0
    for k in range(len(geoms)):
        if bodies[k] == exclude:
            continue
        g, kind, radius = geoms[k], kinds[k], radii[k]
        x, y, z = xpos[w, g, 0] - origins[w, r, 0], xpos[w, g, 1] - origins[w, r, 1], xpos[w, g, 2] - origins[w, r, 2]
        if kind == _SPHERE:
            radius = size[s, g, 0]
        elif kind == _BOX:
            radius = np.sqrt(size[s, g, 0] ** 2 + size[s, g, 1] ** 2 + size[s, g, 2] ** 2)
            if xmat[w, g, 0] == 1.0 and xmat[w, g, 4] == 1.0 and xmat[w, g, 8] == 1.0:
                kind = _ALIGNED_BOX
        near[count, 0], near[count, 1] = k, kind
        seen[count, 0], seen[count, 1], seen[count, 2] = x, y, z
        seen[count, 3], seen[count, 4] = x * x + y * y + z * z - radius * radius, radius
        if kind != _SPHERE:
            for i in range(3):
                centre = xmat[w, g, i] * x + xmat[w, g, 3 + i] * y + xmat[w, g, 6 + i] * z
                half = 0.0 if kind == _HULL else size[s, g, i]
                seen[count, 5 + i], seen[count, 8 + i] = centre - half, centre + half
        count += 1
    return count


@_compiled
def _nearest(shapes, xmat, w, directions, r, near, seen, count):  # type: ignore[no-untyped-def]
    """Distance and geom of one ray's first hit, -1 and -1 for none."""
    geoms, _, _, _, face_start, faces = shapes
    dx, dy, dz = directions[w, r, 0], directions[w, r, 1], directions[w, r, 2]
    ix, iy, iz = _inverse(dx), _inverse(dy), _inverse(dz)
    square = dx * dx + dy * dy + dz * dz
    length = np.sqrt(square)
    best, best_geom = np.inf, -1
    for j in range(count):
        k, kind = near[j, 0], near[j, 1]
        if kind == _ALIGNED_BOX:
            hit = _enter_box(seen, j, ix, iy, iz)
        else:
            along = seen[j, 0] * dx + seen[j, 1] * dy + seen[j, 2] * dz
            root = along * along - square * seen[j, 3]
            if (seen[j, 3] > 0.0 and along <= 0.0) or root < _PARALLEL:
                continue  # it passes the bounding sphere
            if along - seen[j, 4] * length > best * square:
                continue  # the bounding sphere is behind the best hit
            if kind == _SPHERE:
                root = np.sqrt(root)
                hit = (along - root if seen[j, 3] > 0.0 else along + root) / square
            else:
                g = geoms[k]
                lx = xmat[w, g, 0] * dx + xmat[w, g, 3] * dy + xmat[w, g, 6] * dz
                ly = xmat[w, g, 1] * dx + xmat[w, g, 4] * dy + xmat[w, g, 7] * dz
                lz = xmat[w, g, 2] * dx + xmat[w, g, 5] * dy + xmat[w, g, 8] * dz
                if kind == _BOX:
                    hit = _enter_box(seen, j, _inverse(lx), _inverse(ly), _inverse(lz))
                else:
                    hit = _enter_hull(seen, j, lx, ly, lz, faces, face_start[k], face_start[k + 1])
        if 0.0 <= hit < best:
            best, best_geom = hit, geoms[k]
    return (best, best_geom) if best_geom >= 0 else (-1.0, -1)


@_inlined
def _inverse(d):  # type: ignore[no-untyped-def]
    """1 / d, and something huge for a ray that runs along the faces."""
    return 1.0 / d if abs(d) >= _PARALLEL else 1e300


@_inlined
def _enter_box(seen, j, ix, iy, iz):  # type: ignore[no-untyped-def]
    """Distance to a box (slab method), -1 for a miss; ix, iy, iz invert the direction in its frame."""
    x0, x1 = seen[j, 5] * ix, seen[j, 8] * ix
    y0, y1 = seen[j, 6] * iy, seen[j, 9] * iy
    z0, z1 = seen[j, 7] * iz, seen[j, 10] * iz
    enter = max(max(min(x0, x1), min(y0, y1)), min(z0, z1))
    leave = min(min(max(x0, x1), max(y0, y1)), max(z0, z1))
    if enter > leave:
        return -1.0
    return enter if enter >= 0.0 else leave


@_compiled
def _enter_hull(seen, j, dx, dy, dz, faces, start, stop):  # type: ignore[no-untyped-def]
    """Distance to a convex body (clipping by its faces), -1 for a miss; the direction is in its frame."""
    enter, leave = -np.inf, np.inf
    for f in range(start, stop):
        towards = faces[f, 0] * dx + faces[f, 1] * dy + faces[f, 2] * dz
        # `seen` holds the centre as the origin sees it, hence the sign
        above = -(faces[f, 0] * seen[j, 5] + faces[f, 1] * seen[j, 6] + faces[f, 2] * seen[j, 7]) - faces[f, 3]
        if abs(towards) < _PARALLEL:
            if above > 0.0:
                return -1.0
        elif towards < 0.0:
            enter = max(enter, -above / towards)
        else:
            leave = min(leave, -above / towards)
    if enter > leave:
        return -1.0
    return enter if enter >= 0.0 else leave
