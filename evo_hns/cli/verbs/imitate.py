"""The verb that asks whether a network can do what a player does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from tyro.conf import Positional

from evo_hns.cli.console import as_typed, check_place, show
from evo_hns.cli.options import Experiment, File, Json, Settings
from evo_hns.cli.text.tables import table
from evo_hns.cli.verbs.diagnostics import check_positive
from evo_hns.config import ConfigError
from evo_hns.experiment import load_experiment, refuse_unused
from evo_hns.spec import Side

if TYPE_CHECKING:
    from evo_hns.diagnostics.imitation import Imitation


@dataclass(frozen=True)
class Imitate:
    """Fit a network to what a player does, with what the network sees, and let both play in fresh worlds."""

    experiment: Experiment
    """A TOML file, or the name of one that is shipped or in a folder experiments/ here: the game and the network."""
    player: Annotated[Positional[str], tyro.conf.arg(metavar="PLAYER")]
    """Whom it imitates: scripted:reactive-builder, RUN:hiders/best."""
    side: Literal["hiders", "seekers"] = "hiders"
    """That it plays."""
    opponent: str = "scripted:chaser"
    """Whom both meet."""
    episodes: int = 4096
    """In which the player shows what to do."""
    updates: int = 12_000
    """Steps of gradient descent."""
    pushes: float = 0.1
    """Chance at each env step that the player is pushed, for up to three of them, so that it shows the way back."""
    num_worlds: int = 512
    """Fresh worlds in which both play."""
    save: File = None
    """Write the network into a new run file, as a champion: it plays, and searches begin at it (--init-from)."""
    as_json: Json = False
    """Print JSON."""
    settings: Settings = ()
    """Any setting of the game and of the network."""

    def __call__(self) -> None:
        """Fit, measure, print and keep."""
        check_positive(episodes=self.episodes, updates=self.updates, num_worlds=self.num_worlds)
        if not 0.0 <= self.pushes < 1.0:
            raise ConfigError(f"--pushes: got {self.pushes:g}, expected a chance from 0 to below 1")
        takes = ("seed", "world.", "rules.", "physics.", "policy.")
        refuse_unused(self.settings, lambda name: name.startswith(takes), "imitate takes settings of game and network")
        config = load_experiment(self.experiment, self.settings)
        if self.save is not None:
            check_place(self.save, "--save", is_new=True)
        from evo_hns.diagnostics.imitation import Imitator

        side = Side.HIDERS if self.side == "hiders" else Side.SEEKERS
        imitator = Imitator(config, self.player, side, self.opponent)
        found = imitator.imitate(
            episodes=self.episodes, updates=self.updates, pushes=self.pushes, num_worlds=self.num_worlds
        )
        if self.save is not None:
            imitator.save(found, self.save)
        if self.as_json:
            show({**found.as_dict(), "opponent": self.opponent, "run": self.save})
            return
        show(imitation_text(found, self.opponent))
        if self.save is not None:
            command = as_typed("train", self.experiment, "--init-from", f"{self.save}:{self.side}/0")
            show(f"The network is a champion of {self.save}; begin a search at it:\n  {command}")


def imitation_text(found: Imitation, opponent: str) -> str:
    """How near the network's decisions come, and what both reach."""
    errors = ", ".join(f"{name} {error:.2f}" for name, error in found.errors.items())
    rows = [(name, *(f"{one.mean:+.2f} ± {one.half_width:.2f}" for one in both)) for name, both in found.scores.items()]
    return (
        f"{len(found.genome):,} parameters after {found.env_steps:,} env steps of {found.player}\n"
        f"mean squared error of a decision, which is from -1 to 1: {errors}\n\n"
        f"{table((f'against {opponent}', 'player', 'network'), rows)}\n"
        f"± is a 95 % interval over {found.scores['return'][0].num_samples} fresh worlds."
    )
