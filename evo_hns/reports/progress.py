"""What a run's own metrics say of its progress: three kinds, each against other opponents (`measurement`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo_hns.archive.records import RunFacts
from evo_hns.spec import Side
from evo_hns.training.measurement import KINDS


@dataclass(frozen=True, eq=False)
class Progress:
    """One kind of progress of one side."""

    side: Side
    kind: str  #: a key of `KINDS`
    generations: np.ndarray  #: `(K,)` int64, in which it was measured
    means: np.ndarray  #: `(K,)` mean returns of the champion's team
    half_widths: np.ndarray  #: `(K,)` of their 95 % intervals

    @property
    def opponents(self) -> str:
        """Whom the champions met."""
        return KINDS[self.kind]

    def __len__(self) -> int:
        """Number of measurements K."""
        return len(self.generations)


def progress(run: RunFacts) -> list[Progress]:
    """All kinds of both sides, also those that were never measured."""
    return [_progress(run, side, kind) for side in Side for kind in KINDS]


def _progress(run: RunFacts, side: Side, kind: str) -> Progress:
    blank = np.full(run.num_generations, np.nan)
    means, half = (run.metrics.get(f"{side.label}.{kind}{ending}", blank) for ending in ("", "_ci95"))
    generations = np.flatnonzero(~np.isnan(means))
    return Progress(side, kind, generations, means[generations], half[generations])
