"""The network of Baker et al. (2020) in torch: embedded entities, masked self-attention, an LSTM."""

from evo_hns.policies.entity.encoder import EntityEncoder, Sight
from evo_hns.policies.entity.form import EntityForm
from evo_hns.policies.entity.genome import genome_of, load_genome
from evo_hns.policies.entity.network import EntityCritic, EntityNetwork, EntityTower, Memory
from evo_hns.policies.entity.policy import EntityPolicy, sight_of

__all__ = [
    "EntityCritic",
    "EntityEncoder",
    "EntityForm",
    "EntityNetwork",
    "EntityPolicy",
    "EntityTower",
    "Memory",
    "Sight",
    "genome_of",
    "load_genome",
    "sight_of",
]
