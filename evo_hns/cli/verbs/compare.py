"""The verb that sets runs side by side."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from tyro.conf import Positional, UseAppendAction

from evo_hns.cli.console import as_typed_again, hinting, show
from evo_hns.cli.options import File, Flag, Json
from evo_hns.cli.verbs.diagnostics import check_positive
from evo_hns.config import ConfigError

if TYPE_CHECKING:
    from evo_hns.behaviour.stages.timeline import Measurement
    from evo_hns.comparison.compare import Comparison, ComparisonOptions
    from evo_hns.comparison.conditions import Condition

Runs = Annotated[Positional[tuple[str, ...]], tyro.conf.arg(metavar="RUN...")]
Conditions = Annotated[UseAppendAction[tuple[str, ...]], tyro.conf.arg(name="condition", metavar="NAME=RUN,RUN")]
Players = Annotated[UseAppendAction[tuple[str, ...]], tyro.conf.arg(name="player", metavar="ADDRESS")]
Returns = Annotated[float | None, tyro.conf.arg(metavar="FLOAT")]


@dataclass(frozen=True)
class Compare:
    """Set runs side by side: learning against cost, stages, cross-play, sizes; one page and one table."""

    runs: Runs
    """Run files of one game, in training or finished. Runs that differ only in their seed are one condition;
    NAME=RUN,RUN makes one by hand."""
    conditions: Conditions = ()
    """A condition with a name of its own; may be given several times."""
    output: Annotated[Path, tyro.conf.arg(metavar="FILE")] = Path("comparison.html")
    """The page."""
    table: File = None
    """The table for a paper (.md, .tex or .csv); by default a .md beside the page."""
    tournament: File = None
    """The file of the cross-play, by default a .h5 beside the page. One that is there goes on."""
    players: Players = ()
    """A further player of the cross-play: scripted:chaser, RUN:hiders/12, openai:FILE; may be given several times."""
    half_width: Returns = None
    """Half width of the 95 % interval of a pair's mean return that is enough; by default a tenth of the range."""
    min_episodes: int = 8
    """Episodes of every pair."""
    max_episodes: int = 64
    """Episodes of a pair that stays uncertain; in between they are doubled."""
    stage_champions: int = 6
    """Generations of each run in which stages are looked for, evenly spaced."""
    stage_episodes: int = 32
    """Episodes of each of them; 0: stages are not looked for."""
    seed: int = 0
    """Decides the worlds; none was seen in training."""
    no_play: Flag = False
    """Tell only what is in the runs: no cross-play, no stages, no timing."""
    as_json: Json = False
    """Print JSON, with every figure."""

    def __call__(self) -> None:
        """Read, play, write, and say what came out and where it is."""
        check_positive(stage_champions=self.stage_champions)
        if self.stage_episodes < 0:
            raise ConfigError(f"--stage-episodes: got {self.stage_episodes}, expected 0 or more")
        from evo_hns.comparison.conditions import read_conditions
        from evo_hns.comparison.pages.page import write_page
        from evo_hns.comparison.pages.table import check_table, write_table
        from evo_hns.reports.kit.sheet import check_target

        table = self.table or self.output.with_suffix(".md")
        check_target(self.output)
        check_table(table)
        found = self._compare(read_conditions(self.runs, self.conditions))
        num_bytes, sections = write_page(found, self.output)
        write_table(found, table)
        if self.as_json:
            files = {"page": self.output, "table": table}
            show({**files, "bytes": num_bytes, **found.as_dict()})
            return
        from evo_hns.cli.text.comparison import comparison_text

        show(comparison_text(found))
        for section in sections:
            for each in section.missing:
                show(f"  not in it: {each.what}")
        show(f"\nThe page is {self.output} ({num_bytes / 1e6:.1f} MB), the table {table}.")

    def _options(self) -> ComparisonOptions:
        from evo_hns.comparison.compare import ComparisonOptions

        return ComparisonOptions(
            tournament=self.tournament or self.output.with_name(f"{self.output.stem}-tournament.h5"),
            players=self.players,
            half_width=self.half_width,
            min_episodes=self.min_episodes,
            max_episodes=self.max_episodes,
            stage_champions=self.stage_champions,
            stage_episodes=self.stage_episodes,
            seed=self.seed,
            is_played=not self.no_play,
        )

    def _compare(self, conditions: tuple[Condition, ...]) -> Comparison:
        from rich.console import Console

        from evo_hns.cli.progress import bar
        from evo_hns.cli.text.tournament import Steps
        from evo_hns.comparison.compare import Callbacks, compare

        if self.no_play:
            return compare(conditions, self._options())
        console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        hint = f"to go on with the cross-play, type the same again: {as_typed_again()}"
        with hinting(hint), bar(console) as shown:
            return compare(conditions, self._options(), Callbacks([Steps(console, shown).observe], tell_stage))


def tell_stage(run: str, found: Measurement) -> None:
    """A line for each generation that has played."""
    told = f"stages of {run}, generation {found.generation}: {found.episodes} episodes, {found.failed} discarded"
    print(told, file=sys.stderr, flush=True)
