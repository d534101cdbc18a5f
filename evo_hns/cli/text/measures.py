"""A tournament's measures in plain words: one line for each question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from evo_hns.cli.text.tables import listing
from evo_hns.spec import Side

if TYPE_CHECKING:
    from evo_hns.tournament.equilibria.alpha_rank import AlphaRank
    from evo_hns.tournament.equilibria.layers import Layers
    from evo_hns.tournament.equilibria.nash import Nash
    from evo_hns.tournament.measures.ciao import Ciao, Tested
    from evo_hns.tournament.measures.forgetting import Forgetting, Rate
    from evo_hns.tournament.measures.history import Dominance, History
    from evo_hns.tournament.measures.interaction import Interaction, Reversals
    from evo_hns.tournament.measures.paired import Paired
    from evo_hns.tournament.measures.ratings import Ratings
    from evo_hns.tournament.summary import SideSummary, Summary, Unanswered

_SHOWN = 3
_WIDTH = 15  #: of names
_CYCLIC = 0.05  #: share of circles in what teams win that its interval must exceed to be called a cycle

Line = tuple[str, str]
T = TypeVar("T")


def summary_text(summary: Summary) -> str:
    """All answers; [ ] is a 95 % confidence interval."""
    sections: list[tuple[str, Iterable[Line]]] = [
        *((side.label, _side(summary.sides[side], summary.par)) for side in Side),
        ("both sides", _both(summary)),
    ]
    parts = [_head(summary), *(_section(title, lines) for title, lines in sections)]
    key = "[ ] is a 95 % confidence interval; what each figure is stands in evo_hns.tournament.measures"
    return "\n\n".join([*parts, key, *_verdict(summary)])


def _verdict(summary: Summary) -> list[str]:
    """Who is best and whether strategies go in circles, as far as that was answered."""
    from evo_hns.tournament.summary import Unanswered

    lines = []
    if not isinstance(summary.ratings, Unanswered):
        lines.append(", ".join(f"best of the {side.label}: {_best(summary.ratings, side)}" for side in Side))
    if not isinstance(summary.paired, Unanswered):
        share = summary.paired.cyclic
        circles = "strategies go in circles" if share.low > _CYCLIC else "no cycle found"
        lines.append(f"{circles}: cyclic share {share.told_as_share()}")
    return ["\n".join(lines)] if lines else []


def _best(ratings: Ratings, side: Side) -> str:
    """The highest rated, and how many may be as good."""
    first, *others = ratings.ordered(side)
    low = ratings.of[side][first].low
    alike = sum(ratings.of[side][name].high >= low for name in others)
    return f"{first} ({alike} of {len(others)} others not told apart)" if alike else first


def _section(title: str, lines: Iterable[Line]) -> str:
    return f"{title}\n{listing(((f'  {name}', verdict) for name, verdict in lines), width=_WIDTH)}"


def _head(summary: Summary) -> str:
    means = [f"{side.label} {mean:+.1f}" for side in Side if (mean := summary.sides[side].mean) is not None]
    counts = [summary.sides[side].champions for side in Side]
    champions = f", {' and '.join(map(str, counts))} of them champions" if any(counts) else ""
    game = "" if summary.zero_sum else "\nnot zero-sum: ratings, interaction, teams and Nash are of the zero-sum part"
    return (
        f"{summary.hiders} hiders and {summary.seekers} seekers{champions}; {summary.pairings} "
        f"pairings, {summary.episodes:,} episodes; mean returns: {', '.join(means) or 'none'}; "
        f"a draw is {summary.par:g}{game}"
    )


def _side(side: SideSummary, par: float) -> list[Line]:
    return [
        *_lines(side.forgetting, "forgetting", _forgetting),
        *_lines(side.history, "history", _history),
        *_lines(side.dominance, "dominance", lambda found: _dominance(found, par)),
        *_lines(side.ciao, "time", _time),
        *_lines(side.reversals, "reversals", _reversals),
    ]


def _both(summary: Summary) -> list[Line]:
    elo = [] if summary.bounds is None else _lines(summary.elo, "Elo", _ratings)
    return [
        *_lines(summary.interaction, "interaction", _interaction),
        *_lines(summary.paired, "teams", _paired),
        *_lines(summary.layers, "layers", _layers),
        *_lines(summary.ratings, "ratings", _ratings),
        *elo,
        *_lines(summary.nash, "Nash", _nash),
        *_lines(summary.alpha_rank, "alpha-rank", _alpha_rank),
    ]


def _lines(answer: T | Unanswered, name: str, format_answer: Callable[[T], list[Line]]) -> list[Line]:
    from evo_hns.tournament.summary import Unanswered

    return [(name, f"not answered: {answer.reason}")] if isinstance(answer, Unanswered) else format_answer(answer)


def _forgetting(found: Forgetting) -> list[Line]:
    lines = [
        ("forgetting", _rate(found.lost_wins, "lose to an opponent that an earlier champion beat")),
        ("regress", _rate(found.regress, "score less than an earlier champion did against somebody")),
    ]
    example = found.lost_wins.example or found.regress.example
    if example is not None:
        text = (
            f"{example.champion} scores {example.score:+.1f} against {example.opponent}, "
            f"{example.earlier} scored {example.earlier_score:+.1f}"
        )
        lines.append(("  for example", text))
    return lines


def _rate(rate: Rate, what: str) -> str:
    proved = f"{rate.share.told_as_share()} of {rate.generations} champions provably {what}"
    return f"{proved} (chance alone gives {100 * rate.chance:.2g} %, {_p(rate.p_value)})"


def _history(found: History) -> list[Line]:
    slope = found.slope
    trend = "rises" if slope.low > 0 else "falls" if slope.high < 0 else "neither rises nor falls for certain"
    return [("history", f"mean return against earlier opponents {trend}: {slope.told('+.3g')} a generation")]


def _dominance(found: Dominance, par: float) -> list[Line]:
    text = f"{found.share.told_as_share()} of the champions clearly beat every earlier opponent"
    return [("dominance", f"{text}; {len(found.by_mean)} have a mean return above {par:g} against each")]


def _time(found: Ciao) -> list[Line]:
    later = "better" if found.progress.value > 0 else "worse"
    progress = f"the later half of champions is {later} against all" if _certain(found.progress) else "no clear trend"
    newer = "harder" if found.against_newer.value < 0 else "easier"
    against = f"newer ancestors are {newer}" if _certain(found.against_newer) else "newer ancestors are like older ones"
    band = (
        f"a wave of {found.period:.3g} generations"
        if _certain(found.banding) and found.banding.value > 0
        else "no regular cycle"
    )
    smooth = "neighbours are alike" if _certain(found.continuity) else "neighbours are not alike"
    return [
        ("progress", f"{progress}: {_tested(found.progress, '{:+.2f}')}"),
        ("ancestors", f"{against}: {_tested(found.against_newer, '{:+.2f}')}"),
        ("banding", f"{band}: the strongest is {_tested(found.banding, '{:.0%}')} of the interaction"),
        ("continuity", f"{smooth} in whom they are good against: {_tested(found.continuity, '{:.2f}')}"),
    ]


def _reversals(found: Reversals) -> list[Line]:
    text = f"{found.share.told_as_share()} of {found.pairs} pairs change order from one opponent to another"
    return [("reversals", f"{text} (chance alone gives {100 * found.chance:.2g} %)")]


def _interaction(found: Interaction) -> list[Line]:
    text = f"{found.share.told_as_share()} of the differences depend on who meets whom: at most so much is cyclic"
    return [("interaction", f"{text}; {found.components} independent way{'s' * (found.components != 1)}")]


def _paired(found: Paired) -> list[Line]:
    from evo_hns.tournament.measures.certainty import largest_first

    best = largest_first(dict(zip(found.generations, found.ratings, strict=True)))[0]
    text = f"{found.cyclic.told_as_share()} of what teams of {len(found.generations)} generations win is a circle"
    rest = f"generation {best} is rated best, {len(found.dominant)} in turn beat all dominant ones before"
    return [("teams", f"{text}; {rest}")]


def _layers(found: Layers) -> list[Line]:
    count, widest = found.count.told(".0f"), found.widest.told(".0f")
    text = f"{count} layers of strength, the widest of {widest} teams; strongest: generations"
    return [("layers", f"{text} {_some(found.generations[0])}")]


def _some(generations: Sequence[int]) -> str:
    shown = ", ".join(map(str, generations[:_SHOWN]))
    return shown if len(generations) <= _SHOWN else f"{shown} and {len(generations) - _SHOWN} more"


def _ratings(found: Ratings) -> list[Line]:
    def format_answer(side: Side) -> str:
        form = "+.0f" if found.unit == "Elo" else "+.1f"
        return ", ".join(f"{name} {found.of[side][name].told(form)}" for name in found.ordered(side)[:_SHOWN])

    name = "Elo" if found.unit == "Elo" else "ratings"
    return [(f"{name if side is Side.HIDERS else ''}", f"best {side.label}: {format_answer(side)}") for side in Side]


def _nash(found: Nash) -> list[Line]:
    sizes = " and ".join(f"{found.supports[side]} {side.label}" for side in Side)
    lines = [("Nash", f"{sizes} in the mixture; it pays hiders {found.value.told()}")]
    for side in Side:
        weights = {name: member.weight for name, member in found.members[side].items()}
        lines.append(("", f"heaviest {side.label}: {_heaviest(weights)}"))
    kept = " and ".join(f"{found.overlap[side]:.0%} of the {side.label}" for side in Side)
    lines.append(("", f"played again, {kept} in it would be the same; {found.distinct} mixtures in {found.replicates}"))
    return [*lines, *_filled(found.filled)]


def _alpha_rank(found: AlphaRank) -> list[Line]:
    lines = []
    for side in Side:
        masses = {name: mass.value for name, mass in found.mass[side].items()}
        lines.append(("alpha-rank" if side is Side.HIDERS else "", f"heaviest {side.label}: {_heaviest(masses)}"))
    firm = "stands still" if found.stable else f"still moves {found.moved:.0%} of the mass when alpha doubles"
    noise = "" if found.replicates else "; too many pairs to replay, so it is not known what noise does"
    lines.append(("", f"{firm} at alpha {found.alpha:.3g} per unit of return{noise}"))
    return [*lines, *_filled(found.filled)]


def _filled(count: int) -> Sequence[Line]:
    return [("", f"{count} pairings not played were filled in by ratings")] if count else []


def _heaviest(weights: Mapping[str, float]) -> str:
    from evo_hns.tournament.measures.certainty import largest_first

    best = largest_first(weights)[:_SHOWN]
    return ", ".join(f"{name} {weights[name]:.0%}" for name in best)


def _certain(tested: Tested) -> bool:
    return tested.p_value <= 0.05


def _tested(tested: Tested, form: str) -> str:
    value, low, high = (form.format(number) for number in (tested.value, tested.null_low, tested.null_high))
    return f"{value} (shuffled {low} to {high}, {_p(tested.p_value)})"


def _p(value: float) -> str:
    return f"p = {value:.2g}"
