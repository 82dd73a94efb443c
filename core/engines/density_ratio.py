"""How different two sets of rows are, and what a reference row weighs among the current ones.

A classifier learns to tell the two sets apart. When it cannot, they come from one distribution;
where it can a little, its odds are the ratio of their densities (Bickel, Brückner and Scheffer
2009, "Discriminative learning under covariate shift"); when it can well, the reference has too few
rows that look like the current ones, and no weighting helps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

Floats = NDArray[np.float64]

# Above this the current rows are too different from the reference.
MOST_DOMAIN_AUC = 0.65
FOLDS = 3
# A weight beyond these makes a few rows speak for all.
LEAST_WEIGHT, MOST_WEIGHT = 0.1, 10.0
_SIZE = {"max_iter": 40, "max_leaf_nodes": 8, "learning_rate": 0.1, "min_samples_leaf": 40}


@dataclass(frozen=True, kw_only=True)
class DensityRatio:
    """``auc`` of telling the sets apart (0.5: not at all), ``weights`` (n,) with a mean of 1."""

    auc: float
    weights: Floats


def density_ratio(
    reference: Floats, current: Floats, *, categorical: list[int], seed: int
) -> DensityRatio:
    """Compare the codes of two sets of rows.

    Each row is judged by a classifier that has not seen it (three folds), so that what the trees
    learn by heart counts neither for the AUC nor for the weights.

    Parameters
    ----------
    reference, current : ndarray of shape (n, c), (m, c)
        Codes as :class:`core.engines.coded_columns.Coding` gives them.
    categorical : list of int
        Positions of the columns whose codes have no order.
    seed : int
        Of the folds.

    Returns
    -------
    DensityRatio
        p / (1 − p) of each reference row, times n / m, clipped to [0.1, 10].

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> found = density_ratio(random.normal(size=(600, 2)), random.normal(size=(600, 2)) + [1, 0],
    ...     categorical=[], seed=0)
    >>> found.auc > 0.65, found.weights.shape
    (True, (600,))
    """
    if not reference.shape[1]:
        return DensityRatio(auc=0.5, weights=np.ones(len(reference)))
    codes = np.concatenate([reference, current])
    is_current = np.repeat([0, 1], [len(reference), len(current)])
    chance = np.empty(len(codes))
    for learnt, judged in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(
        codes, is_current
    ):
        classifier = HistGradientBoostingClassifier(
            **_SIZE,
            early_stopping=False,
            categorical_features=categorical or None,
            random_state=seed,
        ).fit(codes[learnt], is_current[learnt])
        chance[judged] = classifier.predict_proba(codes[judged])[:, 1]
    odds = chance[: len(reference)] / (1 - chance[: len(reference)])
    weights = np.clip(odds * len(reference) / len(current), LEAST_WEIGHT, MOST_WEIGHT)
    return DensityRatio(
        auc=float(roc_auc_score(is_current, chance)), weights=weights / weights.mean()
    )
