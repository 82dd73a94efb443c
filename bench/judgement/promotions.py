"""How often a challenger replaces the champion without a person, by how good it really is.

Run it with ``python -m bench.judgement.promotions``. The two models' right answers are drawn with a
known difference and a known rate of disagreement; the rules and the arithmetic are those that a
validation uses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.engines.gates import is_not_worse, is_surely_better
from core.engines.holdout_use import spending_level
from core.engines.paired_tests import paired_proportions

SEED = 20_261_124
RUNS = 20_000
THRESHOLD = 0.02  # auto_deployment_threshold as it is by default
ROWS = (100, 300, 1_000, 3_000, 10_000)
DISAGREEMENTS = (0.05, 0.10, 0.20)
GAINS = (0.0, -0.01, 0.03)
# While an alarm stands the smallest holdout is of this many rows.
ALARM_ROWS = (100, 300, 500, 1_000, 3_000, 10_000)
STRICTER_MARGIN = 0.010
CHALLENGERS = 10

# Goals, in shares of runs.
MOST_EQUAL = 0.064
MOST_WORSE, MOST_WORSE_WITH_FEW_ROWS, MANY_ROWS = 0.01, 0.035, 1_000
LEAST_BETTER, BETTER_ROWS, BETTER_DISAGREEMENT = 0.80, 3_000, 0.10


@dataclass(frozen=True, kw_only=True)
class Judgements:
    """What validations of many runs measured, each array of shape (runs,)."""

    improvement: NDArray[np.float64]
    lower: NDArray[np.float64]
    p_value: NDArray[np.float64]
    alpha: float


Rule = Callable[[Judgements], NDArray[np.bool_]]


def judge(
    random: np.random.Generator,
    *,
    rows: int,
    disagreement: float,
    gain: float,
    runs: int,
    alpha: float,
) -> Judgements:
    """Judge ``runs`` challengers that are truly better by ``gain``, on ``rows`` rows each."""
    shares = [(disagreement + gain) / 2, (disagreement - gain) / 2, 1 - disagreement]
    wins, defeats, _ = random.multinomial(rows, shares, size=runs).T
    lower, _, p_value = paired_proportions(wins, defeats, rows, alpha=alpha)
    return Judgements(
        improvement=(wins - defeats) / rows, lower=lower, p_value=p_value, alpha=alpha
    )


def surely_better(one: Judgements) -> NDArray[np.bool_]:
    """The rule while nothing is known against the champion."""
    decided = is_surely_better(
        one.improvement, one.lower, one.p_value, threshold=THRESHOLD, alpha=one.alpha
    )
    return np.asarray(decided)


def not_worse(one: Judgements) -> NDArray[np.bool_]:
    """What is enough while the champion's alarm stands, surely better included."""
    return np.asarray(is_not_worse(one.improvement, one.lower)) | surely_better(one)


def stricter(one: Judgements) -> NDArray[np.bool_]:
    """The same with a margin of one point in place of one and a half."""
    as_good = is_not_worse(one.improvement, one.lower, margin=STRICTER_MARGIN)
    return np.asarray(as_good) | surely_better(one)


def naive(one: Judgements) -> NDArray[np.bool_]:
    """Two points better as measured, whatever chance does."""
    return np.asarray(one.improvement >= THRESHOLD)


def share_promoted(
    rule: Rule,
    *,
    rows: int,
    disagreement: float,
    gain: float,
    runs: int = RUNS,
    alpha: float | None = None,
    seed: int = SEED,
) -> float:
    """In which share of the runs the challenger replaces the champion."""
    judged = judge(
        np.random.default_rng([seed, rows, round(1000 * disagreement)]),
        rows=rows,
        disagreement=disagreement,
        gain=gain,
        runs=runs,
        alpha=spending_level(1) if alpha is None else alpha,
    )
    return float(rule(judged).mean())


def share_with_reuse(
    *, rows: int, disagreement: float, spending: bool, runs: int = RUNS, seed: int = SEED
) -> float:
    """In which share of the runs one of ten equal challengers passes, judged by the same rows.

    The challengers are drawn independently: the worst case, since similar ones succeed together.
    """
    random, passed = np.random.default_rng([seed, rows]), np.zeros(runs, dtype=bool)
    for use in range(1, CHALLENGERS + 1):
        alpha = spending_level(use) if spending else spending_level(1)
        passed |= surely_better(
            judge(random, rows=rows, disagreement=disagreement, gain=0.0, runs=runs, alpha=alpha)
        )
    return float(passed.mean())


def missed_goals(*, runs: int = RUNS) -> list[str]:
    """The goals that the rule does not reach, in words."""
    missed = []
    for disagreement in DISAGREEMENTS:
        for rows in ROWS:
            equal, worse = (
                share_promoted(
                    surely_better, rows=rows, disagreement=disagreement, gain=gain, runs=runs
                )
                for gain in (0.0, -0.01)
            )
            where = f"{rows:,} rows, disagreement {disagreement:.2f}"
            if equal > MOST_EQUAL:
                missed.append(f"equal challengers promoted: {equal:.3f} ({where})")
            if worse > (MOST_WORSE if rows >= MANY_ROWS else MOST_WORSE_WITH_FEW_ROWS):
                missed.append(f"challengers worse by a point promoted: {worse:.3f} ({where})")
    better = share_promoted(
        surely_better, rows=BETTER_ROWS, disagreement=BETTER_DISAGREEMENT, gain=0.03, runs=runs
    )
    if better < LEAST_BETTER:
        missed.append(f"challengers better by three points promoted: {better:.3f}")
    return missed


def main() -> int:
    """Print the rates; 1 when a goal is missed."""
    print(f"Promoted of 1,000 challengers ({RUNS:,} runs a cell, first use of the holdout)")
    _table({"surely better": surely_better, "2 points better (naive)": naive}, ROWS)
    print("\nWhile the champion's alarm stands")
    rules = {"margin 0.015": not_worse, "margin 0.010": stricter, "surely better": surely_better}
    _table(rules, ALARM_ROWS)
    print(f"\nOne of {CHALLENGERS} equal challengers promoted, all judged by the same rows")
    for rows in ROWS:
        spent, unspent = (
            share_with_reuse(rows=rows, disagreement=0.10, spending=spending)
            for spending in (True, False)
        )
        print(
            f"{rows:>7,} rows   alpha spent {1000 * spent:4.0f}   not spent {1000 * unspent:4.0f}"
        )
    missed = missed_goals()
    print("\n" + ("\n".join(f"MISSED: {goal}" for goal in missed) or "All goals are reached."))
    return int(bool(missed))


def _table(rules: Mapping[str, Rule], sizes: tuple[int, ...]) -> None:
    heads = "".join(f"{name:>28}" for name in rules)
    gains = "".join(f"{'equal':>10}{'-1 pt':>9}{'+3 pt':>9}" for _ in rules)
    print(f"{'disagree':>9}{'rows':>8}{heads}\n{'':>17}{gains}")
    for disagreement in DISAGREEMENTS:
        for rows in sizes:
            cells = ""
            for rule in rules.values():
                for gain, width in zip(GAINS, (10, 9, 9), strict=True):
                    share = share_promoted(rule, rows=rows, disagreement=disagreement, gain=gain)
                    cells += f"{1000 * share:>{width}.0f}"
            print(f"{disagreement:>9.2f}{rows:>8,}{cells}")


if __name__ == "__main__":
    raise SystemExit(main())
