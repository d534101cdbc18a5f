"""Policy files as OpenAI published them, of any form and of random numbers: from nothing but names of variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]
Shapes = dict[str, tuple[int, ...]]

FULL = {"agent_qpos_qvel": 10, "box_obs": 15, "ramp_obs": 15}
QUADRANT = {"agent_qpos_qvel": 10, "box_obs": 12, "ramp_obs": 9}
SELF = 10


@dataclass(frozen=True)
class Sizes:
    """Of a network's layers."""

    rays: int = 30
    filters: int = 9
    embed: int = 128
    dense: int = 256
    cells: int = 256


SMALL = Sizes(rays=30, filters=2, embed=8, dense=7, cells=5)


def variables(
    layer_norm: bool, widths: Mapping[str, int] = FULL, sizes: Sizes = Sizes(), scope: str = "policy"
) -> Shapes:
    """The variables of a file in their order, with their shapes."""
    return {f"{scope}/{name}:0": shape for name, shape in _variables(layer_norm, widths, sizes)}


def _variables(layer_norm: bool, widths: Mapping[str, int], sizes: Sizes) -> Iterator[tuple[str, tuple[int, ...]]]:
    for key, width in sorted({"self_obs": SELF, **widths, "lidar": 1}.items(), key=lambda item: _place(item[0])):
        if key != "lidar" or sizes.rays:
            inner = "" if key == "self_obs" else f"{key}/"
            yield from ((f"normalize_{key}/obsfilter/{inner}{n}", (width,)) for n in ("mean", "sq", "debiasing_term"))
    yield from _tower("vpred_net", layer_norm, widths, sizes)
    yield from _dense("vpred_out0/dense", sizes.cells, 1)
    yield from ((f"vpred_out0/value0filter/{name}", ()) for name in ("mean", "sq", "debiasing_term"))
    yield from _tower("policy_net", layer_norm, widths, sizes)
    for action, size in (("glueall", 2), ("movement", 33), ("pull", 2)):
        yield from _dense(f"policy_out/action_{action}/dense", sizes.cells, size)


def _place(key: str) -> int:
    return ("self_obs", "agent_qpos_qvel", "box_obs", "lidar", "ramp_obs", "food_obs").index(key)


def _tower(
    tower: str, layer_norm: bool, widths: Mapping[str, int], sizes: Sizes
) -> Iterator[tuple[str, tuple[int, ...]]]:
    main, embed = SELF + sizes.rays * sizes.filters, sizes.embed
    net = f"{tower}/"  # which gives the double slash
    if sizes.rays:
        yield f"{net}/circ_conv1d0/conv1d/kernel", (3, 1, sizes.filters)
        yield f"{net}/circ_conv1d0/conv1d/bias", (sizes.filters,)
    for place, width in enumerate((*widths.values(), 0)):
        yield from _dense(f"{net}/dense6-{place}", main + width, embed)
    block = f"{net}/self-attention8/residual_sa_block8"
    inner = f"{block}/self_attention/qkv_embed"
    if layer_norm:
        yield from _norm(f"{inner}/pre_sa_layer_norm", embed)
    yield from _dense(f"{inner}/qk_embed", embed, 2 * embed)
    yield from _dense(f"{inner}/v_embed", embed, embed)
    yield from _dense(f"{block}/mlp1", embed, embed)
    if layer_norm:
        yield from _norm(f"{block}/post_a_layernorm", embed)
        yield from _norm(f"{net}/layernorm11", 2 * embed)
    dense, memory, last = ("dense12", "lstm14", "layernorm15") if layer_norm else ("dense11", "lstm12", "layernorm13")
    yield from _dense(f"{net}/{dense}-0", 2 * embed, sizes.dense)
    if layer_norm:
        yield from _norm(f"{net}/layernorm13", sizes.dense)
    yield f"{net}/{memory}/rnn/basic_lstm_cell/kernel", (sizes.dense + sizes.cells, 4 * sizes.cells)
    yield f"{net}/{memory}/rnn/basic_lstm_cell/bias", (4 * sizes.cells,)
    yield from _norm(f"{net}/{last}", sizes.cells)


def _dense(scope: str, num_inputs: int, num_outputs: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{scope}/kernel", (num_inputs, num_outputs)
    yield f"{scope}/bias", (num_outputs,)


def _norm(scope: str, size: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{scope}/LayerNorm/beta", (size,)
    yield f"{scope}/LayerNorm/gamma", (size,)


def random_policy(seed: int, shapes: Shapes) -> Arrays:
    """Numbers for all variables; with seed 11 and OpenAI's sizes they are those of the recording.

    NumPy promises that this generator gives the same numbers for ever.
    """
    rng = np.random.RandomState(seed)
    arrays: Arrays = {}
    for name, shape in shapes.items():
        if not name.endswith(("sq:0", "debiasing_term:0")):
            numbers = np.asarray(rng.standard_normal(shape or None))
            arrays[name] = _rounded(numbers) * 0.875 if name.endswith("mean:0") else _rounded(_scaled(name, numbers))
    for name, shape in shapes.items():
        if name.endswith("sq:0"):
            mean = arrays[name.replace("sq:0", "mean:0")] / 0.875
            arrays[name] = (_rounded(3.0 * rng.random_sample(shape or None)) + mean**2) * 0.875
        elif name.endswith("debiasing_term:0"):
            arrays[name] = np.full(shape, 0.875)
    return {name: arrays[name].astype(np.float32) for name in shapes}


def _scaled(name: str, numbers: np.ndarray) -> np.ndarray:
    if name.endswith("gamma:0"):
        return 1.0 + 0.2 * numbers
    if "_out" in name:
        return 0.3 * numbers
    return (0.1 if name.endswith("kernel:0") else 0.2) * numbers


def _rounded(numbers: np.ndarray) -> np.ndarray:
    return np.round(numbers * 64) / 64


def write(path: Path, arrays: Arrays) -> Path:
    """A policy file, with the pickle that nobody may read: this one is none, and would fail."""
    np.savez(path, **arrays, policy_fn_and_args=np.array(b"not a pickle"))
    return path


def quadrant_policy(path: Path, seed: int = 0) -> Path:
    """A small policy for the quadrant."""
    return write(path, random_policy(seed, variables(False, QUADRANT, SMALL)))


def full_policy(path: Path, seed: int = 0) -> Path:
    """A small policy for the full game."""
    return write(path, random_policy(seed, variables(True, FULL, SMALL)))
