"""Rays against the geoms of many worlds: one compiled kernel, the answers of `mj_ray`.

Knows spheres, boxes, cylinders and convex meshes; planes (the floor) are never hit, and other shapes are
refused when the caster is built. Rays that share origin and excluded body should stand side by side: they
form a bundle, and every shape is asked once which rays of the bundle it stops, in plain loops that the compiler
turns into vector instructions. No fast maths, so a ray gives the same bits in any batch. A ray that grazes an
edge to the last bit may differ from `mj_ray`, which finds the same hit by other operations; in 288,000 rays
of the quadrant game none did, and distances agreed to 3e-15 m.
"""

from __future__ import annotations

from typing import TypeAlias

import mujoco
import numpy as np
from numpy.typing import NDArray

from evo_hns.system.kernels import inlined_kernel, kernel

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]

_SPHERE, _BOX, _HULL, _CYLINDER = 0, 1, 2, 3
_PARALLEL = 1e-15  # mjMINVAL: a direction component below it never crosses the face
# Rows of a bundle, one column a ray: direction (0:3) and its inverse (3:6), then
_SQUARE, _BEST, _GEOM, _HIT, _TURNED = 6, 7, 8, 9, 10  # squared length, best hit and its geom, a shape's hits, inverse
_ROWS = 13  # of the direction in a turned shape's frame (10:13)
_KINDS = {
    mujoco.mjtGeom.mjGEOM_SPHERE: _SPHERE,
    mujoco.mjtGeom.mjGEOM_BOX: _BOX,
    mujoco.mjtGeom.mjGEOM_CYLINDER: _CYLINDER,
    mujoco.mjtGeom.mjGEOM_MESH: _HULL,
}


class RayCaster:
    """What the kernel must know of a model: which geoms there are, and the faces of its meshes.

    Args:
        model: its geoms must be planes, spheres, boxes, cylinders or convex meshes.

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
                    "rays know planes, spheres, boxes, cylinders and convex meshes: use one of these"
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
            geom_size: `(W, G, 3)`; meshes ignore it.
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


@kernel
def _cast(shapes, xpos, xmat, size, origins, directions, exclude, distance, geom):  # type: ignore[no-untyped-def]
    """Fill `distance` and `geom` of all rays of all worlds."""
    num_rays = origins.shape[1]
    which, bundle = np.empty(num_rays, np.int64), np.empty((_ROWS, num_rays))
    for w in range(origins.shape[0]):
        first = 0
        while first < num_rays:
            stop = first + 1
            while stop < num_rays and exclude[stop] == exclude[first] and not _moved(origins, w, stop):
                stop += 1
            count = _tie(directions, w, first, stop, which, bundle)
            _meet(shapes, xpos[w], xmat[w], size[w], origins[w, first], exclude[first], bundle, count)
            for r in range(first, stop):
                distance[w, r], geom[w, r] = -1.0, -1
            for i in range(count):
                if bundle[_GEOM, i] >= 0.0:
                    distance[w, which[i]], geom[w, which[i]] = bundle[_BEST, i], int(bundle[_GEOM, i])
            first = stop


@inlined_kernel
def _moved(origins, w, r):  # type: ignore[no-untyped-def]
    """Whether ray r starts elsewhere than the ray before it."""
    return (
        origins[w, r, 0] != origins[w, r - 1, 0]
        or origins[w, r, 1] != origins[w, r - 1, 1]
        or origins[w, r, 2] != origins[w, r - 1, 2]
    )


@kernel
def _tie(directions, w, first, stop, which, bundle):  # type: ignore[no-untyped-def]
    """Begin a bundle: the rays from `first` to `stop` that have a length; how many there are."""
    count = 0
    for r in range(first, stop):
        dx, dy, dz = directions[w, r, 0], directions[w, r, 1], directions[w, r, 2]
        if dx != 0.0 or dy != 0.0 or dz != 0.0:
            which[count] = r
            bundle[0, count], bundle[1, count], bundle[2, count] = dx, dy, dz
            bundle[3, count], bundle[4, count], bundle[5, count] = _inverse(dx), _inverse(dy), _inverse(dz)
            bundle[_SQUARE, count] = dx * dx + dy * dy + dz * dz
            bundle[_BEST, count], bundle[_GEOM, count] = np.inf, -1.0
            count += 1
    return count


@kernel
def _meet(shapes, xpos, xmat, size, origin, exclude, bundle, count):  # type: ignore[no-untyped-def]
    """Let every shape of a world stop the rays of a bundle."""
    geoms, kinds, bodies, radii, face_start, faces = shapes
    centre, half, turn = np.empty(3), np.empty(3), np.empty(9)  # the centre in the shape's frame
    direction, inverse, turned = bundle[0:3], bundle[3:6], bundle[_TURNED:]
    square, best, geom, hit = bundle[_SQUARE], bundle[_BEST], bundle[_GEOM], bundle[_HIT]
    for k in range(len(geoms)):
        if bodies[k] == exclude:
            continue
        g, kind = geoms[k], kinds[k]
        x, y, z = xpos[g, 0] - origin[0], xpos[g, 1] - origin[1], xpos[g, 2] - origin[2]
        if kind == _SPHERE:
            _enter_spheres(direction, square, count, x, y, z, size[g, 0], hit)
        else:
            for i in range(9):
                turn[i] = xmat[g, i]
            for i in range(3):
                centre[i], half[i] = turn[i] * x + turn[3 + i] * y + turn[6 + i] * z, size[g, i]
            if kind == _HULL:
                span = face_start[k], face_start[k + 1]
                _enter_hulls(direction, square, count, x, y, z, radii[k], turn, centre, faces, span, hit)
            elif kind == _CYLINDER:
                _enter_cylinders(direction, count, turn, centre, half[0], half[1], hit)
            elif turn[0] == 1.0 and turn[4] == 1.0 and turn[8] == 1.0:
                _enter_boxes(inverse, count, centre, half, hit)
            else:
                _turn_inverses(direction, count, turn, turned)
                _enter_boxes(turned, count, centre, half, hit)
        for i in range(count):
            if hit[i] < best[i]:  # of two at the same distance the first counts
                best[i], geom[i] = hit[i], g


@inlined_kernel
def _inverse(d):  # type: ignore[no-untyped-def]
    """1 / d, and something huge for a ray that runs along the faces."""
    return 1.0 / d if abs(d) >= _PARALLEL else 1e300


@kernel
def _turn_inverses(direction, count, turn, turned):  # type: ignore[no-untyped-def]
    """Invert the directions in the frame of a turned shape."""
    for axis in range(3):
        a, b, c = turn[axis], turn[3 + axis], turn[6 + axis]
        for i in range(count):
            turned[axis, i] = _inverse(a * direction[0, i] + b * direction[1, i] + c * direction[2, i])


@kernel
def _enter_spheres(direction, square, count, x, y, z, radius, hit):  # type: ignore[no-untyped-def]
    """Distances to a sphere with its centre at x, y, z from the origin, infinite for a miss."""
    gap = x * x + y * y + z * z - radius * radius
    side = -1.0 if gap > 0.0 else 1.0  # from inside, the far one
    for i in range(count):
        along = x * direction[0, i] + y * direction[1, i] + z * direction[2, i]
        root = along * along - square[i] * gap
        distance = (along + side * np.sqrt(max(root, 0.0))) / square[i]
        hit[i] = distance if (root >= _PARALLEL) & (distance >= 0.0) else np.inf


@kernel
def _enter_boxes(inverse, count, centre, half, hit):  # type: ignore[no-untyped-def]
    """Distances to a box (slab method), infinite for a miss; `inverse` directions and centre are in its frame."""
    lx, ly, lz = centre[0] - half[0], centre[1] - half[1], centre[2] - half[2]
    hx, hy, hz = centre[0] + half[0], centre[1] + half[1], centre[2] + half[2]
    for i in range(count):
        x0, x1 = lx * inverse[0, i], hx * inverse[0, i]
        y0, y1 = ly * inverse[1, i], hy * inverse[1, i]
        z0, z1 = lz * inverse[2, i], hz * inverse[2, i]
        enter = max(max(min(x0, x1), min(y0, y1)), min(z0, z1))
        leave = min(min(max(x0, x1), max(y0, y1)), max(z0, z1))
        distance = enter if enter >= 0.0 else leave
        hit[i] = distance if (enter <= leave) & (distance >= 0.0) else np.inf


@kernel
def _enter_cylinders(direction, count, turn, centre, radius, half, hit):  # type: ignore[no-untyped-def]
    """Distances to a cylinder about its own z, infinite for a miss; the centre is in its frame."""
    gap = centre[0] * centre[0] + centre[1] * centre[1] - radius * radius
    for i in range(count):
        dx, dy, dz = direction[0, i], direction[1, i], direction[2, i]
        tx = turn[0] * dx + turn[3] * dy + turn[6] * dz
        ty = turn[1] * dx + turn[4] * dy + turn[7] * dz
        inverse = _inverse(turn[2] * dx + turn[5] * dy + turn[8] * dz)
        z0, z1 = (centre[2] - half) * inverse, (centre[2] + half) * inverse
        enter, leave = min(z0, z1), max(z0, z1)  # between the flat ends
        square, along = tx * tx + ty * ty, tx * centre[0] + ty * centre[1]
        root = along * along - square * gap
        if square >= _PARALLEL and root >= 0.0:
            enter = max(enter, (along - np.sqrt(root)) / square)
            leave = min(leave, (along + np.sqrt(root)) / square)
        elif square >= _PARALLEL or gap > 0.0:
            leave = -np.inf
        distance = enter if enter >= 0.0 else leave
        hit[i] = distance if (enter <= leave) & (distance >= 0.0) else np.inf


@kernel
def _enter_hulls(direction, square, count, x, y, z, radius, turn, centre, faces, span, hit):  # type: ignore[no-untyped-def]
    """Distances to a convex body within a sphere around x, y, z, infinite for a miss."""
    gap = x * x + y * y + z * z - radius * radius
    for i in range(count):
        hit[i] = np.inf
        dx, dy, dz = direction[0, i], direction[1, i], direction[2, i]
        along = x * dx + y * dy + z * dz
        if (gap <= 0.0 or along > 0.0) and along * along - square[i] * gap >= _PARALLEL:
            tx = turn[0] * dx + turn[3] * dy + turn[6] * dz
            ty = turn[1] * dx + turn[4] * dy + turn[7] * dz
            tz = turn[2] * dx + turn[5] * dy + turn[8] * dz
            hit[i] = _enter_hull(tx, ty, tz, centre, faces, span)


@kernel
def _enter_hull(dx, dy, dz, centre, faces, span):  # type: ignore[no-untyped-def]
    """Distance to a convex body (clipping by its faces); direction and centre are in its frame."""
    enter, leave = -np.inf, np.inf
    for f in range(span[0], span[1]):
        towards = faces[f, 0] * dx + faces[f, 1] * dy + faces[f, 2] * dz
        # the origin stands at minus the centre, hence the sign
        above = -(faces[f, 0] * centre[0] + faces[f, 1] * centre[1] + faces[f, 2] * centre[2]) - faces[f, 3]
        if abs(towards) < _PARALLEL:
            if above > 0.0:
                return np.inf
        elif towards < 0.0:
            enter = max(enter, -above / towards)
        else:
            leave = min(leave, -above / towards)
    if enter > leave or leave < 0.0:
        return np.inf
    return enter if enter >= 0.0 else leave
