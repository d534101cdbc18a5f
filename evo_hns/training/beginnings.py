"""Where searches begin, and which numbers of a genome they search (`init_from`, `fresh_output`, `trained_layers`)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.session import Playable
from evo_hns.policies.roster import PlayerSpec
from evo_hns.policies.translation import output_weights
from evo_hns.spec import Side
from evo_hns.training.external_players import ExternalPlayer
from evo_hns.training.random_streams import Stream, seed_of


def starts_of(origins: Sequence[ExternalPlayer], config: RunConfig, session: Playable) -> dict[Side, Tensor]:
    """`(L,)` genomes at which searches begin, of the sides that begin at a champion.

    Args:
        origins: the champions, as networks of this game.
        config: the run's settings.
        session: of its game.

    Raises:
        ConfigError: a network whose last layer cannot be told apart.
    """
    starts = {}
    for each in origins:
        start = starts[each.side] = torch.tensor(each.genome)
        own = config.side(each.side)
        if own.fresh_output:
            place = _last_layer(each.side, "fresh_output", config, session)
            generator = torch.Generator().manual_seed(seed_of(config.seed, 0, Stream.FRESH_OUTPUT, each.side))
            start[place] = own.search.init_sigma * torch.randn(place.stop - place.start, generator=generator)
    return starts


def trained_places(config: RunConfig, session: Playable) -> dict[Side, slice]:
    """Which numbers of a genome are searched, of the sides that do not search all.

    Raises:
        ConfigError: a network whose last layer cannot be told apart.
    """
    sides = [side for side in Side if config.side(side).trained_layers == "last"]
    return {side: _last_layer(side, "trained_layers", config, session) for side in sides}


def _last_layer(side: Side, setting: str, config: RunConfig, session: Playable) -> slice:
    policy = PlayerSpec(network=config.side(side).policy).build(session.spec)
    try:
        place = output_weights(policy)
    except ConfigError as error:
        raise ConfigError(f"{side.label}.{setting}: {error}") from None
    if policy.num_params != session.genome_lengths[side]:
        raise ConfigError(f"{side.label}.{setting}: got a network for each member of the team, expected one for all")
    return place
