"""How often a model that needs no successor gets one: the test and the rules of deployment in one.

Run it with ``python -m bench.judgement.unchanged``. A training that chance started is judged by the
very rows that looked bad for the champion, so that an equal challenger looks better on them than it
is, which is why they count as used. :mod:`bench.judgement.promotions`, where rows are drawn anew,
does not see that. Here twelve weeks go by, with every attempt and what became of it. Both models
have the same error; goal: at most 64 of 1,000 runs end with another champion than they began with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.judgement.false_alarms import (
    AUTOCORRELATION,
    ERROR,
    FULL,
    LABELS_A_WEEK,
    SEED,
    WEEKS,
    Floats,
    bucket_of_a_week,
    factors_of,
    limits,
)
from bench.judgement.promotions import THRESHOLD
from core.engines.gates import is_not_worse, is_surely_better
from core.engines.holdout_use import spending_level
from core.engines.paired_tests import paired_proportions
from core.engines.window_plan import REFERENCE_ROWS
from core.monitoring.label_buckets import BETS, next_levels
from core.monitoring.sequential import ALARM_AT, TRAINING_AT

RUNS = 1_000
DISAGREEMENTS = (0.05, 0.10, 0.20)
GAINS = (0.0, -0.01)  # of the challenger: equal, a point worse
MOST_DEPLOYED = 64  # of 1,000 equal challengers


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What happened in some runs: attempts in all, and how many runs ended in a deployment."""

    attempts: int
    deployed: int

    @property
    def share(self) -> float:
        """Of the attempts, those that ended in a deployment."""
        return self.deployed / max(self.attempts, 1)


def answers(
    runs: int,
    labels: int,
    *,
    disagreement: float,
    gain: float,
    repeated: float,
    random: np.random.Generator,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Errors of champion and challenger, each of shape (runs, labels).

    Parameters
    ----------
    disagreement : float
        Share of rows on which one of the two alone is right.
    gain : float
        By how much the challenger's error is smaller.
    repeated : float
        Share of rows on which both do as they did on the row before.
    """
    drawn = random.random((runs, labels))
    if repeated:
        again = random.random((runs, labels)) < repeated
        again[:, 0] = False
        source = np.maximum.accumulate(np.where(again, 0, np.arange(labels)), axis=1)
        drawn = np.take_along_axis(drawn, source, axis=1)
    champion_alone, challenger_alone = (disagreement + gain) / 2, (disagreement - gain) / 2
    both = ERROR - champion_alone
    champion = drawn < ERROR
    challenger = (drawn < both) | ((drawn >= ERROR) & (drawn < ERROR + challenger_alone))
    return champion, challenger


def replaced(champion: NDArray[np.bool_], challenger: NDArray[np.bool_], *, alarm: bool) -> bool:
    """Whether the newest rows, shape (n,) each, let the challenger replace the champion."""
    rows = len(champion)
    wins, defeats = int((champion & ~challenger).sum()), int((challenger & ~champion).sum())
    # What a check asked for without an alarm has used its rows already (core.engines.contest).
    alpha = spending_level(1 if alarm else 2)
    lower, _, p_value = paired_proportions(wins, defeats, rows, alpha=alpha)
    improvement = (wins - defeats) / rows
    surely = is_surely_better(improvement, lower, p_value, threshold=THRESHOLD, alpha=alpha)
    return bool(surely or (alarm and is_not_worse(improvement, lower)))


def walk(
    champion: NDArray[np.bool_], challenger: NDArray[np.bool_], limit: Floats, bucket: int
) -> Counted:
    """What becomes of runs with such errors, shape (runs, labels), and limits, shape (runs,)."""
    runs, labels = champion.shape
    total, attempt = np.zeros((2, runs, len(BETS)))
    last, deployed, attempts = np.zeros(runs, dtype=int), np.zeros(runs, dtype=bool), 0
    for start in range(0, labels, bucket):
        end = min(start + bucket, labels)
        factor = factors_of(champion[:, start:end], limit)
        total = next_levels(total, end - start, factor)
        attempt = next_levels(attempt, end - start, factor)
        # As the worker does: an attempt waits for a holdout that the last one has not seen.
        begins = (attempt.mean(axis=1) >= TRAINING_AT) & (end - last >= REFERENCE_ROWS) & ~deployed
        newest = slice(end - REFERENCE_ROWS, end)
        for run in np.flatnonzero(begins):
            alarm = bool(total[run].mean() >= ALARM_AT)
            deployed[run] = replaced(champion[run, newest], challenger[run, newest], alarm=alarm)
        attempt[begins], last[begins] = 0.0, end
        attempts += int(begins.sum())
    return Counted(attempts=attempts, deployed=int(deployed.sum()))


def unchanged(
    runs: int, labels_a_week: int, *, disagreement: float, gain: float = 0.0, repeated: float = 0.0
) -> Counted:
    """Twelve weeks of ``runs`` champions that stay as they are, beside such a challenger."""
    random = np.random.default_rng(SEED)
    limit: Floats = limits(runs, FULL, random)
    champion, challenger = answers(
        runs,
        WEEKS * labels_a_week,
        disagreement=disagreement,
        gain=gain,
        repeated=repeated,
        random=random,
    )
    return walk(champion, challenger, limit, bucket_of_a_week(labels_a_week))


def main() -> int:
    """Print the table; 1 when a goal is missed."""
    met = True
    print(f"{WEEKS} weeks, {RUNS:,} runs, error {ERROR} all the time")
    print("labels/week  repeated  disagree  challenger  attempts  deployed (goal)  per attempt")
    for labels_a_week in LABELS_A_WEEK:
        for repeated in (0.0, AUTOCORRELATION):
            for disagreement in DISAGREEMENTS:
                for gain in GAINS:
                    found = unchanged(
                        RUNS,
                        labels_a_week,
                        disagreement=disagreement,
                        gain=gain,
                        repeated=repeated,
                    )
                    has_goal = gain == 0 and not repeated
                    met &= not has_goal or found.deployed <= MOST_DEPLOYED
                    goal = f"≤ {MOST_DEPLOYED}" if has_goal else "–"
                    print(
                        f"{labels_a_week:11} {repeated:9} {disagreement:9.2f} {gain:+11.2f} "
                        f"{found.attempts:9} {found.deployed:9} ({goal:>4}) {found.share:11.1%}",
                        flush=True,
                    )
    print("all goals met" if met else "a goal was missed")
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
