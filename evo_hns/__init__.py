"""Hide-and-seek that evolves: populations of small networks for both sides, on the game of Baker et al. 2020.

    import evo_hns

    run = evo_hns.train("quickstart", run="runs/first.h5")
    evo_hns.evaluate(run.champion("hiders"), "scripted:chaser")

What is listed here is the front door; all of it is in `evo_hns.api`, and imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evo_hns.api import (
        Champion,
        ConfigError,
        Evaluation,
        Run,
        RunConfig,
        RunFileError,
        Side,
        evaluate,
        load_champion,
        load_config,
        load_run,
        make_env,
        make_gym_env,
        make_vector_env,
        resume,
        train,
    )

__all__ = [
    "Champion",
    "ConfigError",
    "Evaluation",
    "Run",
    "RunConfig",
    "RunFileError",
    "Side",
    "evaluate",
    "load_champion",
    "load_config",
    "load_run",
    "make_env",
    "make_gym_env",
    "make_vector_env",
    "resume",
    "train",
]


def __getattr__(name: str) -> Any:
    """What is listed here, imported now."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from evo_hns import api

    return getattr(api, name)


def __dir__() -> list[str]:
    """For completion in a notebook: the front door."""
    return __all__
