"""What a run leaves behind: its past champions and its one file."""

from evo_hns.archive.capacity_rules import CAPACITY_RULES
from evo_hns.archive.hall_of_fame import HallOfFame
from evo_hns.archive.opponent_stats import OpponentStats
from evo_hns.archive.records import (
    Champion,
    Generation,
    HeldOutRow,
    Match,
    Run,
    RunFacts,
    RunMeta,
    State,
    TrainingSession,
)
from evo_hns.archive.run_file import RunFile
from evo_hns.archive.run_view import RunView
from evo_hns.archive.samplers import OPPONENT_SAMPLERS, OpponentHistory
from evo_hns.archive.storage import RunFileError

__all__ = [
    "CAPACITY_RULES",
    "OPPONENT_SAMPLERS",
    "Champion",
    "Generation",
    "HallOfFame",
    "HeldOutRow",
    "Match",
    "OpponentHistory",
    "OpponentStats",
    "Run",
    "RunFacts",
    "RunFile",
    "RunFileError",
    "RunMeta",
    "RunView",
    "State",
    "TrainingSession",
]
