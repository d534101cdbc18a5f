"""What OpenAI calls the variables of a policy, and where each stands in an `EntityNetwork` and in an `EntityCritic`.

The names are those of TensorFlow's variables, without the first scope, with single slashes and without `:0`. A layer's
name ends in its place among the layers of its specification, which may differ between files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from evo_hns.policies.entity.form import ENTITY_TYPES, HEAD_SIZES, EntityForm

POLICY, CRITIC = "policy_net", "vpred_net"
"""Scopes of the two towers."""

STATISTICS = {"mean": "mean", "sq": "sq", "debiasing": "debiasing_term"}

_LAYER = re.compile(r"(circ_conv1d|dense|self-attention|layernorm|lstm)(\d+)(?:-\d+)?")


class Layers(NamedTuple):
    """The places of a tower's layers in its specification; -1: there is none."""

    convolution: int
    embedding: int
    attention: int
    joined_norm: int
    dense: int
    dense_norm: int
    memory: int
    last_norm: int


_TYPES = Layers("circ_conv1d", "dense", "self-attention", "layernorm", "dense", "layernorm", "lstm", "layernorm")  # type: ignore[arg-type]
_USUAL = {True: Layers(0, 6, 8, 11, 12, 13, 14, 15), False: Layers(0, 6, 8, -1, 11, -1, 12, 13)}


def normalise(name: str) -> str:
    """`policy_x/policy_net//dense6-0/kernel:0` is `policy_net/dense6-0/kernel`."""
    parts = [part for part in name.removesuffix(":0").split("/") if part]
    return "/".join(parts[1:])


def find_layers(names: Iterable[str], tower: str, form: EntityForm) -> Layers:
    """The places of a tower's layers, as far as its names make up the form; else the places that are usual."""
    found = {
        (int(match[2]), match[1])
        for name in names
        if name.startswith(f"{tower}/") and (match := _LAYER.fullmatch(name.split("/")[1]))
    }
    usual = _USUAL[form.layer_norm]._replace(convolution=0 if form.num_rays else -1)
    types = [kind for kind, place in zip(_TYPES, usual, strict=True) if place >= 0]
    if [kind for _, kind in sorted(found)] != types:
        return usual
    places = iter(sorted(found))
    return Layers(*(next(places)[0] if place >= 0 else -1 for place in usual))


def policy_names(form: EntityForm, layers: Layers) -> dict[str, str]:
    """The variables of a policy by the names that an `EntityNetwork` has for them."""
    heads = (_linear(f"heads.{head}", f"policy_out/action_{head}/dense") for head in HEAD_SIZES)
    return _tower_names(form, layers, POLICY) | {key: name for head in heads for key, name in head.items()}


def critic_names(form: EntityForm, layers: Layers) -> dict[str, str]:
    """The variables of a critic by the names that an `EntityCritic` has for them."""
    scale = {f"scale.{ours}": f"vpred_out0/value0filter/{theirs}" for ours, theirs in STATISTICS.items()}
    return _tower_names(form, layers, CRITIC) | _linear("value", "vpred_out0/dense") | scale


def statistics_scope(field: str) -> str:
    """Where the statistics of a field of the observation are."""
    return "normalize_self_obs/obsfilter" if field == "observation_self" else f"normalize_{field}/obsfilter/{field}"


def _tower_names(form: EntityForm, layers: Layers, tower: str) -> dict[str, str]:
    block = f"{tower}/self-attention{layers.attention}/residual_sa_block{layers.attention}"
    inner = f"{block}/self_attention/qkv_embed"
    names = _statistics_names(form)
    if form.num_rays:
        names |= _linear("encoder.convolution", f"{tower}/circ_conv1d{layers.convolution}/conv1d")
    embedded = [*(f"embeddings.{entity_type}" for entity_type in form.entity_types), "main_embedding"]
    for place, key in enumerate(embedded):
        names |= _linear(f"encoder.{key}", f"{tower}/dense{layers.embedding}-{place}")
    names |= _linear("encoder.attention.query_key", f"{inner}/qk_embed")
    names |= _linear("encoder.attention.value", f"{inner}/v_embed")
    names |= _linear("encoder.attention.mix", f"{block}/mlp1")
    names |= _linear("encoder.dense", f"{tower}/dense{layers.dense}-0")
    memory = f"{tower}/lstm{layers.memory}/rnn/basic_lstm_cell"
    names |= {"cell.kernel": f"{memory}/kernel", "cell.bias": f"{memory}/bias"}
    if form.layer_norm:
        names |= _norm("encoder.attention.input_norm", f"{inner}/pre_sa_layer_norm")
        names |= _norm("encoder.attention.output_norm", f"{block}/post_a_layernorm")
        names |= _norm("encoder.joined_norm", f"{tower}/layernorm{layers.joined_norm}")
        names |= _norm("encoder.dense_norm", f"{tower}/layernorm{layers.dense_norm}")
    return names | _norm("last_norm", f"{tower}/layernorm{layers.last_norm}")


def _statistics_names(form: EntityForm) -> dict[str, str]:
    return {
        f"encoder.statistics.{field}.{ours}": f"{statistics_scope(field)}/{theirs}"
        for field in form.input_widths
        for ours, theirs in STATISTICS.items()
    }


def _linear(key: str, scope: str) -> dict[str, str]:
    return {f"{key}.weight": f"{scope}/kernel", f"{key}.bias": f"{scope}/bias"}


def _norm(key: str, scope: str) -> dict[str, str]:
    return {f"{key}.weight": f"{scope}/LayerNorm/gamma", f"{key}.bias": f"{scope}/LayerNorm/beta"}


def entity_types_in(shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
    """The entity types whose rows a file normalises."""
    return [
        entity_type
        for entity_type, fields in ENTITY_TYPES.items()
        if any(name.startswith(f"{statistics_scope(fields.rows)}/") for name in shapes)
    ]
