"""Pruned networks as a run file, so that they play wherever champions do.

The file has the settings of the run they come from, and a generation for each size: 0 is the original,
`FILE.h5:hiders/7` the seventh size, `FILE.h5:hiders/last` the one without any weight. Its scores and held-out
measurements are those of the sizes; the other side has no champions in it. It cannot be trained on.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from evo_hns.archive.records import Champion, Generation, HeldOutRow
from evo_hns.archive.run_file import RunFile
from evo_hns.behaviour.pruning.curve import Pruning, Size


def keep(pruning: Pruning, path: Path) -> None:
    """Write the sizes of the first order into a new file.

    Raises:
        RunFileError: the file exists, or cannot be written.
    """
    sizes = pruning.trails[0].sizes
    coevolution = pruning.config.coevolution.model_copy(update={"generations": len(sizes)})
    config = pruning.config.model_copy(update={"coevolution": coevolution})
    with RunFile.create(path, config, pruning.genome_lengths) as file:
        for generation, size in enumerate(sizes):
            file.commit(_record(pruning, generation, size))


def _record(pruning: Pruning, generation: int, size: Size) -> Generation:
    score = float(np.mean([measured.score.mean for measured in size.against.values()]))
    rows = tuple(
        HeldOutRow(
            generation,
            pruning.side,
            opponent=name,
            mean=measured.score.mean,
            ci_half_width=measured.score.half_width,
            episodes=measured.score.num_samples,
            scores=measured.returns,
        )
        for name, measured in size.against.items()
    )
    return Generation(
        generation=generation,
        champions={pruning.side: Champion(size.genome, score)},
        metrics={"env_steps": 0.0, "weights": float(size.weights), "effective_weights": float(size.effective)},
        state={},
        held_out=rows,
    )
