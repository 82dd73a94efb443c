"""How often the sequential test calls an unchanged model worse, and how soon a worse one.

Run it with ``python -m bench.judgement.false_alarms``. Losses are drawn; the limit, the factors
and the levels are those that a check uses. It looks at the end of each bucket: at least every four
hours, or once a night where labels come in nightly batches. What an equal challenger makes of the
trainings and alarms that chance starts is in :mod:`bench.judgement.unchanged`.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from core.domain import Reference
from core.engines.metrics import get_metric
from core.monitoring.label_buckets import BETS, BLOCK, USUAL_WIDTH, factors, next_levels
from core.monitoring.scaled_losses import loss_limit
from core.monitoring.sequential import ALARM_AT, TRAINING_AT

SEED = 20_261_124
RUNS = 1_000
ERROR = 0.15
THRESHOLD = 0.03
WEEKS = 12
LABELS_A_WEEK = (315, 630)
BUSY = (3_150, 20_000)
BUCKETS_A_WEEK = timedelta(weeks=1) / USUAL_WIDTH
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


def bucket_of_a_week(labels_a_week: int) -> int:
    """Labels in a bucket of the usual width, at least a block."""
    return max(round(labels_a_week / BUCKETS_A_WEEK), BLOCK)


def factors_of(inside: NDArray[np.bool_], limit: Floats) -> Floats:
    """What one bucket of each run does to its bets, shape (runs, bets); its errors are (runs, n).

    As :func:`core.monitoring.label_buckets.bucket_factors`, for many runs at once.
    """
    blocks = np.arange(0, inside.shape[1], BLOCK)
    totals = np.add.reduceat(inside, blocks, axis=1, dtype=np.float64)
    rows = np.diff(np.append(blocks, inside.shape[1]))
    return np.asarray(factors(totals, rows, limit[:, np.newaxis]).prod(axis=1))


def levels(wrong: NDArray[np.bool_], limit: Floats, bucket: int = BLOCK) -> Floats:
    """The test's level after each bucket, shape (runs, buckets); losses are (runs, labels)."""
    runs, labels = wrong.shape
    starts = range(0, labels, bucket)
    current, found = np.zeros((runs, len(BETS))), np.empty((runs, len(starts)))
    for number, start in enumerate(starts):
        inside = wrong[:, start : start + bucket]
        current = next_levels(current, inside.shape[1], factors_of(inside, limit))
        found[:, number] = current.mean(axis=1)
    return found


def labels_until(found: Floats, level: float, bucket: int = BLOCK) -> Floats:
    """How many labels each run needs to reach the level, shape (runs,); infinite where it never."""
    reached = found >= level
    first = (reached.argmax(axis=1) + 1.0) * bucket
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
    runs: int, labels_a_week: int, reference_rows: int, repeated: float, bucket: int | None = None
) -> tuple[int, int, int]:
    """Runs of an unchanged model with an alarm, with a training, and with one of the naive rule."""
    random = np.random.default_rng(SEED)
    limit = limits(runs, reference_rows, random)
    labels = WEEKS * labels_a_week
    wrong = draw(runs, labels, ERROR, random, repeated=repeated)
    found = levels(wrong, limit, bucket or bucket_of_a_week(labels_a_week)).max(axis=1)
    reference = random.binomial(reference_rows, ERROR, runs) / reference_rows
    naive = naive_alarms(wrong, reference, labels_a_week)
    return int((found >= ALARM_AT).sum()), int((found >= TRAINING_AT).sum()), naive


def delays(runs: int, error: float, reference_rows: int, bucket: int = BLOCK) -> Floats:
    """Labels that each run needs to the alarm once the error is ``error``, shape (runs,)."""
    random = np.random.default_rng(SEED + 1)
    limit = limits(runs, reference_rows, random)
    found = levels(draw(runs, max(LONGEST, 14 * bucket), error, random), limit, bucket)
    return labels_until(found, ALARM_AT, bucket)


def show_unchanged() -> bool:
    """Print what chance alone does; whether the goals are met."""
    met = True
    print(f"unchanged, error {ERROR}, {WEEKS} weeks, {RUNS:,} runs: runs with …")
    print("labels/week  bucket  reference  repeated  alarm (goal)  training  naive rule")
    cases = [(week, bucket_of_a_week(week), RUNS) for week in LABELS_A_WEEK]
    cases += [(week, bucket_of_a_week(week), RUNS // 4) for week in BUSY]
    cases += [(week, week // 7, RUNS) for week in LABELS_A_WEEK]  # once a night
    for labels_a_week, bucket, runs in cases:
        for repeated, most in ((0.0, MOST_ALARMS), (AUTOCORRELATION, MOST_AUTOCORRELATED)):
            for rows in REFERENCES:
                found = unchanged(runs, labels_a_week, rows, repeated, bucket)
                alarms, trainings, naive = (count * RUNS // runs for count in found)
                goal = f"≤ {most}" if rows == FULL else "–"
                met &= alarms <= most or rows != FULL
                print(
                    f"{labels_a_week:11,} {bucket:7,} {rows:10,} {repeated:9} {alarms:6} "
                    f"({goal:>5}) {trainings:8} {naive:11}",
                    flush=True,
                )
    return met


def show_delays() -> bool:
    """Print how soon a worse model is found; whether the goals are met."""
    met = True
    print("labels to the alarm: error, reference, bucket, median (goal), 90 %, missed in 6,000")
    buckets = sorted({bucket_of_a_week(week) for week in LABELS_A_WEEK} | {90})
    for error, most in MOST_LABELS.items():
        for rows in REFERENCES:
            for bucket in buckets:
                found = delays(RUNS, error, rows, bucket)
                median, late = np.quantile(found, [0.5, 0.9], method="inverted_cdf")
                has_goal = rows == FULL and bucket != buckets[-1]
                goal = f"≤ {most}" if has_goal else "–"
                met &= bool(median <= most) or not has_goal
                missed = float(np.isinf(found).mean())
                print(
                    f"{error:5.2f} {rows:6,} {bucket:4} {median:7.0f} ({goal:>5}) {late:7.0f} "
                    f"{missed:7.1%}",
                    flush=True,
                )
    return met


def main() -> int:
    """Print the tables; 1 when a goal is missed."""
    met = [show_unchanged(), show_delays()]
    print("all goals met" if all(met) else "a goal was missed")
    return 0 if all(met) else 1


if __name__ == "__main__":
    raise SystemExit(main())
