"""What a run leaves behind: its past champions and its one file."""

from evo_hns.archive.encounters import Encounters
from evo_hns.archive.hall_of_fame import HallOfFame
from evo_hns.archive.past import Past
from evo_hns.archive.pruning import PRUNE_RULES
from evo_hns.archive.records import (
    Champion,
    Generation,
    HeldOutRow,
    RecordedMatch,
    Run,
    RunFacts,
    RunMeta,
    State,
    TrainingSession,
)
from evo_hns.archive.run_file import RunFile
from evo_hns.archive.run_view import RunView
from evo_hns.archive.samplers import OPPONENT_SAMPLERS
from evo_hns.archive.storage import RunFileError

__all__ = [
    "OPPONENT_SAMPLERS",
    "PRUNE_RULES",
    "Champion",
    "Encounters",
    "Generation",
    "HallOfFame",
    "HeldOutRow",
    "Past",
    "RecordedMatch",
    "Run",
    "RunFacts",
    "RunFile",
    "RunFileError",
    "RunMeta",
    "RunView",
    "State",
    "TrainingSession",
]
