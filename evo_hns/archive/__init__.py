"""What a run leaves behind: its past champions and its one file."""

from evo_hns.archive.hall_of_fame import OPPONENT_SAMPLERS, HallOfFame
from evo_hns.archive.records import Champion, GenerationRecord, HeldOutRow, Life, RecordedMatch, Run, RunMeta, State
from evo_hns.archive.run_file import RunFile
from evo_hns.archive.run_view import RunView
from evo_hns.archive.storage import RunFileError

__all__ = [
    "OPPONENT_SAMPLERS",
    "Champion",
    "GenerationRecord",
    "HallOfFame",
    "HeldOutRow",
    "Life",
    "RecordedMatch",
    "Run",
    "RunFile",
    "RunFileError",
    "RunMeta",
    "RunView",
    "State",
]
