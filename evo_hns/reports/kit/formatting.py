"""Sentences about a game and a search that hold for these settings and no others."""

from __future__ import annotations

from evo_hns.config import PPOConfig, RunConfig
from evo_hns.reports.kit.charts import number
from evo_hns.reports.subject import Subject
from evo_hns.spec import Side

ALGORITHMS = {
    "sep-cmaes": "separable CMA-ES",
    "cmaes": "CMA-ES",
    "snes": "SNES",
    "pgpe": "PGPE",
    "ga": "a genetic algorithm",
}

OPPONENTS = {
    "still": "stands still",
    "random": "acts at random",
    "chaser": "searches room and doors and runs at whom it sees",
    "fugitive": "hides in the room",
    "tracker": "follows the way to the nearest hider",
    "evader": "keeps out of the seekers' sight",
}
"""What scripted players do, in a clause."""

_SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")

CountRange = int | tuple[int, int]


def counted(count: CountRange, noun: str, plural: str = "") -> str:
    """`one hider`, `two hiders`, `three to nine boxes`."""
    plural = plural or f"{noun}s"
    if isinstance(count, tuple):
        return f"{_small(count[0])} to {_small(count[1])} {plural}"
    return f"{_small(count)} {noun if count == 1 else plural}"


def describe_game(config: RunConfig) -> str:
    """A paragraph on what is played."""
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
    prep = round(rules.horizon * rules.prep_fraction)
    most = rules.horizon - prep
    text = (
        f"Hide-and-seek after Baker et al. (2020), simulated in MuJoCo: {teams} in {place}, with {things} to push and "
        f"grab{_lockable(config)}. An episode has {rules.horizon} env steps ({seconds:.3g} simulated seconds)."
    )
    if prep:
        text += f" In the first {prep}, the preparation, seekers stand still and nothing is rewarded."
    if rules.reward_type == "joint_zero_sum" and rules.reward_scale == 1.0:
        return text + (
            " After that hiders are paid +1 in every env step in which no seeker sees any of them, and −1 in every "
            "other; seekers get the opposite. So returns lie between "
            f"−{most} and +{most}, and 0 means seen in half of these env steps. (Whoever leaves the area pays extra.)"
        )
    return text + " After that hiders are paid for not being seen, and seekers for seeing them."


def describe_search(subject: Subject) -> str:
    """A paragraph on how players came about."""
    config = subject.config
    if config.ppo is not None:
        return _describe_ppo(subject, config.ppo)
    settings = config.coevolution
    kinds = {side: config.side(side).search for side in Side}
    sizes = {side: f"{subject.num_params[side]:,} numbers" for side in Side}
    same = sizes[Side.HIDERS] == sizes[Side.SEEKERS]
    size = sizes[Side.HIDERS] if same else " and ".join(f"{sizes[side]} for {side.label}" for side in Side)
    names = {
        side: f"{ALGORITHMS.get(s.algorithm, s.algorithm)} with {s.popsize} candidates" for side, s in kinds.items()
    }
    search = names[Side.HIDERS]
    if names[Side.HIDERS] != names[Side.SEEKERS]:
        search = " and ".join(f"{name} for {side.label}" for side, name in names.items())
    if subject.is_solo:
        return (
            "Nobody showed the players what to do and no gradient was followed. A population of small neural networks "
            f"({sizes[Side.HIDERS]} each) evolved by {names[Side.HIDERS]} a generation, each of which plays "
            f"{settings.episodes_per_candidate} episodes; the best becomes the generation's champion. Champions are "
            "measured in worlds that training never draws."
        )
    return (
        "Nobody showed the players what to do and no gradient was followed. Two populations of small neural networks "
        f"({size} each), one of hiders and one of seekers, evolved against each other by {search} a generation. "
        f"Each candidate plays {settings.episodes_per_candidate} matches a generation against the other side's current "
        "champion and its hall of fame, the champions of earlier generations; the best becomes champion and enters the "
        "hall. What such matches say of progress is relative: both sides move. The figures to trust are those "
        "against scripted players that never take part in the search, in worlds that training never draws."
    )


def _describe_ppo(subject: Subject, settings: PPOConfig) -> str:
    return (
        f"Nobody showed the players what to do. One network ({subject.num_params[Side.HIDERS]:,} numbers, of the form "
        "that Baker et al. used) plays all agents of both sides and learns from these matches by proximal policy "
        f"optimisation (PPO): a generation has {settings.rollouts_per_generation} rollouts of {settings.num_worlds} "
        f"worlds, each used {counted(settings.epochs, 'time')}, and the network after it is the champion of both "
        "sides. The figures to trust are those against scripted players that never take part in it, in worlds that "
        "training never draws."
    )


def describe_opponent(name: str) -> str:
    """`chaser (searches room and doors ...)`."""
    return f"{name} ({OPPONENTS[name]})" if name in OPPONENTS else name


def signed(value: float) -> str:
    """A number with its sign and one digit after the point."""
    return f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")


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
