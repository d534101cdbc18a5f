"""The paper's network as a policy of sb3-contrib: two towers of one form, of which the critic's may see everything.

What a tower is made of comes from `policies.entity`; the memory is torch's LSTM, which is quicker over whole episodes
than a step at a time, and equals the cell of `EntityNetwork` to rounding (`checkpoint`).
"""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from sb3_contrib.common.recurrent.policies import RecurrentMultiInputActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from evo_hns.policies.entity import EntityEncoder, EntityForm, Sight
from evo_hns.policies.entity.attention import layer_norm
from evo_hns.policies.entity.network import FORGET_BIAS


class EntityFeatures(BaseFeaturesExtractor):
    """What one agent sees, as a row of numbers.

    Args:
        observation_space: see `vec_env.sight_space`.
        form: of the network.
    """

    def __init__(self, observation_space: spaces.Dict, form: EntityForm) -> None:
        super().__init__(observation_space, form.dense_size)
        self.encoder = EntityEncoder(form)
        self.omniscient = False  #: whether it sees everything that there is

    def forward(self, observations: Sight) -> Tensor:
        """`(B, dense_size)`."""
        return self.encoder(observations, omniscient=self.omniscient)  # type: ignore[no-any-return]


class LastNorms(nn.Module):
    """Between memories and heads: a normalisation in each tower.

    Args:
        form: of the network.
    """

    def __init__(self, form: EntityForm) -> None:
        super().__init__()
        self.latent_dim_pi = self.latent_dim_vf = form.num_cells
        self.actor = layer_norm(form.num_cells)
        self.critic = layer_norm(form.num_cells)

    def forward_actor(self, cells: Tensor) -> Tensor:
        """`(B, num_cells)` for the policy's heads."""
        return self.actor(cells)  # type: ignore[no-any-return]

    def forward_critic(self, cells: Tensor) -> Tensor:
        """`(B, num_cells)` for the value."""
        return self.critic(cells)  # type: ignore[no-any-return]


class EpisodicPolicy(RecurrentMultiInputActorCriticPolicy):
    """A policy of the library that may keep statistics of its observations."""

    lstm_critic: nn.LSTM
    action_net: nn.Linear

    def update_statistics(self, sight: Sight) -> None:
        """Take in the observations of B steps: nothing is kept of them here."""


class EntityActorCritic(EpisodicPolicy):
    """Actor and critic, who share nothing.

    Args:
        observation_space: see `vec_env.sight_space`.
        action_space: see `vec_env.action_space`.
        lr_schedule: of the optimiser.
        form: of both towers.
        omniscient_critic: the critic sees everything that there is.
        use_sde: must be false; what the library hands to every policy.
    """

    pi_features_extractor: EntityFeatures
    vf_features_extractor: EntityFeatures
    mlp_extractor: LastNorms  # type: ignore[assignment]  # the library asks for no more of it

    def __init__(
        self,
        observation_space: spaces.Dict,
        action_space: spaces.MultiDiscrete,
        lr_schedule: Any,
        *,
        form: EntityForm,
        omniscient_critic: bool,
        use_sde: bool = False,
    ) -> None:
        self._form = form
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            net_arch=[],
            use_sde=use_sde,
            features_extractor_class=EntityFeatures,
            features_extractor_kwargs={"form": form},
            share_features_extractor=False,
            lstm_hidden_size=form.num_cells,
        )
        self.vf_features_extractor.omniscient = omniscient_critic
        for lstm in (self.lstm_actor, self.lstm_critic):
            remember_at_first(lstm)

    def _build_mlp_extractor(self) -> None:
        """Build what stands between memories and heads."""
        self.mlp_extractor = LastNorms(self._form)

    def update_statistics(self, sight: Sight) -> None:
        """Update the statistics that normalise observations, of both towers, with those of B agents."""
        for features in (self.pi_features_extractor, self.vf_features_extractor):
            features.encoder.update_statistics(sight)


@torch.no_grad()
def remember_at_first(lstm: nn.LSTM) -> None:
    """Open the gates by which a memory keeps what it holds (Gers et al. 2000), as TensorFlow's cell does."""
    input_bias, hidden_bias = lstm.get_parameter("bias_ih_l0"), lstm.get_parameter("bias_hh_l0")
    hidden_bias.zero_()
    input_bias.zero_()
    input_bias[lstm.hidden_size : 2 * lstm.hidden_size] = FORGET_BIAS
