"""Verbs that let many champions meet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from tyro.conf import Positional

from evo_hns.cli.console import as_typed_again, check_place, hinting, proposed, show
from evo_hns.cli.options import File, Flag, Json, Ranks
from evo_hns.cli.run_context import start_ranks, workers
from evo_hns.config import ConfigError
from evo_hns.figure import check_picture
from evo_hns.spec import Side

if TYPE_CHECKING:
    from evo_hns.archive.tournament import Tournament as Played
    from evo_hns.tournament.tournament import TournamentSpec
    from evo_hns.training.context import RunContext

Runs = Annotated[Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RUN...")]
Addresses = Annotated[tuple[str, ...], tyro.conf.arg(metavar="ADDRESS...")]
Returns = Annotated[float | None, tyro.conf.arg(metavar="FLOAT")]


@dataclass(frozen=True)
class Tournament:
    """Let champions of all times meet, each of one side against each of the other, until their means are certain."""

    runs: Runs
    """Run files of one game, in training or finished."""
    champions: int = 16
    """How many of each run and side, evenly spaced over its hall, the first and the last among them."""
    hiders: Addresses = ()
    """These hiders instead: RUN:hiders/12, RUN:hiders/last, RUN:hiders/all, scripted:fugitive, random, openai:FILE."""
    seekers: Addresses = ()
    """These seekers instead."""
    half_width: Returns = None
    """Half width of the 95 % interval of a mean return that is enough; by default a tenth of the range of returns."""
    min_episodes: int = 8
    """Episodes of every cell of the table."""
    max_episodes: int = 128
    """Episodes of a cell that stays uncertain; in between they are doubled."""
    seed: int = 0
    """Decides the worlds, the same for all cells; none was seen in training."""
    output: File = None
    """The file of all scores, by default RUN-tournament.h5 beside the first run. One that is there goes on, or is
    extended by further champions, a narrower interval or more episodes."""
    ranks: Ranks = None
    """Play on so many MPI ranks of this machine; `auto` takes its physical cores, or this process without MPI."""
    shrink: Flag = False
    """Go on with the ranks that are left when one dies (Open MPI with ULFM only)."""
    picture: File = None
    """Also draw it all on a page; its ending decides the format."""
    as_json: Json = False
    """Print JSON."""

    def __call__(self) -> None:
        """Play, and print the table and what it tells."""
        path = self._path()
        if self.picture is not None:
            check_picture(self.picture)
        check = partial(check_place, path, "--output")
        start_ranks(self.ranks, check)
        with workers(shrink=self.shrink, check=check) as context:
            if context is not None:
                self._play(context.inherited or path, context)

    def _path(self) -> Path:
        """Where the scores go."""
        if self.output is not None:
            return self.output
        if not self.runs:
            raise ConfigError("tournament needs a run file; or --hiders, --seekers and a file for the scores, --output")
        return self.runs[0].with_name(f"{self.runs[0].stem}-tournament.h5")

    def _spec(self) -> TournamentSpec:
        from evo_hns.tournament.participants import select
        from evo_hns.tournament.tournament import TournamentSpec

        addresses = {Side.HIDERS: self.hiders, Side.SEEKERS: self.seekers}
        return TournamentSpec(
            selection=select(self.runs, self.champions, addresses),
            half_width=self.half_width,
            min_episodes=self.min_episodes,
            max_episodes=self.max_episodes,
            seed=self.seed,
        )

    def _play(self, path: Path, context: RunContext) -> None:
        from rich.console import Console

        from evo_hns.cli.progress import bar
        from evo_hns.cli.text.tournament import Steps
        from evo_hns.tournament.tournament import play_tournament

        console = Console(stderr=self.as_json, highlight=False, markup=False, soft_wrap=True)
        hint = f"to go on, type the same again: {as_typed_again()}"
        with hinting(hint), bar(console) as shown:
            played = play_tournament(
                path,
                self._spec(),
                lambda game: context.build_evaluator(game, path),
                shutdown=context.shutdown,
                observers=[Steps(console, shown).observe],
            )
        self._tell(played, path)

    def _tell(self, played: Played, path: Path) -> None:
        from evo_hns.cli.text.measures import summary_text
        from evo_hns.cli.text.tournament import tournament_dict, tournament_text
        from evo_hns.tournament.answers import WHOLE, ask, draw

        answers = ask(played)
        files = {"file": path}
        if self.picture is not None:
            draw(played, answers[WHOLE], self.picture, title=path.name)
            files["picture"] = self.picture
        if self.as_json:
            questions = {name: summary.as_dict() for name, summary in answers.items()}
            show({**files, **tournament_dict(played), "questions": questions})
            return
        titles = {name: "" if name == WHOLE else f"{name} among itself\n" for name in answers}
        told = [f"{titles[name]}{summary_text(summary)}" for name, summary in answers.items()]
        places = "\n".join(f"The {kind} is {there}." for kind, there in files.items())
        show("\n\n".join([tournament_text(played), *told, places]))
        if self.runs:
            page = ("report", *self.runs, "--tournament", path)
            show(proposed("See who plays, and the scores on a page:", ("watch", self.runs[0]), page))
