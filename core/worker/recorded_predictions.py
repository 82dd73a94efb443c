"""Proof that a stored model still predicts what it did when it was stored.

Some rows of the holdout and their predictions are written beside the artifact. Whoever loads it
predicts those rows again: another scikit-learn, another platform or a damaged file shows here,
before it shows in production.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from core.engines.fitted_model import FittedModel
from core.errors import ArtifactError

_ROWS = 50
# Sums in another order (threads, BLAS) may differ in the last digits; a class never may.
_RELATIVE_TOLERANCE = 1e-6
_ABSOLUTE_TOLERANCE = 1e-9


def record_predictions(model: FittedModel, frame: pd.DataFrame) -> dict[str, Any]:
    """Rows spread over ``frame`` and what the model says of them, as JSON values.

    Parameters
    ----------
    model : FittedModel
    frame : DataFrame of n > 0 rows
        At most 50 of them are taken, evenly spread.

    Returns
    -------
    dict
        ``rows``, an Arrow stream in base64, and ``predictions``, a list.
    """
    chosen = np.unique(np.linspace(0, len(frame) - 1, min(_ROWS, len(frame))).astype(int))
    rows = frame.iloc[chosen][model.feature_columns].reset_index(drop=True)
    table = pa.Table.from_pandas(rows, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return {
        "rows": base64.b64encode(sink.getvalue().to_pybytes()).decode(),
        "predictions": model.predict(rows).tolist(),
    }


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """Recorded predictions and the model's own of the same rows, each of shape (n,).

    ``error`` is what the model raised in place of predicting; ``reloaded`` is empty then.
    """

    recorded: NDArray[Any]
    reloaded: NDArray[Any]
    error: str | None = None

    @property
    def is_exact(self) -> bool:
        """Whether they are the same: classes exactly, numbers but for the last digits."""
        return self.error is None and reproduces(self.recorded, self.reloaded)


def predict_recorded(model: FittedModel, page: Mapping[str, Any]) -> Reproduction:
    """Ask a model for its recorded predictions again.

    Parameters
    ----------
    model : FittedModel
    page : mapping
        The metadata beside its artifact.

    Raises
    ------
    ArtifactError
        When the page holds no recorded predictions, or damaged ones.
    """
    try:
        recorded = page["recorded"]
        stream = pa.ipc.open_stream(base64.b64decode(recorded["rows"], validate=True))
        rows = stream.read_all().to_pandas()
        predictions = np.asarray(recorded["predictions"])
    except (KeyError, TypeError, binascii.Error, pa.ArrowInvalid, OSError) as exc:
        raise ArtifactError(
            "The predictions that were recorded with a model are missing or damaged.",
            hint="Restore the artifact's metadata from a backup, or train a new model.",
        ) from exc
    try:
        reloaded, _ = model.predict_with_confidence(rows)  # as serving asks
        return Reproduction(recorded=predictions, reloaded=reloaded)
    except MemoryError:
        raise
    except Exception as exc:  # noqa: BLE001 - a state of other versions: anything may come
        error = f"{type(exc).__name__}: {exc}"
        return Reproduction(recorded=predictions, reloaded=predictions[:0], error=error)


def reproduces(recorded: NDArray[Any], reloaded: NDArray[Any]) -> bool:
    """Whether the predictions are the same: classes exactly, numbers but for the last digits."""
    if recorded.shape != reloaded.shape:
        return False
    numbers = all(np.issubdtype(values.dtype, np.number) for values in (recorded, reloaded))
    if numbers:
        return bool(
            np.allclose(recorded, reloaded, rtol=_RELATIVE_TOLERANCE, atol=_ABSOLUTE_TOLERANCE)
        )
    return bool((recorded.astype(str) == reloaded.astype(str)).all())
