"""What metrics are computed from: rows with their true values and a model's predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidRequest

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Scored:
    """True values beside one model's predictions for the same n rows.

    ``proba`` has shape (n, k), its columns belong to ``classes``; both None in a regression.

    Examples
    --------
    >>> truth, predicted = np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0])
    >>> Scored(truth=truth, predicted=predicted).rows(truth == 1).predicted.tolist()
    [1, 0]
    """

    truth: NDArray[Any]
    predicted: NDArray[Any]
    proba: Floats | None = None
    classes: Sequence[Any] | None = None

    def rows(self, chosen: NDArray[Any]) -> Scored:
        """The chosen rows (a mask or positions) alone.

        Parameters
        ----------
        chosen : ndarray of bool, shape (n,), or of int, shape (m,)

        Returns
        -------
        Scored
        """
        proba = None if self.proba is None else self.proba[chosen]
        return Scored(
            truth=self.truth[chosen],
            predicted=self.predicted[chosen],
            proba=proba,
            classes=self.classes,
        )


def require_proba(scored: Scored) -> tuple[Floats, Sequence[Any]]:
    """Probabilities and their classes, or an error when the model gives none.

    Parameters
    ----------
    scored : Scored

    Returns
    -------
    proba : ndarray of shape (n, k)
    classes : sequence of k class names

    Raises
    ------
    InvalidRequest
        When it has none.

    Examples
    --------
    >>> none = Scored(truth=np.array([1]), predicted=np.array([1]))
    >>> try:
    ...     require_proba(none)
    ... except InvalidRequest as refused:
    ...     print(refused.message)
    This metric needs probabilities, which the model does not give.
    """
    if scored.proba is None or scored.classes is None:
        raise InvalidRequest(
            "This metric needs probabilities, which the model does not give.",
            hint="Choose accuracy or f1, or an engine with predict_proba.",
        )
    return scored.proba, scored.classes
