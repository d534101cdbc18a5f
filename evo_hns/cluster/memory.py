"""Memory that a run needs on a node: an upper bound on measured peaks."""

from __future__ import annotations

import math
from collections.abc import Mapping

from evo_hns.config import RunConfig
from evo_hns.evaluation.session import build_session
from evo_hns.mpi.worker import worlds_of_rank
from evo_hns.spec import Side

RANK = 600
"""MB of a rank before its first match: Python, torch, MuJoCo, compiled kernels."""

THING = 0.1
"""MB of each agent, box and ramp in each world that a rank plays side by side."""

GENOMES_OF_RANK = 3.0
"""Genomes in a rank, as a multiple of all candidates in float64: a message, a roster, bound networks."""

COORDINATOR = 300
"""MB of the coordinator beside that."""

GENOMES_OF_COORDINATOR = 6.5
"""Its further genomes, as the same multiple: the search, the roster, the file as it is written."""

COVARIANCES = 8
"""Matrices of a full CMA-ES: the covariance, its root, and what is worked on."""

HALLS = 4
"""Copies of a hall of fame, which grows by doubling and is written in one piece."""

_MB = 1e6


def needed_memory(config: RunConfig, *, nodes: int, ranks_per_node: int) -> int:
    """MB that a run needs on the node of the coordinator, an upper bound for other nodes.

    Args:
        config: its settings.
        nodes: of the job.
        ranks_per_node: on each.
    """
    session = build_session(config, 1)
    spec = session.spec
    things = (spec.num_agents + spec.num_boxes + spec.num_ramps) * worlds_of_rank(config, nodes * ranks_per_node)
    return node_memory(config, session.genome_lengths, things=things, ranks=ranks_per_node)


def node_memory(config: RunConfig, lengths: Mapping[Side, int], *, things: int, ranks: int) -> int:
    """MB that ranks need together, the coordinator among them, rounded up to hundreds.

    Args:
        config: the settings of the run.
        lengths: parameters of each side's genomes.
        things: agents, boxes and ramps in all worlds that a rank plays side by side.
        ranks: on the node.
    """
    candidates = sum(8 * config.side(side).search.popsize * lengths[side] for side in Side) / _MB
    covariances = sum(8 * lengths[side] ** 2 for side in Side if config.side(side).search.algorithm == "cmaes") / _MB
    halls = sum(4 * config.coevolution.generations * lengths[side] for side in Side) / _MB
    rank = RANK + THING * things + GENOMES_OF_RANK * candidates
    coordinator = COORDINATOR + GENOMES_OF_COORDINATOR * candidates + COVARIANCES * covariances + HALLS * halls
    return 100 * math.ceil((ranks * rank + coordinator) / 100)
