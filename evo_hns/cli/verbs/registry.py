"""All verbs by name.

A verb is a dataclass whose fields are its options and whose call does the work: it calls the library once and prints
the answer; figures also as JSON. Libraries are imported inside the calls, so that `--help` is instant.
"""

from __future__ import annotations

from typing import Protocol

from evo_hns.cli.verbs.compare import Compare
from evo_hns.cli.verbs.diagnostics import Bench, Doctor, Parity, PhysicsAblation, StressTest, TimestepStudy
from evo_hns.cli.verbs.ground_truth import GroundTruth
from evo_hns.cli.verbs.matches import Evaluate, Record, Replay
from evo_hns.cli.verbs.ppo_check import PPOCheck
from evo_hns.cli.verbs.prune import Prune
from evo_hns.cli.verbs.stages import Stages
from evo_hns.cli.verbs.submit import Submit
from evo_hns.cli.verbs.tournament import Tournament
from evo_hns.cli.verbs.train import Resume, Train
from evo_hns.cli.verbs.viewing import Curves, Info, Render, Report
from evo_hns.cli.verbs.watch import Watch
from evo_hns.cli.verbs.worth import Worth


class Verb(Protocol):
    """What the command can do."""

    def __call__(self) -> None:
        """Do it."""


VERBS: dict[str, type[Verb]] = {
    "train": Train,
    "resume": Resume,
    "submit": Submit,
    "info": Info,
    "evaluate": Evaluate,
    "record": Record,
    "replay": Replay,
    "render": Render,
    "curves": Curves,
    "watch": Watch,
    "report": Report,
    "tournament": Tournament,
    "compare": Compare,
    "prune": Prune,
    "stages": Stages,
    "ground-truth": GroundTruth,
    "ppo-check": PPOCheck,
    "parity": Parity,
    "bench": Bench,
    "physics-ablation": PhysicsAblation,
    "timestep-study": TimestepStudy,
    "worth": Worth,
    "stress-test": StressTest,
    "doctor": Doctor,
}
