"""What a reference sample knows about its rows' truth, and what it makes of later rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from core.engines.calibration import fit_sigmoid, log_odds
from core.engines.expected_scores import expected_classification_score, expected_regression_score
from core.engines.fitted_model import FittedModel
from core.engines.metrics import Metric, Scored, losses, require_proba
from core.errors import InvalidRequest

Floats = NDArray[np.float64]

_DIGITS = 4  # of log-odds: a probability is off by less than 0.00002


@dataclass(frozen=True, kw_only=True)
class ClassOutcomes:
    """Of n rows of a classification.

    ``odds`` (n, k) are the log-odds that the approved fit gave ``classes``, ``truth`` (n,) the
    positions of the true ones, −1 for a class that the model does not know.

    Examples
    --------
    >>> scored = Scored(truth=np.array([1, 0]), predicted=np.array([1, 1]),
    ...     proba=np.array([[0.2, 0.8], [0.4, 0.6]]), classes=[0, 1])
    >>> outcomes = ClassOutcomes.learn(scored)
    >>> outcomes.truth.tolist(), ClassOutcomes.from_json(outcomes.as_json()).odds.shape
    ([1, 0], (2, 2))
    """

    classes: list[Any]
    odds: Floats
    truth: NDArray[np.intp]

    @classmethod
    def learn(cls, scored: Scored) -> Self:
        """From the approved fit's predictions of the sample.

        Parameters
        ----------
        scored : Scored
            n rows.

        Returns
        -------
        ClassOutcomes

        Raises
        ------
        InvalidRequest
            When ``scored`` has no probabilities.
        """
        proba, classes = require_proba(scored)
        return cls(
            classes=list(classes),
            odds=log_odds(proba).round(_DIGITS),
            truth=_positions(scored.truth, classes),
        )

    def expected(
        self, metric: Metric, model: FittedModel, rows: pd.DataFrame, weights: Floats
    ) -> float:
        """The metric that is expected on m rows, each row of the sample weighing ``weights`` (n,).

        The model's probabilities are calibrated by sigmoids on the weighted sample: its rows have
        not calibrated the model, and they are weighed as the current ones look.

        Parameters
        ----------
        metric : Metric
            One that :func:`core.engines.expected_scores.expected_classification_score` knows.
        model : FittedModel
            The one that serves.
        rows : DataFrame of m rows
            With its feature columns.
        weights : ndarray of shape (n,)
            ≥ 0, with a mean of 1.

        Returns
        -------
        float
            In the metric's unit; NaN where it is not defined.

        Raises
        ------
        DataError
            When a feature column is missing.
        InvalidRequest
            For another metric.
        """
        reported, classes = model.predict_proba(rows), model.classes or []
        odds = log_odds(reported)
        chances, known = expit(odds), list(self.classes)
        for column, name in enumerate(classes):
            if name in known:
                at = known.index(name)
                slope, intercept = fit_sigmoid(self.odds[:, at], self.truth == at, weights)
                chances[:, column] = expit(slope * odds[:, column] + intercept)
        chances /= chances.sum(axis=1, keepdims=True)
        predicted = _positions(model.predict(rows), classes)
        return expected_classification_score(metric, predicted, chances, reported)

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Self:
        """From what :meth:`as_json` gave.

        Parameters
        ----------
        written : mapping

        Returns
        -------
        ClassOutcomes
        """
        odds = np.array(written["odds"], dtype=np.float64)
        # Two classes: the log-odds of one are those of the other, turned round.
        both = np.column_stack([-odds, odds]) if odds.ndim == 1 else odds
        truth = np.array(written["truth"], dtype=np.intp)
        return cls(classes=list(written["classes"]), odds=both, truth=truth)

    def as_json(self) -> dict[str, Any]:
        """As a JSON object.

        Returns
        -------
        dict
            The fields by name; of two classes only the second one's log-odds.
        """
        odds = self.odds[:, 1] if self.odds.shape[1] == 2 else self.odds
        return {"classes": self.classes, "odds": odds.tolist(), "truth": self.truth.tolist()}


@dataclass(frozen=True, kw_only=True)
class NumberOutcomes:
    """Of n rows of a regression: what the approved fit predicted, and each row's loss.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> scored = Scored(truth=np.array([1.0, 2.0]), predicted=np.array([1.5, 2.0]))
    >>> outcomes = NumberOutcomes.learn(get_metric("mae"), scored)
    >>> NumberOutcomes.from_json(outcomes.as_json()).losses.tolist()
    [0.5, 0.0]
    """

    predicted: Floats
    losses: Floats

    @classmethod
    def learn(cls, metric: Metric, scored: Scored) -> Self:
        """From the approved fit's predictions of the sample.

        Parameters
        ----------
        metric : Metric
        scored : Scored
            n rows.

        Returns
        -------
        NumberOutcomes

        Raises
        ------
        InvalidRequest
            For a metric without a loss per row.
        """
        per_row = losses(metric, scored)
        if per_row is None:
            raise InvalidRequest(f"{metric.label} has no loss per row to learn from.")
        return cls(predicted=scored.predicted.astype(np.float64), losses=per_row)

    def expected(
        self,
        metric: Metric,
        predicted: Floats,
        weights: Floats,
        *,
        sample: Floats,
        current: Floats,
        categorical: list[int],
        seed: int,
    ) -> float:
        """The metric that is expected on m rows, each row of the sample weighing ``weights`` (n,).

        Parameters
        ----------
        metric : Metric
            One that :func:`core.engines.expected_scores.expected_regression_score` knows.
        predicted : ndarray of shape (m,)
            What the model predicts for the rows.
        weights : ndarray of shape (n,)
            ≥ 0, with a mean of 1.
        sample, current : ndarray of shape (n, c), (m, c)
            Codes of the features.
        categorical : list of int
            Positions of the columns whose codes have no order.
        seed : int
            Of the folds.

        Returns
        -------
        float ≥ 0
            In the metric's unit.
        """
        return expected_regression_score(
            metric,
            np.column_stack([sample, self.predicted]),
            self.losses,
            weights,
            np.column_stack([current, predicted]),
            categorical=categorical,
            seed=seed,
        )

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Self:
        """From what :meth:`as_json` gave.

        Parameters
        ----------
        written : mapping

        Returns
        -------
        NumberOutcomes
        """
        return cls(predicted=np.array(written["predicted"]), losses=np.array(written["losses"]))

    def as_json(self) -> dict[str, Any]:
        """As a JSON object.

        Returns
        -------
        dict
            The fields by name.
        """
        return {"predicted": self.predicted.tolist(), "losses": self.losses.tolist()}


def _positions(values: NDArray[Any], classes: Sequence[Any]) -> NDArray[np.intp]:
    """The position of each value among the classes (n,), −1 where it is none of them."""
    known = {name: position for position, name in enumerate(classes)}
    return np.array([known.get(value, -1) for value in values.tolist()], dtype=np.intp)
