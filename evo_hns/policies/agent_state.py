"""What an agent of a network remembers within an episode: where each part stands in its row of the team's state.

A row is float32: the network's memory cells, then random inputs and their stream, then what its actuators and
its senses remember. A part that an agent does not need has no columns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evo_hns.policies.actions import NUM_OUTPUTS, draw, start_streams
from evo_hns.system.kernels import kernel

_HALF = 65536.0  # a stream has 32 bits, of which float32 holds 24: two columns of 16


class StateLayout(NamedTuple):
    """First columns of the parts of an agent's row; as kernels read it."""

    num_cells: int  #: memory cells of the network; they stand first
    noise: int  #: random inputs
    num_noise: int
    stream: int  #: two columns, of random inputs that are drawn anew at every decision; -1: of the episode
    wait: int  #: env steps until the next decision
    decision: int  #: `NUM_OUTPUTS`, the decision that is held
    grab: int  #: 1 while the grab is latched
    lock: int  #: 1 while the lock is latched
    senses: int  #: what its senses remember
    width: int  #: of the row


def lay_out(
    num_cells: int, num_noise: int, num_sensed: int = 0, *, redraw: bool, hold: bool, grab: bool, lock: bool
) -> StateLayout:
    """Put the parts that are needed one after the other.

    Args:
        num_cells: memory cells of the network.
        num_noise: its random inputs.
        num_sensed: numbers that the senses remember.
        redraw: random inputs are drawn anew at every decision.
        hold: decisions are held for some env steps.
        grab: the grab is latched.
        lock: the lock is latched.
    """
    noise = num_cells
    stream = noise + num_noise
    wait = stream + 2 * redraw
    decision = wait + hold
    latches = decision + NUM_OUTPUTS * hold
    senses = latches + grab + lock
    return StateLayout(
        num_cells=num_cells,
        noise=noise,
        num_noise=num_noise,
        stream=stream if redraw else -1,
        wait=wait,
        decision=decision,
        grab=latches,
        lock=senses - lock,
        senses=senses,
        width=senses + num_sensed,
    )


def start_noise(layout: StateLayout, seeds: np.ndarray, state: np.ndarray) -> None:
    """Start each agent's stream of random inputs, or draw those of the episode.

    Args:
        layout: of the rows.
        seeds: `(W,)` int64, contiguous.
        state: `(W, A, width)` float32, renewed.
    """
    if layout.num_noise:
        streams = np.zeros((*state.shape[:2], 1))
        start_streams(seeds, streams)
        _start_noise(layout, streams, state)


@kernel
def _start_noise(layout: StateLayout, streams: np.ndarray, state: np.ndarray) -> None:
    for w in range(state.shape[0]):
        for a in range(state.shape[1]):
            if layout.stream < 0:
                _draw_noise(layout, streams[w, a], state[w, a])
            else:
                _keep_stream(layout, streams[w, a, 0], state[w, a])


@kernel
def redraw_noise(layout: StateLayout, row: np.ndarray) -> None:
    """Draw the random inputs of an agent's next decision, if they are not those of the episode."""
    if layout.stream >= 0:
        stream = np.empty(1)
        stream[0] = row[layout.stream] * _HALF + row[layout.stream + 1]
        _draw_noise(layout, stream, row)
        _keep_stream(layout, stream[0], row)


@kernel
def _draw_noise(layout: StateLayout, stream: np.ndarray, row: np.ndarray) -> None:
    for j in range(layout.num_noise):
        row[layout.noise + j] = 2.0 * draw(stream) - 1.0


@kernel
def _keep_stream(layout: StateLayout, stream: float, row: np.ndarray) -> None:
    high = np.floor(stream / _HALF)
    row[layout.stream], row[layout.stream + 1] = high, stream - high * _HALF
