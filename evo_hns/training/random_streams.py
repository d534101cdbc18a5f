"""Every random number of training, by what draws it.

A stream follows from the run's seed, the generation, what it is for and, where both sides draw, the side. So what one
draws never shifts what another draws, a new one shifts none of them, and a run continues from any generation without
storing any. (A searcher keeps a stream of its own, which begins with one of these.)

Evaluations, held-out measurements and tournaments draw their worlds elsewhere (`evaluation.matches`), and a player that
draws does so from the seed of its match (`policies.actions`): the same in every run.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from evo_hns.spec import Side


class Stream(IntEnum):
    """What a stream is for. A number decides its draws: none is ever changed, or given to something else."""

    SEARCH = 0  # a side's search, for all of the run
    OPPONENTS = 1  # whom a side's candidates meet
    WORLDS = 2  # and in which worlds
    JUDGES = 3  # whom a search's centres before and after its move meet (`coevolution.generalist`)
    JUDGES_WORLDS = 4
    FINAL_OPPONENTS = 5  # whom a side's finalists meet
    FINAL_WORLDS = 6
    EXPLOITER = 7  # the search of an exploiter that begins
    EXPLOITER_WORLDS = 8  # in which exploiters meet the champions
    EXPLOITER_FINAL_WORLDS = 9
    RECORDED_WORLDS = 10  # of matches that are recorded
    PROGRESS_WORLDS = 11  # in which local and historical progress are measured
    PROGRESS_OPPONENTS = 12  # which earlier champions measure it
    PPO_NETWORK = 13  # the first parameters of both networks of PPO
    PPO_WORLDS = 14  # of its rollouts
    PPO_ACTIONS = 15  # all else in a generation of it: actions, and the order of minibatches
    COST_ESTIMATE = 16  # the networks that are timed before a run begins
    WORLD_KINDS = 17  # of which kinds the worlds are in which a side's candidates meet (`coevolution.worlds`)
    DEMONSTRATED_WORLDS = 18  # in which a demonstrator begins a side's matches
    DEMONSTRATIONS = 19  # and which of them are met
    FRESH_OUTPUT = 20  # a new last layer of the champion at which a side's search begins


def stream(seed: int, generation: int, which: Stream, side: Side | None = None) -> np.random.Generator:
    """A stream at its beginning.

    Args:
        seed: of the run, at least 0.
        generation: in which it is drawn from; 0 for what is drawn once in a run.
        which: what it is for.
        side: whose it is, where each side has one.
    """
    key = (which, generation) if side is None else (which, generation, side)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def streams(seed: int, generation: int, which: Stream) -> dict[Side, np.random.Generator]:
    """The streams of both sides; see `stream`."""
    return {side: stream(seed, generation, which, side) for side in Side}


def seed_of(seed: int, generation: int, which: Stream, side: Side | None = None) -> int:
    """A seed of 31 bits for what draws by itself; see `stream`."""
    return int(stream(seed, generation, which, side).integers(2**31))
