"""The tournament section of a report: the payoff table, its measures, and pictures."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from evo_hns.archive.tournament import Tournament
from evo_hns.archive.tournament_file import TournamentFile
from evo_hns.reports.kit.blocks import Block, Fold, Missing, Picture, Prose, Section, Table
from evo_hns.reports.kit.formatting import with_minus
from evo_hns.reports.meetings import heat_of
from evo_hns.reports.subject import Subject
from evo_hns.spec import Side
from evo_hns.system.shell import shell_command
from evo_hns.tournament.answers import WHOLE, ask, draw
from evo_hns.tournament.equilibria.nash import Nash
from evo_hns.tournament.measures.forgetting import Forgetting
from evo_hns.tournament.measures.history import History
from evo_hns.tournament.measures.interaction import Interaction
from evo_hns.tournament.payoff import Payoff
from evo_hns.tournament.summary import Summary, Unanswered
from evo_hns.tournament.tournament import payoff_of

T = TypeVar("T")

MOST_IN_A_TABLE = 24  #: participants of a side, of whom each cell can still be seen


def tournament_path(subjects: Sequence[Subject], chosen: Path | None) -> Path | None:
    """The file of a page's tournament: the one that was named, or `RUN-tournament.h5` beside the first run."""
    if chosen is not None:
        return chosen
    beside = subjects[0].path.with_name(f"{subjects[0].path.stem}-tournament.h5")
    return beside if beside.exists() else None


def tournament_section(subjects: Sequence[Subject], path: Path | None) -> Section:
    """A tournament in short.

    Args:
        subjects: the runs of the page.
        path: the tournament's file; None: there is none.

    Raises:
        RunFileError: a file that is no tournament, or is damaged.
    """
    title = "A tournament of champions"
    if path is None:
        command = shell_command("tournament", *(subject.path for subject in subjects))
        needs = Missing("a tournament of champions of all times: forgetting, circles, ratings, equilibria", command)
        return Section("tournament", title, missing=[] if subjects[0].is_solo else [needs])
    played = TournamentFile.read(path)
    payoff, summary = payoff_of(played), ask(played)[WHOLE]
    blocks: list[Block] = [_about(played, path)]
    if max(played.cells.shape) <= MOST_IN_A_TABLE:
        caption = (
            "Mean return of each hider against each seeker: cyan where hiders win, red where seekers win. Participants "
            "are named by the generation whose champions they were."
        )
        most = summary.bounds[1] if summary.bounds else subjects[0].most
        blocks.append(heat_of(_renamed(payoff), caption, most, in_short=max(played.cells.shape) > 6))
    blocks.append(Table(("question", "answer"), answers(summary), num_words=2))
    blocks.append(Fold("All of it in pictures", [_pictures(played, summary, path)]))
    return Section("tournament", title, blocks)


def answers(summary: Summary) -> list[tuple[str, str]]:
    """Measures of the tournament, as questions and answers."""
    rows = []
    for side in Side:
        asked = summary.sides[side]
        rows.append((f"Do {side.label} forget?", _answer(asked.forgetting, _forgetting)))
        rows.append((f"Do later {side.label} beat the past better?", _answer(asked.history, _history)))
    rows.append(("Does strength go in circles?", _answer(summary.interaction, _circles)))
    rows.append(("What do perfect mixtures give?", _answer(summary.nash, _nash)))
    return rows


def _about(played: Tournament, path: Path) -> Prose:
    hiders, seekers = played.cells.shape
    failed = f", {played.num_failed} of them discarded" if played.num_failed else ""
    precision, episodes = played.precision, int(played.cells.count.sum())
    return Prose(
        f"{hiders} hiders met {seekers} seekers, each one each, in {episodes:,} episodes{failed}; all pairs in the "
        f"same worlds, each pair until its mean was certain to ±{precision.half_width:.3g} or it had "
        f"{precision.max_episodes} episodes ({path.name})."
    )


def _renamed(payoff: Payoff) -> Payoff:
    """Short names for headings: `hiders/12` is 12."""
    hiders, seekers = (
        tuple(name.removeprefix(f"{side.label}/").removeprefix("scripted:") for name in names)
        for side, names in ((Side.HIDERS, payoff.hiders), (Side.SEEKERS, payoff.seekers))
    )
    return replace(payoff, hiders=hiders, seekers=seekers)


def _answer(answer: T | Unanswered, format_answer: Callable[[T], str]) -> str:
    return f"Not answered: {answer.reason}" if isinstance(answer, Unanswered) else format_answer(answer)


def _forgetting(found: Forgetting) -> str:
    rate = found.regress
    return (
        f"{rate.share.told_as_share()} of {rate.generations} champions provably score less than an earlier one did "
        f"against somebody; chance alone gives {100 * rate.chance:.2g} %"
    )


def _history(found: History) -> str:
    slope = found.slope
    trend = "Yes" if slope.low > 0 else "No, worse" if slope.high < 0 else "Not for certain"
    return f"{trend}: {with_minus(slope.told('+.3g'))} a generation"


def _circles(found: Interaction) -> str:
    return (
        f"{found.share.told_as_share()} of the differences depend on who meets whom, in {found.components} "
        "independent ways: at most so much is circular"
    )


def _nash(found: Nash) -> str:
    sizes = " and ".join(f"{found.supports[side]} {side.label}" for side in Side)
    return f"Hiders get {with_minus(found.value.told())} of a mixture of {sizes}"


def _pictures(played: Tournament, summary: Summary, path: Path) -> Picture:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "tournament.png"
        draw(played, summary, target, title=path.name)
        content = base64.b64encode(target.read_bytes()).decode()
    caption = (
        "Top: the tables of both sides and how many independent ways of depending on the opponent there are; middle: "
        "each side's champions against their ancestors, and over time; bottom: weights. What each is "
        "stands in the package, in evo_hns.tournament.measures."
    )
    return Picture(f"data:image/png;base64,{content}", caption)
