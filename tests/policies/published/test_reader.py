"""OpenAI's files are read as they are, whatever form they have; what is wrong with one is named in one line."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evo_hns.config import ConfigError, EntityConfig
from evo_hns.policies import build_policy
from evo_hns.policies.published import read_policy
from evo_hns.spec import ObjectColumns, ObservationSpec
from tests.published import (
    FULL,
    QUADRANT,
    SMALL,
    Arrays,
    Sizes,
    full_policy,
    quadrant_policy,
    random_policy,
    variables,
    write,
)

SIZED = ObjectColumns(has_size=True)
QUADRANT_GAME = ObservationSpec(2, 2, 2, 1, 30)
FULL_GAME = ObservationSpec(2, 2, 9, 2, 30, SIZED, SIZED, has_room=False)


@pytest.mark.parametrize("layer_norm", [True, False])
@pytest.mark.parametrize(
    ("widths", "sizes"),
    [
        (FULL, SMALL),
        (QUADRANT, Sizes(filters=4, embed=12, dense=8, cells=8)),
        ({"agent_qpos_qvel": 10, "box_obs": 19, "ramp_obs": 15, "food_obs": 4}, Sizes(8, 2, 4, 16, 4)),
        ({"box_obs": 12}, Sizes(5, 1, 4, 3, 2)),
    ],
)
def test_any_form_is_read_off_names_and_shapes(
    widths: dict[str, int], sizes: Sizes, layer_norm: bool, tmp_path: Path
) -> None:
    form = read_policy(write(tmp_path / "a.npz", random_policy(0, variables(layer_norm, widths, sizes)))).form
    assert [width for _, width in form.widths] == list(widths.values())
    assert (form.num_rays, form.num_filters, form.embed_size) == (sizes.rays, sizes.filters, sizes.embed)
    assert (form.dense_size, form.num_cells, form.layer_norm) == (sizes.dense, sizes.cells, layer_norm)


def test_the_scope_and_the_places_of_layers_may_be_others(tmp_path: Path) -> None:
    arrays = random_policy(0, variables(True, FULL, SMALL))
    moved = {
        "dense6": "dense3",
        "attention8": "attention4",
        "block8": "block4",
        "norm11": "norm9",
        "dense12": "dense10",
    }
    renamed = {}
    for name, array in arrays.items():
        for old, new in moved.items():
            name = name.replace(old, new)
        renamed[name.replace("policy/", "policy_hns_7/", 1)] = array
    one, other = (read_policy(write(tmp_path / f"{k}.npz", each)) for k, each in enumerate((arrays, renamed)))
    assert one.form == other.form
    assert np.array_equal(one.genome, other.genome)


def test_its_settings_make_the_same_network_again(tmp_path: Path) -> None:
    policy = read_policy(quadrant_policy(tmp_path / "a.npz"))
    config = policy.config(greedy=True)
    assert config.entity == EntityConfig(
        embed_size=8, num_heads=4, dense_size=7, num_cells=5, num_filters=2, layer_norm=False, greedy=True
    )
    assert build_policy(config, QUADRANT_GAME).num_params == len(policy.genome)


class Trap:
    """Leaves a trace if it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("as_object", [True, False])
def test_nothing_is_unpickled(as_object: bool, tmp_path: Path) -> None:
    trap = Trap(tmp_path / "trace")
    array = np.array(trap, dtype=object) if as_object else np.array(pickle.dumps(trap))
    arrays = random_policy(0, variables(False, QUADRANT, SMALL))
    np.savez(tmp_path / "a.npz", **arrays, policy_fn_and_args=array)
    read_policy(tmp_path / "a.npz")
    assert not trap.trace.exists()


def test_an_array_of_objects_in_place_of_a_variable_is_refused_unread(tmp_path: Path) -> None:
    trap = Trap(tmp_path / "trace")
    arrays = random_policy(0, variables(False, QUADRANT, SMALL))
    arrays["policy/vpred_out0/dense/bias:0"] = np.array([trap], dtype=object)
    with pytest.raises(ConfigError, match=r"cannot be read as an \.npz file \(Object arrays cannot be loaded when"):
        read_policy(write(tmp_path / "a.npz", arrays))
    assert not trap.trace.exists()


LACKING = "policy/policy_net//dense6-1/kernel:0"
STATISTIC = "policy/normalize_box_obs/obsfilter/box_obs/sq:0"
NORM = "policy/vpred_net//layernorm13/LayerNorm/beta:0"


def without(*names: str) -> Callable[[Arrays], Arrays]:
    return lambda arrays: {name: array for name, array in arrays.items() if name not in names}


def put(name: str, array: object) -> Callable[[Arrays], Arrays]:
    return lambda arrays: {**arrays, name: np.asarray(array, dtype=getattr(array, "dtype", np.float32))}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (without(LACKING), r"a\.npz lacks policy_net/dense6-1/kernel; OpenAI's are in examples/ of"),
        (without(STATISTIC), "lacks normalize_box_obs/obsfilter/box_obs/sq;"),
        (without(LACKING, NORM), "lacks policy_net/dense6-1/kernel, lacks vpred_net/layernorm13/LayerNorm/beta;"),
        (put("policy/policy_net//dense7-0/bias:0", [0.0]), "has the unknown policy_net/dense7-0/bias;"),
        (
            put("policy/policy_out/action_jump/dense/bias:0", [0.0]),
            "has the unknown policy_out/action_jump/dense/bias;",
        ),
        (put(LACKING, np.zeros((82, 9))), r"has policy_net/dense6-1/kernel of shape \(82, 9\), expected \(82, 8\);"),
        (put(LACKING, 0.0), r"has policy_net/dense6-1/kernel of shape \(\), expected \(82, 8\);"),
        (put(STATISTIC, np.zeros(9)), r"has normalize_box_obs/obsfilter/box_obs/sq of shape \(9,\), expected \(12,\);"),
        (
            put(NORM, np.zeros(5, np.int64)),
            r"has policy/vpred_net//layernorm13/LayerNorm/beta:0 of type int64, expected",
        ),
        (put(NORM, np.full(5, np.nan)), "beta:0 with numbers that are not finite: get it again"),
        (put(NORM.replace("policy", "again", 1), np.zeros(5)), "has vpred_net/layernorm13/LayerNorm/beta twice"),
        (lambda _: {"a": np.zeros(3)}, "has no variable of such a policy;"),
        (
            lambda _: random_policy(0, variables(False, QUADRANT, Sizes(embed=6))),
            "embeddings of 6 numbers, expected a mult",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_named(change: Callable[[Arrays], Arrays], complaint: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz", change(random_policy(0, variables(False, QUADRANT, SMALL))))
    with pytest.raises(ConfigError, match=complaint) as caught:
        read_policy(path)
    assert "\n" not in str(caught.value)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3000])


def garbled(path: Path) -> None:
    """A file whose first variable is not what its checksum says."""
    with zipfile.ZipFile(path) as archive:
        start = archive.infolist()[0].header_offset + 200
    data = bytearray(path.read_bytes())
    data[start : start + 8] = b"\xff" * 8
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (Path.unlink, "no policy file .*; OpenAI's are in examples/ of openai/multi-agent-emergence-environments"),
        (lambda path: (path.unlink(), path.mkdir()), "no policy file"),
        (truncated, r"is no \.npz file, or a part of one: get it again"),
        (garbled, r"cannot be read as an \.npz file \(Bad CRC-32"),
        (lambda path: path.write_bytes(b""), r"is no \.npz file"),
        (lambda path: path.write_text("<html>not found</html>"), r"is no \.npz file"),
        (lambda path: path.write_bytes(pickle.dumps([1])), r"is no \.npz file"),
        (lambda path: np.save(path.open("wb"), np.zeros(3)), r"is no \.npz file"),
    ],
)
def test_a_file_that_is_none_is_refused(spoil: Callable[[Path], object], complaint: str, tmp_path: Path) -> None:
    path = quadrant_policy(tmp_path / "a.npz")
    spoil(path)
    with pytest.raises(ConfigError, match=complaint) as caught:
        read_policy(path)
    assert "\n" not in str(caught.value)


def test_a_game_in_which_there_are_other_things_to_see_is_refused(tmp_path: Path) -> None:
    quadrant, full = read_policy(quadrant_policy(tmp_path / "q.npz")), read_policy(full_policy(tmp_path / "f.npz"))
    quadrant.check_game(QUADRANT_GAME)
    full.check_game(FULL_GAME)
    with pytest.raises(
        ConfigError, match=r"boxes with 15 columns, the game tells 12; ramps .* It fits the full game: give"
    ):
        full.check_game(QUADRANT_GAME)
    with pytest.raises(ConfigError, match=r"boxes with 12 columns, the game tells 15; .* It fits the quadrant: give"):
        quadrant.check_game(FULL_GAME)
    with pytest.raises(ConfigError, match="ramps with 15 columns, the game tells none; food with no columns, the game"):
        full.check_game(ObservationSpec(2, 2, 9, 0, 30, SIZED, SIZED, num_food=3, has_room=False))
    with pytest.raises(ConfigError, match="it expects 30 lidar rays, the game has 8"):
        quadrant.check_game(ObservationSpec(2, 2, 2, 1, 8))
