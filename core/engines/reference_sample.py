"""The sample of the holdout that label-free estimates compare later rows with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.engines.coded_columns import Coding, codes_as_json, codes_from_json
from core.engines.density_ratio import MOST_DOMAIN_AUC, density_ratio
from core.engines.fitted_model import FittedModel
from core.engines.metrics import Metric, Scored
from core.engines.reference_outcomes import ClassOutcomes, NumberOutcomes

Floats = NDArray[np.float64]

# Rows of the sample, and of the current rows that it is compared with. A wide table, or one of many
# classes, keeps fewer, so that the sample stays below about 0.5 MB of JSON.
MOST_ROWS, LEAST_ROWS = 2000, 500
MOST_NUMBERS = 100_000
MOST_COMPARED = 4000


@dataclass(frozen=True, kw_only=True)
class ReferenceSample:
    """Rows of the holdout as codes (n, c), with their truth and what the approved fit made of it.

    Times among the features are left out of the comparison (they always move on).

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> from core.engines.fitting import Learner
    >>> rows = example_rows(600)
    >>> learner = Learner(model_type=example_type(), factories={}, metrics={})
    >>> model = learner.fit(rows[:100], {"a": "numeric", "b": "numeric"}, seed=0)
    >>> from core.engines.metrics import get_metric
    >>> metric, later = get_metric("accuracy"), rows[100:]
    >>> sample = ReferenceSample.learn(metric, model, later, model.scored(later), seed=0)
    >>> value, auc = sample.estimate(metric, model, later, seed=0)
    >>> value > 0.9, auc < 0.65
    (True, True)
    """

    coding: Coding
    codes: Floats
    outcomes: ClassOutcomes | NumberOutcomes

    @classmethod
    def learn(
        cls, metric: Metric, model: FittedModel, holdout: pd.DataFrame, scored: Scored, *, seed: int
    ) -> ReferenceSample:
        """Choose at most 2,000 rows and code them.

        Parameters
        ----------
        metric : Metric
        model : FittedModel
            The approved fit.
        holdout : DataFrame of labelled rows
        scored : Scored
            Its predictions of them.
        seed : int
            Of the choice.

        Returns
        -------
        ReferenceSample

        Raises
        ------
        InvalidRequest
            When a classifier gives no probabilities, or a regression's metric has no loss per row.
        """
        columns = len(model.feature_columns) + len(model.classes or [0])
        most = int(np.clip(MOST_NUMBERS // columns, LEAST_ROWS, MOST_ROWS))
        chosen = np.arange(len(holdout))
        if len(chosen) > most:
            chosen = np.sort(np.random.default_rng(seed).choice(chosen, most, replace=False))
        rows, of_sample = holdout.iloc[chosen], scored.rows(chosen)
        coding = Coding.learn(rows, model.column_kinds)
        is_class = model.classes is not None
        return cls(
            coding=coding,
            codes=coding.code(rows),
            outcomes=ClassOutcomes.learn(of_sample)
            if is_class
            else NumberOutcomes.learn(metric, of_sample),
        )

    def estimate(
        self,
        metric: Metric,
        model: FittedModel,
        rows: pd.DataFrame,
        *,
        seed: int,
        most_auc: float = MOST_DOMAIN_AUC,
    ) -> tuple[float | None, float]:
        """The metric that is expected on rows, and the AUC of telling them from the sample.

        Parameters
        ----------
        metric : Metric
        model : FittedModel
        rows : DataFrame of m rows, m ≥ 3
        seed : int
            Of the folds, and of the 4,000 rows that are compared where there are more.
        most_auc : float
            Above it no estimate is made.

        Returns
        -------
        value : float or None
            None where the AUC is too high, or the metric is not defined.
        auc : float

        Raises
        ------
        DataError
            When a feature column is missing, or one of numbers holds something else.
        """
        current = self.coding.code(rows)
        compared = np.random.default_rng(seed).permutation(len(current))[:MOST_COMPARED]
        categorical = self.coding.categorical
        ratio = density_ratio(self.codes, current[compared], categorical=categorical, seed=seed)
        if ratio.auc > most_auc:
            return None, ratio.auc
        if isinstance(self.outcomes, ClassOutcomes):
            value = self.outcomes.expected(metric, model, rows, ratio.weights)
        else:
            value = self.outcomes.expected(
                metric,
                model.predict(rows).astype(np.float64),
                ratio.weights,
                sample=self.codes,
                current=current,
                categorical=categorical,
                seed=seed,
            )
        return (value if np.isfinite(value) else None), ratio.auc

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> ReferenceSample:
        """From what :meth:`as_json` gave; other entries beside it do not matter.

        Parameters
        ----------
        written : mapping

        Returns
        -------
        ReferenceSample
        """
        outcomes = written["outcomes"]
        kind = ClassOutcomes if "classes" in outcomes else NumberOutcomes
        return cls(
            coding=Coding.from_json(written["coding"]),
            codes=codes_from_json(written["codes"], written["rows"]),
            outcomes=kind.from_json(outcomes),
        )

    def as_json(self) -> dict[str, Any]:
        """As a JSON object.

        Returns
        -------
        dict
            ``rows``, ``coding``, ``codes`` and ``outcomes``, below about 0.5 MB in all.
        """
        return {
            "rows": len(self.codes),
            "coding": self.coding.as_json(),
            "codes": codes_as_json(self.codes),
            "outcomes": self.outcomes.as_json(),
        }
