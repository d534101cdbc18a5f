"""Results as text: columns that line up for people, JSON for programs."""

from __future__ import annotations

import io
import json
import math
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING

from evo_hns.spec import Side

if TYPE_CHECKING:
    from rich.table import Table

    from evo_hns.archive import RunFacts, TrainingSession
    from evo_hns.diagnostics.ablations import Effect
    from evo_hns.diagnostics.bench import Benchmark
    from evo_hns.diagnostics.commits import CommitCost
    from evo_hns.diagnostics.rank_agreement import Agreement
    from evo_hns.diagnostics.scaling import Scaling
    from evo_hns.diagnostics.stress_test import Slice, StressTest
    from evo_hns.diagnostics.timestep_study import Timestep
    from evo_hns.diagnostics.vector_env_speed import VectorEnvSpeed
    from evo_hns.players.evaluate import Evaluation
    from evo_hns.players.replay import Replay
    from evo_hns.reports.curves import End, Kind
    from evo_hns.reports.info import FitnessWorth, Gain
    from evo_hns.reports.sessions import Job

_SHOWN_SESSIONS = 12
_SHOWN_HOSTS = 2
_WITHOUT_END = 100_000  #: columns of a file


def json_text(answer: object) -> str:
    """One line of JSON; a number that is not finite is null, and what JSON does not know (a path) its text."""
    return json.dumps(_finite(answer), default=str)


def _finite(answer: object) -> object:
    if isinstance(answer, Mapping):
        return {key: _finite(value) for key, value in answer.items()}
    if isinstance(answer, list | tuple):
        return [_finite(value) for value in answer]
    return None if isinstance(answer, float) and not math.isfinite(answer) else answer


def duration(seconds: float) -> str:
    """Seconds in the units that people use: `4.2 s`, `3 min 20 s`, `2 h 05 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest:02d} s"
    hours, rest = divmod(round(seconds / 60), 60)
    return f"{hours} h {rest:02d} min"


def table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Rows under a header, which may be empty: the first column to the left, the others to the right.

    On a terminal that is too narrow a cell goes on in the next line; in a file or a pipe nothing is cut or folded.
    """
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=bool(header))
    cells = [*rows]
    for number, name in enumerate(header or cells[0]):
        made.add_column(Text(str(name)), justify="right" if number else "left", overflow="fold")
    return _rendered(made, cells)


def listing(rows: Iterable[Sequence[object]], *, width: int = 0) -> str:
    """Names of at least so many columns, and what there is to say of each; a long text goes on beside its name."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    made.add_column(no_wrap=True, min_width=width)
    made.add_column(overflow="fold")
    return _rendered(made, rows)


def _rendered(made: Table, rows: Iterable[Sequence[object]]) -> str:
    from rich.console import Console
    from rich.text import Text

    for row in rows:
        made.add_row(*(Text(str(cell)) for cell in row))
    is_terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if is_terminal else _WITHOUT_END
    console = Console(file=io.StringIO(), width=width, force_terminal=is_terminal, highlight=False)
    with console.capture() as captured:
        console.print(made)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def wrapped(text: str, indent: str = "") -> str:
    """A text in lines of a terminal, none of which ends within a name, a file or an interval."""
    whole = text.replace(" ± ", "\xa0±\xa0")
    filled = textwrap.fill(whole, 79, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)
    return filled.replace("\xa0", " ")


def gains_table(gains: Sequence[Gain]) -> str:
    """Champions against players they never trained with, the first measured generation beside the last."""
    if not gains:
        return "no gain to show: no two generations were measured (measure RUN --every 1 does so)"
    first, last = gains[0].first_generation, gains[0].last_generation
    header = ("mean return of", "against", f"generation {first}", f"generation {last}", "gain", "")
    rows = [
        (gain.side.label, gain.opponent, gain.first, gain.last, gain.gain, "*" if gain.is_certain else "")
        for gain in gains
    ]
    told = "\n".join(_verdict(side, [gain for gain in gains if gain.side is side]) for side in Side)
    return f"{table(header, rows)}\n± is a 95 % confidence interval; * one that excludes zero\n\n{told}".rstrip()


def _verdict(side: Side, gains: Sequence[Gain]) -> str:
    """What a side has learnt, in words; nothing of a side that was not measured."""
    if not gains:
        return ""
    better, worse = ([each for each in gains if each.is_certain and (each.gain.mean > 0) is up] for up in (True, False))
    unsure = [each.opponent for each in gains if not each.is_certain]
    found = [
        f"{how} than at generation {gains[0].first_generation} against "
        + ", ".join(f"{each.opponent} ({each.gain})" for each in some)
        for how, some in (("better", better), ("worse", worse))
        if some
    ]
    found += [f"no change that chance could not bring against {', '.join(unsure)}"] if unsure else []
    return wrapped(f"{side.label}: {'; '.join(found)}.", indent="  ")


def curves_text(kinds: Sequence[Kind], ends: Sequence[End]) -> str:
    """What runs came to against held-out players; settings are numbered below, so that rows stay short."""
    if not ends:
        return ""
    numbers = {kind.name: f"[{kind.number + 1}]" for kind in kinds}
    several = len(kinds) > 1
    header = ["mean return of", "against", *(["runs"] if several else []), "seeds", "at env steps", "end", "on the way"]
    rows = [
        [
            each.side.label,
            each.opponent,
            *([numbers[each.kind]] if several else []),
            each.end.num_samples,
            f"{each.env_steps:,.0f}",
            each.end,
            each.area if each.end.num_samples > 1 else f"{each.area.mean:+.1f}",
        ]
        for each in ends
    ]
    notes = [
        "± is a 95 % interval over seeds (Student's t), of one seed over worlds;",
        "end: the last measurement that all runs have in common; on the way: the area",
        "under the curve until then, divided by its env steps",
        *(f"{numbers[kind.name]} {kind.name}" for kind in kinds if several),
    ]
    return "\n".join([table(header, rows), *notes])


def progress_table(run: RunFacts) -> str:
    """The first and the last measurement of each kind of progress, with its generation; empty if there is none."""
    from evo_hns.reports.progress import progress

    measured = [each for each in progress(run) if len(each)]
    if not measured:
        return ""
    rows = [
        (
            f"{each.side.label}: {each.kind}",
            *(f"{each.means[k]:+.1f} ± {each.half_widths[k]:.1f} in {each.generations[k]}" for k in (0, -1)),
        )
        for each in measured
    ]
    kinds = {each.kind: f"{each.kind}: against {each.opponents}" for each in measured}
    return "\n".join([table(("mean return", "first, in generation", "last"), rows), *kinds.values()])


def info_text(run: RunFacts) -> str:
    """What a run is, how far it is, what trained it, and what it gained."""
    from evo_hns.reports.info import (
        as_typed,
        changed_settings,
        env_steps,
        fitness_worth,
        gains,
        of_diagnosis,
        seconds,
        sharing,
    )
    from evo_hns.reports.sessions import generations_of_sessions, jobs

    settings = " ".join(f"{name}={as_typed(value)}" for name, value in changed_settings(run.config).items())
    halls = ", ".join(f"{run.num_champions(side)} {side.label} of {run.num_params(side):,} parameters" for side in Side)
    exploiters = sum(run.num_exploiters(side) for side in Side)
    facts: list[tuple[str, object]] = [
        ("created", f"{run.meta.created} by evo_hns {run.meta.project_version} {run.meta.git_commit[:12]}"),
        ("on", run.meta.platform),
        ("settings", settings or "all defaults"),
        ("generations", f"{run.num_generations} of {run.config.coevolution.generations}"),
        *([("jobs", _jobs(found))] if (found := jobs(run)) else []),
        ("env steps", f"{env_steps(run):,} in {duration(seconds(run))}"),
        ("champions", halls),
        *([("exploiters", exploiters)] if exploiters else []),
        ("recorded", f"{run.num_matches} match{'es' * (run.num_matches != 1)}"),
        ("discarded", sum(int(counts.sum()) for counts in run.discards.values())),
    ]
    if (cost := sharing(run)) is not None:
        in_short = f"{cost.num_ranks}, idle {cost.idle_share:.1%} of the time, {cost.megabytes:.2f} MB a generation"
        facts.append(("ranks", in_short))
    facts += [(f"{each.side.label}' fitness", _worth(each)) for each in fitness_worth(run)]
    parts = [listing(facts), "\n".join(of_diagnosis(run.config))]
    if run.sessions:
        parts.append(sessions_table(run.sessions, generations_of_sessions(run)))
    return "\n\n".join(filter(None, [*parts, gains_table(gains(run)), progress_table(run), best_champions(run)]))


def best_champions(run: RunFacts) -> str:
    """Which champion of either side has the highest mean return over its held-out opponents; empty if none has one."""
    from evo_hns.archive.records import held_out_means

    found = {side.label: held_out_means(run.held_out, side) for side in Side}
    best = [(label, *max(means.items(), key=lambda item: item[1])) for label, means in found.items() if means]
    listed = "; ".join(f"{label}/{which} {mean:+.1f}" for label, which, mean in best)
    return f"best by mean return over held-out players: {listed}" if best else ""


def _worth(worth: FitnessWorth) -> str:
    """Of the last generations: how far the fitness tells candidates apart, and what returns vary with."""
    alike = f"{worth.alike:.0%} of the pairs of an opponent and a world tell nobody apart"
    if math.isnan(worth.reliability):
        return f"reliability unknown by {worth.matches:.1f} matches\n{alike}"
    known = [(source, share) for source, share in worth.shares.items() if not math.isnan(share)]
    largest = sorted(known, key=lambda item: -item[1])
    shares = ", ".join(f"{source.replace('_', ' x ')} {share:.0%}" for source, share in largest)
    return f"reliability {worth.reliability:.2f} by {worth.matches:.1f} matches\n{alike}\n{shares}".rstrip()


def _jobs(jobs: Sequence[Job]) -> str:
    before = len(jobs) - _SHOWN_SESSIONS
    return ", ".join([f"{before} more", *map(_job, jobs[before:])] if before > 0 else map(_job, jobs))


def _job(job: Job) -> str:
    restarts = f"{job.restarts} restart{'s' * (job.restarts != 1)}" if job.restarts else ""
    remarks = ", ".join(filter(None, [restarts, job.state]))
    return f"{job.name} ({remarks})" if remarks else job.name


def sessions_table(sessions: Sequence[TrainingSession], generations: Sequence[range]) -> str:
    """A row for each of the last sessions of a run, and a line for all before; a column without any entry is left out.

    Args:
        sessions: of the run, oldest first; at least one.
        generations: that each of them did.
    """
    header = ("started (UTC)", "generations", "ranks", "hosts", "job", "restarts")
    rows = [
        (
            f"{datetime.fromisoformat(session.started):%Y-%m-%d %H:%M:%S}",
            _span(did),
            session.num_ranks,
            _hosts(session.hosts),
            session.job,
            session.restarts or "",
        )
        for session, did in list(zip(sessions, generations, strict=True))[-_SHOWN_SESSIONS:]
    ]
    shown = [column for column in zip(header, *rows, strict=True) if any(cell != "" for cell in column[1:])]
    head, *lines = zip(*shown, strict=True)
    told = table(head, lines)
    earlier = len(sessions) - len(rows)
    if not earlier:
        return told
    before = range(generations[0].start, generations[earlier].start)
    return f"{told}\nbefore: {earlier} more, generations {_span(before)}; --json lists all"


def _span(generations: range) -> str:
    if len(generations) > 1:
        return f"{generations[0]}-{generations[-1]}"
    return str(generations[0]) if generations else "none"


def _hosts(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN_HOSTS])
    return shown if len(names) <= _SHOWN_HOSTS else f"{shown} + {len(names) - _SHOWN_HOSTS}"


def evaluation_text(result: Evaluation) -> str:
    """Returns of both teams and the game's statistics."""
    from evo_hns.envs.statistics import STATISTICS

    figures = {f"{side.label} return": str(result.returns[side]) for side in Side}
    figures |= {name: f"{each.mean:.3f} ± {each.half_width:.3f}" for name, each in result.statistics.items()}
    names, values = max(map(len, figures)), max(map(len, figures.values()))
    rows = [(f"{name:<{names}}  {value:>{values}}", STATISTICS.get(name, "")) for name, value in figures.items()]
    return "\n".join(
        [
            f"{result.hider} against {result.seeker}",
            f"{result.game}, {result.episodes} episodes, {result.failed} discarded; means with 95 % intervals",
            listing(rows),
        ]
    )


def replays_text(replays: Sequence[Replay]) -> str:
    """One line for each recorded match: who played where, what came of it, and whether it came out again."""
    header = ("match", "generation", "hiders", "seekers", "world", "env steps", "returns", "replayed")
    rows = [
        (
            replay.number,
            replay.match.generation,
            replay.match.hider,
            replay.match.seeker,
            replay.match.world_seed,
            replay.match.num_steps,
            _returns(replay) + " discarded" * replay.match.failed,
            "equal" if replay.is_equal else "DIFFERENT",
        )
        for replay in replays
    ]
    equal = sum(replay.is_equal for replay in replays)
    verdict = f"{equal} of {len(replays)} matches played again are equal to the bit"
    return f"{table(header, rows)}\n{verdict}"


def replay_text(replay: Replay) -> str:
    """A recorded match beside its repetition, value by value."""
    match = replay.match
    header = (
        f"match {replay.number}, recorded in generation {match.generation}: {match.hider} against {match.seeker} "
        f"in world {match.world_seed}, {match.num_steps} env steps"
    )
    rows: list[tuple[object, ...]] = []
    for side in Side:
        agents = range(len(match.returns))[replay.teams[side]]
        rows += [
            (f"{side.label} return {place}", f"{match.returns[agent]:+g}", f"{replay.returns[agent]:+g}")
            for place, agent in enumerate(agents)
        ]
    rows += [(name, f"{value:g}", f"{replay.metrics.get(name, math.nan):g}") for name, value in match.metrics.items()]
    rows.append(("physics", *("failed" if failed else "ok" for failed in (match.failed, replay.failed))))
    verdict = "equal to the bit" if replay.is_equal else "DIFFERENT"
    return f"{header}\n{table(('', 'stored', 'replayed'), rows)}\n{verdict}"


def _returns(replay: Replay) -> str:
    teams = (replay.match.returns[rows] for rows in replay.teams.values())
    return " : ".join(" ".join(f"{value:+g}" for value in team) for team in teams)


def bench_text(result: Benchmark) -> str:
    """The rate of each layer, and its share of the rate of the bare physics."""
    header = ("", "env steps/s", "of the physics")
    rows = [
        (name.replace("_", " "), f"{rate.env_steps_per_second:,.0f}", f"{result.share(name):.1%}")
        for name, rate in result.rates.items()
    ]
    return f"{result.num_worlds} worlds, one thread\n{table(header, rows)}"


def vector_env_text(speeds: Sequence[VectorEnvSpeed]) -> str:
    """Env steps per second of the vector env beside those of the own rollout."""
    header = ("threads", "rollout, env steps/s", "vector env", "ratio", "by CPU time", "same returns")
    rows = [
        (
            speed.num_threads,
            f"{speed.env_steps / median(speed.own_seconds):,.0f}",
            f"{speed.env_steps / median(speed.vector_seconds):,.0f}",
            f"{speed.ratio:.2f}",
            f"{speed.cpu_ratio:.2f}",
            "yes" if speed.is_same_play else "no",
        )
        for speed in speeds
    ]
    return table(header, rows)


def commits_text(costs: Sequence[CommitCost]) -> str:
    """What a commit costs in files of several lengths, beside replacing the file."""
    header = ("file", "generations", "a record", "file anew", "commit", "slowest", "with the file's turns", "of 0.5 s")
    rows = [
        (
            f"{cost.file_bytes / 1e6:,.0f} MB",
            f"{cost.num_generations:,}",
            f"{cost.record_bytes / 1e3:,.0f} kB",
            f"{1e3 * cost.rewrite_seconds:,.0f} ms",
            f"{1e3 * cost.median_seconds:.1f} ms",
            f"{1e3 * max(cost.commit_seconds):.1f} ms",
            f"{1e3 * cost.seconds:.1f} ms",
            f"{cost.seconds / 0.5:.1%}",
        )
        for cost in costs
    ]
    return table(header, rows)


def scaling_text(result: Scaling) -> str:
    """What each number of ranks took for the same generation, and what the fitted model says of more."""
    model = result.model
    header = ("ranks", "seconds", "env steps/s", "efficiency", "idle", "broadcast", "received", "model, s")
    rows = [
        (
            size,
            f"{result.seconds(size):.2f}",
            f"{result.turns[0].env_steps / result.seconds(size):,.0f}",
            f"{result.efficiency(size):.3f}",
            f"{result.idle_share(size):.1%}",
            f"{result.of(size)[0].broadcast_bytes / 1e6:.2f} MB",
            f"{result.of(size)[0].received_bytes / 1e6:.2f} MB",
            f"{model.seconds(result.work, size):.2f}",
        )
        for size in result.sizes
    ]
    predicted = [
        (
            f"{far.num_ranks:,}",
            f"{far.seconds:.3f}",
            f"{far.efficiency:.3f}",
            f"{far.grown_seconds:.2f}",
            f"{far.grown_efficiency:.3f}",
        )
        for far in result.predictions
    ]
    facts = (
        f"model: {1e6 * model.world_seconds:.0f} us per env step of a world (spread {model.match_spread:.2f}) and "
        f"{1e6 * model.batch_seconds:,.0f} us per env step of a batch, {1e3 * model.coordinator_seconds:.1f} ms of the "
        f"coordinator per generation, {1e6 * model.report_seconds:.0f} us a report, "
        f"{1e3 * model.hop_seconds:.2f} ms a hop, {1e9 * model.byte_seconds:.2f} ns a byte"
    )
    return "\n".join(
        [
            f"{result.players}; one generation of {result.turns[0].env_steps:,} env steps, "
            f"median of {len(result.of(1))}",
            *(f"warning: {warning}" for warning in result.warnings),
            table(header, rows),
            "",
            facts,
            "",
            "extrapolated by the model: this generation on more such ranks, and populations that grow with them:",
            table(("ranks", "seconds", "efficiency", "populations that grow alike: seconds", "efficiency"), predicted),
        ]
    )


def stress_test_line(result: StressTest, env_steps: int) -> str:
    """The last slice of a stress test of so many env steps."""
    part = result.slices[-1]
    return (
        f"{result.env_steps:>12,} of {env_steps:,} env steps  {part.env_steps / part.seconds:7,.0f}/s"
        f"  {part.microseconds_per_env_step:6.0f} µs of CPU each  {part.memory_mb:7,.1f} MB  {_discards(part)}"
    )


def stress_test_text(result: StressTest) -> str:
    """The measurements in a line, and the verdict."""
    verdict = "; ".join(result.complaints) or "ok"
    return (
        f"{result.env_steps:,} env steps in {duration(result.seconds)}: memory {result.growth:+.1%}, "
        f"CPU time per env step {result.slowdown:+.0%}, {_discards(result)}: {verdict}"
    )


def _discards(played: Slice | StressTest) -> str:
    causes = ", ".join(f"{count:,} {cause}" for cause, count in played.discards.items())
    return f"{sum(played.discards.values()):,} of {played.episodes:,} episodes discarded ({causes})"


def ablation_text(runs: Sequence[Mapping[str, Effect]]) -> str:
    """A row for each ablation: speed-up in every repetition, mean drift, and whether a step has the same bits."""
    moments = list(next(iter(runs[0].values())).drift)
    header = ["ablation", "speed-up", *(f"drift {t}" for t in moments), "same bits"]
    rows = []
    for name in runs[0]:
        effects = [run[name] for run in runs]
        drifts = [f"{sum(effect.drift[t] for effect in effects) / len(effects):.0e}" for t in moments]
        gains = ", ".join(f"{effect.speed_up:.3f}" for effect in effects)
        rows.append([name, gains, *drifts, "yes" if all(effect.same_bits for effect in effects) else "no"])
    return f"{table(header, rows)}\ndrift: metres after so many env steps, median over worlds"


def rank_agreement_text(results: Sequence[Agreement]) -> str:
    """A row for each side and timestep, the first of a side being the measure of the others."""
    header = ["", "substeps", "us per env step", "halves", "beside the first", "same matches"]
    rows = []
    for r in results:
        low, high = r.difference
        numbers = f"{r.microseconds:.0f}", f"{r.halves:.3f}", f"{low:+.3f} to {high:+.3f}", f"{r.same_matches:.3f}"
        rows.append([r.side, r.num_substeps, *numbers])
    first = "rank correlation with the other half of the matches at the first timestep"
    return f"{table(header, rows)}\nhalves: {first}, and the 95 % interval of the difference"


def timestep_study_text(results: Sequence[Timestep]) -> str:
    """A column for each timestep, the first being the measure of the others."""
    rows = [
        ["physics, us per env step", *(f"{r.microseconds:.0f}" for r in results)],
        ["speed-up of the physics", *(f"{results[0].microseconds / r.microseconds:.2f}" for r in results)],
        ["discarded worlds", *(f"{r.discarded:.1%}" for r in results)],
    ]
    for name in results[0].metrics:
        metrics = [r.metrics[name] for r in results]
        rows.append([name, *(f"{metric.mean:.3f} ± {metric.half_width:.3f}" for metric in metrics)])
    return table(["substeps", *(r.num_substeps for r in results)], rows)
