"""A policy of OpenAI's computed for one agent in plain loops and double precision, from the variables of its file."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

Vector = list[float]

KINDS = {
    "agent_qpos_qvel": ("mask_aa_obs", "mask_aa_obs_spoof"),
    "box_obs": ("mask_ab_obs", "mask_ab_obs_spoof"),
    "ramp_obs": ("mask_ar_obs", "mask_ar_obs_spoof"),
    "food_obs": ("mask_af_obs", "mask_af_obs_spoof"),
}
HEADS = 4


class Oracle:
    """One tower of a file."""

    def __init__(self, arrays: Mapping[str, np.ndarray], tower: str, layer_norm: bool) -> None:
        self.arrays = {name.split("/", 1)[1]: array.astype(np.float64) for name, array in arrays.items()}
        self.tower, self.layer_norm = tower, layer_norm
        self.layers = {True: ("12", "14", "15"), False: ("11", "12", "13")}[layer_norm]

    def step(
        self, told: Mapping[str, np.ndarray], c: Vector, h: Vector, omniscient: bool
    ) -> tuple[Vector, Vector, Vector]:
        """The numbers for the heads, and the memory after the step."""
        main = self.main(told)
        entities, visible = [], []
        kinds = [key for key in KINDS if f"normalize_{key}/obsfilter/{key}/mean:0" in self.arrays]
        for place, key in enumerate(kinds):
            for j, row in enumerate(told[key]):
                inputs = main + self.normalised(key, row)
                entities.append(relu(self.dense(f"{self.tower}//dense6-{place}", inputs)))
                visible.append(bool(told[KINDS[key][omniscient]][j]))
        own = relu(self.dense(f"{self.tower}//dense6-{len(kinds)}", main))
        entities, visible = [*entities, own], [*visible, True]
        mixed = self.attend(entities, visible)
        seen = [entity for entity, there in zip(mixed, visible, strict=True) if there]
        pooled = [sum(column) / (len(seen) + 1e-5) for column in zip(*seen, strict=True)]
        row = self.norm("layernorm11", own + pooled)
        row = self.norm("layernorm13", relu(self.dense(f"{self.tower}//dense{self.layers[0]}-0", row)))
        c, h = self.remember(row, c, h)
        return self.norm(f"layernorm{self.layers[2]}", h, always=True), c, h

    def main(self, told: Mapping[str, np.ndarray]) -> Vector:
        """The agent's own row and the filtered lidar."""
        row = self.normalised("self_obs", told["observation_self"])
        ring = [self.normalised("lidar", ray)[0] for ray in told["lidar"]]
        if not ring:
            return row
        kernel, bias = (self.arrays[f"{self.tower}//circ_conv1d0/conv1d/{name}:0"] for name in ("kernel", "bias"))
        for k in range(len(ring)):
            for f in range(len(bias)):
                near = [ring[(k + t - 1) % len(ring)] * kernel[t, 0, f] for t in range(3)]
                row.append(max(0.0, sum(near) + bias[f]))
        return row

    def normalised(self, key: str, row: np.ndarray) -> Vector:
        inner = "" if key == "self_obs" else f"{key}/"
        names = (f"normalize_{key}/obsfilter/{inner}{name}:0" for name in ("mean", "sq", "debiasing_term"))
        means, squares, debiasing = (self.arrays[name] for name in names)
        found = []
        for x, m, s, d in zip(row, means, squares, debiasing, strict=True):
            mean = m / max(d, 1e-6)
            deviation = math.sqrt(max(s / max(d, 1e-6) - mean * mean, 0.01))
            found.append(min(5.0, max(-5.0, (float(x) - mean) / deviation)))
        return found

    def attend(self, entities: list[Vector], visible: list[bool]) -> list[Vector]:
        """Masked self-attention, with a way round it."""
        block = f"{self.tower}//self-attention8/residual_sa_block8"
        inner = f"{block}/self_attention/qkv_embed"
        normed = [self.norm(f"{inner}/pre_sa_layer_norm", entity, whole=True) for entity in entities]
        qk = [self.dense(f"{inner}/qk_embed", entity) for entity in normed]
        values = [self.dense(f"{inner}/v_embed", entity) for entity in normed]
        size = len(entities[0]) // HEADS
        found = []
        for i in range(len(entities)):
            gathered: Vector = []
            for head in range(HEADS):
                at = [(head * size + k) * 2 for k in range(size)]  # a query, and beside it a key
                logits = [sum(qk[i][a] * qk[j][a + 1] for a in at) / math.sqrt(size) for j in range(len(entities))]
                seen = [logit if there else -math.inf for logit, there in zip(logits, visible, strict=True)]
                weights = [math.exp(logit - max(seen)) for logit in seen]
                total = sum(weights) + 1e-10
                for k in range(size):
                    parts = (w * value[head * size + k] for w, value in zip(weights, values, strict=True))
                    gathered.append(sum(parts) / total)
            mixed = self.dense(f"{block}/mlp1", gathered)
            joined = [x + y for x, y in zip(entities[i], mixed, strict=True)]
            found.append(self.norm(f"{block}/post_a_layernorm", joined, whole=True))
        return found

    def remember(self, row: Vector, c: Vector, h: Vector) -> tuple[Vector, Vector]:
        """The LSTM, gates in the order input, candidate, forget, output."""
        cell = f"{self.tower}//lstm{self.layers[1]}/rnn/basic_lstm_cell"
        gates = self.dense(cell, row + h)
        n = len(c)
        i, j, f, o = (gates[k * n : (k + 1) * n] for k in range(4))
        new = [sigmoid(f[k] + 1.0) * c[k] + sigmoid(i[k]) * math.tanh(j[k]) for k in range(n)]
        return new, [math.tanh(new[k]) * sigmoid(o[k]) for k in range(n)]

    def dense(self, scope: str, inputs: Vector) -> Vector:
        kernel, bias = self.arrays[f"{scope}/kernel:0"], self.arrays[f"{scope}/bias:0"]
        return [sum(x * kernel[i, k] for i, x in enumerate(inputs)) + bias[k] for k in range(len(bias))]

    def norm(self, scope: str, row: Vector, *, always: bool = False, whole: bool = False) -> Vector:
        """A layer norm; all but the last are only in the variant that has them."""
        if not (always or self.layer_norm):
            return row
        scope = scope if whole else f"{self.tower}//{scope}"
        gamma, beta = (self.arrays[f"{scope}/LayerNorm/{name}:0"] for name in ("gamma", "beta"))
        mean = sum(row) / len(row)
        variance = sum((x - mean) ** 2 for x in row) / len(row)
        return [(x - mean) / math.sqrt(variance + 1e-12) * g + b for x, g, b in zip(row, gamma, beta, strict=True)]

    def value(self, row: Vector) -> float:
        """In units of the return."""
        mean, square, debiasing = (
            float(self.arrays[f"vpred_out0/value0filter/{name}:0"]) for name in ("mean", "sq", "debiasing_term")
        )
        mean, square = mean / max(debiasing, 1e-6), square / max(debiasing, 1e-6)
        return self.dense("vpred_out0/dense", row)[0] * math.sqrt(max(square - mean**2, 0.01)) + mean


def relu(row: Vector) -> Vector:
    return [max(0.0, x) for x in row]


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))
