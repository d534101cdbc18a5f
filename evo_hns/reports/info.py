"""What is in a run file: settings, progress, sessions, halls, and what champions gained against held-out players."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from evo_hns.archive.records import Generation, HeldOutRow, RunFacts
from evo_hns.config import RunConfig
from evo_hns.evaluation.intervals import Estimate, estimate, estimate_gain
from evo_hns.reports.sessions import describe_job, describe_session, generations_of_sessions, jobs
from evo_hns.spec import Side


@dataclass(frozen=True)
class Gain:
    """A side's first measured champion beside its last, against one held-out player."""

    side: Side
    opponent: str
    first_generation: int
    last_generation: int
    first: Estimate
    last: Estimate
    gain: Estimate  #: last less first, paired over the same worlds

    @property
    def is_certain(self) -> bool:
        """The 95 % interval of the gain excludes zero."""
        return self.gain.low > 0 or self.gain.high < 0


def gains(run: RunFacts) -> list[Gain]:
    """First beside last for every side and held-out player that was measured twice."""
    pairs: dict[tuple[Side, str], list[HeldOutRow]] = {}
    for row in run.held_out:
        pairs.setdefault((row.side, row.opponent), []).append(row)
    return [_gain(rows[0], rows[-1]) for rows in pairs.values() if len(rows) > 1]


def _gain(first: HeldOutRow, last: HeldOutRow) -> Gain:
    return Gain(
        side=first.side,
        opponent=first.opponent,
        first_generation=first.generation,
        last_generation=last.generation,
        first=estimate(first.scores),
        last=estimate(last.scores),
        gain=estimate_gain(first.scores, last.scores),
    )


def generation_line(record: Generation) -> str:
    """A generation in a line: number, scores of the champions, discarded matches if any."""
    scores = "  ".join(
        f"{side.label} {record.champions[side].score:+7.2f}" for side in Side if side in record.champions
    )
    discarded = sum(record.discards.values())
    return f"generation {record.number:4d}  {scores}" + (f"  {discarded} discarded" if discarded else "")


def env_steps(run: RunFacts) -> int:
    """Env steps of training so far, champions' re-evaluation included."""
    return int(np.nansum(run.metrics.get("env_steps", np.zeros(1))))


def seconds(run: RunFacts) -> float:
    """Wall-clock time of all generations so far."""
    return float(sum(np.nansum(values) for name, values in run.metrics.items() if name.startswith("time_")))


@dataclass(frozen=True)
class Sharing:
    """What it cost to play on many ranks, in the generations that were."""

    num_ranks: int  #: in the last of them
    idle_share: float  #: mean share of the ranks' time in which they waited for matches
    megabytes: float  #: mean of a generation: given to all ranks, to single ones, and reported


def sharing(run: RunFacts) -> Sharing | None:
    """What it cost to play on many ranks; None if a run never did."""
    if "ranks" not in run.metrics:
        return None
    rows = np.flatnonzero(~np.isnan(run.metrics["ranks"]))
    names = ("ranks_broadcast_bytes", "ranks_sent_bytes", "ranks_received_bytes")
    return Sharing(
        num_ranks=int(run.metrics["ranks"][rows[-1]]),
        idle_share=float(run.metrics["ranks_idle_share"][rows].mean()),
        megabytes=float(sum(run.metrics[name][rows].mean() for name in names)) / 1e6,
    )


@dataclass(frozen=True)
class FitnessWorth:
    """What a side's fitness was worth: means over the last generations; see `evaluation.reliability`."""

    side: Side
    matches: float  #: of each candidate
    reliability: float
    shares: dict[str, float]  #: of the variance of what a match counts, by source
    alike: float  #: share of pairs of an opponent and a world in which all candidates score alike


def fitness_worth(run: RunFacts, generations: int = 10) -> list[FitnessWorth]:
    """Of each side whose candidates are compared; none if the run did not measure it.

    Args:
        run: the run.
        generations: over so many of the last.
    """

    def mean(name: str) -> float:
        last = run.metrics[name][-generations:]
        return float(np.nanmean(last)) if np.isfinite(last).any() else float("nan")

    prefix = "variance_"
    return [
        FitnessWorth(
            side,
            mean(f"{side.label}.matches_per_candidate"),
            mean(f"{side.label}.reliability"),
            {
                name.removeprefix(f"{side.label}.{prefix}"): mean(name)
                for name in run.metrics
                if name.startswith(f"{side.label}.{prefix}")
            },
            mean(f"{side.label}.alike_share"),
        )
        for side in Side
        if f"{side.label}.reliability" in run.metrics
    ]


def changed_settings(config: RunConfig) -> dict[str, object]:
    """Settings that differ from the defaults, by dotted name; all of PPO, which by default there is none of."""
    changed: dict[str, object] = {}
    for name, value in config.changes.items():
        changed |= {f"{name}.{key}": each for key, each in value.items()} if isinstance(value, dict) else {name: value}
    return changed


def experiment_text(run: RunFacts) -> str:
    """The experiment that makes a run again, as TOML: all settings that are not the defaults."""
    by = f"evo_hns {run.meta.project_version} {run.meta.git_commit[:12]}".strip()
    head = f"# Of a run of {by}, begun at {run.meta.created}. Save this as NAME.toml:\n#   evo-hns train NAME.toml"
    return "\n".join([head, *(f"{name} = {toml(value)}" for name, value in changed_settings(run.config).items())])


def toml(value: object) -> str:
    """A value as TOML has it."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name} = {toml(each)}' for name, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value)


def as_typed(value: object) -> str:
    """A setting as it is typed: tables in a list as TOML has them."""
    if not (isinstance(value, list) and value and isinstance(value[0], dict)):
        return str(value)
    tables = (", ".join(f"{name} = {each!r}" for name, each in table.items()) for table in value)
    return f"[{', '.join(f'{{{table}}}' for table in tables)}]"


def of_diagnosis(config: RunConfig) -> list[str]:
    """What sets champions of a diagnosis apart from those of coevolution, in sentences; none for coevolution."""
    sides, trained = {side.label: config.side(side) for side in Side}, [s.label for s in config.trained_sides]
    found = [f"The {label} were not trained." for label in sides if label not in trained]
    for label in trained:
        if (origin := sides[label].init_from) is not None:
            fresh = ", with a new last layer" * sides[label].fresh_output
            frozen = "; only its last layer was searched" * (sides[label].trained_layers == "last")
            found.append(f"The search of the {label} began at {origin}{fresh}{frozen}.")
        if (shown := sides[label].demonstration).player is not None:
            found.append(
                f"Up to {shown.env_steps} env steps of matches of the {label}' candidates were played by "
                f"{shown.player}; champions were chosen in matches of their own."
            )
        if sides[label].opponents:
            found.append(f"The {label} met fixed opponents alone: {', '.join(sides[label].opponents)}.")
        if sides[label].fitness != "return":
            found.append(
                f"Champions of the {label} were selected for {sides[label].fitness}, not for their return: they serve "
                "diagnosis alone."
            )
        found += [
            f"Candidates of the {label} were also rewarded for {rung.skill}, with a weight of {rung.weight:g} that "
            f"falls to 0 as their return grows from {rung.start:g} to {rung.target:g}; champions were chosen by "
            "return alone."
            for rung in sides[label].rungs
        ]
        if (second := sides[label].second_objective) is not None:
            found.append(
                f"Candidates of the {label} were also selected for {second}, as a second objective; champions were "
                "chosen by return alone."
            )
    return found


def describe_run(run: RunFacts) -> dict[str, object]:
    """The output of `info`, for JSON; Slurm may be asked for the last job, see `jobs`."""
    return {
        "created": run.meta.created,
        "project_version": run.meta.project_version,
        "git_commit": run.meta.git_commit,
        "platform": run.meta.platform,
        "versions": dict(run.meta.versions),
        "seed": run.meta.seed,
        "settings": run.config.model_dump(mode="json"),
        "changed_settings": changed_settings(run.config),
        "of_diagnosis": of_diagnosis(run.config),
        "generations": {"done": run.num_generations, "planned": run.config.coevolution.generations},
        "jobs": [describe_job(job) for job in jobs(run)],
        "sessions": [describe_session(*each) for each in zip(run.sessions, generations_of_sessions(run), strict=True)],
        "env_steps": env_steps(run),
        "seconds": seconds(run),
        "discards": {cause: int(counts.sum()) for cause, counts in run.discards.items()},
        "halls": {
            side.label: {"champions": run.num_champions(side), "parameters": run.num_params(side)} for side in Side
        },
        "exploiters": {side.label: count for side in Side if (count := run.num_exploiters(side))},
        "recorded_matches": run.num_matches,
        "held_out": [describe_held_out(row) for row in run.held_out],
        "metrics": {name: [None if np.isnan(v) else float(v) for v in values] for name, values in run.metrics.items()},
    }


def describe_held_out(row: HeldOutRow) -> dict[str, object]:
    """A held-out measurement, for JSON."""
    return {
        "generation": row.generation,
        "side": row.side.label,
        "opponent": row.opponent,
        "mean": row.mean,
        "ci95": row.ci_half_width,
        "episodes": row.episodes,
        "statistics": dict(row.statistics),
    }
