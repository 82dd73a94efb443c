"""How often the sequential test calls an unchanged model worse, and how soon a worse one.

Run it with ``python -m bench.judgement.false_alarms``. Losses are drawn; the limit, the factors
and the levels are those that a check uses. It looks at the end of each bucket of eight labels: at
least as often as every four hours at 315 labels a week.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.domain import Reference
from core.engines.metrics import get_metric
from core.monitoring.label_buckets import BETS, BLOCK, factors, next_levels
from core.monitoring.scaled_losses import loss_limit
from core.monitoring.sequential import ALARM_AT, TRAINING_AT

SEED = 20_261_124
RUNS = 1_000
ERROR = 0.15
THRESHOLD = 0.03
WEEKS = 12
LABELS_A_WEEK = (315, 630)
REFERENCES = (500, 800, 2_000)
FULL = 2_000
AUTOCORRELATION = 0.3
LONGEST = 6_000  # labels that are waited for

# Goals: runs with an alarm of 1,000, and the median number of labels to one.
MOST_ALARMS, MOST_AUTOCORRELATED = 64, 110
MOST_LABELS = {0.23: 700, 0.30: 200}

Floats = NDArray[np.float64]


def limits(runs: int, reference_rows: int, random: np.random.Generator) -> Floats:
    """The limit of each run, shape (runs,), from a reference drawn anew."""
    metric = get_metric("accuracy")
    wrong = random.binomial(reference_rows, ERROR, runs)
    found = {
        count: loss_limit(
            metric,
            Reference(metric="accuracy", value=1 - count / reference_rows, samples=reference_rows),
            THRESHOLD,
        )
        for count in np.unique(wrong).tolist()
    }
    return np.array([found[count] for count in wrong.tolist()])


def draw(
    runs: int, labels: int, error: float, random: np.random.Generator, *, repeated: float = 0.0
) -> NDArray[np.bool_]:
    """Errors of shape (runs, labels); each repeats the one before with probability ``repeated``."""
    wrong = random.random((runs, labels)) < error
    if repeated:
        again = random.random((runs, labels)) < repeated
        again[:, 0] = False
        source = np.maximum.accumulate(np.where(again, 0, np.arange(labels)), axis=1)
        wrong = np.take_along_axis(wrong, source, axis=1)
    return wrong


def levels(wrong: NDArray[np.bool_], limit: Floats) -> Floats:
    """The test's level after each bucket, shape (runs, buckets); losses are (runs, labels)."""
    runs, labels = wrong.shape
    totals = np.add.reduceat(wrong, np.arange(0, labels, BLOCK), axis=1, dtype=np.float64)
    current, found = np.zeros((runs, len(BETS))), np.empty(totals.shape)
    for bucket in range(totals.shape[1]):
        rows = min(BLOCK, labels - bucket * BLOCK)
        current = next_levels(current, rows, factors(totals[:, bucket], rows, limit))
        found[:, bucket] = current.mean(axis=1)
    return found


def labels_until(found: Floats, level: float) -> Floats:
    """How many labels each run needs to reach the level, shape (runs,); infinite where it never."""
    reached = found >= level
    first = (reached.argmax(axis=1) + 1.0) * BLOCK
    return np.where(reached.any(axis=1), first, np.inf)


def naive_alarms(wrong: NDArray[np.bool_], reference: Floats, labels_a_week: int) -> int:
    """Runs in which accuracy over seven days once falls 3 points, looked at every four hours."""
    sums = np.cumsum(np.pad(wrong.astype(np.int64), ((0, 0), (1, 0))), axis=1)
    looks = (np.arange(1, WEEKS * 42 + 1) * labels_a_week / 42).astype(int)
    starts = np.maximum(looks - labels_a_week, 0)
    enough = looks - starts >= 100
    mean = (sums[:, looks] - sums[:, starts])[:, enough] / (looks - starts)[enough]
    return int((mean >= reference[:, None] + THRESHOLD).any(axis=1).sum())


def unchanged(
    runs: int, labels_a_week: int, reference_rows: int, repeated: float
) -> tuple[int, int, int]:
    """Runs of an unchanged model with an alarm, with a training, and with one of the naive rule."""
    random = np.random.default_rng(SEED)
    limit = limits(runs, reference_rows, random)
    labels = WEEKS * labels_a_week
    wrong = draw(runs, labels, ERROR, random, repeated=repeated)
    found = levels(wrong, limit).max(axis=1)
    reference = random.binomial(reference_rows, ERROR, runs) / reference_rows
    naive = naive_alarms(wrong, reference, labels_a_week)
    return int((found >= ALARM_AT).sum()), int((found >= TRAINING_AT).sum()), naive


def delays(runs: int, error: float, reference_rows: int) -> Floats:
    """Labels that each run needs to the alarm once the error is ``error``, shape (runs,)."""
    random = np.random.default_rng(SEED + 1)
    limit = limits(runs, reference_rows, random)
    return labels_until(levels(draw(runs, LONGEST, error, random), limit), ALARM_AT)


def main() -> int:
    """Print the tables; 1 when a goal is missed."""
    met = []
    print(f"unchanged, error {ERROR}, {WEEKS} weeks, {RUNS:,} runs: runs with …")
    print("labels/week  reference  repeated  alarm (goal)  training  naive rule")
    for labels_a_week in LABELS_A_WEEK:
        for repeated, most in ((0.0, MOST_ALARMS), (AUTOCORRELATION, MOST_AUTOCORRELATED)):
            for rows in REFERENCES:
                alarms, trainings, naive = unchanged(RUNS, labels_a_week, rows, repeated)
                goal = f"≤ {most}" if rows == FULL else "–"
                met += [alarms * 1_000 <= most * RUNS] if rows == FULL else []
                print(
                    f"{labels_a_week:11} {rows:10,} {repeated:9} {alarms:6} ({goal:>5}) "
                    f"{trainings:8} {naive:11}"
                )
    print("labels to the alarm: error, reference, median (goal), 90 %, missed in 6,000")
    for error, most in MOST_LABELS.items():
        for rows in REFERENCES:
            found = delays(RUNS, error, rows)
            median, late = np.quantile(found, [0.5, 0.9], method="inverted_cdf")
            goal = f"≤ {most}" if rows == FULL else "–"
            met += [bool(median <= most)] if rows == FULL else []
            missed = float(np.isinf(found).mean())
            print(f"{error:5.2f} {rows:6,} {median:7.0f} ({goal:>5}) {late:7.0f} {missed:7.1%}")
    print("all goals met" if all(met) else "a goal was missed")
    return 0 if all(met) else 1


if __name__ == "__main__":
    raise SystemExit(main())
