"""Whether a refit on more rows is still the model that was approved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.domain import Gate
from core.engines.fitted_model import FittedModel
from core.engines.metrics import Scored

# How far from chance towards the approved model's own agreement with the truth.
LEAST_SHARE_OF_WAY = 0.5


def final_fit_agreement(approved: FittedModel, final: FittedModel, holdout: pd.DataFrame) -> Gate:
    """Compare the final fit with the approved one on the holdout.

    The final fit has learnt from these rows. Even one that only memorised them agrees with the
    approved model as often as that one is right, and any healthier one agrees more often; a refit
    that went wrong (shuffled labels, a broken column) agrees by chance. The threshold lies half
    way between these two, so it needs no constant that fits one task and not another, and it
    lets a refit differ where the approved model was wrong: after a change that is its purpose.

    Classification: share of equal predictions; chance is what the two models' class shares give
    (half of the way is half of Cohen's kappa: Cohen 1960, "A coefficient of agreement for nominal
    scales"). Regression: the concordance correlation, which is 0 by chance and falls with a wrong
    scale too (Lin 1989, "A concordance correlation coefficient to evaluate reproducibility").

    Parameters
    ----------
    approved, final : FittedModel
        The one that was validated, and the same settings fitted on the whole window.
    holdout : DataFrame of n rows
        Labelled rows that the approved model has not seen.

    Returns
    -------
    Gate
        Its value is the agreement; it passes from the threshold on.

    Raises
    ------
    DataError
        When the target or a feature column is missing in ``holdout``.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> rows = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [1, 1, 0]})
    >>> model = FittedModel(
    ...     pipeline=DummyClassifier().fit(rows[["x"]], rows["y"]), task="classification",
    ...     target_column="y", feature_columns=["x"], column_kinds={"x": "numeric"}, classes=[0, 1])
    >>> final_fit_agreement(model, model, rows).value
    1.0
    """
    scored, refitted = approved.scored(holdout), final.predict(holdout)
    if approved.classes is None:
        value = _concordance(scored.predicted, refitted)
        threshold = LEAST_SHARE_OF_WAY * _concordance(scored.predicted, scored.truth)
        what, measure = f"a concordance of {value:.3f}", "concordance"
    else:
        value = float(np.mean(scored.predicted == refitted))
        threshold = _share_needed(scored, refitted)
        what, measure = f"the same answer in {value:.1%} of rows", "share_of_equal_answers"
    passed = bool(value >= threshold)
    return Gate(
        name="final_fit_agreement",
        passed=passed,
        value=value,
        threshold=threshold,
        detail=f"Refitted on the whole window, the model gives {what} on {len(holdout):,} holdout "
        f"rows; at least {threshold:.3f} shows that it is the model that was approved.",
        figures={
            "measure": measure,
            "value": value,
            "threshold": threshold,
            "samples": len(holdout),
        },
    )


def _share_needed(scored: Scored, refitted: NDArray[Any]) -> float:
    right = float(np.mean(scored.predicted == scored.truth))
    chance = sum(
        float(np.mean(scored.predicted == name) * np.mean(refitted == name))
        for name in set(scored.predicted.tolist())
    )
    return chance + LEAST_SHARE_OF_WAY * (right - chance)


def _concordance(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Lin's concordance correlation; 1 when both are the same, 0 when unrelated."""
    apart = float(np.mean((first - second) ** 2))
    spread = float(np.var(first) + np.var(second) + (np.mean(first) - np.mean(second)) ** 2)
    return 1.0 if apart == 0 else 1 - apart / spread
