"""Formatting of a comparison's results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evo_hns.archive.hall_of_fame import FloatArray
from evo_hns.comparison.emergence import Onset
from evo_hns.comparison.standings import Difference
from evo_hns.reports.costs import duration
from evo_hns.reports.kit.charts import short
from evo_hns.reports.kit.formatting import signed

DASH = "–"


def with_interval(mean: float, half_width: float) -> str:
    """`+12.3 ± 4.5`; without an interval if there is none."""
    return f"{signed(mean)} ± {half_width:.1f}" if np.isfinite(half_width) else signed(mean)


def p_value(p: float) -> str:
    """`0.03`, `< 0.001`, or a dash."""
    if not np.isfinite(p):
        return DASH
    return "< 0.001" if p < 0.001 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def spent(budget: str, amount: float) -> str:
    """An amount of a budget: `3.8M`, `14 min`."""
    if not np.isfinite(amount):
        return "not reached" if amount > 0 else DASH
    return short(amount) if budget == "env_steps" else duration(3600 * amount)


def typical(budget: str, amounts: FloatArray) -> str:
    """Median over seeds."""
    return "not recorded" if np.isnan(amounts).any() else spent(budget, median(amounts))


def each_seed(budget: str, amounts: FloatArray) -> str:
    """Every seed, in rising order: `0.9M, 1.2M, 1 not`."""
    if np.isnan(amounts).any():
        return "not recorded"
    there = [spent(budget, float(amount)) for amount in np.sort(amounts) if np.isfinite(amount)]
    lost = len(amounts) - len(there)
    return ", ".join([*there, *([f"{lost} not"] if lost else [])])


def median(amounts: FloatArray) -> float:
    """Of amounts that may be infinite: of an even number the upper one of the two in the middle, if one of them is."""
    ordered = np.sort(amounts)
    low, high = float(ordered[(len(ordered) - 1) // 2]), float(ordered[len(ordered) // 2])
    return (low + high) / 2 if np.isfinite(high) else high


def each_onset(onsets: Sequence[Onset]) -> str:
    """When seeds began to show a stage: `1.2M, 2.0M; 1 of 3 not`."""
    reached = sorted(each.env_steps for each in onsets if each.is_reached and each.env_steps is not None)
    parts = [", ".join(short(steps) for steps in reached)] if reached else []
    for remark, words in (("start", "from the start"), ("unconfirmed", "perhaps at the end"), ("", "not seen")):
        count = sum(each.remark == remark and not each.is_reached for each in onsets)
        if count:
            parts.append(words if count == len(onsets) else f"{count} {words}")
    return "; ".join(parts)


def verdict(differences: Sequence[Difference]) -> str:
    """Which differences are certain, in a sentence."""
    tested = [each for each in differences if np.isfinite(each.p)]
    if not tested:
        return "No two conditions have two seeds each, so that no difference between conditions can be tested."
    certain = [each for each in tested if each.is_certain]
    others = [each for each in tested if not each.is_certain]
    parts = []
    if certain:
        listed = "; ".join(f"{_better(each)} by {abs(each.mean):.1f} ± {each.half_width:.1f}" for each in certain)
        parts.append(f"certain: {listed}")
    if others:
        which = (
            "the other differences are"
            if certain
            else "all differences are"
            if len(others) > 1
            else "the difference is"
        )
        least = float(np.median([each.half_width for each in others]))
        parts.append(f"{which} within what chance explains (one alone would have to be about {least:.2g} to stand out)")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def what_seeds_show(counts: Sequence[int]) -> str:
    """What so few seeds can show and what not."""
    least = min(counts)
    if least < 2:
        return (
            "The interval of a condition of one seed is over worlds: another seed may lie far outside it. Differences "
            "to such a condition are not tested."
        )
    factor = {2: "12.7 / √2 = 9.0", 3: "4.3 / √3 = 2.5", 4: "3.2 / √4 = 1.6", 5: "2.8 / √5 = 1.2"}.get(least)
    wide = f"A 95 % interval of {least} seeds reaches {factor} standard deviations of seeds to either side. "
    return (
        f"{wide if factor else ''}With few seeds only large differences that all seeds agree on can be certain; a "
        "difference that is not certain is not thereby shown to be none. p values are Welch's, adjusted for all pairs "
        "of conditions (Holm)."
    )


def _better(each: Difference) -> str:
    first, second = (each.one, each.other) if each.mean > 0 else (each.other, each.one)
    return f"{first} over {second}"
