"""The form of a policy, from the names and shapes of its variables.

Several variables have each size in their shape; most of them decide, so that one wrong shape is seen to be wrong.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from evo_hns.config import EntityConfig
from evo_hns.policies.entity.form import ENTITY_TYPES, FOOD_WIDTH, KERNEL_SIZE, SELF_WIDTH, SITE_WIDTH, EntityForm
from evo_hns.policies.published.names import CRITIC, POLICY, STATISTICS, entity_types_in, statistics_scope

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]
"""Of the variables of a file, by their normalised names."""

_TOWER = f"(?:{POLICY}|{CRITIC})"
_USUAL_RAYS = 30
_USUAL_WIDTHS = {"agents": SELF_WIDTH, "boxes": 15, "ramps": 15, "food": FOOD_WIDTH, "sites": SITE_WIDTH}


def read_form(shapes: Shapes) -> EntityForm:
    """The form that most of the variables have; of what nothing can be seen, OpenAI's sizes."""
    usual = EntityConfig()
    widths = tuple((entity_type, _width_of(entity_type, shapes)) for entity_type in entity_types_in(shapes))
    num_filters = _most(_sizes(shapes, r"circ_conv1d\d+/conv1d/(?:kernel|bias)", -1), usual.num_filters)
    has_lidar = any(name.startswith("normalize_lidar/") for name in shapes)
    usual_main = SELF_WIDTH + _USUAL_RAYS * num_filters
    main = _most(_main_sizes(shapes, widths), usual_main) if has_lidar else SELF_WIDTH
    return EntityForm(
        widths=widths,
        num_rays=(main - SELF_WIDTH) // num_filters,
        embed_size=_most(_sizes(shapes, rf"(?:{_EMBEDDING}|.*/mlp1)/(?:kernel|bias)", -1), usual.embed_size),
        num_heads=usual.num_heads,  # does not show in any shape
        dense_size=_most(_sizes(shapes, rf"{_dense(shapes)}-0/(?:kernel|bias)", -1), usual.dense_size),
        num_cells=_most(_cells(shapes), usual.num_cells),
        num_filters=num_filters,
        layer_norm=any("pre_sa_layer_norm" in name or "post_a_layernorm" in name for name in shapes),
    )


def file_shape(key: str, shape: Shape) -> Shape:
    """The shape that a tensor of a network has in a file: TensorFlow's layers have their inputs first.

    Args:
        key: its name in the network.
        shape: there.
    """
    if key == "encoder.convolution.weight":
        return (KERNEL_SIZE, 1, shape[0])
    return shape[::-1] if key.endswith(".weight") else shape


_EMBEDDING = r"dense\d+-[1-9]\d*"  # all but the first, of which there may be another such layer


def _dense(shapes: Shapes) -> str:
    """A pattern of the dense layer that embeds no entity: the one that stands alone."""
    numbers = {match[1] for name in shapes if (match := re.match(rf"{_TOWER}/dense(\d+)-[1-9]", name))}
    return rf"dense(?!(?:{'|'.join(sorted(numbers))})-)\d+" if numbers else r"dense\d+"


def _width_of(entity_type: str, shapes: Shapes) -> int:
    scope = statistics_scope(ENTITY_TYPES[entity_type].rows)
    told = (shapes.get(f"{scope}/{name}", ()) for name in STATISTICS.values())
    return _most((shape[0] for shape in told if len(shape) == 1), _USUAL_WIDTHS[entity_type])


def _main_sizes(shapes: Shapes, widths: tuple[tuple[str, int], ...]) -> Iterator[int]:
    """The width of the main row, from the inputs of each embedding: the row itself comes last."""
    for place, width in enumerate([*(width for _, width in widths), 0]):
        for size in _sizes(shapes, rf"dense\d+-{place}/kernel", 0) if place else ():
            yield size - width


def _cells(shapes: Shapes) -> Iterator[int]:
    for size in _sizes(shapes, r"lstm\d+/rnn/basic_lstm_cell/(?:kernel|bias)", -1):
        yield size // 4


def _sizes(shapes: Shapes, pattern: str, axis: int) -> Iterator[int]:
    """One axis of all variables of both towers that are called so."""
    compiled = re.compile(f"{_TOWER}/{pattern}")
    return (shape[axis] for name, shape in shapes.items() if shape and compiled.fullmatch(name))


def _most(sizes: Iterable[int], fallback: int) -> int:
    """The size that is most frequent and can be one."""
    counts = Counter(size for size in sizes if size > 0)
    return counts.most_common(1)[0][0] if counts else fallback
