"""Formatting of games, searches, opponents and numbers for pages."""

from __future__ import annotations

from evo_hns.config import RunConfig
from evo_hns.reports.info import of_diagnosis
from evo_hns.reports.kit.charts import number
from evo_hns.reports.subject import Subject
from evo_hns.spec import Side

ALGORITHMS = {
    "sep-cmaes": "separable CMA-ES",
    "cmaes": "CMA-ES",
    "snes": "SNES",
    "pgpe": "PGPE",
    "openai-es": "OpenAI's evolution strategy",
    "ga": "a genetic algorithm",
}

OPPONENTS = {
    "still": "stands still",
    "random": "acts at random",
    "chaser": "searches room and doors and runs at hiders in sight",
    "fugitive": "hides in the room",
    "tracker": "follows the way to the nearest hider",
    "evader": "keeps out of the seekers' sight",
}
"""Scripted players in a clause."""

_RELATIVE = "Scores between the two sides are relative, since both change."
_SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")

CountRange = int | tuple[int, int]


def counted(count: CountRange, noun: str, plural: str = "") -> str:
    """`one hider`, `two hiders`, `three to nine boxes`."""
    plural = plural or f"{noun}s"
    if isinstance(count, tuple):
        return f"{_small(count[0])} to {_small(count[1])} {plural}"
    return f"{_small(count)} {noun if count == 1 else plural}"


def describe_game(config: RunConfig) -> str:
    """A paragraph on the game."""
    world, rules = config.world, config.rules
    seconds = rules.horizon * config.physics.timestep * config.physics.num_substeps
    place = "OpenAI's quadrant game, a field with one room in a corner"
    if world.scenario != "quadrant":
        place = "a field that random walls divide into rooms, another one in every episode"
    things = f"{counted(world.num_boxes, 'box', 'boxes')} and {counted(world.num_ramps, 'ramp')}"
    teams = f"{counted(world.num_hiders, 'hider')} against {counted(world.num_seekers, 'seeker')}"
    if rules.task != "hide-and-seek":
        return (
            f"{counted(world.num_hiders, 'agent').capitalize()} in {place}, with {things}: the task is {rules.task} "
            f"(after Baker et al. 2020, simulated in MuJoCo). An episode has {rules.horizon} env steps, "
            f"{seconds:.3g} simulated seconds."
        )
    text = (
        f"Hide-and-seek after Baker et al. (2020), simulated in MuJoCo: {teams} in {place}, with {things} to push and "
        f"grab{_lockable(config)}. An episode has {rules.horizon} env steps ({seconds:.3g} simulated seconds)."
    )
    first = "the first one" if rules.num_prep_steps == 1 else f"the first {rules.num_prep_steps}"
    text += f" In {first}, the preparation, seekers stand still and nothing is rewarded."
    most = rules.most_return
    if rules.reward_type == "joint_zero_sum" and rules.reward_scale == 1.0:
        return text + (
            " After that hiders are rewarded with +1 in every env step in which no seeker sees any of them, and −1 in "
            f"every other; seekers get the opposite. Returns lie between −{most:g} and +{most:g}; 0 means seen "
            "in half of these env steps. (Agents that leave the area are penalised.)"
        )
    return text + " After that hiders are rewarded for not being seen, and seekers for seeing them."


def describe_search(subject: Subject) -> str:
    """How the players were trained, and which scores are absolute."""
    config, sides = subject.config, (Side.HIDERS,) if subject.is_solo else subject.config.trained_sides
    sizes = {f"{subject.num_params[side]:,}" for side in sides}
    networks = f"networks of {' and '.join(sorted(sizes))} parameters"
    if (ppo := config.ppo) is not None:
        how = (
            f"PPO by self-play, one network of {sizes.pop()} parameters for both sides: a generation has "
            f"{ppo.rollouts_per_generation} rollouts of {ppo.num_worlds} worlds, {counted(ppo.epochs, 'epoch')} each"
        )
    else:
        settings, searches = config.coevolution, [config.side(side).search for side in sides]
        names = dict.fromkeys(
            f"{ALGORITHMS.get(s.algorithm, s.algorithm)} with {s.popsize} candidates" for s in searches
        )
        alone = subject.is_solo or config.has_fixed_opponents
        opponents = "" if alone else " against the other side's champion and hall of fame"
        matches = counted(settings.episodes_per_candidate, "match", "matches")
        if (target := settings.target_reliability) is not None:
            matches = f"{matches} at first, then as many as a reliability of {target:g} takes,"
        how = (
            f"{'Evolution' if alone else 'Coevolution'} of {networks} by {' and '.join(names)} a generation; "
            f"each candidate plays {matches}{opponents}, and the best becomes champion"
        )
    relative = [] if subject.is_solo or config.has_fixed_opponents else [_RELATIVE]
    measured = "Champions are measured against held-out players in worlds that training never draws."
    return " ".join([f"{how}.", measured, *relative, *of_diagnosis(config)])


def describe_opponent(name: str) -> str:
    """`chaser (searches room and doors ...)`."""
    return f"{name} ({OPPONENTS[name]})" if name in OPPONENTS else name


def signed(value: float) -> str:
    """A number with its sign and one digit after the point."""
    return with_minus(f"{value:+.1f}")


def with_minus(figures: str) -> str:
    """Figures with true minus signs."""
    return figures.replace("-", "\N{MINUS SIGN}")


def plain(value: object) -> str:
    """A setting's value as one reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    if isinstance(value, float):
        return number(value) if abs(value) < 1000 else f"{value:g}"
    return ", ".join(map(plain, value)) if isinstance(value, list | tuple) else str(value)


def _small(count: int) -> str:
    return _SMALL[count] if 0 <= count < len(_SMALL) else str(count)


def _lockable(config: RunConfig) -> str:
    rules = config.rules
    if rules.lock_box and rules.lock_ramp:
        return ", and to lock in place"
    if rules.lock_box or rules.lock_ramp:
        return f" ({'boxes' if rules.lock_box else 'ramps'} can be locked in place)"
    return ""
