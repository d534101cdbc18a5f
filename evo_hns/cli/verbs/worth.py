"""The verb that says what the skills of the quadrant game are worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evo_hns.cli.console import show
from evo_hns.cli.options import Experiment, Json, Settings
from evo_hns.cli.text.tables import table
from evo_hns.cli.verbs.diagnostics import check_positive, refuse_all_but_the_game
from evo_hns.experiment import load_experiment

if TYPE_CHECKING:
    from evo_hns.diagnostics.worth import Pairing


@dataclass(frozen=True)
class Worth:
    """Let the scripted yardsticks of the quadrant game meet, and say what each skill is worth."""

    experiment: Experiment = "quadrant-1v1"
    """A TOML file, or the name of one that is shipped or in a folder experiments/ here."""
    hiders: tuple[str, ...] = ()
    """Names of scripted hiders, if not all yardsticks."""
    seekers: tuple[str, ...] = ()
    """Names of scripted seekers, if not all yardsticks."""
    num_worlds: int = 256
    """Worlds, in which every pair plays once."""
    as_json: Json = False
    """Print JSON."""
    settings: Settings = ()
    """Any setting of the game."""

    def __call__(self) -> None:
        """Print mean returns of the hiders by kind of world, and shares of worlds that show a stage."""
        refuse_all_but_the_game(self.settings, "worth")
        check_positive(num_worlds=self.num_worlds)
        config = load_experiment(self.experiment, self.settings)
        from evo_hns.diagnostics.worth import HIDERS, SEEKERS, measure

        pairings = list(measure(config, self.num_worlds, self.hiders or HIDERS, self.seekers or SEEKERS))
        show([pairing.as_dict() for pairing in pairings] if self.as_json else worth_text(pairings))


def worth_text(pairings: list[Pairing]) -> str:
    """Returns by kind of world, then stages; a row for each pair."""
    kinds = list(dict.fromkeys(kind for pairing in pairings for kind in pairing.returns))
    whom = ("hider", "seeker")
    names = [*pairings[0].stages, *(f"{name}*" for name in pairings[0].stages)]
    returns: list[list[object]] = []
    stages: list[list[object]] = []
    for pairing in pairings:
        cells = (pairing.returns.get(kind) for kind in kinds)
        returns.append(
            [
                pairing.hider,
                pairing.seeker,
                *("-" if cell is None else f"{cell.mean:+.1f} ± {cell.half_width:.1f}" for cell in cells),
            ]
        )
        stages.append([pairing.hider, pairing.seeker, *pairing.stages.values(), *pairing.possible.values()])
    return "\n\n".join(
        [
            f"mean return of the hiders, ± 95 % interval\n{table([*whom, *kinds], returns)}",
            "share of worlds that show a stage, 95 % interval; * of those where it is possible\n"
            f"{table([*whom, *names], stages)}",
        ]
    )
