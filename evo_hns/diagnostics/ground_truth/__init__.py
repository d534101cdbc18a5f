"""Does the loop keep from going in circles where circles are known to be? Analytic games, with and without halls."""

from evo_hns.diagnostics.ground_truth.experiment import Course, Trial, compare, list_trials, play
from evo_hns.diagnostics.ground_truth.measures import MEASURES

__all__ = ["MEASURES", "Course", "Trial", "compare", "list_trials", "play"]
