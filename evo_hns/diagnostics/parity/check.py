"""Is this the original game? Recorded episodes, step by step through our rules and physics.

Each row of a recording is set up as recorded, so every observation, reward, decision and env step
is an experiment of its own. Rules must agree exactly. Positions after a step agree to rounding
where contacts are simple (3e-6 m for a resting ramp, a mesh) and spread where bodies are pressed
together, so their median over bodies and steps is judged. Where an agent holds something they need
not agree: MuJoCo's weld has changed since the version that the original ran on. These steps are
reported apart.

Where several agents asked for a lock, the original drew its owner: any of them is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evo_hns.config import PhysicsConfig
from evo_hns.diagnostics.parity.recording_arrays import MASK_KEYS, OBSERVATION_KEYS
from evo_hns.diagnostics.parity.recording_file import read_recording
from evo_hns.diagnostics.parity.recordings import BoolArray, FloatArray, Recording
from evo_hns.diagnostics.parity.replica import Outcome, Sight, Stage

OBSERVATION_TOLERANCE = 1e-9
LIDAR_TOLERANCE = 1e-6
REWARD_TOLERANCE = 1e-12  # hiding and seeking pay whole numbers, distances do not
MEDIAN_STEP_TOLERANCE = 1e-5
_POSE_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Spread:
    """How far bodies are, after one env step from a recorded state, from where the original had them; metres."""

    num_steps: int  #: env steps; each gives one distance for every body
    median: float  #: over bodies and steps; 0 without steps
    worst_body_median: float  #: over steps, of the body that is farthest off: rich contacts show here
    p90: float  #: over bodies and steps
    max: float

    @classmethod
    def of(cls, distances: FloatArray) -> Spread:
        """The spread of `(K, E)` distances of E bodies after K steps, K may be 0."""
        if len(distances) == 0:
            return cls(0, 0.0, 0.0, 0.0, 0.0)
        median, p90, largest = np.percentile(distances, [50, 90, 100])
        worst_body = np.median(distances.max(axis=1))
        return cls(len(distances), float(median), float(worst_body), float(p90), float(largest))


@dataclass(frozen=True)
class ParityReport:
    """How far the replay of one recording differs from it."""

    path: str
    num_steps: int  #: env steps that were replayed
    num_placed_by_hand: int  #: rows whose observation and state differ by the script
    mask_mismatches: int  #: of all agents, targets and rows
    observation_errors: dict[str, float]  #: key -> largest difference, masks left out
    reward_mismatches: int  #: of all agents and steps
    statistic_errors: dict[str, float]  #: name -> difference at the end, where the recording has the statistic
    lock_mismatches: int  #: objects and steps with another lock, owner or pose
    grab_mismatches: int  #: agents and steps with another object in hand, or held at another pose
    mirrored_grips: int  #: grips whose recorded offset has the opposite sign (the original as it was run)
    failed_steps: int  #: env steps in which the physics failed
    free_steps: Spread  #: after env steps in which nobody holds anything; the median is judged
    weld_steps: Spread  #: the same where somebody does; reported, not judged

    @property
    def violations(self) -> list[str]:
        """What is out of tolerance, in words; nothing if the recording is reproduced."""
        counts = {
            "masks": self.mask_mismatches,
            "rewards": self.reward_mismatches,
            "locks": self.lock_mismatches,
            "grabs": self.grab_mismatches,
            "failed steps": self.failed_steps,
        }
        # Written so that an error that is not a number counts as one out of tolerance.
        wrong = [key for key, error in self.observation_errors.items() if not error <= _tolerance(key)]
        wrong += [name for name, error in self.statistic_errors.items() if not error <= OBSERVATION_TOLERANCE]
        late = [] if self.free_steps.median < MEDIAN_STEP_TOLERANCE else ["positions"]
        return [name for name, count in counts.items() if count] + wrong + late

    @property
    def within_tolerance(self) -> bool:
        """The recording is reproduced."""
        return not self.violations

    def to_dict(self) -> dict[str, Any]:
        """Everything, in types that JSON knows."""
        return {**asdict(self), "violations": self.violations, "within_tolerance": self.within_tolerance}


def replay(path: Path, physics: PhysicsConfig | None = None) -> ParityReport:
    """Replay one recording of the original game.

    Args:
        path: an `.npz` recording of hide-and-seek, or of another task.
        physics: how time passes; the game's own by default.

    Returns:
        The differences.

    Raises:
        RecordingError: the file cannot be read or replayed; the message is one line for the user.
    """
    recording = read_recording(path)
    stage = Stage(recording, physics or PhysicsConfig())
    sights = [stage.observe(row) for row in range(recording.num_steps + 1)]
    outcomes = [stage.play(step) for step in range(recording.num_steps)]
    grips = [_compare_grips(recording, outcome) for outcome in outcomes]
    free, weld = _position_errors(recording, outcomes)
    return ParityReport(
        path=str(path),
        num_steps=recording.num_steps,
        num_placed_by_hand=int(recording.placed_by_hand.sum()),
        mask_mismatches=_mask_mismatches(recording, sights),
        observation_errors=_observation_errors(recording, sights),
        reward_mismatches=_reward_mismatches(recording, sights),
        statistic_errors={
            name: abs(sights[-1].metrics[name] - value)
            for name, value in recording.statistics.items()
            if name in sights[-1].metrics
        },
        lock_mismatches=sum(_lock_mismatches(recording, outcome, stage) for outcome in outcomes),
        grab_mismatches=sum(wrong for wrong, _ in grips),
        mirrored_grips=sum(mirrored for _, mirrored in grips),
        failed_steps=sum(outcome.failed for outcome in outcomes),
        free_steps=free,
        weld_steps=weld,
    )


def _tolerance(key: str) -> float:
    return LIDAR_TOLERANCE if key == "lidar" else OBSERVATION_TOLERANCE


def _seen(sights: list[Sight], key: str) -> NDArray[Any]:
    """`(S, n, ...)` one key of all observations."""
    return np.stack([getattr(sight.observation, key)[0].numpy() for sight in sights])


def _mask_mismatches(recording: Recording, sights: list[Sight]) -> int:
    return sum(int((_seen(sights, key) != recording.observations[key]).sum()) for key in MASK_KEYS)


def _observation_errors(recording: Recording, sights: list[Sight]) -> dict[str, float]:
    keys = [key for key in OBSERVATION_KEYS if key not in MASK_KEYS]
    differences = {key: np.abs(_seen(sights, key) - recording.observations[key]) for key in keys}
    return {key: float(difference.max(initial=0.0)) for key, difference in differences.items()}


def _reward_mismatches(recording: Recording, sights: list[Sight]) -> int:
    rewards = np.stack([sight.reward for sight in sights[1:]])
    return int((~(np.abs(rewards - recording.reward) <= REWARD_TOLERANCE)).sum())


def _position_errors(recording: Recording, outcomes: list[Outcome]) -> tuple[Spread, Spread]:
    """Where nobody holds anything, and where somebody does."""
    after = np.stack([outcome.qpos for outcome in outcomes]) - recording.seen_qpos[1:]
    x, y, z = np.moveaxis(after.reshape(len(after), -1, 4)[..., :3], -1, 0)
    distances = np.sqrt(x * x + y * y + z * z)
    holds = recording.grabbed[1:].any(axis=(1, 2))
    valid = ~np.array([outcome.failed for outcome in outcomes])
    return Spread.of(distances[~holds & valid]), Spread.of(distances[holds & valid])


def _lock_mismatches(recording: Recording, outcome: Outcome, stage: Stage) -> int:
    """Objects whose lock, its owner or its pose is another than recorded."""
    before, after = outcome.step, outcome.step + 1
    locked = recording.locked[after]
    newly = locked & ~recording.locked[before]
    wrong = outcome.locked != locked
    for item in np.flatnonzero(outcome.lock_owner != recording.lock_owner[after]):
        owner = int(recording.lock_owner[after, item])
        wrong[item] |= not (newly[item] and stage.would_lock(before, owner, int(item)))
    wrong |= locked & ~_equal(outcome.lock_pose, recording.lock_pose[after])
    return int(wrong.sum())


def _compare_grips(recording: Recording, outcome: Outcome) -> tuple[int, int]:
    """Agents with another object in hand or held at another pose, and new grips with the offset mirrored."""
    before, after = recording.grabbed[outcome.step], recording.grabbed[outcome.step + 1]
    wrong = (outcome.grabbed != after).any(axis=1)
    agents, items = np.nonzero(after & ~before)
    ours, theirs = outcome.grips[agents, items], recording.weld[outcome.step + 1, agents]
    # The original stores the negative offset, and a quaternion is its own negative.
    kept, mirrored = (_equal(sign * ours[:, :3], theirs[:, :3]) for sign in (1.0, -1.0))
    turned = _equal(ours[:, 3:], theirs[:, 3:]) | _equal(-ours[:, 3:], theirs[:, 3:])
    wrong[agents] |= ~((kept | mirrored) & turned)
    return int(wrong.sum()), int((mirrored & ~kept).sum())


def _equal(ours: FloatArray, theirs: FloatArray) -> BoolArray:
    """`(K,)` rows of two `(K, F)` arrays that agree."""
    return np.asarray((np.abs(ours - theirs) <= _POSE_TOLERANCE).all(axis=-1))


def format_reports(reports: Sequence[ParityReport]) -> str:
    """A paragraph for each recording, and one line that sums up."""
    good = sum(report.within_tolerance for report in reports)
    summary = f"{good} of {len(reports)} recordings are reproduced within tolerance."
    return "\n\n".join([*map(_paragraph, reports), summary])


def _paragraph(report: ParityReport) -> str:
    verdict = "reproduced" if report.within_tolerance else "NOT reproduced: " + ", ".join(report.violations)
    errors = [f"{key} {error:.0e}" if error else f"{key} 0" for key, error in report.observation_errors.items()]
    statistics = f"{len(report.statistic_errors)} compared" + (
        f", largest error {max(report.statistic_errors.values()):.0e}" if report.statistic_errors else ""
    )
    mirrored = f" ({report.mirrored_grips} at the mirrored offset)" if report.mirrored_grips else ""
    lines = {
        "steps": f"{report.num_steps}, {report.num_placed_by_hand} rows placed by hand, {report.failed_steps} failed",
        "mismatches": f"masks {report.mask_mismatches}, rewards {report.reward_mismatches}, "
        f"locks {report.lock_mismatches}, grabs {report.grab_mismatches}{mirrored}",
        "observations": ", ".join(errors[:3]),
        "": ", ".join(errors[3:6]),
        " ": ", ".join(errors[6:]),
        "statistics": statistics,
        "free steps": _spread(report.free_steps),
        "weld steps": _spread(report.weld_steps),
    }
    return "\n".join([f"{report.path}: {verdict}", *(f"  {name:<13} {text}" for name, text in lines.items())])


def _spread(spread: Spread) -> str:
    if not spread.num_steps:
        return "none"
    medians = f"median {spread.median:.0e} (worst body {spread.worst_body_median:.0e})"
    return f"{spread.num_steps}: {medians}, 90 % {spread.p90:.0e}, max {spread.max:.0e} m"
