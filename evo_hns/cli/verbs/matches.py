"""Verbs that play matches of any two players, and keep them, and play them again."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

import tyro
from tyro.conf import Positional

from evo_hns.cli.console import check_place, proposed, show, working
from evo_hns.cli.options import Count, Json, RunPath, Settings
from evo_hns.cli.text.tables import evaluation_text, replay_text, replays_text
from evo_hns.cli.verbs.diagnostics import refuse_all_but_the_game
from evo_hns.config import ConfigError
from evo_hns.experiment import load_experiment


@dataclass(frozen=True)
class Evaluate:
    """Let any two players meet: RUN:hiders/last, RUN:seekers/12, RUN:hiders/best, scripted:chaser, openai:FILE.

    The best is the measured champion with the highest mean return over held-out players; its generation is printed.
    """

    hider: Annotated[Positional[str], tyro.conf.arg(metavar="HIDER")]
    """Who plays the hiders."""
    seeker: Annotated[Positional[str], tyro.conf.arg(metavar="SEEKER")]
    """Who plays the seekers."""
    episodes: int = 256
    """Worlds, each played once; none was seen in training."""
    seed: int = 0
    """Decides the worlds."""
    experiment: str = "quadrant"
    """The game, if no player comes from a run."""
    as_json: Json = False
    """Print JSON."""
    settings: Settings = ()
    """Any setting of the game, if no player comes from a run."""

    def __call__(self) -> None:
        """Play, and print returns and statistics."""
        refuse_all_but_the_game(self.settings, "evaluate")
        game = load_experiment(self.experiment, self.settings)
        from evo_hns.players.evaluate import evaluate, of_runs

        if self.settings and (archived := of_runs(self.hider, self.seeker)):
            raise ConfigError(f"{archived[0]} plays in the game of its run: leave out --{self.settings[0]}")
        with working(f"playing {self.episodes} matches", as_json=self.as_json) as tell:
            result = evaluate(self.hider, self.seeker, game, episodes=self.episodes, seed=self.seed, tell=tell)
        show(result.as_dict() if self.as_json else evaluation_text(result))


@dataclass(frozen=True)
class Record:
    """Let any two players meet in the game of a run, and keep the matches in its file."""

    run: RunPath
    """The run file; it must not be training."""
    hider: Annotated[Positional[str], tyro.conf.arg(metavar="HIDER")]
    """Who plays the hiders: RUN:hiders/last, RUN:hiders/12, RUN:hiders/best, scripted:chaser, openai:FILE."""
    seeker: Annotated[Positional[str], tyro.conf.arg(metavar="SEEKER")]
    """Who plays the seekers."""
    episodes: int = 1
    """Worlds, each played once: the first ones of `evaluate` with the same seed."""
    seed: int = 0
    """Decides the worlds."""
    as_json: Json = False
    """Print JSON."""

    def __call__(self) -> None:
        """Play, keep, and say how to play them again."""
        if self.run.exists():
            check_place(self.run)
        from evo_hns.players.record import record

        with working(f"playing {self.episodes} matches", as_json=self.as_json) as tell:
            numbers = record(self.run, self.hider, self.seeker, episodes=self.episodes, seed=self.seed, tell=tell)
        if self.as_json:
            show({"run": self.run, "matches": list(numbers)})
            return
        kept = f"match{'es' * (len(numbers) > 1)} {'-'.join(map(str, sorted({numbers[0], numbers[-1]})))}"
        told = f"{self.run} keeps {kept}: {self.hider} against {self.seeker}"
        which = "--match", numbers[-1]
        show(proposed(told, ("diagnose", "replay", self.run, *which), ("render", self.run, *which)))


@dataclass(frozen=True)
class Replay:
    """Play the recorded matches of a run again, and say whether they come out equal to the bit."""

    run: RunPath
    """The run file."""
    match: Count = None
    """One match, by its number; without it all are listed and played again."""
    as_json: Json = False
    """Print JSON."""

    def __call__(self) -> None:
        """Print stored and replayed figures; exit code 1 if any differ."""
        from evo_hns.players.replay import explain_difference, replay

        replays = replay(self.run, self.match)
        if self.as_json:
            show([each.as_dict() for each in replays])
        else:
            print(replays_text(replays) if self.match is None else replay_text(replays[0]))
        if not all(each.is_equal for each in replays):
            print(explain_difference(self.run), file=sys.stderr)
            raise SystemExit(1)
