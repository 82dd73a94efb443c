"""How many independent rows tell as much as rows that come in clusters of time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Rows in time order are cut into so many stretches, to see how much they differ by themselves.
MOST_STRETCHES = 20
LEAST_STRETCH_ROWS = 50
# Of fewer, the surpluses of one half are nearly those of the other, since all add up to nothing.
LEAST_SPLIT_STRETCHES = 6


def clustering_of(cells: NDArray[np.intp], *, ordered: bool = False) -> float:
    """How much stretches of time differ, as a multiple of what independent rows would.

    Rows near each other in time are often alike, so that many rows tell no more than a few
    independent ones. The rows are cut into up to 20 stretches of at least 50; Pearson's χ² of
    stretch × cell, divided by its degrees of freedom, is by how much the variance of a stretch's
    shares exceeds that of independent rows: the generalised design effect (Rao and Scott 1981).
    That is the mean over all scores that the cells could be given. Where rows follow on each other,
    some scores differ by far more than the mean, and these raise false alarms; so where one does,
    its design effect is taken.

    Parameters
    ----------
    cells : ndarray of shape (m,)
        Small integers ≥ 0: which cell each row falls into, in the order of time.
    ordered : bool
        Whether larger cells are larger numbers. Then the score is known: these wander up and down
        more than back and forth. Else it is found in the rows.

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
    expected = (sizes * shares)[:, occur]
    surplus = (table[:, occur] - expected) / np.sqrt(expected)
    effect = float((surplus**2).sum()) / ((stretches - 1) * (int(occur.sum()) - 1))
    if not ordered:
        if stretches < LEAST_SPLIT_STRETCHES:
            return max(effect, 1.0)
        return max(effect, _along_one_direction(surplus), 1.0)
    mean = float(shares @ values)
    spread = float(shares @ (values - mean) ** 2)
    means = (table @ values) / sizes[:, 0]
    of_mean = float(sizes[:, 0] @ (means - mean) ** 2) / ((stretches - 1) * spread)
    return max(effect, of_mean, 1.0)


def _along_one_direction(surplus: Floats) -> float:
    """The design effect of the score that differs the most between stretches.

    The score is found in every other stretch and measured in those between, since in the ones that
    it was found in it would differ by chance too.
    """
    even, odd = surplus[::2], surplus[1::2]
    of_even, of_odd = (np.linalg.svd(half)[2][0] for half in (even, odd))
    total = ((even @ of_odd) ** 2).sum() + ((odd @ of_even) ** 2).sum()
    return float(total) / (len(surplus) - 1)
