"""How far a mean loss may rise before it counts as worse."""

from __future__ import annotations

from math import hypot, sqrt

from scipy.stats import norm

# The reference's mean loss is itself uncertain: its one-sided upper bound takes its place.
CONFIDENCE = 0.975
_Z = float(norm.ppf(CONFIDENCE))
# Some thousand labels cannot tell a smaller rise of the mean from chance, in standard deviations of
# a loss: without this, 3 % of a mean loss would often be a third of it. Three points of an accuracy
# of 0.85 are 0.084.
LEAST_DIFFERENCE = 1 / 12


def held_back(std: float, rows: int, worse: float = 0.0) -> float:
    """How far above the reference's mean loss the limit lies.

    The root of the sum of squares of what the reference leaves in doubt (how far its upper 97.5 %
    bound lies above its mean) and of the rise that matters: two reasons to hold back that have
    nothing to do with each other, so that added up plainly both would have to be at their worst.

    Parameters
    ----------
    std : float
        Standard deviation of a loss.
    rows : int
        n of the reference, 500 or more, so that a mean of bounded losses is about normal.
    worse : float
        The rise that matters, in the losses' unit. Where it is less than a twelfth of ``std``,
        which is what labels can tell apart, it is raised to that.

    Returns
    -------
    float

    Examples
    --------
    >>> round(held_back(0.36, 2000, 0.05), 4), round(held_back(0.36, 2000), 4)
    (0.0524, 0.0339)
    """
    return hypot(_Z * std / sqrt(rows), max(worse, LEAST_DIFFERENCE * std))
