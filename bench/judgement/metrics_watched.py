"""How each metric is watched: what chance calls a fall, and how soon a real one is found.

Run it with ``python -m bench.judgement.metrics_watched``. Rows are drawn from known models; losses,
limits, levels and single looks are those that a check uses. The mix of the rows (share of the
positives, spread of the target) is changed apart from what the model is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np

from bench.judgement.false_alarms import (
    FULL,
    LABELS_A_WEEK,
    MOST_ALARMS,
    SEED,
    THRESHOLD,
    WEEKS,
    Floats,
    bucket_of_a_week,
    labels_until,
    levels,
)
from core.domain import CheckVerdict, Reference
from core.engines.metrics import METRICS, Metric, Scored, degradation, score
from core.engines.references import make_reference
from core.monitoring.scaled_losses import can_be_tested, loss_limit, losses_of, metric_at_limit
from core.monitoring.sequential import ALARM_AT, TRAINING_AT
from core.monitoring.single_look import REPEATED_LEVEL, look_once

RUNS = 250
MANY = 40_000  # rows that stand for what a metric really is
LOOKS_A_WEEK = 7


@dataclass(frozen=True, kw_only=True)
class Mix:
    """Rows of one kind, and what a fixed model makes of them.

    A classifier's score is normal, ``apart`` standard deviations higher for positives; it was
    fitted where the share was ``fitted_share`` and the scores 2.07 apart, which is an accuracy of
    0.85 for equal shares. A regression's target is what it predicts and an error that is ``noise``
    as large, both times ``spread``.
    """

    share: float = 0.5
    fitted_share: float = 0.5
    apart: float = 2.07
    noise: float = 0.5
    spread: float = 1.0

    def draw(self, metric: Metric, rows: int, random: np.random.Generator) -> Scored:
        """``rows`` rows for the metric."""
        signal = random.normal(size=rows)
        if metric.name in {"r2", "mae", "rmse", "mape"}:
            predicted = 8 + self.spread * signal
            error = self.noise * self.spread * random.normal(size=rows)
            return Scored(truth=predicted + error, predicted=predicted)
        truth = (random.random(rows) < self.share).astype(int)
        log_odds = 2.07 * (signal + self.apart * truth) - 2.07**2 / 2
        log_odds += np.log(self.fitted_share / (1 - self.fitted_share))
        proba = 1 / (1 + np.exp(-log_odds))
        return Scored(
            truth=truth,
            predicted=(proba > 0.5).astype(int),
            proba=np.column_stack([1 - proba, proba]),
            classes=[0, 1],
        )

    def value(self, metric: Metric) -> float:
        """What the metric really is on such rows, about."""
        return score(metric, self.draw(metric, MANY, np.random.default_rng(SEED)))


@dataclass(frozen=True, kw_only=True)
class Found:
    """What some runs of twelve weeks came to."""

    tested: bool  # by the sequential test, rather than by a look each night
    alarms: int
    trainings: int
    median: float  # labels to the alarm; infinite where most runs have none
    limit: float  # in the metric's unit; the median of the runs


def watch(metric: Metric, before: Mix, now: Mix, labels_a_week: int, runs: int) -> Found:
    """Watch ``runs`` streams of ``now`` against references of ``before``."""
    random = np.random.default_rng(SEED)
    references = [make_reference(metric, before.draw(metric, FULL, random)) for _ in range(runs)]
    streams = [now.draw(metric, WEEKS * labels_a_week, random) for _ in range(runs)]
    if not all(can_be_tested(metric, reference) for reference in references):
        return _by_looks(metric, references, streams, labels_a_week)
    limits = np.array([loss_limit(metric, reference, THRESHOLD) for reference in references])
    watched = zip(streams, references, strict=True)
    losses = np.array([losses_of(metric, rows, reference) for rows, reference in watched])
    bucket = bucket_of_a_week(labels_a_week)
    found = levels(losses, limits, bucket)
    pairs = zip(references, limits, strict=True)
    return Found(
        tested=True,
        alarms=int((found >= ALARM_AT).any(axis=1).sum()),
        trainings=int((found >= TRAINING_AT).any(axis=1).sum()),
        median=_median(labels_until(found, ALARM_AT, bucket)),
        limit=float(np.median([metric_at_limit(metric, one, limit) for one, limit in pairs])),
    )


def _by_looks(
    metric: Metric, references: Sequence[Reference], streams: Sequence[Scored], labels_a_week: int
) -> Found:
    """A look each night at the last seven days."""
    pairs = zip(references, streams, strict=True)
    first = np.array([_first_alarm(metric, *pair, labels_a_week) for pair in pairs])
    alarms = int(np.isfinite(first).sum())
    value = float(np.median([reference.value for reference in references]))
    return Found(
        tested=False,
        alarms=alarms,
        trainings=alarms,
        median=_median(first),
        limit=value - THRESHOLD,
    )


def _first_alarm(metric: Metric, reference: Reference, rows: Scored, labels_a_week: int) -> float:
    for night in range(1, LOOKS_A_WEEK * WEEKS + 1):
        end = night * labels_a_week // LOOKS_A_WEEK
        window = rows.rows(np.arange(max(end - labels_a_week, 0), end))
        if _alarms(metric, window, reference):
            return float(end)
    return inf


def _alarms(metric: Metric, window: Scored, reference: Reference) -> bool:
    # Without a fall of the threshold there is no alarm, and no need of a bootstrap.
    if degradation(metric, reference.value, score(metric, window)) < THRESHOLD:
        return False
    rows = len(window.truth)
    look = look_once(
        metric, window, reference, THRESHOLD, seed=SEED, rows=rows, level=REPEATED_LEVEL
    )
    return look.verdict is CheckVerdict.DEGRADED


def _median(labels: Floats) -> float:
    return float(np.quantile(labels, 0.5, method="inverted_cdf"))


RARE = Mix(share=0.1, fitted_share=0.1)
SELDOM = Mix(share=0.3, fitted_share=0.3)
PLAIN = Mix()
# Only the mix of the rows changes; F1 is higher where there are more positives.
SHIFTS = {
    "roc_auc": [(SELDOM, Mix(share=s, fitted_share=0.3)) for s in (0.15, 0.2, 0.3, 0.4, 0.6)]
    + [(RARE, Mix(share=s, fitted_share=0.1)) for s in (0.05, 0.1, 0.2)],
    "f1": [(SELDOM, Mix(share=s, fitted_share=0.3)) for s in (0.3, 0.4, 0.5)]
    + [(RARE, Mix(share=s, fitted_share=0.1)) for s in (0.1, 0.2)],
    "r2": [(PLAIN, Mix(spread=spread)) for spread in (0.7, 1.2, 1.5)],
}
# The model gets worse, in the same mix of rows and in others.
FALLS = {
    "accuracy": [(PLAIN, Mix(apart=1.5))],
    "log_loss": [(PLAIN, Mix(apart=1.5))],
    "mae": [(PLAIN, Mix(noise=0.65))],
    "rmse": [(PLAIN, Mix(noise=0.65))],
    "mape": [(PLAIN, Mix(noise=0.65))],
    "r2": [(PLAIN, Mix(noise=0.65)), (PLAIN, Mix(noise=0.65, spread=0.7))],
    "roc_auc": [
        (SELDOM, Mix(share=0.3, fitted_share=0.3, apart=1.3)),
        (SELDOM, Mix(share=0.15, fitted_share=0.3, apart=1.3)),
        (SELDOM, Mix(share=0.6, fitted_share=0.3, apart=1.3)),
        (RARE, Mix(share=0.1, fitted_share=0.1, apart=1.3)),
    ],
    "f1": [
        (SELDOM, Mix(share=0.3, fitted_share=0.3, apart=1.3)),
        (SELDOM, Mix(share=0.15, fitted_share=0.3, apart=1.3)),
        (RARE, Mix(share=0.1, fitted_share=0.1, apart=1.3)),
    ],
}


def show(name: str, before: Mix, now: Mix, labels_a_week: int, runs: int) -> Found:
    """Print what became of the runs, and give it."""
    metric = METRICS[name]
    found = watch(metric, before, now, labels_a_week, runs)
    moved = (
        f"{before.share:.2f} → {now.share:.2f}"
        if metric.task == METRICS["f1"].task
        else f"{before.spread:.1f} → {now.spread:.1f}"
    )
    print(
        f"{name:9} {labels_a_week:6} {moved:12} {before.value(metric):6.3f} → "
        f"{now.value(metric):5.3f} {found.limit:6.3f} {'test' if found.tested else 'looks':6} "
        f"{1000 * found.alarms / runs:6.0f} {1000 * found.trainings / runs:9.0f} "
        f"{found.median:8.0f}",
        flush=True,
    )
    return found


def main() -> int:
    """Print the tables; 1 when a goal is missed."""
    print(f"{WEEKS} weeks, reference {FULL:,}; of 1,000 runs those with an alarm and a training")
    print("metric    labels share/spread  value            limit by      alarm  training   median")
    met, slow = True, {"r2": RUNS // 2, "roc_auc": RUNS // 5}
    print("nothing changes")
    for labels_a_week in LABELS_A_WEEK:
        usual = show("accuracy", PLAIN, PLAIN, labels_a_week, RUNS)
        for name in [name for name in METRICS if name != "accuracy"]:
            found = show(name, PLAIN, PLAIN, labels_a_week, RUNS)
            met &= found.alarms <= MOST_ALARMS * RUNS / 1000
            # No more trainings than accuracy has, beyond what two such counts differ by chance.
            met &= found.trainings <= usual.trainings + 2 * sqrt(2 * usual.trainings)
    print("the mix of the rows changes, the model does not")
    for name, pairs in SHIFTS.items():
        for before, now in pairs:
            runs = slow.get(name, RUNS) if before is RARE or name == "r2" else RUNS
            met &= show(name, before, now, LABELS_A_WEEK[-1], runs).alarms <= (
                MOST_ALARMS * runs / 1000 + 2 * sqrt(MOST_ALARMS * runs / 1000)
            )
    print("the model gets worse")
    for name, pairs in FALLS.items():
        for before, now in pairs:
            show(name, before, now, LABELS_A_WEEK[-1], RUNS // 5)
    print("all goals met" if met else "a goal was missed")
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
