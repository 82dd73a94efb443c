"""Metrics of the user's own: named by import path, allowed by the operator, never by a model type.

An object (or function) ``package.module:name`` that is called with the rows and gives a number::

    class Profit:
        label = "profit"  # for people; the name where it is left out
        greater_is_better = True  # the one attribute that must be there
        in_points = False  # differences as they are, not relative to the baseline

        def __call__(self, truth, predicted, proba, classes):
            return float(((predicted == 1) * np.where(truth == 1, 5, -1)).mean())

``truth`` and ``predicted`` have shape (n,); ``proba`` (n, k) belongs to the k ``classes``, both
None in a regression. Where the metric is a mean of losses ≥ 0 (lower is better), a method
``losses(truth, predicted, proba, classes)`` that returns them, shape (n,), lets the sequential
test watch it; other metrics are judged by single looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidRequest

if TYPE_CHECKING:
    from core.engines.metrics import Scored


class OwnMetric(Protocol):
    """What a metric of the user's own must have."""

    greater_is_better: bool

    def __call__(self, truth: Any, predicted: Any, proba: Any, classes: Any, /) -> float:
        """The metric's value on n rows."""


def is_own_name(name: str) -> bool:
    """Whether a metric is named by import path.

    Parameters
    ----------
    name : str

    Returns
    -------
    bool

    Examples
    --------
    >>> is_own_name("acme.metrics:profit"), is_own_name("accuracy")
    (True, False)
    """
    return ":" in name


def check_own_metric(name: str, own: Any) -> None:
    """Refuse an object that is no metric.

    Parameters
    ----------
    name : str
        Its import path.
    own : object

    Raises
    ------
    InvalidRequest
        What it lacks is named.

    Examples
    --------
    >>> try:
    ...     check_own_metric("acme.metrics:profit", lambda *rows: 0.0)
    ... except InvalidRequest as refused:
    ...     print(refused.args[0])
    The metric "acme.metrics:profit" lacks greater_is_better.
    """
    hint = "docs/engines.md says what a metric of your own must have."
    if not callable(own):
        raise InvalidRequest(f'The metric "{name}" cannot be called.', hint=hint)
    if not isinstance(getattr(own, "greater_is_better", None), bool):
        raise InvalidRequest(f'The metric "{name}" lacks greater_is_better.', hint=hint)
    if hasattr(own, "losses") and own.greater_is_better:
        raise InvalidRequest(
            f'The metric "{name}" has losses, of which less is better, and greater_is_better.',
            hint=hint,
        )


def own_value(name: str, own: OwnMetric, scored: Scored) -> float:
    """The metric's value on n rows.

    Parameters
    ----------
    name : str
    own : OwnMetric
    scored : Scored

    Returns
    -------
    float

    Raises
    ------
    InvalidRequest
        When it fails, or gives no number.

    Examples
    --------
    >>> from core.engines.metrics import Scored
    >>> scored = Scored(truth=np.array([1, 0]), predicted=np.array([1, 1]))
    >>> def hits(truth, predicted, proba, classes):
    ...     return (truth == predicted).sum()
    >>> own_value("acme.metrics:hits", hits, scored)
    1.0
    """
    try:
        return float(own(scored.truth, scored.predicted, scored.proba, scored.classes))
    except Exception as exc:  # the user's code may raise anything
        raise _failed(name, exc) from exc


def own_losses(name: str, own: Any, scored: Scored) -> NDArray[np.float64]:
    """The loss of each row, shape (n,), whose mean the metric is.

    Parameters
    ----------
    name : str
    own : OwnMetric with ``losses``
    scored : Scored

    Returns
    -------
    ndarray of shape (n,)
        ≥ 0.

    Raises
    ------
    InvalidRequest
        When it fails, or does not give one loss ≥ 0 for each row.

    Examples
    --------
    >>> from core.engines.metrics import Scored
    >>> class Cost:
    ...     def losses(self, truth, predicted, proba, classes):
    ...         return 5.0 * (truth != predicted)
    >>> scored = Scored(truth=np.array([1, 0]), predicted=np.array([1, 1]))
    >>> own_losses("acme.metrics:Cost", Cost(), scored).tolist()
    [0.0, 5.0]
    """
    try:
        found = own.losses(scored.truth, scored.predicted, scored.proba, scored.classes)
        per_row = np.asarray(found, dtype=np.float64)
    except Exception as exc:  # the user's code may raise anything
        raise _failed(name, exc) from exc
    if per_row.shape != scored.truth.shape or not (per_row >= 0).all():
        raise InvalidRequest(
            f'The metric "{name}" does not give one loss of 0 or more for each row.',
            hint="losses() must return an array of shape (n,).",
        )
    return per_row


def _failed(name: str, exc: Exception) -> InvalidRequest:
    return InvalidRequest(
        f'The metric "{name}" failed: {type(exc).__name__}: {exc}',
        hint="Try it on some rows of the table.",
    )
