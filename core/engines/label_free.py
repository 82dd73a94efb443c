"""What the metric probably is on rows whose labels are not there yet.

Classification: confidence-based performance estimation. The probabilities are calibrated once more
on a sample of the holdout, each of its rows weighing what it weighs among the current rows, so that
the estimate follows a shift of the features (Białek, Kuberski, Perrakis and Bifet 2024, "Estimating
model performance under covariate shift without labels", arXiv:2401.08348). Regression: direct loss
estimation on the same sample. Neither sees that the target itself means something else now: that
comes out when labels do (:class:`core.engines.estimate_score.EstimateScore`).

An estimate may warn or start a training; it is no ground for a promotion or a rollback.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from core.domain import EstimateStatus, LabelFreeEstimate
from core.engines.density_ratio import MOST_DOMAIN_AUC
from core.engines.estimate_score import EstimateScore, ScoredChunk
from core.engines.expected_scores import ESTIMATED
from core.engines.fitted_model import FittedModel
from core.engines.metric_variance import LEAST_CHUNKS, LEAST_ROWS_PER_CHUNK, ReferenceChunks
from core.engines.metrics import Metric, get_metric
from core.engines.reference_sample import ReferenceSample
from core.engines.scored_labels import sample_rows, score_labelled

__all__ = [
    "EstimateScore",
    "ScoredChunk",
    "estimate",
    "learn_reference",
    "least_rows",
    "score_labelled",
]


def learn_reference(
    model: FittedModel, holdout: pd.DataFrame, *, metric: str, seed: int
) -> dict[str, Any]:
    """What later estimates compare with.

    Parameters
    ----------
    model : FittedModel
        The approved fit, which has not seen the holdout.
    holdout : DataFrame of n labelled rows, sorted by time
    metric : str
        The model type's.
    seed : int
        Of the sample and the resamples.

    Returns
    -------
    dict
        JSON-able: the metric's chunks, and at most 2,000 rows as codes with their truth and the
        model's probabilities (about 0.15 MB for 20 columns). Where no estimate is possible, only
        ``metric`` and ``missing``, a sentence that says why.

    Examples
    --------
    >>> learn_reference(None, pd.DataFrame(), metric="r2", seed=0)["missing"]
    'R² cannot be estimated without labels.'
    """
    if metric not in ESTIMATED:
        label = get_metric(metric).label if metric == "r2" else metric
        return {"metric": metric, "missing": f"{label} cannot be estimated without labels."}
    known = get_metric(metric)
    least = LEAST_CHUNKS * LEAST_ROWS_PER_CHUNK
    if len(holdout) < least:
        missing = f"{len(holdout):,} rows were held out; an estimate needs {least:,}."
        return {"metric": metric, "missing": missing}
    scored = model.scored(holdout)
    if model.classes is not None and scored.proba is None:
        return {"metric": metric, "missing": "The model gives no probabilities to estimate from."}
    chunks = ReferenceChunks.learn(known, scored, seed=seed)
    if chunks is None:
        missing = f"{known.label} is not defined, or perfect, in parts of the held-out rows."
        return {"metric": metric, "missing": missing}
    sample = ReferenceSample.learn(known, model, holdout, scored, seed=seed)
    return {"metric": metric, "chunks": chunks.as_json(), **sample.as_json()}


def least_rows(reference: Mapping[str, Any] | None) -> int | None:
    """How many rows an estimate is made on at least.

    Parameters
    ----------
    reference : mapping or None
        What :func:`learn_reference` gave; None or empty where there is none.

    Returns
    -------
    int or None
        None where no estimate is possible.

    Examples
    --------
    >>> least_rows({"metric": "accuracy", "chunks": {"least_rows": 1275}})
    1275
    >>> least_rows({"metric": "r2", "missing": "R² cannot be estimated without labels."})
    """
    chunks = (reference or {}).get("chunks")
    return None if chunks is None else int(chunks["least_rows"])


def missing_reference(reference: Mapping[str, Any] | None) -> str:
    """Why there is nothing to estimate from.

    Parameters
    ----------
    reference : mapping or None
        What :func:`learn_reference` gave, without a sample; None or empty where there is none.

    Returns
    -------
    str
        One sentence for a person.

    Examples
    --------
    >>> missing_reference({"metric": "r2", "missing": "R² cannot be estimated without labels."})
    'R² cannot be estimated without labels.'
    """
    if reference:
        return str(reference["missing"])
    return "The model was stored without a sample of held-out rows to estimate from."


def estimate(
    reference: Mapping[str, Any] | None,
    model: FittedModel,
    rows: pd.DataFrame,
    *,
    score: EstimateScore,
    seed: int,
) -> LabelFreeEstimate:
    """Estimate the metric on rows, whatever their target column holds.

    Parameters
    ----------
    reference : mapping or None
        What :func:`learn_reference` gave; None or empty where there is none.
    model : FittedModel
        The one that serves: the approved fit that the reference is of, or its final fit.
    rows : DataFrame of n rows
        At most 20,000 of them, chosen by ``seed``, are used.
    score : EstimateScore
        How good earlier estimates of this deployment were.
    seed : int
        Of the choice of rows and the folds.

    Returns
    -------
    LabelFreeEstimate
        ``outside_band`` only where the status is valid.

    Raises
    ------
    DataError
        A feature column is missing or holds something that the model cannot take.

    Examples
    --------
    >>> missing = {"metric": "r2", "missing": "R² cannot be estimated without labels."}
    >>> estimate(missing, None, pd.DataFrame(), score=EstimateScore(), seed=0).status.value
    'insufficient_data'
    """
    if not reference or reference.get("missing"):
        metric_name = str(reference["metric"]) if reference else ""
        return _without_value(
            metric_name,
            EstimateStatus.INSUFFICIENT_DATA,
            missing_reference(reference),
            score,
            rows,
        )
    metric = get_metric(reference["metric"])
    chunks = ReferenceChunks.from_json(reference["chunks"])
    if score.off:
        return _without_value(
            metric.name, EstimateStatus.OFF, _off_reason(metric, score), score, rows
        )
    if len(rows) < chunks.least_rows:
        return _without_value(
            metric.name,
            EstimateStatus.INSUFFICIENT_DATA,
            f"An estimate needs {chunks.least_rows:,} rows; there are {len(rows):,}.",
            score,
            rows,
            rows_needed=chunks.least_rows,
        )
    used = sample_rows(rows, seed)
    value, auc = ReferenceSample.from_json(reference).estimate(metric, model, used, seed=seed)
    if value is None:
        return _without_value(
            metric.name,
            EstimateStatus.INVALID,
            f"A classifier tells these rows from the held-out ones with an AUC of {auc:.2f}; above "
            f"{MOST_DOMAIN_AUC:.2f} too few of those look like these.",
            score,
            rows,
            domain_auc=auc,
        )
    band = chunks.band(len(used))
    return _judged(metric, value, band, auc, score, len(used), chunks.least_rows)


def _judged(
    metric: Metric,
    value: float,
    band: tuple[float, float],
    auc: float,
    score: EstimateScore,
    rows: int,
    rows_needed: int,
) -> LabelFreeEstimate:
    outside = value < band[0] if metric.greater_is_better else value > band[1]
    where = "worse than" if outside else "within or better than"
    return LabelFreeEstimate(
        status=EstimateStatus.VALID,
        metric=metric.name,
        value=value,
        band=band,
        rows=rows,
        outside_band=bool(outside),
        domain_auc=auc,
        mean_error=score.mean_error,
        scored_chunks=score.scored_chunks,
        rows_needed=rows_needed,
        reason=f"Without labels, {metric.label} is estimated at {value:.3g} on {rows:,} rows: "
        f"{where} the {band[0]:.3g} to {band[1]:.3g} where it lies while nothing has changed.",
    )


def _without_value(
    metric: str,
    status: EstimateStatus,
    reason: str,
    score: EstimateScore,
    rows: pd.DataFrame,
    *,
    domain_auc: float | None = None,
    rows_needed: int | None = None,
) -> LabelFreeEstimate:
    return LabelFreeEstimate(
        status=status,
        metric=metric,
        value=None,
        band=None,
        rows=len(rows),
        outside_band=False,
        domain_auc=domain_auc,
        mean_error=score.mean_error,
        scored_chunks=score.scored_chunks,
        rows_needed=rows_needed,
        reason=reason,
    )


def _off_reason(metric: Metric, score: EstimateScore) -> str:
    error = score.mean_error or 0.0
    off_by = f"{error:.3f}" if metric.in_points else f"{error:.1%}"
    return (
        f"Switched off until another model is deployed: once labels came, the estimates of "
        f"{metric.label} were off by {off_by} on average, more than chance and what is tolerated "
        "explain."
    )
