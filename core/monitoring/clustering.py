"""How many independent rows tell as much as rows that come in clusters of time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Rows in time order are cut into so many stretches, to see how much they differ by themselves.
MOST_STRETCHES = 20
LEAST_STRETCH_ROWS = 50


def clustering_of(cells: NDArray[np.intp], *, ordered: bool = False) -> float:
    """How much stretches of time differ, as a multiple of what independent rows would.

    Rows near each other in time are often alike, so that many rows tell no more than a few
    independent ones. The rows are cut into up to 20 stretches of at least 50; Pearson's χ² of
    stretch × cell, divided by its degrees of freedom, is by how much the variance of a stretch's
    shares exceeds that of independent rows: the generalised design effect (Rao and Scott 1981).

    Parameters
    ----------
    cells : ndarray of shape (m,)
        Small integers ≥ 0: which cell each row falls into, in the order of time.
    ordered : bool
        Whether larger cells are larger numbers. These wander up and down more than back and
        forth, so that the design effect of their mean is taken where it is larger.

    Returns
    -------
    float
        At least 1; 1 where there are too few rows to tell.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> clustering_of(random.integers(0, 4, 1000)) < 1.3
    True
    >>> round(clustering_of(np.repeat(random.integers(0, 4, 100), 10)))
    9
    """
    stretches = min(MOST_STRETCHES, len(cells) // LEAST_STRETCH_ROWS)
    if stretches < 2:
        return 1.0
    stretch = np.arange(len(cells)) * stretches // len(cells)
    width = int(cells.max()) + 1
    table = np.bincount(stretch * width + cells, minlength=stretches * width)
    table = table.reshape(stretches, width)
    sizes, shares = table.sum(axis=1, keepdims=True), table.sum(axis=0) / len(cells)
    values, occur = np.arange(width), shares > 0
    if occur.sum() < 2:
        return 1.0
    surplus = (table - sizes * shares)[:, occur] ** 2 / (sizes * shares[occur])
    effect = float(surplus.sum()) / ((stretches - 1) * (int(occur.sum()) - 1))
    if ordered:
        mean = float(shares @ values)
        spread = float(shares @ (values - mean) ** 2)
        means = (table @ values) / sizes[:, 0]
        of_mean = float(sizes[:, 0] @ (means - mean) ** 2) / ((stretches - 1) * spread)
        effect = max(effect, of_mean)
    return max(float(effect), 1.0)
