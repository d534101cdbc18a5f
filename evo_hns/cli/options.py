"""The kinds of words that verbs take: how each option is typed, named and shown in help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import FlagConversionOff, FlagCreatePairsOff, Positional, UseAppendAction

from evo_hns import config


class AnySetting(config.Settings):
    """The settings of an experiment. `hiders.` or `seekers.` before `policy` or `search` speaks of one side."""

    world: config.WorldConfig = config.WorldConfig()
    rules: config.RulesConfig = config.RulesConfig()
    physics: config.PhysicsConfig = config.PhysicsConfig()
    policy: config.Settings = config.POLICY_KINDS.all_settings()()
    search: config.Settings = config.SEARCH_KINDS.all_settings()()
    coevolution: config.CoevolutionConfig = config.CoevolutionConfig()
    ppo: config.PPOConfig = config.PPOConfig()


Experiment = Annotated[Positional[str], tyro.conf.arg(metavar="EXPERIMENT")]
RunPath = Annotated[Positional[Path], tyro.conf.arg(metavar="RUN")]
File = Annotated[Path | None, tyro.conf.arg(metavar="FILE")]
Folder = Annotated[Path | None, tyro.conf.arg(metavar="DIR")]
Count = Annotated[int | None, tyro.conf.arg(metavar="INT")]
TrainerName = Annotated[str | None, tyro.conf.arg(metavar="NAME")]
Text = Annotated[str | None, tyro.conf.arg(metavar="INT")]
"""A setting: checked with all the others, so that the complaint is the same."""
Origin = Annotated[str | None, tyro.conf.arg(metavar="RUN")]
Project = Annotated[str | None, tyro.conf.arg(metavar="PROJECT")]
SeedList = Annotated[str | None, tyro.conf.arg(metavar="SEEDS")]
Address = Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")]
Ranks = Annotated[str | None, tyro.conf.arg(metavar="INT|auto")]
Flag = FlagCreatePairsOff[bool]
Json = Annotated[FlagCreatePairsOff[bool], tyro.conf.arg(name="json")]
Settings = Annotated[UseAppendAction[tuple[str, ...]], tyro.conf.arg(name="set", metavar="KEY=VALUE")]
Help = Annotated[FlagConversionOff[AnySetting], tyro.conf.arg(name="")]
"""Lists every setting in `--help`. Values travel in `Settings`: only what was typed may win over the file."""
