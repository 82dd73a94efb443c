"""How long a model takes to predict one row, as it would where it serves."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pandas as pd

from core.engines.fitted_model import FittedModel

_REPETITIONS = 200
_LEAST_REPETITIONS = 20
# A slow model is known for one long before all repetitions are over.
_SECONDS = 2.0


def single_row_latency_ms(model: FittedModel, rows: pd.DataFrame) -> float:
    """95th percentile of the time that serving a single row takes, in milliseconds.

    That is its prediction and its confidence.

    Parameters
    ----------
    model : FittedModel
    rows : DataFrame of n > 0 rows
        Each is predicted in its turn, 200 times in all, or for two seconds where that is sooner.
    """
    # What is made on first use is not what a row costs.
    model.predict_with_confidence(rows.iloc[:1])
    started = perf_counter()
    seconds: list[float] = []
    for repetition in range(_REPETITIONS):
        position = repetition % len(rows)
        row = rows.iloc[position : position + 1]
        before = perf_counter()
        model.predict_with_confidence(row)
        seconds.append(perf_counter() - before)
        if len(seconds) >= _LEAST_REPETITIONS and perf_counter() - started > _SECONDS:
            break
    return float(np.quantile(seconds, 0.95)) * 1000
