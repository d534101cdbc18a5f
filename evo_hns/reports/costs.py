"""What a run cost, where the time went, and what it was made of: settings, seeds, versions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evo_hns.archive.records import Run, RunFacts
from evo_hns.reports.info import changed_settings, env_steps, seconds, sharing
from evo_hns.reports.kit.blocks import Block, Commands, Fold, Prose, Section, Shares, Table
from evo_hns.reports.kit.formatting import plain
from evo_hns.reports.sessions import generations_of_sessions
from evo_hns.reports.subject import Subject, differing_settings, settings_of
from evo_hns.system.shell import shell_command
from evo_hns.training.costs import MEASURING

PARTS = {
    "time_evaluation": "matches of the candidates",
    "time_champions": "choosing champions",
    "time_held_out": "held-out measurements",
    "time_measurement": "measurements",
    "time_exploiters": "exploiters and pruning",
    "time_recorded": "recording matches",
    "time_search": "the search itself",
    "time_worlds": "rollouts: the game",
    "time_policy": "rollouts: the networks",
    "time_update": "updates of the networks",
}
"""Names of time metrics for people; others are shown by their name."""

MEASUREMENTS = (MEASURING, "time_held_out", "time_recorded")
"""Laps in which nobody learns, by their names now and in older runs."""

SHORT = {
    "generations": "generations",
    "env steps of training": "env steps",
    "wall time": "wall time",
    "core-hours": "core-hours",
    "env steps a second": "env steps / s",
    "MPI ranks": "ranks",
    "peak memory": "memory",
    "episodes discarded": "discarded",
}
"""Facts of several runs side by side, and what they are called there."""

SHOWN_SESSIONS = 20


def costs_section(subjects: Sequence[Subject]) -> Section:
    """Env steps, hours, memory, discards."""
    blocks: list[Block] = [_costs_table(subjects)]
    for subject in subjects[:1] if len(subjects) == 1 else ():
        blocks += [_time(subject.run), _sessions(subject.run)]
    return Section("costs", "What it cost", blocks)


def settings_section(subjects: Sequence[Subject]) -> Section:
    """Settings that differ from the defaults, where the run was made, and how to make it again."""
    blocks: list[Block] = []
    if len(subjects) > 1:
        blocks.append(_differences(subjects))
    for subject in subjects:
        parts = _settings(subject)
        blocks += parts if len(subjects) == 1 else [Fold(subject.name, parts)]
    return Section("settings", "How to make it again", blocks)


def wall_seconds(run: RunFacts) -> np.ndarray:
    """`(G,)` seconds that training took in each generation; measurements, by which nobody learns, are left out."""
    lapped = [name for name in run.metrics if name.startswith("time_") and name not in MEASUREMENTS]
    total = np.zeros(run.num_generations)
    for name in lapped:
        total = total + np.nan_to_num(run.metrics[name])
    return total


def core_seconds(run: RunFacts) -> np.ndarray:
    """`(G,)` seconds of all cores together in each generation, NaN if not recorded; without measurements.

    On ranks it is one core each for as long as it took; without them what processors spent in the process, which
    other load does not change. Older runs did not record that: if they say how many threads they had, each of these
    counts for as long as it took.
    """
    unknown, times = np.full(run.num_generations, np.nan), wall_seconds(run)
    ranks = run.metrics.get("ranks", unknown)
    alone = run.metrics.get("cpu_seconds", times * (run.config.physics.num_threads or np.nan))
    seconds: np.ndarray = np.where(np.isfinite(ranks), ranks * times, alone)
    return seconds


def core_hours(run: RunFacts) -> float | None:
    """Hours of all cores together, None if not recorded in every generation; see `core_seconds`."""
    hours = float(np.sum(core_seconds(run))) / 3600
    return hours if np.isfinite(hours) else None


def duration(total: float) -> str:
    """Seconds in the units that people use."""
    if total < 90:
        return f"{total:.0f} s"
    if total < 5400:
        return f"{total / 60:.0f} min"
    return f"{total / 3600:.1f} h"


def million(count: float) -> str:
    """A large number in short: 860 thousand, 2.1 million, 1.3 billion."""
    for size, name in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if count >= size:
            return f"{count / size:.3g} {name}"
    return f"{count:.0f}"


def progress_of(subject: Subject) -> str:
    """Generations: `31`, or `12 of 100` while the run goes on."""
    done, planned = subject.run.num_generations, subject.config.coevolution.generations
    return str(done) if subject.is_finished else f"{done} of {planned}"


def _costs_table(subjects: Sequence[Subject]) -> Table:
    facts = [_facts(subject) for subject in subjects]
    if len(subjects) == 1:
        return Table(("", ""), list(facts[0].items()))
    rows = [(s.name, *(each[name] for name in SHORT)) for s, each in zip(subjects, facts, strict=True)]
    return Table(("run", *SHORT.values()), rows, "Env steps are those of training; seconds are of wall time.")


def _facts(subject: Subject) -> dict[str, str]:
    run = subject.run
    total, steps = seconds(run), env_steps(run)
    hours = core_hours(run)
    cost, memory = sharing(run), run.metrics.get("memory_peak_mb")
    discards = sum(int(counts.sum()) for counts in run.discards.values())
    matches = steps / subject.config.rules.horizon
    share = f"{discards:,} ({100 * discards / matches:.2g} %)" if discards and matches else "none"
    return {
        "generations": progress_of(subject),
        "env steps of training": million(steps),
        "episodes of training": million(matches),
        "wall time": duration(total),
        "core-hours": "not recorded" if hours is None else f"{hours:.2g}",
        "env steps a second": f"{steps / total:,.0f}" if total else "–",
        "MPI ranks": f"{cost.num_ranks}, waiting {cost.idle_share:.0%} of the time" if cost else "none",
        "peak memory": "–" if memory is None else f"{np.nanmax(memory) / 1000:.2g} GB",
        "episodes discarded": share,
    }


def _time(run: Run) -> Shares:
    totals = {name: float(np.nansum(v)) for name, v in run.metrics.items() if name.startswith("time_")}
    whole = sum(totals.values()) or 1.0
    ordered = sorted(totals.items(), key=lambda part: -part[1])
    parts = [
        (PARTS.get(name, name.removeprefix("time_").replace("_", " ")), total / whole, duration(total))
        for name, total in ordered
        if total / whole >= 0.0005
    ]
    return Shares(parts, "Where the wall time went.")


def _sessions(run: Run) -> Fold:
    sessions = list(zip(run.sessions, generations_of_sessions(run), strict=True))
    rows = [
        (
            session.started.replace("T", " ")[:19],
            f"{part.start}–{part.stop - 1}" if len(part) else "none",
            str(session.num_ranks),
            ", ".join(session.hosts[:2]) + (" ..." if len(session.hosts) > 2 else ""),
            session.job or "–",
        )
        for session, part in sessions[-SHOWN_SESSIONS:]
    ]
    count = len(sessions)
    summary = f"It was trained in {count} {'session' if count == 1 else 'sessions'} (starts and restarts)"
    return Fold(summary, [Table(("started (UTC)", "generations", "ranks", "hosts", "Slurm job"), rows, num_words=2)])


def _settings(subject: Subject) -> list[Block]:
    meta, changed = subject.run.meta, changed_settings(subject.config)
    rows = [(name, plain(value)) for name, value in changed.items()]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(meta.versions.items()))
    commit = (
        f" at commit {meta.git_commit[:12]}{'-dirty' * meta.git_commit.endswith('-dirty')}" if meta.git_commit else ""
    )
    version = f" {meta.project_version}" if meta.project_version[:1].isdigit() else ""
    everything = [(name, plain(value)) for name, value in settings_of(subject.config).items()]
    shown: Block = Table(("setting", "value"), rows, "Only what differs from the defaults.")
    return [
        shown if rows else Prose("All settings are the defaults."),
        Prose(
            f"Seed {meta.seed} decides every random number. Made by evo_hns{version}{commit} with "
            f"{versions} on {meta.platform}; begun {meta.created.replace('T', ' ')[:16]} UTC. The same versions on the "
            "same kind of processor give the same bits."
        ),
        Fold(f"All {len(everything)} settings", [Table(("setting", "value"), everything)]),
        Fold(
            "Commands",
            [
                Commands(
                    [
                        shell_command("info", subject.path),
                        shell_command("diagnose", "replay", subject.path),
                        shell_command("evaluate", f"{subject.path}:hiders/last", f"{subject.path}:seekers/last"),
                        shell_command("render", subject.path, "--output", "match.mp4"),
                    ]
                )
            ],
        ),
    ]


def _differences(subjects: Sequence[Subject]) -> Table:
    found = differing_settings([subject.config for subject in subjects], settings_of)
    names = list(found)
    rows = [(subject.name, *(plain(values[row]) for values in found.values())) for row, subject in enumerate(subjects)]
    caption = "Settings in which these runs differ." if names else "These runs have the same settings to the last."
    return Table(("run", *names), rows, caption)
