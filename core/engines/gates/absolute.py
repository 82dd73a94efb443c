"""The gates that need no champion: rows, data, better than guessing, and the stored artifact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier, DummyRegressor

from core.domain import DataQuality, ModelType, Task, ValidationVerdict
from core.engines.comparison import compare
from core.engines.gates.judged import (
    LEAST_COMMON_ROWS,
    Judged,
    comparison_figures,
    in_words,
    judged,
    not_computed,
)
from core.engines.metrics import Metric, Scored


@dataclass(frozen=True, kw_only=True)
class ReloadCheck:
    """Predictions (n,) of the same rows: recorded after training, and by the reloaded artifact.

    Examples
    --------
    >>> len(ReloadCheck(recorded=np.array([1, 0]), reloaded=np.array([1, 0])).recorded)
    2
    """

    recorded: NDArray[Any]
    reloaded: NDArray[Any]


def enough_rows(training_rows: int, holdout_rows: int, model_type: ModelType) -> Judged:
    """Enough rows to learn from and to judge on.

    Parameters
    ----------
    training_rows : int
        Rows of the training window, holdout included.
    holdout_rows : int
    model_type : ModelType

    Returns
    -------
    Judged
        Inconclusive where either are too few; its value is ``training_rows``.

    Examples
    --------
    >>> from core.domain import Task
    >>> kind = ModelType(name="a", source_relation="a", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("x",), task=Task.REGRESSION, metric="mae")
    >>> enough_rows(1000, 200, kind).gate.detail
    '1,000 rows in the training window (100 needed), 200 of them held out to judge (30 needed).'
    """
    least = model_type.min_training_samples
    enough = training_rows >= least and holdout_rows >= LEAST_COMMON_ROWS
    return judged(
        "enough_rows",
        ValidationVerdict.APPROVED if enough else ValidationVerdict.INCONCLUSIVE,
        f"{training_rows:,} rows in the training window ({least:,} needed), {holdout_rows:,} of "
        f"them held out to judge ({LEAST_COMMON_ROWS} needed).",
        value=float(training_rows),
        threshold=float(least),
        figures={
            "training_rows": training_rows,
            "training_rows_needed": least,
            "holdout_rows": holdout_rows,
            "holdout_rows_needed": LEAST_COMMON_ROWS,
        },
    )


def data_quality(quality: DataQuality) -> Judged:
    """Nothing in the training data forbids using it.

    Parameters
    ----------
    quality : DataQuality
        Of the training data.

    Returns
    -------
    Judged
        Rejected where a finding is blocking; its value is the score, in [0, 1].

    Examples
    --------
    >>> clean = DataQuality(score=1.0, rows=9, missing_share=0.0, duplicate_rows=0, findings=())
    >>> data_quality(clean).gate.detail
    'The training data scores 1.00 of 1.'
    """
    blocking = [finding for finding in quality.findings if finding.blocking]
    detail = " ".join(finding.detail for finding in blocking)
    return judged(
        "data_quality",
        ValidationVerdict.REJECTED if blocking else ValidationVerdict.APPROVED,
        detail or f"The training data scores {quality.score:.2f} of 1.",
        value=quality.score,
        figures={
            "score": quality.score,
            "blocking": [
                {"name": f.name, "column": f.column, "figures": dict(f.figures)} for f in blocking
            ],
        },
    )


def beats_baseline(
    metric: Metric,
    challenger: Scored,
    train_target: NDArray[Any],
    *,
    seed: int,
    entities: NDArray[np.intp] | None = None,
) -> Judged:
    """Significantly better than a constant guess from the training rows.

    The one-sided 95 % bound has to be above 0: "at least better" would let every second model
    pass that has learnt nothing, and a first model has no other judge of its quality. Better, but
    not surely, is inconclusive.

    Parameters
    ----------
    metric : Metric
    challenger : Scored
        Of n holdout rows.
    train_target : array (m,)
        What the constant is guessed from.
    seed : int
        Of the bootstrap.
    entities : array (n,) of int, optional
        As :func:`core.engines.comparison.compare` takes them.

    Returns
    -------
    Judged
        Rejected where it is no better as measured; its value is the improvement over the guess, in
        points or as a share of the guess's metric.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> truth = np.array([0, 1] * 100)
    >>> right = Scored(truth=truth, predicted=truth)
    >>> beats_baseline(get_metric("accuracy"), right, truth, seed=0).gate.value
    0.5
    """
    name = "beats_baseline"
    guess = _constant_guess(metric, challenger, train_target)
    against = compare(metric, challenger, guess, seed=seed, entities=entities)
    figures = comparison_figures(metric, against)
    if not against.is_defined:
        return judged(
            name,
            ValidationVerdict.INCONCLUSIVE,
            not_computed(metric),
            threshold=0.0,
            figures=figures | {"outcome": "not_defined"},
        )
    verdict = ValidationVerdict.APPROVED
    if against.lower <= 0:
        better = against.improvement > 0
        verdict = ValidationVerdict.INCONCLUSIVE if better else ValidationVerdict.REJECTED
    detail = f"{in_words(metric, against, 'a constant guess')}."
    if verdict is ValidationVerdict.INCONCLUSIVE:
        rows = against.rows_that_decide(against.improvement)
        figures["rows_needed"] = rows
        detail += f" That may be chance; about {rows:,} held-out rows would tell."
    return judged(
        name,
        verdict,
        detail,
        value=against.improvement,
        threshold=0.0,
        interval=(against.lower, against.upper),
        figures=figures,
    )


def _constant_guess(metric: Metric, challenger: Scored, train_target: NDArray[Any]) -> Scored:
    rows, train_rows = np.zeros((len(challenger.truth), 1)), np.zeros((len(train_target), 1))
    if metric.task is Task.CLASSIFICATION:
        dummy = DummyClassifier(strategy="prior").fit(train_rows, train_target)
        proba, classes = dummy.predict_proba(rows), dummy.classes_.tolist()
    else:
        # The constant that is best for the metric: the median for absolute errors.
        strategy = "median" if metric.name in {"mae", "mape"} else "mean"
        dummy = DummyRegressor(strategy=strategy).fit(train_rows, train_target)
        proba, classes = None, None
    return Scored(
        truth=challenger.truth, predicted=dummy.predict(rows), proba=proba, classes=classes
    )


def artifact_reproduces(reload: ReloadCheck) -> Judged:
    """The artifact, loaded afresh from the store, gives the recorded predictions.

    Parameters
    ----------
    reload : ReloadCheck

    Returns
    -------
    Judged
        Rejected unless all are the same (numbers: to within one part in 10⁹); its value is the
        share that is, in [0, 1].

    Examples
    --------
    >>> same = ReloadCheck(recorded=np.array([1, 0]), reloaded=np.array([1, 0]))
    >>> artifact_reproduces(same).gate.passed
    True
    """
    recorded, reloaded = np.asarray(reload.recorded), np.asarray(reload.reloaded)
    if recorded.shape != reloaded.shape:
        same = 0.0
    elif np.issubdtype(recorded.dtype, np.floating):
        close = np.isclose(recorded, reloaded.astype(np.float64), rtol=1e-9, atol=1e-12)
        same = float(close.mean()) if len(recorded) else 1.0
    else:
        same = float(np.mean(recorded == reloaded)) if len(recorded) else 1.0
    return judged(
        "artifact_reproduces",
        ValidationVerdict.APPROVED if same == 1.0 else ValidationVerdict.REJECTED,
        f"Loaded afresh from the store, the model repeats {same:.1%} of {len(recorded):,} "
        "recorded predictions.",
        value=same,
        threshold=1.0,
        figures={"share": same, "rows": len(recorded)},
    )
