"""What champions of a run are worth: each against each player of the panel, in the same fresh worlds.

What was measured is kept in a file beside the run, by what decided it: champion, opponent, game and worlds. So it is
measured once, whatever becomes of the study.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evo_hns.archive.hall_of_fame import FloatArray, IntArray
from evo_hns.archive.records import env_steps_so_far
from evo_hns.archive.run_view import RunView
from evo_hns.behaviour.stages.detectors import DETECTORS
from evo_hns.behaviour.stages.shares import Share
from evo_hns.behaviour.stages.timeline import Tally
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.evaluators import LocalEvaluator, build_evaluator
from evo_hns.evaluation.matches import fresh_seeds
from evo_hns.players.addresses import Archived, find_player, parse_address
from evo_hns.policies import scripted
from evo_hns.policies.roster import PlayerSpec, Roster
from evo_hns.spec import ObservationSpec, Side
from evo_hns.study.plan import Arm, Study, display_name
from evo_hns.system.output_file import output_file


@dataclass(frozen=True, eq=False)
class Measured:
    """A champion against a player of the panel."""

    side: Side
    opponent: str  #: its name
    is_held_out: bool  #: else the champion was trained against it
    generation: int
    env_steps: int  #: of training up to the champion
    scores: FloatArray  #: `(E,)` return of its team in each world, NaN where the physics failed
    stages: Mapping[str, Share]  #: of its side, and exploits
    statistics: Mapping[str, float]  #: means of the game's statistics


@dataclass(frozen=True)
class _Meeting:
    """A measurement that is wanted."""

    side: Side
    row: int  #: of the champion in its hall
    generation: int
    opponent: Roster
    name: str
    is_held_out: bool
    key: str  #: by what decides it


def checkpoints(env_steps: IntArray, budget: int, count: int) -> IntArray:
    """Generations that are measured: the first, and that which reaches each k-th part of the budget.

    Args:
        env_steps: `(G,)` of training by the end of each generation.
        budget: of a whole run.
        count: parts.
    """
    targets = np.arange(count + 1) * budget / count
    found: IntArray = np.unique(np.searchsorted(env_steps, targets))
    return found[found < len(env_steps)]


def measure(
    study: Study, arm: Arm, run: Path, kept: Path, *, plays: bool, observe: Callable[[int, int], None] | None = None
) -> list[Measured] | None:
    """Measure the champions of a run that are due.

    Args:
        study: its plan.
        arm: of the run.
        run: its file.
        kept: the file of what was measured before, and of what is now.
        plays: measure what is missing.
        observe: is called with how many measurements of how many there are.

    Returns:
        All of them, in the order of generations; None where one is missing and nothing may be played.

    Raises:
        ConfigError: a player that cannot be met.
        RunFileError: the run cannot be read.
    """
    known = _read(kept)
    found: list[Measured] = []
    evaluator: LocalEvaluator | None = None
    with RunView(run) as view:
        steps = env_steps_so_far(view).astype(np.int64)
        wanted = list(_meetings(study, arm, view, steps))
        for number, meeting in enumerate(wanted):
            if meeting.key not in known:
                if not plays:
                    return None
                evaluator = evaluator or build_evaluator(arm.config)
                genome = torch.from_numpy(view.genomes(meeting.side, [meeting.row]))
                rosters = {
                    meeting.side: evaluator.session.roster(meeting.side, genome),
                    meeting.side.other: meeting.opponent,
                }
                known[meeting.key] = _play(study, evaluator, meeting, rosters)
                _write(kept, known)
            if observe is not None:
                observe(number + 1, len(wanted))
            found.append(_decoded(meeting, int(steps[meeting.generation]), known[meeting.key]))
    return found


def _meetings(study: Study, arm: Arm, view: RunView, steps: IntArray) -> Iterator[_Meeting]:
    chosen = checkpoints(steps, study.env_steps, study.panel.checkpoints)
    for side in arm.config.trained_sides:
        generations = view.generations(side)
        rows = {int(g): int(np.flatnonzero(generations == g)[-1]) for g in chosen if g in generations}
        genomes = view.genomes(side, list(rows.values()))
        for address, is_held_out in study.met(arm, side).items():
            opponent = _opponent(address, side, arm.config, study.spec)
            for (generation, row), genome in zip(rows.items(), genomes, strict=True):
                tables = arm.config.world, arm.config.rules, arm.config.side(side).policy
                decides = [
                    *(table.model_dump_json(exclude_defaults=True) for table in tables),  # new options change no key
                    *(arm.config.physics.timestep, arm.config.physics.num_substeps),
                    *(study.panel.worlds, study.panel.seed, side.label),
                    *(_digest(genome.tobytes()), _identity(opponent.spec), _digest(opponent.genomes.numpy().tobytes())),
                ]
                key = _digest(json.dumps(decides).encode())[:24]
                yield _Meeting(side, row, generation, opponent, display_name(address, side), is_held_out, key)


def _opponent(address: str, side: Side, game: RunConfig, spec: ObservationSpec) -> Roster:
    """A player of the other side.

    Raises:
        ConfigError: it is of another game.
    """
    found = parse_address(address, side.other)
    if isinstance(found, Archived) and (different := game.game_differences(found.member.config)):
        raise ConfigError(f"{address} is of another game ({', '.join(different)}): take runs of the same game")
    return find_player(found, side.other, spec)


def _play(study: Study, evaluator: LocalEvaluator, meeting: _Meeting, rosters: Mapping[Side, Roster]) -> dict[str, Any]:
    tally = Tally({name: Share(0, 0) for name in DETECTORS})
    seeds = fresh_seeds(study.panel.worlds, study.panel.seed)
    tally.add(evaluator, rosters, seeds, (meeting.side, None), with_statistics=True)
    return {
        "side": meeting.side.label,
        "generation": meeting.generation,
        "opponent": meeting.name,
        "scores": [None if np.isnan(score) else float(score) for score in tally.returns(meeting.side)],
        "stages": {name: [share.shown, share.counted] for name, share in tally.shares.items() if share.counted},
        "statistics": tally.means,
    }


def _decoded(meeting: _Meeting, env_steps: int, kept: Mapping[str, Any]) -> Measured:
    return Measured(
        side=meeting.side,
        opponent=meeting.name,
        is_held_out=meeting.is_held_out,
        generation=meeting.generation,
        env_steps=env_steps,
        scores=np.array([np.nan if score is None else score for score in kept["scores"]], dtype=np.float64),
        stages={name: Share(*counts) for name, counts in kept["stages"].items()},
        statistics=kept["statistics"],
    )


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {path}: {error}; remove it, and all of it is measured again") from None
    return found


def _write(path: Path, known: Mapping[str, Any]) -> None:
    with output_file(path) as partial:
        partial.write_text(json.dumps(known), encoding="utf-8")


def _identity(player: PlayerSpec) -> str:
    """What a player is: scripts may change, networks do not."""
    if player.network is not None:
        return player.network.model_dump_json()
    return f"{player.scripted}{player.factory} {_scripts()}"


@functools.cache
def _scripts() -> str:
    """A digest of all scripted players, which share code."""
    folder = Path(scripted.__file__).parent
    return _digest(b"".join(path.read_bytes() for path in sorted(folder.rglob("*.py"))))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
