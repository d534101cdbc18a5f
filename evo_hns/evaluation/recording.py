"""What everybody did in a batch of matches, in a few bytes: all that is needed to play it again.

Worlds are pure functions of their seeds and the physics of what is done in them, so nothing else is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Protocol

import numpy as np
import torch

from evo_hns.envs.game import Step
from evo_hns.spec import Action, Observation

Actions = Mapping[str, np.ndarray]
"""Name of a field of `Action` -> `(W, T, A, ...)` uint8, what all agents of W matches did in T env steps."""

_DTYPES = {"movement": torch.int64}
"""Types of the fields of `Action` that are not bool."""


class Recorder(Protocol):
    """Watches a batch of matches as it is played."""

    def record(self, observation: Observation, action: Action, step: Step) -> None:
        """Called once per env step with what was observed, what was done and what came of it."""


class ActionRecorder:
    """Keeps what all agents of a batch of matches do while it is played."""

    def __init__(self) -> None:
        self._steps: list[dict[str, np.ndarray]] = []

    def record(self, observation: Observation, action: Action, step: Step) -> None:
        """Copy what was done."""
        self._steps.append({f.name: getattr(action, f.name).numpy().astype(np.uint8) for f in fields(action)})

    @property
    def actions(self) -> Actions:
        """Everything so far."""
        return {name: np.stack([step[name] for step in self._steps], 1) for name in self._steps[0]}


def steps_of(actions: Actions) -> Iterator[Action]:
    """What was done, env step by env step, as the game takes it."""
    num_steps = {array.shape[1] for array in actions.values()}
    for step in range(*num_steps):
        rows = {name: torch.from_numpy(array[:, step].copy()) for name, array in actions.items()}
        yield Action(**{name: row.to(_DTYPES.get(name, torch.bool)) for name, row in rows.items()})


def rows_of(actions: Actions, rows: np.ndarray) -> Actions:
    """The actions of some of the matches."""
    return {name: array[rows] for name, array in actions.items()}


def join_actions(parts: Sequence[Actions]) -> Actions:
    """The actions of matches one after the other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
