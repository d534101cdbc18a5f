"""Verbs that check the game and the machine: fidelity, speed, endurance, and what is installed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from evo_hns.cli.console import show
from evo_hns.cli.options import Address, Experiment, Json, Ranks, RunPath, Settings
from evo_hns.cli.run_context import start_ranks, workers
from evo_hns.cli.text.tables import (
    ablation_text,
    bench_text,
    commits_text,
    rank_agreement_text,
    scaling_text,
    stress_test_line,
    stress_test_text,
    timestep_study_text,
    vector_env_text,
)
from evo_hns.config import ConfigError, PhysicsConfig, RunConfig
from evo_hns.experiment import load_experiment, refuse_unused
from evo_hns.spec import Side


@dataclass(frozen=True)
class Parity:
    """Replay recordings of the original game, and say how exactly this one agrees."""

    files: Annotated[Positional[tuple[Path, ...]], tyro.conf.arg(metavar="FILE...")]
    """Recordings (.npz)."""
    as_json: Json = False
    """Print JSON."""

    def __call__(self) -> None:
        """Print the differences; exit code 1 if any is too large."""
        from evo_hns.diagnostics.parity.check import format_reports, replay

        if not self.files:
            raise ConfigError("parity needs a recording (.npz) to replay")
        reports = [replay(path) for path in self.files]
        if self.as_json:
            show([report.to_dict() for report in reports])
        else:
            print(format_reports(reports))
        if not all(report.within_tolerance for report in reports):
            raise SystemExit(1)


@dataclass(frozen=True)
class Bench:
    """Measure where the time goes: bare physics, the rules, the networks, a whole generation."""

    experiment: Experiment = "quadrant"
    """A TOML file, or the name of one that is shipped or in a folder experiments/ here."""
    as_json: Json = False
    """Print JSON."""
    ranks: Ranks = None
    """Measure instead how much faster so many MPI ranks are than one: `auto` takes the physical cores."""
    vector_env: Address = None
    """Measure instead the vector env for other libraries beside the own rollout, against these seekers, such as
    scripted:chaser."""
    rounds: int = 3
    """With --ranks and --vector-env: turns of each."""
    commits: tuple[int, ...] = ()
    """Measure instead what a commit costs in run files of so many megabytes, which are written here and removed."""
    settings: Settings = ()
    """Any setting; --physics.num-worlds 64 is short for --set physics.num_worlds=64."""

    def __call__(self) -> None:
        """Print the rate of each layer, or the efficiency of each number of ranks."""
        resolved = load_experiment(self.experiment, self.settings)
        check_positive(rounds=self.rounds)
        if self.commits:
            check_positive(commits=min(self.commits))
            from evo_hns.diagnostics.commits import measure_commits

            costs = measure_commits(resolved, self.commits, Path.cwd())
            show([cost.as_dict() for cost in costs] if self.as_json else commits_text(costs))
            return
        if self.ranks is not None:
            self._measure_ranks(resolved)
            return
        if self.vector_env is not None:
            self._measure_vector_env(resolved, self.vector_env)
            return
        from evo_hns.diagnostics.bench import bench

        result = bench(resolved)
        show(result.as_dict() if self.as_json else bench_text(result))

    def _measure_vector_env(self, resolved: RunConfig, opponent: str) -> None:
        try:
            from evo_hns.diagnostics.vector_env_speed import measure
        except ImportError as error:
            raise ConfigError(str(error)) from None
        speeds = measure(resolved, opponent, self.rounds)
        show([speed.as_dict() for speed in speeds] if self.as_json else vector_env_text(speeds))

    def _measure_ranks(self, resolved: RunConfig) -> None:
        start_ranks(self.ranks)
        with workers(shrink=False) as context:
            if context is None:
                return
            if context.ranks is None:
                raise ConfigError("--ranks: there is only one, so that there is nothing to compare; ask for 2 or more")
            from evo_hns.diagnostics.scaling import measure

            result = measure(resolved, context.ranks, rounds=self.rounds)
            show(result.as_dict() if self.as_json else scaling_text(result))


@dataclass(frozen=True)
class PhysicsAblation:
    """Measure what would make the physics cheaper, and what it would change."""

    experiment: Experiment = "full"
    """A TOML file, or the name of one that is shipped or in a folder experiments/ here."""
    num_worlds: int = 64
    """Worlds side by side."""
    repetitions: int = 2
    """Times that all is measured, each in other worlds."""
    as_json: Json = False
    """Print JSON."""
    settings: Settings = ()
    """Any setting of the game."""

    def __call__(self) -> None:
        """Print a table: speed-up, drift, and whether a step has the same bits."""
        refuse_all_but_the_game(self.settings, "physics-ablation")
        resolved = load_experiment(self.experiment, self.settings)
        check_positive(num_worlds=self.num_worlds, repetitions=self.repetitions)
        from evo_hns.diagnostics.ablations import measure

        runs = [measure(resolved, self.num_worlds, 1000 * k) for k in range(self.repetitions)]
        show(
            [{name: vars(effect) for name, effect in run.items()} for run in runs]
            if self.as_json
            else ablation_text(runs)
        )


@dataclass(frozen=True)
class TimestepStudy:
    """Measure what coarser timesteps would gain in search, and what they would change in the game."""

    experiment: Experiment = "quadrant"
    """A TOML file, or the name of one that is shipped or in a folder experiments/ here."""
    substeps: tuple[int, ...] = (15, 10, 8, 6, 5)
    """Numbers of substeps in an env step."""
    hiders: str = "random"
    """The scripted player of the hiders; with --candidates a champion, RUN:hiders/last."""
    seekers: str = "random"
    """The scripted player of the seekers; with --candidates a champion, RUN:seekers/last."""
    num_worlds: int = 256
    """Worlds, each played once at every timestep; with --candidates, side by side."""
    candidates: int = 0
    """Compare instead how every timestep ranks so many networks of each side, drawn around the two champions."""
    matches: int = 8
    """With --candidates: opponents of each, each in a world of its own."""
    spread: float = 0.2
    """With --candidates: standard deviation of what is added to the champions' parameters."""
    as_json: Json = False
    """Print JSON."""
    settings: Settings = ()
    """Any setting of the game."""

    def __call__(self) -> None:
        """Print a table: speed-up, and means of the game's statistics with 95 % intervals, or correlations of ranks."""
        refuse_all_but_the_game(self.settings, "timestep-study")
        resolved = load_experiment(self.experiment, self.settings)
        check_positive(num_worlds=self.num_worlds)
        cuts = [
            load_experiment(self.experiment, [*self.settings, f"physics.search_substeps={n}"]).physics.of_search
            for n in self.substeps
        ]
        if self.candidates:
            self._compare_ranks(resolved, cuts)
            return
        from evo_hns.diagnostics.timestep_study import compare

        players = {Side.HIDERS: self.hiders, Side.SEEKERS: self.seekers}
        results = compare(resolved, cuts, players, self.num_worlds)
        show([asdict(result) for result in results] if self.as_json else timestep_study_text(results))

    def _compare_ranks(self, resolved: RunConfig, cuts: Sequence[PhysicsConfig]) -> None:
        check_positive(least=2, candidates=self.candidates, matches=self.matches)
        from evo_hns.diagnostics.rank_agreement import rank_agreement
        from evo_hns.evaluation.session import build_session
        from evo_hns.players.addresses import find_player, parse_address

        physics = {"num_worlds": self.num_worlds, "num_threads": 1}
        resolved = resolved.model_copy(update={"physics": resolved.physics.model_copy(update=physics)})
        spec, names = build_session(resolved, 1).spec, {Side.HIDERS: self.hiders, Side.SEEKERS: self.seekers}
        players = {side: find_player(parse_address(name, side), side, spec) for side, name in names.items()}
        counts = {"num_candidates": self.candidates, "num_matches": self.matches}
        results = rank_agreement(resolved, cuts, players, **counts, spread=self.spread)
        show([asdict(result) for result in results] if self.as_json else rank_agreement_text(results))


@dataclass(frozen=True)
class StressTest:
    """Play millions of random env steps, and say whether memory, speed and physics hold out."""

    experiment: Experiment
    """A TOML file, or the name of one that is shipped or in a folder experiments/ here."""
    env_steps: int = 5_000_000
    """How many, at least; whole batches of worlds are played."""
    as_json: Json = False
    """Print JSON; the lines in between go to the standard error."""
    settings: Settings = ()
    """Any setting of the game; --physics.num-worlds 64 is short for --set physics.num_worlds=64."""

    def __call__(self) -> None:
        """Print a line for each slice and a verdict; exit code 1 if something grew, slowed down or failed too much."""
        refuse_all_but_the_game(self.settings, "stress-test")
        resolved = load_experiment(self.experiment, self.settings)
        from evo_hns.diagnostics.stress_test import stress_test

        so_far = None
        try:
            for so_far in stress_test(resolved, self.env_steps):
                line = stress_test_line(so_far, self.env_steps)
                print(line, file=sys.stderr if self.as_json else sys.stdout, flush=True)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(stress_test_text(so_far) if so_far else "nothing was measured yet") from None
        if so_far is None:  # at least one slice is played
            return
        show(so_far.as_dict() if self.as_json else stress_test_text(so_far))
        if so_far.complaints:
            raise SystemExit(1)


@dataclass(frozen=True)
class Doctor:
    """Say what works on this machine, and what to do about what does not."""

    as_json: Json = False
    """Print JSON."""

    def __call__(self) -> None:
        """Print findings; exit code 1 if something needed is broken."""
        from evo_hns.diagnostics.doctor import diagnose

        findings = diagnose()
        show([vars(finding) for finding in findings] if self.as_json else "\n".join(map(str, findings)))
        if any(finding.needed and not finding.ok for finding in findings):
            raise SystemExit(1)


@dataclass(frozen=True)
class Repair:
    """Put into a run file what can be had of its journal, after a copy that lacks one or damage to it."""

    run: RunPath
    """The run file."""
    as_json: Json = False
    """Print JSON."""

    def __call__(self) -> None:
        """Say what was found and done."""
        from evo_hns.archive import RunFile

        done = RunFile.repair(self.run)
        show({"repair": done} if self.as_json else f"{done}.")


def refuse_all_but_the_game(settings: Sequence[str], verb: str) -> None:
    """Refuse settings that a verb would ignore because it needs only the game.

    Raises:
        ConfigError: there is one.
    """
    game = ("seed", "world.", "rules.", "physics.")
    refuse_unused(
        settings, lambda name: name.startswith(game), f"{verb} takes settings of world, rules and physics only"
    )


def check_positive(*, least: int = 1, **numbers: int) -> None:
    """Refuse numbers below the least.

    Raises:
        ConfigError: one of them is; it is named as the option is typed.
    """
    for name, number in numbers.items():
        if number < least:
            raise ConfigError(f"--{name.replace('_', '-')}: got {number}, expected {least} or more")
