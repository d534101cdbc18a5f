"""Names of conditions that say what sets them apart, as short as they can be."""

from __future__ import annotations

from collections.abc import Sequence

from evo_hns.config import ConfigError, RunConfig
from evo_hns.reports.subject import Subject, described, differing_settings, kind_of
from evo_hns.spec import Side

SHORT = {
    "sep-cmaes": "sep-CMA-ES",
    "cmaes": "CMA-ES",
    "snes": "SNES",
    "pgpe": "PGPE",
    "openai-es": "OpenAI-ES",
    "ga": "GA",
}
"""Searches as papers write them."""

_BY_WORDS = ("search.algorithm", "policy.network", "policy.hidden_size", "policy.gru_size")
_NO_WORDS = ("coevolution.", "search.", "policy.")
_BESIDE = ("hiders.", "seekers.", "coevolution.held_out", "coevolution.recorded", "coevolution.progress")


def is_ppo(config: RunConfig) -> bool:
    """Whether gradients trained a run: the one place that distinguishes trainers."""
    return config.ppo is not None


def trainer(config: RunConfig) -> str:
    """What trained a run, in a word: `PPO`, `GA`, or `GA / SNES` where sides differ."""
    if is_ppo(config):
        return "PPO"
    kinds = [config.side(side).search.algorithm for side in Side]
    return " / ".join(dict.fromkeys(SHORT.get(kind, kind) for kind in kinds))


def size(subject: Subject) -> str:
    """The form and size of its networks: `mlp 3,301 parameters`."""
    forms = [subject.config.side(side).policy.network for side in Side]
    counts = [f"{subject.num_params[side]:,}" for side in Side]
    if len(set(forms)) == 1:
        return f"{forms[0]} {' / '.join(dict.fromkeys(counts))} parameters"
    return " / ".join(f"{form} {count}" for form, count in zip(forms, counts, strict=True)) + " parameters"


def name_conditions(conditions: Sequence[tuple[str | None, Subject]]) -> list[str]:
    """Names of conditions.

    Args:
        conditions: the name that a user gave, if any, and one run of each.

    Returns:
        A name for each, no two the same.

    Raises:
        ConfigError: two names that were given, or one that a condition has by itself, are the same.
    """
    names = [name if name is not None else "" for name, _ in conditions]
    unnamed = [number for number, name in enumerate(names) if not name]
    for number, name in zip(unnamed, _automatic([conditions[number][1] for number in unnamed]), strict=True):
        names[number] = name
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"two conditions would be called {twice[0]!r}: name them with --condition NAME=RUN,RUN")
    return names


def _automatic(subjects: Sequence[Subject]) -> list[str]:
    """Names from as few of trainer, size and settings as distinguish all subjects."""
    candidates = [[trainer(each.config) for each in subjects], [size(each) for each in subjects], _settings(subjects)]
    distinguishing = [words for words in candidates if len(set(words)) > 1] or candidates[:1]
    for count in range(1, len(distinguishing) + 1):
        names = [", ".join(filter(None, parts)) for parts in zip(*distinguishing[:count], strict=True)]
        if len(set(names)) == len(names):
            return names
    return [each.name for each in subjects]


def _settings(subjects: Sequence[Subject]) -> list[str]:
    """Other settings in which runs of one kind of trainer differ: `opponent_sampler=latest`."""
    texts = [""] * len(subjects)
    for ppo in (False, True):
        rows = [row for row, each in enumerate(subjects) if is_ppo(each.config) is ppo]
        names = [name for name in differing_settings([subjects[row].config for row in rows]) if not _is_named(name)]
        for row in rows:
            words = [_short(word) for word in described(kind_of(subjects[row].config), names)]
            texts[row] = ", ".join(words)
    return texts


def _is_named(name: str) -> bool:
    """Whether a setting is names as trainer or size, or only changes what is measured."""
    rest = name.removeprefix("hiders.").removeprefix("seekers.")
    return rest in _BY_WORDS or name.startswith(_BESIDE[2:])


def _short(word: str) -> str:
    for prefix in _NO_WORDS:
        word = word.removeprefix(prefix)
    return word
