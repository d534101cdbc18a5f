"""What does hide-and-seek teach? Its champions learn another task, beside networks that never played it.

The arms are those of Baker et al. 2020, section 6.2, in evolution's form: a champion that is fine-tuned, the same with
all but its last layer frozen, the same network from scratch, and one that was trained by intrinsic motivation alone
(`training.novelty`). All have the same form and observe the same; what one of the games lacks has weights of zero. So
it is a study like any other, and this writes its file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evo_hns.archive.records import env_steps_so_far
from evo_hns.archive.run_view import RunView
from evo_hns.config import ConfigError, RunConfig, SideConfig
from evo_hns.experiment import load_experiment
from evo_hns.players.addresses import PLAIN_NAMES, Archived, lasting_name, parse_address
from evo_hns.reports.info import toml
from evo_hns.spec import Side
from evo_hns.study.plan import Arm, Panel, Study
from evo_hns.training.novelty import BOX_NOVELTY

SCRATCH, CURIOUS, CURIOSITY = "scratch", "curious", "curiosity"
"""Names of arms that never played hide-and-seek, and of the run before the second one."""


@dataclass(frozen=True)
class Budget:
    """What each run of the task gets, and how champions begin."""

    seeds: int = 3
    env_steps: int = 2_000_000
    sigma: float = 0.1  #: of searches that begin at a network


def find_champions(texts: Sequence[str]) -> list[Archived]:
    """Hiders' champions by their addresses: `RUN` (the last one) or `RUN:hiders/GENERATION`.

    Raises:
        ConfigError: one is no champion of hiders, or they are of several forms of network.
        RunFileError: a run file cannot be read.
    """
    found = []
    for text in texts:
        address = parse_address(text if ":" in text or text in PLAIN_NAMES else f"{text}:hiders/last", Side.HIDERS)
        if not isinstance(address, Archived):
            raise ConfigError(f"got {text!r}, expected a run file or a champion of its hiders: RUN:hiders/last")
        found.append(address)
    first = found[0]
    for each in found[1:]:
        if each.member.config.hiders.policy != first.member.config.hiders.policy:
            raise ConfigError(f"{_name(each)} is another network than {_name(first)}: take champions of one form")
    return found


def curious_study(champion: Archived, env_steps: int | None) -> Study:
    """A network that never played hide-and-seek: its boxes ended where boxes had seldom ended, in the same game.

    Args:
        champion: whose game and network it has.
        env_steps: of training; None: as many as the champion's run took up to it.
    """
    config = champion.member.config
    if env_steps is None:
        with RunView(champion.path) as view:
            env_steps = int(env_steps_so_far(view)[champion.member.generation])
    hiders = SideConfig(
        policy=config.hiders.policy, search=config.hiders.search, opponents=("still",), fitness=BOX_NOVELTY
    )
    plain = RunConfig(world=config.world, rules=config.rules, hiders=hiders)
    quiet = plain.coevolution.model_copy(update={"held_out_episodes": 0, "progress_episodes": 0})
    physics = config.physics.model_copy(update={"num_threads": 1})
    whole = plain.model_copy(update={"coevolution": quiet, "physics": physics})
    panel = Panel(hiders=("random",), seekers=(), worlds=32, checkpoints=1)
    return Study(CURIOSITY, (Arm(CURIOSITY, 0, whole),), (0,), env_steps, panel)


def study_text(
    task: str, champions: Sequence[Archived], curious: Path | None, budget: Budget, settings: Sequence[str] = ()
) -> str:
    """The study of a task, as a file.

    Args:
        task: an experiment of one team.
        champions: at which arms begin.
        curious: the run of `curious_study`; None: there is no such arm.
        budget: of each run.
        settings: of all arms, as they are typed.

    Raises:
        ConfigError: no such task, or hide-and-seek itself.
    """
    usual = load_experiment(task, [])
    config = load_experiment(task, ["search.algorithm=sep-cmaes", *settings])
    if config.rules.task == "hide-and-seek":
        raise ConfigError(f"got {task}, which is hide-and-seek, expected another task, such as lock-and-return")
    policy = champions[0].member.config.hiders.policy
    changed = {name: value for name, (value, _) in config.differences(usual).items() if ".policy." not in name}
    form = {"network": policy.network, **policy.model_dump(mode="json", exclude_defaults=True)}
    changed |= {f"hiders.policy.{name}": value for name, value in form.items()}
    file = Path(task)
    lines = [
        "# Written by `evo-hns transfer`; `evo-hns diagnose learning` goes on with it.",
        f"experiment = {toml(str(file.resolve()) if file.suffix == '.toml' else task)}",
        f"seeds = {budget.seeds}",
        f"env_steps = {budget.env_steps}",
        "",
        "[settings]",
        *(f"{name} = {toml(value)}" for name, value in changed.items()),
        "",
        f"[arms.{SCRATCH}]",
    ]
    origins = {_arm(each, champions): _address(each) for each in champions}
    if curious is not None:
        origins[CURIOUS] = f"{curious}:hiders/last"
    sigma = [f"hiders.search.sigma = {budget.sigma}"] * hasattr(config.hiders.search, "sigma")
    for name, origin in origins.items():
        begins = [f"hiders.init_from = {toml(origin)}", "hiders.fresh_output = true", *sigma]
        lines += ["", f"[arms.{name}]", *begins]
        if len(champions) == 1:
            lines += ["", f"[arms.{name}-frozen]", *begins, 'hiders.trained_layers = "last"']
    return "\n".join(lines) + "\n"


def _arm(champion: Archived, champions: Sequence[Archived]) -> str:
    if len(champions) == 1:
        return "hide-and-seek"
    generation = f"generation-{champion.member.generation}"
    return generation if len({each.path for each in champions}) == 1 else f"{champion.path.stem}-{generation}"


def _address(champion: Archived) -> str:
    return f"{champion.path}:hiders/{champion.member.generation}"


def _name(champion: Archived) -> str:
    return lasting_name(champion, Path())
