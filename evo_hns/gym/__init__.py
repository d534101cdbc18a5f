"""The game for Gymnasium; importing this registers `evo_hns/HideAndSeek-v0`.

    import gymnasium
    import evo_hns.gym

    env = gymnasium.make("evo_hns/HideAndSeek-v0", side="hiders", opponent="scripted:chaser")
    many = gymnasium.make_vec("evo_hns/HideAndSeek-v0", num_envs=256, vectorization_mode="vector_entry_point")

Both take what `evo_hns.make_gym_env` and `evo_hns.make_vector_env` take.
"""

from __future__ import annotations

from evo_hns.system.installation import how_to_install

try:
    import gymnasium
except ImportError as error:
    raise ImportError(f"evo_hns.gym needs Gymnasium: {how_to_install('gymnasium')}") from error

ENV_ID = "evo_hns/HideAndSeek-v0"

if ENV_ID not in gymnasium.registry:
    gymnasium.register(ENV_ID, entry_point="evo_hns.api:make_gym_env", vector_entry_point="evo_hns.api:make_vector_env")
