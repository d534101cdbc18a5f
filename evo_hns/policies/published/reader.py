"""Read a policy as OpenAI published it, from its arrays alone.

Such a file also holds a pickle of Python objects, `policy_fn_and_args`. Unpickling runs code, so it is never even
loaded: everything that is needed can be read off the names and shapes of the arrays.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from evo_hns.config import ConfigError, EntityConfig, EntityPolicyConfig, PolicyConfig
from evo_hns.policies.entity.form import EntityForm, game_widths
from evo_hns.policies.entity.genome import blank_network, genome_of
from evo_hns.policies.entity.network import EntityCritic, EntityNetwork
from evo_hns.policies.published.names import CRITIC, POLICY, critic_names, find_layers, normalise, policy_names
from evo_hns.policies.published.shapes import file_shape, read_form
from evo_hns.spec import ObservationSpec

Arrays = Mapping[str, npt.NDArray[np.float32]]

PICKLE = "policy_fn_and_args"

_UNREADABLE = (
    *(OSError, ValueError, EOFError, KeyError, RuntimeError, MemoryError),
    *(struct.error, zipfile.BadZipFile, zlib.error),
)
"""What `numpy.load` raises for files that are none, damaged, or only of pickles."""

_SOURCE = "OpenAI's are in examples/ of openai/multi-agent-emergence-environments on GitHub"


@dataclass(frozen=True, eq=False)
class PublishedPolicy:
    """A policy of OpenAI's, ready to be played."""

    path: Path
    form: EntityForm
    network: EntityNetwork
    critic: EntityCritic

    @property
    def genome(self) -> npt.NDArray[np.float32]:
        """`(N,)` parameters and statistics of the policy, without the critic."""
        return genome_of(self.network).numpy()

    def config(self, *, greedy: bool) -> PolicyConfig:
        """The form of its network, as settings."""
        form = self.form
        entity = EntityConfig(
            embed_size=form.embed_size,
            num_heads=form.num_heads,
            dense_size=form.dense_size,
            num_cells=form.num_cells,
            num_filters=form.num_filters,
            layer_norm=form.layer_norm,
            greedy=greedy,
        )
        return EntityPolicyConfig(entity=entity)

    def check_game(self, spec: ObservationSpec) -> None:
        """Refuse a game in which there are other things to see.

        Raises:
            ConfigError: it is one.
        """
        ours, theirs = dict(game_widths(spec)), dict(self.form.widths)
        found = [
            f"{name} with {theirs.get(name, 'no')} columns, the game tells {ours.get(name, 'none')}"
            for name in {**theirs, **ours}
            if ours.get(name) != theirs.get(name)
        ]
        if self.form.num_rays != spec.num_lidar_rays:
            found.append(f"{self.form.num_rays} lidar rays, the game has {spec.num_lidar_rays}")
        if found:
            raise ConfigError(
                f"{self.path} cannot play this game: it expects {'; '.join(found)}. {_fitting_game(self.form)}"
            )


def read_policy(path: Path) -> PublishedPolicy:
    """Read a policy file.

    Raises:
        ConfigError: there is none, it cannot be read, or what it holds is not such a policy; says what is wrong.
    """
    arrays = _read_arrays(path)
    shapes = {name: array.shape for name, array in arrays.items()}
    form = read_form(shapes)
    if form.embed_size % form.num_heads:
        raise ConfigError(
            f"{path} has embeddings of {form.embed_size} numbers, expected a multiple of {form.num_heads}"
        )
    network, critic = blank_network(form), _blank_critic(form)
    names = {
        network: policy_names(form, find_layers(arrays, POLICY, form)),
        critic: critic_names(form, find_layers(arrays, CRITIC, form)),
    }
    expected = {
        names[module][key]: file_shape(key, tuple(tensor.shape))
        for module in (network, critic)
        for key, tensor in module.state_dict().items()
    }
    _check(path, shapes, expected)
    for module, theirs in names.items():
        tensors = {key: _tensor(key, arrays[theirs[key]]) for key in module.state_dict()}
        module.load_state_dict(tensors, assign=True)
        module.requires_grad_(False)
    return PublishedPolicy(path, form, network, critic)


def _blank_critic(form: EntityForm) -> EntityCritic:
    with torch.device("meta"):
        return EntityCritic(form)


def _tensor(key: str, array: npt.NDArray[np.float32]) -> Tensor:
    """An array as a network has it: inputs last."""
    if key.endswith(".weight") and array.ndim > 1:
        array = array.reshape(-1, array.shape[-1]).T
    return torch.from_numpy(np.array(array, dtype=np.float32, order="C"))


def _read_arrays(path: Path) -> Arrays:
    """All arrays of a file but the pickle, by their normalised names."""
    arrays: dict[str, npt.NDArray[np.float32]] = {}
    for name, array in _load(path).items():
        if normalise(name) in arrays:
            raise ConfigError(f"{path} has {normalise(name)} twice: get it again")
        if array.dtype.kind != "f":
            raise ConfigError(f"{path} has {name} of type {array.dtype}, expected float32; {_SOURCE}")
        if not np.isfinite(array).all():
            raise ConfigError(f"{path} has {name} with numbers that are not finite: get it again")
        arrays[normalise(name)] = array.astype(np.float32)
    return arrays


def _load(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """All arrays of a file but the pickle; nothing is unpickled."""
    if not path.is_file():
        raise ConfigError(f"no policy file {path}; {_SOURCE}")
    if not zipfile.is_zipfile(path):
        raise ConfigError(f"{path} is no .npz file, or a part of one: get it again; {_SOURCE}")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files if name != PICKLE}
    except _UNREADABLE as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"{path} cannot be read as an .npz file ({reason}): get it again; {_SOURCE}") from None


def _check(path: Path, shapes: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse a file that lacks a variable, has an unknown one, or one of a wrong shape; all are named."""
    if not shapes.keys() & expected.keys():
        raise ConfigError(f"{path} has no variable of such a policy; {_SOURCE}")
    faults = [f"lacks {name}" for name in expected if name not in shapes]
    faults += [f"has the unknown {name}" for name in shapes if name not in expected]
    faults += [
        f"has {name} of shape {shapes[name]}, expected {shape}"
        for name, shape in expected.items()
        if name in shapes and shapes[name] != shape
    ]
    if faults:
        raise ConfigError(f"{path} {', '.join(faults)}; {_SOURCE}")


def _fitting_game(form: EntityForm) -> str:
    """Which of the games that come with the project has what a policy expects."""
    widths = dict(form.widths)
    games = {(12, 9): "the quadrant", (15, 15): "the full game"}
    game = games.get((widths.get("boxes", 0), widths.get("ramps", 0)))
    if game is None or form.num_rays != 30 or widths.keys() != {"agents", "boxes", "ramps"}:
        return "None of the project's experiments has these"
    return f"It fits {game}: give a run or an experiment of that"
