"""The verb that asks how small a strategy can get, and its text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from tyro.conf import Positional

from evo_hns.cli.console import as_typed, check_place, show
from evo_hns.cli.options import File, Json
from evo_hns.cli.text.tables import table
from evo_hns.figure import check_picture

if TYPE_CHECKING:
    from evo_hns.behaviour.pruning.curve import Pruning, Size, Trail

Number = Annotated[float | None, tyro.conf.arg(metavar="FLOAT")]


@dataclass(frozen=True)
class Prune:
    """Remove the weights of a champion step by step, and measure what is left of its score."""

    player: Annotated[Positional[str], tyro.conf.arg(metavar="PLAYER")]
    """Whose: RUN:hiders/last, RUN:seekers/12, RUN:hiders/best."""
    order: tuple[str, ...] = ("importance",)
    """Which weights go first, one or more of magnitude, importance, units, random; random is added as the control."""
    episodes: int = 64
    """Held-out worlds per opponent, and as many fresh ones to confirm what was found."""
    margin: Number = None
    """By how much a mean return may be worse; by default half the width of the original's own 95 % interval."""
    factor: float = 0.8
    """Share of the weights that each step keeps."""
    seed: int = 0
    """Decides the control and the fresh worlds."""
    output: File = None
    """Draw the curves into this picture; its ending decides the format."""
    save: File = None
    """Write the sizes of the first order into a new run file, so that they can play: FILE:hiders/7."""
    as_json: Json = False
    """Print JSON."""

    def __call__(self) -> None:
        """Measure, print, draw and keep."""
        if self.save is not None:
            check_place(self.save, "--save", is_new=True)
        if self.output is not None:
            check_picture(self.output)
        from evo_hns.behaviour.pruning.curve import prune
        from evo_hns.behaviour.pruning.keep import keep
        from evo_hns.behaviour.pruning.picture import draw

        result = prune(
            self.player,
            self.order,
            episodes=self.episodes,
            margin=self.margin,
            factor=self.factor,
            seed=self.seed,
        )
        if self.output is not None:
            draw(result, self.output)
        if self.save is not None:
            keep(result, self.save)
        if self.as_json:
            show({**result.as_dict(), "picture": self.output, "run": self.save})
            return
        show(pruning_text(result))
        if self.output is not None:
            show(f"The picture is {self.output}.")
        if self.save is not None:
            show(_how_to_play(result, self.save))


def _how_to_play(pruning: Pruning, path: Path) -> str:
    """A command that lets the smallest size that is confirmed play."""
    address = f"{path}:{pruning.side.label}/{pruning.trails[0].confirmed}"
    opponent = f"scripted:{list(pruning.original.against)[-1]}"
    players = (address, opponent) if pruning.side == 0 else (opponent, address)
    return f"Every step is a generation of {path}; let one play:\n  {as_typed('evaluate', *players)}"


def pruning_text(pruning: Pruning) -> str:
    """A table for each order, and what is the smallest size."""
    counted = f"{pruning.original.weights:,} weights that are not zero"
    head = f"{pruning.player} (generation {pruning.generation}): {counted}, {pruning.original.effective:,} effective"
    notes = (
        "± is a 95 % confidence interval; the difference to the original is paired, in the same "
        f"{pruning.episodes} held-out worlds\n"
        "within: the lower end of every difference's interval is above minus the margin: "
        + ", ".join(f"{measured.margin:.2f} against {name}" for name, measured in pruning.original.against.items())
    )
    return "\n\n".join([head, *(_trail_text(trail) for trail in pruning.trails), notes, _verdicts(pruning)])


def _trail_text(trail: Trail) -> str:
    opponents = list(trail.sizes[0].against)
    headers = [cell for name in opponents for cell in (name, "difference")]
    rows = [_row(step, size, trail.smallest) for step, size in enumerate(trail.sizes)]
    return f"order: {trail.order}\n{table(('step', 'weights', 'effective', 'units', *headers, ''), rows)}"


def _row(step: int, size: Size, smallest: int) -> tuple[str, ...]:
    figures = [
        cell
        for measured in size.against.values()
        for cell in (str(measured.score), f"{measured.gain.mean:+.2f} ± {measured.gain.half_width:.2f}")
    ]
    verdict = "original" if step == 0 else "within" if size.within else "worse"
    shown = f"{verdict} <" if step == smallest and step else verdict
    return (str(step), f"{size.weights:,}", f"{size.effective:,}", str(size.units), *figures, shown)


def _verdicts(pruning: Pruning) -> str:
    """The smallest size of each order, as the fresh worlds see it."""
    lines = ["smallest size up to which all are within, in fresh worlds that did not choose it:"]
    lines += [f"  {trail.order}: {_verdict(pruning, trail)}" for trail in pruning.trails]
    return "\n".join(lines)


def _verdict(pruning: Pruning, trail: Trail) -> str:
    if trail.says_nothing:
        return "even no weights at all are within: this champion is no better than one that stands still"
    if trail.smallest == 0:
        return "none; not even the first step is within"
    if trail.confirmed == 0:
        return f"none; what the held-out worlds found (down to step {trail.smallest}) is not confirmed"
    size = trail.again[trail.confirmed]
    gains = ", ".join(f"{m.gain.mean:+.2f} ± {m.gain.half_width:.2f} {name}" for name, m in size.against.items())
    share = f"{100 * size.weights / pruning.original.weights:.1f} %"
    found = "" if trail.confirmed == trail.smallest else f"; step {trail.smallest}, as found, is not confirmed"
    return (
        f"step {trail.confirmed}, {size.weights:,} weights ({share}), {size.effective:,} effective in {size.units} "
        f"units ({gains}){found}"
    )
