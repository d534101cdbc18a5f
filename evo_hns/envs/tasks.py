"""Tasks by the name that `RulesConfig.task` gives them."""

from __future__ import annotations

from collections.abc import Callable

from evo_hns.config import RulesConfig, WorldConfig
from evo_hns.envs.box_locking import BoxLocking
from evo_hns.envs.hide_and_seek import HideAndSeek
from evo_hns.envs.task import Task

TASKS: dict[str, Callable[[WorldConfig, RulesConfig], Task]] = {
    "hide-and-seek": HideAndSeek,
    "box-locking": BoxLocking,
}
