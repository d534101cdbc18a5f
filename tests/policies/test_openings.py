"""Openings in the lidar against a slow search of all gaps."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evo_hns.policies.openings import NUM_OPENING, find_openings

STEP = 2 * math.pi / 30


def told(lidar, rz, count=2):
    openings = np.full((count, NUM_OPENING), np.nan)
    find_openings(lidar, rz, openings)
    return openings


def in_a_room(x, y, door=None):
    """Ranges in a square of 3 m around (0, 0), whose wall at x = 1.5 has a door that ends of a wall 2 m behind show."""
    ranges = []
    for k in range(30):
        ux, uy = math.cos(k * STEP), math.sin(k * STEP)
        hits = [((1.5 if u > 0 else -1.5) - p) / u for p, u in ((x, ux), (y, uy)) if abs(u) > 1e-9]
        reach = min(hits)
        if door is not None and ux > 0 and reach == hits[0] and abs(y + reach * uy - door) < 0.35:
            reach = (3.5 - x) / ux
        ranges.append(reach)
    return np.array(ranges)


def plain_edges(lidar):
    """Rays after which, in a direction, the next one passes the edge of what they hit: by lines through two ends."""
    ends = [(d * math.cos(k * STEP), d * math.sin(k * STEP)) for k, d in enumerate(lidar)]
    edges = set()
    for k in range(30):
        for way in (1, -1):
            (ax, ay), (bx, by), angle = ends[(k - way) % 30], ends[k], (k + way) * STEP
            ux, uy = math.cos(angle), math.sin(angle)
            turn = (bx - ax) * uy - (by - ay) * ux
            foretold = ((bx - ax) * by - (by - ay) * bx) / turn if abs(turn) > 1e-12 else -1.0
            after = lidar[(k + way) % 30]
            if foretold > 0 and after > lidar[k] + 0.3 and after > foretold + 0.3:
                edges.add((k, way))
    return edges


@pytest.mark.parametrize("rz", [0.0, 2.0])
def test_the_door_of_a_room_is_its_only_whole_opening_and_lies_where_it_is(rz):
    errors = []
    for x, y in np.random.default_rng(0).uniform(-1.2, 1.2, (60, 2)):
        openings = told(in_a_room(x, y, door=0.2), rz)
        whole = openings[openings[:, 3] > 0]
        assert len(whole) <= 1
        for forward, left, closeness, width, depth in whole:
            distance, s, c = 1 / closeness - 1, math.sin(rz), math.cos(rz)
            place = x + (forward * s + left * c) * distance, y + (left * s - forward * c) * distance
            errors.append(math.dist(place, (1.5, 0.2)))
            assert width > 0.35  # half of what is at least 0.7 m
            assert depth > 0.15
    assert len(errors) > 25
    assert np.mean(np.array(errors) < 0.5) > 0.8


def test_a_convex_room_has_no_opening():
    for x, y in np.random.default_rng(1).uniform(-1.3, 1.3, (60, 2)):
        assert not told(in_a_room(x, y), 1.0).any()


def test_there_are_openings_exactly_where_an_oracle_finds_edges():
    rng = np.random.default_rng(2)
    for _ in range(200):
        lidar = np.repeat(rng.uniform(0.3, 6.0, 10), 3) + rng.uniform(0, 0.01, 30)
        edges = plain_edges(lidar)
        openings = told(lidar, 0.0, 30)
        found = openings[openings[:, 2] > 0]
        assert (len(found) > 0) == bool(edges)
        assert len(found) <= len(edges)
        assert (np.diff(found[:, 4]) <= 0).all()
        for forward, left, closeness, *_ in found[found[:, 3] == 0]:  # of one edge: right beside the ray before it
            at = math.atan2(-forward, left) / STEP
            places = [(lidar[k], k + way / 2) for k, way in edges]
            assert any(
                1 / closeness - 1 == pytest.approx(r) and math.cos((at - k) * STEP) > 0.999999 for r, k in places
            )


def test_few_rays_tell_nothing():
    assert not told(np.array([1.0, 5.0, 1.0]), 0.0).any()
