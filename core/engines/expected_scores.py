"""A metric's expected value on rows whose truth is not known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import KFold

from core.engines.metrics import SMALLEST, Metric, from_mean_loss
from core.errors import InvalidRequest

Floats = NDArray[np.float64]

FOLDS = 3
_SIZE = {"max_iter": 40, "max_leaf_nodes": 8, "learning_rate": 0.1, "min_samples_leaf": 40}
# Metrics that an expected confusion matrix, or an expected loss, gives.
ESTIMATED = ("accuracy", "f1", "roc_auc", "log_loss", "mae", "rmse", "mape")


def expected_classification_score(
    metric: Metric, predicted: NDArray[np.intp], chance: Floats, reported: Floats
) -> float:
    """The metric that is expected where ``chance`` is the true probability of each class.

    Confidence-based performance estimation: each row counts with its probability in the confusion
    matrix, as a true and as a false one (Białek, Kuberski, Perrakis and Bifet 2024, "Estimating
    model performance under covariate shift without labels", arXiv:2401.08348, section 3; first
    described in the documentation of NannyML). The area under the curve counts each pair of
    different rows with the probability that they are a positive and a negative.

    Parameters
    ----------
    metric : Metric
        Accuracy, F1 (macro), ROC AUC or log loss.
    predicted : ndarray of int, shape (n,)
        Position of the predicted class.
    chance : ndarray of shape (n, k)
        Probability of each class to be the true one.
    reported : ndarray of shape (n, k)
        The probabilities that the model itself gives: those that are scored.

    Returns
    -------
    float
        NaN where the metric is not defined.

    Raises
    ------
    InvalidRequest
        For another metric.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> chance = np.array([[0.9, 0.1], [0.3, 0.7]])
    >>> metric, predicted = get_metric("accuracy"), np.array([0, 1])
    >>> round(expected_classification_score(metric, predicted, chance, chance), 3)
    0.8
    """
    if metric.name == "accuracy":
        return float(chance[np.arange(len(chance)), predicted].mean())
    if metric.name == "log_loss":
        return float(-(chance * np.log(np.clip(reported, SMALLEST, 1.0))).sum(axis=1).mean())
    if metric.name == "f1":
        return _macro_f1(predicted, chance)
    if metric.name == "roc_auc":
        columns = [1] if chance.shape[1] == 2 else range(chance.shape[1])
        areas = np.array([_area(chance[:, c], reported[:, c]) for c in columns])
        return float(areas[np.isfinite(areas)].mean()) if np.isfinite(areas).any() else np.nan
    raise InvalidRequest(f"The {metric.label} cannot be estimated from probabilities.")


def _macro_f1(predicted: NDArray[np.intp], chance: Floats) -> float:
    """The mean of 2·TP / (true + predicted) over the classes of which a row is expected."""
    found = []
    for position in range(chance.shape[1]):
        chosen = predicted == position
        size = chance[:, position].sum() + chosen.sum()
        if size >= 0.5:  # fewer: more likely than not the class does not occur
            found.append(2 * chance[chosen, position].sum() / size)
    return float(np.mean(found))


def _area(chance: Floats, ranked_by: Floats) -> float:
    """Expected share of (positive, negative) pairs in the right order, ties as half."""
    order = np.argsort(ranked_by, kind="stable")
    starts = np.unique(ranked_by[order], return_index=True)[1]
    ups = np.add.reduceat(chance[order], starts)
    downs = np.add.reduceat(1 - chance[order], starts)
    # A row is no pair with itself.
    itself = float((chance * (1 - chance)).sum())
    pairs = ups.sum() * downs.sum() - itself
    right = (ups * (np.cumsum(downs) - downs / 2)).sum() - itself / 2
    return float(right / pairs) if pairs > 0 else np.nan


def expected_regression_score(
    metric: Metric,
    reference: Floats,
    losses: Floats,
    weights: Floats,
    current: Floats,
    *,
    categorical: list[int],
    seed: int,
) -> float:
    """The metric that a model of the losses expects.

    Direct loss estimation: gradient boosting learns each row's loss from its features and its
    prediction (as in the documentation of NannyML). What it is off by on reference rows that it
    has not learnt from is added, weighted as the current rows look (Chernozhukov et al. 2018,
    "Double/debiased machine learning", section 4): the estimate is right when either the loss model
    or the weights are.

    Parameters
    ----------
    metric : Metric
        MAE, RMSE or MAPE.
    reference, current : ndarray of shape (n, c), (m, c)
        Codes of the features with the prediction in a column of its own.
    losses, weights : ndarray of shape (n,)
        Of the reference rows.
    categorical : list of int
        Positions of the columns whose codes have no order.
    seed : int
        Of the folds.

    Returns
    -------
    float ≥ 0

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> x = np.random.default_rng(0).random((600, 1))
    >>> round(expected_regression_score(get_metric("mae"), x, x[:, 0], np.ones(600),
    ...     x[x[:, 0] > 0.5][:, :1], categorical=[], seed=0), 1)  # losses grow with x
    0.7
    """
    expected, residuals = np.zeros(len(current)), np.empty(len(losses))
    folds = KFold(FOLDS, shuffle=True, random_state=seed)
    for learnt, judged in folds.split(reference):
        model = HistGradientBoostingRegressor(
            **_SIZE,
            early_stopping=False,
            categorical_features=categorical or None,
            random_state=seed,
        ).fit(reference[learnt], losses[learnt], sample_weight=weights[learnt])
        residuals[judged] = losses[judged] - model.predict(reference[judged])
        expected += model.predict(current) / FOLDS
    mean_loss = expected.mean() + np.average(residuals, weights=weights)
    return float(from_mean_loss(metric, max(float(mean_loss), 0.0)))
